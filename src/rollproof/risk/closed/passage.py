"""Whether the price passes the liquidation level during a halt, and is beyond bankruptcy at its end.

Diffusion: the law of the minimum of Brownian motion with drift (J. Harrison, Brownian Motion and Stochastic Flow
Systems, 1985). A price that is looked at every ``step`` passes less often: M. Broadie, P. Glasserman and
S. Kou, A continuity correction for discrete barrier options, Mathematical Finance 7 (1997), theorem 1.1, move the
barrier away by 0.5826 volatility sqrt(step).

With jumps there is no closed form; `closed.jump_passage` solves the same problem on a grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import zeta

from rollproof.errors import Malformed
from rollproof.risk.closed.jump_passage import diffusion_passage, passage
from rollproof.risk.closed.outage import shortfall_probability
from rollproof.risk.closed.quadrature import over_durations
from rollproof.risk.duration import Duration, Law
from rollproof.risk.market import Jumps
from rollproof.venue.book import Floats

# -zeta(1/2) / sqrt(2 pi)
CONTINUITY = float(-zeta(0.5) / np.sqrt(2 * np.pi))


def crossing_probability(
    side: ArrayLike,
    distance: ArrayLike,
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
    step_years: float = 0.0,
) -> Floats:
    """P(the price is at the liquidation level at some time of the halt). Arrays broadcast.

    ``distance`` is from the price to the level, as a share of the price: below it for long positions (``side`` above
    nothing), above it for short ones. ``step_years``: looked at so often; 0 is always. With jumps, volatility, drift
    and time must be single numbers. Raises Malformed.
    """
    if isinstance(years, Law):
        return over_durations(
            lambda time: crossing_probability(
                side, distance, volatility, time, drift=drift, jumps=jumps, step_years=min(step_years, time)
            ),
            years,
            96 if jumps is None else 40,
        )
    sign = np.sign(np.asarray(side, dtype=np.float64))
    share, sigma, time, mu = (np.asarray(x, dtype=np.float64) for x in (distance, volatility, years, drift))
    if not all(np.isfinite(x).all() for x in (sign, share, sigma, time, mu)) or (sigma <= 0).any() or (time < 0).any():
        raise Malformed("side, distance, volatility above 0 and years at least 0 must be numbers")
    with np.errstate(divide="ignore"):
        away = np.where(sign > 0, -np.log(np.maximum(1 - share, 0.0)), np.log1p(np.maximum(share, 0.0)))
    away = np.where(share <= 0, 0.0, away + CONTINUITY * sigma * np.sqrt(step_years))
    kinds = (jumps,) if isinstance(jumps, Jumps) else tuple(jumps or ())
    if any(kind.intensity > 0 for kind in kinds):
        return _with_jumps(sign, away, sigma, time, mu, kinds)
    # a short position is a long one mirrored
    return diffusion_passage(away, sigma, time, sign * (mu - sigma**2 / 2))


def liquidation_failure(
    side: ArrayLike,
    margin: ArrayLike,
    distance: ArrayLike,
    volatility: ArrayLike,
    years: ArrayLike | Duration,
    *,
    drift: ArrayLike = 0.0,
    jumps: Jumps | Sequence[Jumps] | None = None,
    step_years: float = 0.0,
) -> Floats:
    """P(beyond bankruptcy at resume | the liquidation level was passed): of those that would have been liquidated,
    what share the halt made worthless. ``margin`` as for `outage.shortfall_probability`, ``distance`` as above and
    not further than the margin. NaN where no passing is possible.
    """
    beyond = shortfall_probability(side, margin, volatility, years, drift=drift, jumps=jumps)
    crossed = crossing_probability(side, distance, volatility, years, drift=drift, jumps=jumps, step_years=step_years)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(crossed > 0, np.minimum(beyond / crossed, 1.0), np.nan))


def liquidation_distance(side: ArrayLike, margin: ArrayLike, maintenance: ArrayLike) -> Floats:
    """From the price to where equity equals ``maintenance`` (a rate of notional), as a share of the price.

    Long: S_0 (1 - margin) / (1 - maintenance); short: S_0 (1 + margin) / (1 + maintenance).
    """
    sign = np.sign(np.asarray(side, dtype=np.float64))
    share, rate = np.asarray(margin, dtype=np.float64), np.asarray(maintenance, dtype=np.float64)
    return np.asarray(sign * (1 - (1 - sign * share) / (1 - sign * rate)))


def _with_jumps(sign: Floats, away: Floats, sigma: Floats, time: Floats, mu: Floats, jumps: Sequence[Jumps]) -> Floats:
    if sigma.size != 1 or time.size != 1 or mu.size != 1:
        raise Malformed("with jumps, volatility, years and drift must be single numbers")
    compensator = sum(kind.intensity * np.expm1(kind.mean + kind.deviation**2 / 2) for kind in jumps)
    nu = float(mu.item() - sigma.item() ** 2 / 2 - compensator)
    sign, away = np.broadcast_arrays(sign, away)
    out = np.empty(away.shape)
    for side in (1.0, -1.0):
        chosen = sign == side
        if chosen.any():
            mirrored = tuple(Jumps(kind.intensity, side * kind.mean, kind.deviation) for kind in jumps)
            out[chosen] = passage(away[chosen], sigma.item(), time.item(), side * nu, mirrored)
    return out
