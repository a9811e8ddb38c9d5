"""Derive's Dutch auction of accounts below their maintenance margin.

derivexyz/v2-core src/liquidation/DutchAuction.sol: an account whose value is above nothing is offered from 95 % of its
value, falling to 70 % in 15 minutes and to nothing in 12 hours. A bidder takes a share of the portfolio and pays cash
that stays with the account.
"""

from __future__ import annotations

import numpy as np

from rollproof.venue.book import Floats

_FAST_SECONDS, _SLOW_SECONDS = 15 * 60.0, 12 * 3600.0


def discount(seconds: Floats) -> Floats:
    """Share of a solvent account's value that a bidder pays, ``seconds`` after the auction began."""
    points = (0.0, _FAST_SECONDS, _FAST_SECONDS + _SLOW_SECONDS)
    return np.asarray(np.interp(seconds, points, (0.95, 0.70, 0.0)))


def auction_share(value: Floats, margin: Floats, buffer: float, paid: float) -> Floats:
    """Share of an account, 0 to 1, that one bidder may take: as much as brings it to its buffer margin.

    ``value`` is the account's equity and ``margin`` what it is above its maintenance margin, quote; the buffer margin
    is ``margin`` + ``buffer`` (``margin`` - ``value``). With a share f sold at ``paid`` of its value, the buffer margin
    of what stays, (1 - f) times it, and the cash f * paid * value are nothing together.
    """
    target = margin + buffer * (margin - value)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = target / (target - value * paid)
    return np.where(value <= 0, 1.0, np.where(target >= 0, 0.0, np.clip(share, 0.0, 1.0)))
