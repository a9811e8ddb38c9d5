"""One failure priced by every layer that can say something about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from rollproof.errors import Unsupported
from rollproof.risk import terminal, uncertainty
from rollproof.risk.cascade import Cascade, cascade
from rollproof.risk.duration import Duration, Empirical, Exponential, Fixed, Lognormal
from rollproof.risk.estimate import Losses
from rollproof.risk.failure import AnyFailure
from rollproof.risk.hedging import halted_hedge
from rollproof.risk.liquidity import Liquidity
from rollproof.risk.market import Model
from rollproof.risk.result import FailurePrice, Worst
from rollproof.risk.settings import Settings
from rollproof.risk.terminal import Terminal
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

Progress: TypeAlias = Callable[[str, int, int], None]
VARIANT_CASCADES = 512  # paths, where only the cascade prices a kind


class PathSample(Protocol):
    """Losses path by path: what the year's loss is made of."""

    @property
    def losses(self) -> Floats: ...
    @property
    def weights(self) -> Floats: ...
    @property
    def groups(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Stake:
    """What is at stake, and in which markets."""

    book: Book
    rules: Rules
    state: VenueState
    model: Model
    liquidity: Liquidity


def failure_price(
    stake: Stake, failure: AnyFailure, settings: Settings, progress: Progress | None
) -> tuple[FailurePrice, PathSample | None]:
    """The answer, and the sample that a year's loss is made of; None where no layer prices the kind."""
    refused: list[str] = []
    ended = _terminal(stake, failure, settings, progress, refused)
    stepped = _cascade(stake, failure, settings, progress, refused)
    bad_debt = ended.bad_debt if ended is not None else None if stepped is None else stepped.bad_debt
    whole = ended.loss if ended is not None else bad_debt
    interest = stake.book.open_interest_value
    notes = [*(() if ended is None else ended.notes), *(() if stepped is None else stepped.notes)]
    answer = FailurePrice(
        kind=str(failure.__struct_config__.tag),
        intensity_per_year=failure.intensity_per_year,
        duration=in_words(failure.duration),
        bad_debt=bad_debt,
        basis_points=_basis_points(whole, interest),
        by_asset={} if ended is None else {name: each.value for name, each in ended.by_asset.items()},
        users=None if ended is None else ended.taken,
        cascade=None if stepped is None else shown(stepped),
        hedge=halted_hedge(stake.book, stake.model, failure, seed=settings.seed),
        uncertainty=_uncertainty(stake, failure, settings, ended, stepped, progress),
        worst=() if ended is None else tuple(_worst(each, stake.book) for each in ended.worst),
        notes=tuple(notes),
        # A kind that one layer prices is priced; that another layer says no is then only said.
        not_priced=tuple(refused) if bad_debt is None else (),
    )
    if bad_debt is not None:
        answer = msgspec_free_replace(answer, notes=(*answer.notes, *refused))
    sample = ended.sample if ended is not None else None if stepped is None else stepped.sample
    return answer, sample
