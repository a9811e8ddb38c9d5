"""What a price that stands still gives away: whoever may trade at it holds an option.

A trader who sees the real price S_t while the venue trades at S_0 and takes a fee f gains (S_t / S_0 - 1 - f)+ by
buying and (1 - f - S_t / S_0)+ by selling, per unit of notional: a call and a put (F. Black and M. Scholes, JPE 81,
1973; with jumps R. Merton, JFE 3, 1976).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rollproof.risk.closed.log_price import log_price
from rollproof.risk.closed.normal_mixture import bisect
from rollproof.risk.duration import Duration
from rollproof.risk.market import Jumps
from rollproof.venue.book import Floats


def stale_value(
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    fee: ArrayLike = 0.0,
    both: bool = False,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
) -> Floats:
    """Expected gain per unit of notional against a price that is ``years`` old: of a buyer, or of ``both`` sides."""
    law = log_price(volatility, years, drift=drift, jumps=jumps)
    cost = np.asarray(fee, dtype=np.float64)
    out = law.call(1 + cost)
    return np.asarray(out + law.put(1 - cost)) if both else out


def staleness_limit(
    volatility: ArrayLike,
    budget: ArrayLike,
    *,
    fee: ArrayLike = 0.0,
    both: bool = True,
    jumps: Jumps | Sequence[Jumps] | None = None,
    most_years: float = 1.0,
) -> Floats:
    """Years of age at which `stale_value` reaches ``budget`` (a share of notional); ``most_years`` where it does not.

    The value of an option rises with time where prices have no drift, so there is one such age.
    """
    sigma, limit, cost = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (volatility, budget, fee)))

    def short(log_years: Floats) -> Floats:
        return np.asarray(limit - stale_value(sigma, np.exp(log_years), fee=cost, both=both, jumps=jumps))

    low, high = np.full(sigma.shape, np.log(1e-12)), np.full(sigma.shape, np.log(most_years))
    return np.asarray(np.exp(bisect(short, low, high)))
