"""Black (1976): European options on a forward, undiscounted and cash settled.

F. Black, The pricing of commodity contracts, Journal of Financial Economics 3 (1976), equations 13 and 16. The
derivatives are those of J. Hull, Options, Futures, and Other Derivatives, chapter "The Greek letters", for a futures
price and no interest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

_ROOT_OF_TWO_PI = np.sqrt(2 * np.pi)


def value(
    forward: NDArray[np.float64],
    strike: NDArray[np.float64],
    volatility: NDArray[np.float64],
    years: NDArray[np.float64],
    *,
    call: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Of one unit, in the unit of ``forward`` and ``strike``; all arrays broadcast. Intrinsic where no time is left."""
    deviation = volatility * np.sqrt(years)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(forward / strike) / deviation + deviation / 2
        alive = forward * ndtr(d1) - strike * ndtr(d1 - deviation)
    called = np.where(deviation > 0, alive, np.maximum(forward - strike, 0.0))
    put = called - (forward - strike)  # put-call parity
    return np.asarray(np.where(call, called, np.maximum(put, 0.0)))


@dataclass(frozen=True, slots=True, eq=False)
class Greeks:
    """Derivatives of the value of one unit, undiscounted; arrays of what was broadcast."""

    delta: NDArray[np.float64]  # by the forward
    gamma: NDArray[np.float64]  # twice by the forward, per unit of it
    vega: NDArray[np.float64]  # by the volatility: for a change of 1, that is of 100 points
    theta: NDArray[np.float64]  # by the time passed, a year


def greeks(
    forward: NDArray[np.float64],
    strike: NDArray[np.float64],
    volatility: NDArray[np.float64],
    years: NDArray[np.float64],
    *,
    call: NDArray[np.bool_],
) -> Greeks:
    """All arrays broadcast. Where no time or volatility is left the delta is the payoff's slope, 1/2 at the strike."""
    deviation = np.asarray(volatility * np.sqrt(years))
    alive = deviation > 0
    safe = np.where(alive, deviation, 1.0)
    moneyness = np.log(forward / strike)
    d1 = moneyness / safe + safe / 2
    density = np.exp(-d1 * d1 / 2) / _ROOT_OF_TWO_PI
    called = np.where(alive, ndtr(d1), np.heaviside(moneyness, 0.5))
    root = np.where(alive, np.sqrt(years), 0.0)
    vega = np.where(alive, forward * density * root, 0.0)
    gamma = np.where(alive, density / (forward * safe), 0.0)
    theta = -forward * forward * gamma * np.square(volatility) / 2
    return Greeks(np.where(call, called, called - 1.0), gamma, vega, np.asarray(theta))


def delta(
    forward: NDArray[np.float64],
    strike: NDArray[np.float64],
    volatility: NDArray[np.float64],
    years: NDArray[np.float64],
    *,
    call: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The value's derivative by the forward."""
    return greeks(forward, strike, volatility, years, call=call).delta
