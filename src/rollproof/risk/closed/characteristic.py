"""European options from a characteristic function by cosine series, and three of those functions.

F. Fang and C. Oosterlee, A novel pricing method for European options based on Fourier-cosine series expansions, SIAM J.
Sci. Comput. 31 (2008). Characteristic functions are of x = ln(S_T / S_0) with E[e^x] = e^(drift T).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rollproof.risk.market import Jumps
from rollproof.venue.book import Floats

Complex: TypeAlias = NDArray[np.complex128]
Characteristic: TypeAlias = Callable[[Floats], Complex]


def cosine_put(function: Characteristic, strike: ArrayLike, *, terms: int = 512, width: float = 12.0) -> Floats:
    """E[(strike - e^x)+], undiscounted, strikes as a share of S_0. Calls by parity: they are less stable."""
    k = np.asarray(strike, dtype=np.float64)
    center, spread = _range(function)
    low, high = center - width * spread, center + width * spread
    span = high - low
    index = np.arange(terms, dtype=np.float64)
    u = index * np.pi / span
    cosine = np.real(function(u) * np.exp(-1j * u * low))
    cosine[0] /= 2
    end = np.clip(np.log(k), low, high)[..., None]
    # integrals of cos(u (x - low)) and e^x cos(u (x - low)) from low to where the put ends
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(index > 0, np.sin(u * (end - low)) / np.where(u > 0, u, 1.0), end - low)
    weighted = (np.cos(u * (end - low)) * np.exp(end) - np.exp(low) + u * np.sin(u * (end - low)) * np.exp(end)) / (
        1 + u**2
    )
    return np.asarray(2 / span * ((k[..., None] * plain - weighted) @ cosine))


def merton(volatility: float, years: float, *, drift: float = 0.0, jumps: Sequence[Jumps] = ()) -> Characteristic:
    """Diffusion with normal jumps (Merton 1976)."""

    def function(u: Floats) -> Complex:
        exponent = 1j * u * (drift - volatility**2 / 2) - (volatility * u) ** 2 / 2
        for kind in jumps:
            expected = np.expm1(kind.mean + kind.deviation**2 / 2)
            jump = np.exp(1j * u * kind.mean - (kind.deviation * u) ** 2 / 2) - 1
            exponent = exponent + kind.intensity * (jump - 1j * u * expected)
        return np.asarray(np.exp(exponent * years))

    return function


def kou(
    volatility: float, years: float, *, intensity: float, up: float, rise: float, fall: float, drift: float = 0.0
) -> Characteristic:
    """Diffusion with double exponential jumps: up with probability ``up`` at rate ``rise``, else down at ``fall``.

    S. Kou, A jump-diffusion model for option pricing, Management Science 48 (2002). ``rise`` above 1.
    """
    expected = up * rise / (rise - 1) + (1 - up) * fall / (fall + 1) - 1

    def function(u: Floats) -> Complex:
        jump = up * rise / (rise - 1j * u) + (1 - up) * fall / (fall + 1j * u) - 1
        exponent = 1j * u * (drift - volatility**2 / 2 - intensity * expected) - (volatility * u) ** 2 / 2
        return np.asarray(np.exp((exponent + intensity * jump) * years))

    return function


def heston(
    variance: float,
    years: float,
    *,
    reversion: float,
    mean: float,
    noise: float,
    correlation: float,
    drift: float = 0.0,
) -> Characteristic:
    """Stochastic variance: S. Heston, Review of Financial Studies 6 (1993), in the form without branch cuts of H.
    Albrecher, P. Mayer, W. Schoutens and J. Tistaert, The little Heston trap, Wilmott (January 2007).
    """

    def function(u: Floats) -> Complex:
        inner = reversion - correlation * noise * 1j * u
        d = np.sqrt(inner**2 + noise**2 * (1j * u + u**2))
        g = (inner - d) / (inner + d)
        decay = np.exp(-d * years)
        level = reversion * mean / noise**2 * ((inner - d) * years - 2 * np.log((1 - g * decay) / (1 - g)))
        state = variance / noise**2 * (inner - d) * (1 - decay) / (1 - g * decay)
        return np.asarray(np.exp(1j * u * drift * years + level + state))

    return function


def _range(function: Characteristic) -> tuple[float, float]:
    # cumulants by differences of ln(function): mean, and sqrt(c2 + sqrt(c4)) as in the paper, section 5.1
    h = 1e-2
    for _ in range(3):  # a step that suits the variance
        second = -2 * float(np.log(function(np.array([h])))[0].real) / h**2
        h = 0.3 / np.sqrt(max(second, 1e-12))
    one, two = np.log(function(np.array([h, 2 * h])))
    mean = (8 * one.imag - two.imag) / (6 * h)
    second = -(16 * one.real - two.real) / (6 * h**2)
    fourth = 2 * (two.real - 4 * one.real) / h**4
    return float(mean), float(np.sqrt(max(second, 0.0) + np.sqrt(max(fourth, 0.0))))
