"""Black (1976): European options on a forward, undiscounted and cash settled.

F. Black, The pricing of commodity contracts, Journal of Financial Economics 3 (1976), equations 13 and 16.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr


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
