"""First passage of a jump diffusion below a level, on a grid.

The probability u(y, t) of staying above a level that is y away satisfies u(., t + h) = J D J u(., t) up to h^3, where D
is the killed Brownian motion's exact transition over h (method of images) and J that of the jumps over h / 2: G.
Strang, On the construction and comparison of difference schemes, SIAM J. Numer. Anal. 5 (1968). One run answers for
all distances. u is linear between the points of the grid, and its integrals against normal densities are exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.special import log_ndtr, ndtr

from rollproof.risk.closed.log_price import mixture
from rollproof.risk.market import Jumps
from rollproof.venue.book import Floats

POINTS = 300
STEPS = 24


def passage(away: ArrayLike, volatility: float, years: float, log_drift: float, jumps: Sequence[Jumps]) -> Floats:
    """P(log(S_t / S_0) is at -away or below at some time up to ``years``); ``log_drift`` between jumps, annual.

    Within about 1e-3 of itself, as long as a few jumps are expected at most.
    """
    asked = np.asarray(away, dtype=np.float64)
    active = [kind for kind in jumps if kind.intensity > 0]
    if years <= 0:
        return np.asarray((asked <= 0).astype(np.float64))
    step = years / STEPS
    reach = max((abs(kind.mean) + 8 * kind.deviation for kind in active), default=0.0)
    count = 1 + sum(kind.intensity for kind in active) * years
    far = 10 * volatility * np.sqrt(years) + abs(log_drift) * years + 2 * reach * count
    near = volatility * np.sqrt(step)
    # fine where the boundary layer is, wider outside
    grid = near * np.sinh(np.linspace(0.0, np.arcsinh(far / near), POINTS))
    still = _killed(grid, log_drift * step, near)
    jump = np.eye(POINTS)
    for kind in active:
        jump = jump @ _jumped(grid, kind, step / 2)
    # the grid's own error is in both and goes; what is left of it is the share that jumps have
    effect = _repeated(still) - _repeated(jump @ still @ jump)
    change = PchipInterpolator(grid, effect)(np.minimum(asked, grid[-1]))
    calm = diffusion_passage(asked, volatility, years, log_drift)
    # whoever is beyond the level at the end has passed it: far away that is nearly all, and has no grid
    beyond = mixture(volatility, years, drift=log_drift + volatility**2 / 2 + _compensator(active), jumps=active)
    return np.asarray(np.where(asked <= 0, 1.0, np.clip(calm + change, beyond.below(-asked), 1.0)))


def diffusion_passage(
    away: Floats, volatility: Floats | float, years: Floats | float, log_drift: Floats | float
) -> Floats:
    """P(log(S_t / S_0) is at -away or below at some time) without jumps. Arrays broadcast."""
    spread = volatility * np.sqrt(years)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        straight = ndtr((-away - log_drift * years) / spread)
        exponent = -2 * log_drift * away / np.square(volatility)
        reflected = np.exp(exponent + log_ndtr((-away + log_drift * years) / spread))
    passed = np.where((spread > 0) & np.isfinite(away), straight + reflected, 0.0)
    return np.asarray(np.where(away <= 0, 1.0, np.minimum(passed, 1.0)))


def _compensator(jumps: Sequence[Jumps]) -> float:
    return float(sum(kind.intensity * np.expm1(kind.mean + kind.deviation**2 / 2) for kind in jumps))


def _killed(grid: Floats, drift: float, deviation: float) -> Floats:
    """Transition of Brownian motion over one step, killed below nothing: the density less its image."""
    with np.errstate(over="ignore", invalid="ignore"):
        image = np.exp(-2 * drift * grid / deviation**2)[:, None] * _hats(grid, -grid + drift, deviation)
    image = np.where(np.isfinite(image), image, 0.0)
    return np.asarray(np.maximum(_hats(grid, grid + drift, deviation) - image, 0.0))


def _repeated(move: Floats) -> Floats:
    alive: Floats = np.ones(len(move))
    alive[0] = 0.0
    for _ in range(STEPS):
        alive = move @ alive
        alive[0] = 0.0
    return alive


def _jumped(grid: Floats, kind: Jumps, time: float) -> Floats:
    """Transition by the jumps alone: of up to as many as matter; those that end below the level are killed."""
    expected = kind.intensity * time
    out: Floats = np.exp(-expected) * np.eye(len(grid))
    weight, count = np.exp(-expected), 0
    while count < 4 or weight > 1e-17:
        count += 1
        weight *= expected / count
        # jumps of one short step: whether an earlier one of several went below the level first is left out
        out += weight * _hats(grid, grid + count * kind.mean, np.sqrt(count) * kind.deviation)
    return out


def _hats(grid: Floats, center: Floats, deviation: float) -> Floats:
    """(from, to) integrals of the hat functions of the grid, flat beyond its end, against normal densities."""
    if deviation <= 0:
        return _interpolated(grid, center)
    z = (grid[None, :] - center[:, None]) / deviation
    cdf = ndtr(z)
    pdf: Floats = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    mass = np.diff(cdf, axis=1)
    first = center[:, None] * mass - deviation * np.diff(pdf, axis=1)  # first moments on each cell
    width = np.diff(grid)
    rising = (first - grid[None, :-1] * mass) / width
    out: Floats = np.zeros((len(center), len(grid)))
    out[:, 1:] += rising
    out[:, :-1] += mass - rising
    out[:, -1] += ndtr(-z[:, -1])
    return out


def _interpolated(grid: Floats, at: Floats) -> Floats:
    out = np.zeros((len(at), len(grid)))
    cell = np.clip(np.searchsorted(grid, at, side="right") - 1, 0, len(grid) - 2)
    share = np.clip((at - grid[cell]) / (grid[cell + 1] - grid[cell]), 0.0, 1.0)
    row = np.arange(len(at))
    inside = at > 0
    out[row[inside], cell[inside]] += 1 - share[inside]
    out[row[inside], cell[inside] + 1] += share[inside]
    return out
