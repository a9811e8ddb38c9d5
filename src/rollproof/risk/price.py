"""A scenario priced for a book: every layer that can say something, and what none of them could."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np

from rollproof.risk import accounts, comparison, heat_map, prior, uncertainty, yearly
from rollproof.risk.cascade import Cascade, cascade
from rollproof.risk.duration import Fixed
from rollproof.risk.estimate import LEVELS, Losses
from rollproof.risk.failure import AnyFailure, Scenario
from rollproof.risk.liquidity import Liquidity
from rollproof.risk.market import Model, jump_diffusion
from rollproof.risk.record import plain
from rollproof.risk.result import FailurePrice, Priced, Worst
from rollproof.risk.terminal import Terminal
from rollproof.risk.terminal import price as terminal_price
from rollproof.errors import Unsupported
from rollproof.venue.book import Book
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

HEAT_MAPS = 3  # assets, those with the most open interest

Progress: TypeAlias = Callable[[str, int, int], None]  # what is computed, steps done, steps in all


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is computed, and by whom; results depend on ``seed`` and the numbers of paths only."""

    paths: int = 131_072
    replicates: int = 16
    cascade_paths: int = 4_096  # 0: no cascade
    step_seconds: float = 60.0
    variant_paths: int = 16_384
    seed: int = 0
    engine: str = "threads"
    workers: int | None = None
    calibrated: bool = False  # the model was fitted to prices
    accounts: int = 50
