"""A run of ``rollproof risk`` over positions: what was asked -> books, rules and scenarios -> answers, printed and written."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rollproof.cli.talk import complain, say
from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.report import figure, risk_html, risk_markdown, risk_text
from rollproof.report.risk_progress import Bar
from rollproof.risk import calibration, contagion, liquidity, preset, price, recommend
from rollproof.risk.market import Model, jump_diffusion
from rollproof.risk.record import record
from rollproof.venue import adapters, positions
from rollproof.venue.book import Book
from rollproof.venue.rules import registry
from rollproof.venue.state import VenueState


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's arguments, as they were given."""

    positions: Path | None
    venue: str | None
    urls: tuple[str, ...]
    block: str
    adapter: str | None
    rules: str | None
    scenarios: tuple[str, ...]
    prices: Mapping[str, float]
    quote: str
    history: Path | None
    volatility: Mapping[str, float]  # "" is for every asset
    liquidity: Path | None
    network: Path | None
    insurance_fund: float
    pool: float | None
    recommend: tuple[str, ...]
    budget: float | None
    level: float
    paths: int
    cascade_paths: int
    seed: int
    engine: str
    jobs: int | None
