"""What margin rules read of a venue beside its positions."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rollproof.venue.book import Book, Floats


@dataclass(frozen=True, slots=True, eq=False)
class VenueState:
    """All money in the quote currency of the book that it belongs to."""

    insurance_fund: float = 0.0
    pool: float = float("inf")  # liquidity that is the traders' counterparty; infinite where traders face each other
    # (assets,) of the whole venue, in units of the asset; the book's own where the book is all there is
    open_interest: Floats = field(default_factory=lambda: np.zeros(0))
    skew: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, book: Book, *, insurance_fund: float = 0.0, pool: float = float("inf")) -> VenueState:
        """The state of a venue whose positions are all in ``book``."""
        return cls(insurance_fund, pool, book.open_interest, book.skew)
