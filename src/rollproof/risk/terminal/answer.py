"""What pricing a failure by terminal prices answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.estimate import Estimate, Losses
from rollproof.risk.terminal.event import Event
from rollproof.risk.terminal.mixture import Mixture
from rollproof.venue.book import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Terminal:
    """What one failure costs. Money is in the book's quote currency."""

    kind: str
    bad_debt: Losses
    taken: Losses | None  # by trades at a stale price, or by withdrawals of wrong balances; None for other kinds
    loss: Losses  # both together; `bad_debt` itself where there is nothing else
    by_asset: Mapping[str, Estimate]  # contributions to the 99.9 % shortfall of `loss` (Tasche 1999), quote
    binding: Mapping[float, Event]  # level -> the path nearest its value at risk
    worst: tuple[Event, ...]  # of the worst 0.1 %, evenly spread over its probability, the dearest first
    mean_weight: Estimate  # of likelihood ratios: 1, or the sample is not to be trusted
    proposal: Mixture  # found by the pilot; give it again for the same random numbers at other parameters
    components: int  # of the proposal, the nominal one among them
    pilot_paths: int
    replicates: int
    sample: Sample  # `loss` path by path
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One loss a path, its likelihood ratio, and the replicate it is from."""

    losses: Floats  # (paths,) quote
    weights: Floats
    groups: NDArray[np.int64]
