"""Loss versus rebalancing: what liquidity providers of a constant-product pool lose to those who see the price first.

J. Milionis, C. Moallemi, T. Roughgarden and A. Zhang, Automated market making and loss-versus-rebalancing, arXiv
2208.06046: volatility^2 / 8 of the pool's value. With a fee and blocks that come at random: J. Milionis, C. Moallemi
and T. Roughgarden, Automated market making and arbitrage profits in the presence of fees, arXiv 2305.14604.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rollproof.errors import Malformed
from rollproof.risk.closed.log_price import mixture
from rollproof.risk.market import Jumps
from rollproof.venue.book import Floats


def loss_rate(volatility: ArrayLike) -> Floats:
    """Share of the pool's value lost in the time that ``volatility`` is for, without fees."""
    return np.asarray(np.asarray(volatility, dtype=np.float64) ** 2 / 8)


def trade_probability(volatility: ArrayLike, blocks: ArrayLike, fee: ArrayLike) -> Floats:
    """P(a block finds a profitable arbitrage). ``blocks`` expected in the time that ``volatility`` is for; ``fee`` of
    the log price.
    """
    sigma, rate, gap = (np.asarray(x, dtype=np.float64) for x in (volatility, blocks, fee))
    return np.asarray(1 / (1 + np.sqrt(2 * rate) * gap / sigma))


def arbitrage_rate(volatility: ArrayLike, blocks: ArrayLike, fee: ArrayLike) -> Floats:
    """Arbitrageurs' profit, share of the pool's value in the time that ``volatility`` is for.

    Raises Malformed where blocks are so rare (volatility^2 >= 8 blocks) that the expectation is infinite.
    """
    sigma, rate, gap = (np.asarray(x, dtype=np.float64) for x in (volatility, blocks, fee))
    if (sigma**2 >= 8 * rate).any():
        raise Malformed("volatility squared must be below 8 times the block rate")
    slow = 1 - sigma**2 / (8 * rate)
    return np.asarray(sigma**2 / 8 * trade_probability(sigma, rate, gap) * np.cosh(gap / 2) / slow)


def halt_loss(
    volatility: ArrayLike, years: ArrayLike, *, drift: ArrayLike = 0.0, jumps: Sequence[Jumps] = ()
) -> Floats:
    """Share of a pool's value that the first arbitrage after a halt takes, without fees: E[(1 + R) / 2 - sqrt(R)].

    R is the price at resume over that before; the pool's two halves were worth (1 + R) / 2 held, sqrt(R) in the pool.
    """
    law = mixture(volatility, years, drift=drift, jumps=jumps)
    return np.asarray((1 + law.moment(1.0)) / 2 - law.moment(0.5))
