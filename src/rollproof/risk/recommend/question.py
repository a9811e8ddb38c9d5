"""What is asked of a recommender."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import TypeAlias

from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.risk.failure import AnyFailure
from rollproof.risk.liquidity import Liquidity
from rollproof.risk.market import Model
from rollproof.risk.settings import Settings
from rollproof.venue.book import Book
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

Progress: TypeAlias = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Which setting keeps the expected shortfall at ``level`` within ``budget`` (quote of the book)?

    Raises Malformed for a budget or level that makes no sense, Missing for an asset that the model has not.
    """

    book: Book
    rules: Rules
    state: VenueState
    model: Model
    failure: AnyFailure
    liquidity: Liquidity
    _: KW_ONLY
    budget: float
    level: float = 0.999
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if not 0 <= self.budget < math.inf:
            raise Malformed(f"budget {self.budget} is not a number from 0 up")
        if not 0.5 <= self.level < 1:
            raise Malformed(f"level {self.level} is not from 0.5 to below 1")
        for asset in self.book.assets:
            if asset not in self.model.assets:
                raise Missing(f"the market model says nothing of asset {asset[:40]!r}")

    @property
    def kind(self) -> str:
        """Of the failure, by name."""
        return str(self.failure.__struct_config__.tag)

    def only_for(self, parameter: str, kinds: tuple[type, ...], why: str) -> None:
        """Raises Unsupported where the failure is none of ``kinds``, and says which they are."""
        if not isinstance(self.failure, kinds):
            names = ", ".join(str(kind.__struct_config__.tag) for kind in kinds)  # type: ignore[attr-defined]
            raise Unsupported(f"{parameter}: not for {self.kind} failures, only for {names}: {why}")
