"""What a delta hedge misses when it is rebalanced now and then, or not at all for a while.

P. Boyle and D. Emanuel, Discretely adjusted option hedges, JFE 8 (1980); D. Bertsimas, L. Kogan and A. Lo, When is time
continuous?, JFE 55 (2000): over a time h the hedged position moves by Gamma S^2 volatility^2 h (Z^2 - 1) / 2.
Interest is nothing; prices are forwards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rollproof.venue.book import Floats


def gamma(forward: ArrayLike, strike: ArrayLike, volatility: ArrayLike, years: ArrayLike) -> Floats:
    """Of one European option, call or put: second derivative of Black's (1976) value."""
    f, k, sigma, time = (np.asarray(x, dtype=np.float64) for x in (forward, strike, volatility, years))
    deviation = sigma * np.sqrt(time)
    d1 = np.log(f / k) / deviation + deviation / 2
    return np.asarray(np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi) / (f * deviation))


def discrete_hedge_error(
    spot: ArrayLike, strike: ArrayLike, volatility: ArrayLike, years: ArrayLike, rebalances: ArrayLike
) -> Floats:
    """Root mean square of the error at expiry of a hedge adjusted ``rebalances`` times, in the unit of the price.

    K^2 sigma^2 T / (4 pi N) times the integral over u in (0, 1) of e^(-d^2 / (sigma^2 T (1 + u))) / sqrt(1 - u^2), of
    which the root; d = ln(S / K) - sigma^2 T / 2. Leading order in 1 / N.
    """
    s, k, sigma, time, count = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (spot, strike, volatility, years, rebalances))
    )
    variance = sigma**2 * time
    d = np.log(s / k) - variance / 2
    x, weights = np.polynomial.legendre.leggauss(64)
    angle = np.pi / 4 * (x + 1)  # u = sin(angle) takes the root away
    inner = np.exp(-(d[..., None] ** 2) / (variance[..., None] * (1 + np.sin(angle))))
    integral = np.pi / 4 * (inner @ weights)
    return np.asarray(np.sqrt(k**2 * variance / (4 * np.pi * count) * integral))


def gap_deviation(gamma_value: ArrayLike, volatility: ArrayLike, years: ArrayLike) -> Floats:
    """Standard deviation of what a hedge misses in one gap, diffusion only: Gamma S^2 volatility^2 T / sqrt(2).

    ``gamma_value`` is Gamma S^2 of the whole position, quote. `risk.hedging` has the same with jumps and delta.
    """
    g, sigma, time = (np.asarray(x, dtype=np.float64) for x in (gamma_value, volatility, years))
    return np.asarray(np.abs(g) * sigma**2 * time / np.sqrt(2))
