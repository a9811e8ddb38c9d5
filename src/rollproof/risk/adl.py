"""Deleveraging: who is in profit pays for who is bankrupt.

With deficit D and profits u_i of the winners, each winner gives x_i: 0 <= x_i <= u_i, and together B = min(D, sum u).
Pro-rata, x_i = B u_i / sum u; by rank, the first is taken whole before the second is touched. Notation of
arXiv 2602.15182, sections 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.errors import Malformed
from rollproof.venue.book import Floats


def pro_rata(deficit: Floats | float, profits: Floats) -> Floats:
    """(..., winners) what each gives, quote, for deficits (...), ``profits`` (..., winners); losers give nothing."""
    won = np.maximum(profits, 0.0)
    total = won.sum(axis=-1, keepdims=True)
    budget = np.minimum(np.maximum(np.asarray(deficit, dtype=np.float64)[..., None], 0.0), total)
    share = np.divide(budget, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(np.minimum(won * share, won))


def ranked(deficit: Floats | float, profits: Floats, score: Floats) -> Floats:
    """As `pro_rata`, but the winner with the highest ``score`` (winners,) gives first; ties by position."""
    won = np.maximum(profits, 0.0)
    order = np.argsort(-np.asarray(score), kind="stable")
    queue = won[..., order]
    ahead = np.cumsum(queue, axis=-1) - queue
    wanted = np.maximum(np.asarray(deficit, dtype=np.float64)[..., None], 0.0)
    given = np.empty_like(won)
    given[..., order] = np.clip(wanted - ahead, 0.0, queue)
    return given


@dataclass(frozen=True, slots=True, eq=False)
class Deleveraged:
    """Positions closed against a bankrupt one. (counterparties,)"""

    closed: Floats  # units of each, signed as its position was
    given: Floats  # quote: what each would have had more at the mark
    left: float  # units of the bankrupt position that nobody takes, signed


def deleverage(size: float, mark: float, price: float, sizes: Floats, order: NDArray[np.integer]) -> Deleveraged:
    """Closes a position of ``size`` units at ``price`` against ``sizes`` of the other side, in ``order``.

    ``price`` is the bankruptcy price of the position where the deficit is to be nothing. What is closed adds up to
    nothing over both sides, and so does what is given and what the bankrupt account is spared: (mark - price) * closed.
    Raises Malformed where a price is not above zero.
    """
    if not (0 < mark < np.inf and 0 < price < np.inf):
        raise Malformed(f"deleveraging: mark {mark} and price {price} are not above zero")
    against = np.where(np.sign(sizes) == -np.sign(size), np.abs(sizes), 0.0)
    queue = against[order]
    ahead = np.cumsum(queue) - queue
    taken = np.zeros_like(against)
    taken[order] = np.clip(abs(size) - ahead, 0.0, queue)
    closed = np.sign(sizes) * taken
    return Deleveraged(closed, closed * (mark - price), size + float(closed.sum()))
