"""From the loss of one failure to the loss of a year: a compound Poisson sum, by Fourier transform on a grid.

The year's loss is the sum of N losses, N Poisson; of several kinds of failure that come independently, the sum of their
sums. On a grid with step h, the law of one loss has the transform f, and the sum's is exp(intensity (f - 1)): exact for
the discretised loss (Panjer's recursion gives the same numbers; P. Embrechts and M. Frei, Panjer recursion versus FFT
for compound distributions, 2009). Tilting shrinks mass that would wrap around the grid's end by exp(-6) (ibid.,
section 3). A loss between two grid points is shared so that its mean is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollproof.venue.book import Floats

GRID = 1 << 17
NEGLIGIBLE = 1e-6  # share of the expected loss that may lie beyond the grid
_TILT = 6.0  # more would bring rounding noise up at the far end


@dataclass(frozen=True, slots=True, eq=False)
class Severity:
    """How often a failure comes in a year, and its losses: equally likely, or with weights that sum to one."""

    intensity: float
    losses: Floats  # (paths,) quote, none below zero
    weights: Floats  # (paths,)


@dataclass(frozen=True, slots=True, eq=False)
class Annual:
    """The law of a year's loss on a grid: ``probability`` of ``step`` times the index, quote.

    Sums are numpy's own: linear algebra would start threads for each, and its bits depend on how many.
    """

    step: float
    probability: Floats

    @property
    def mean(self) -> float:
        """Expected loss of a year, quote."""
        return float((self.probability * np.arange(len(self.probability))).sum()) * self.step

    def tail(self, level: float) -> tuple[float, float]:
        """Value at risk and expected shortfall at ``level``, quote (Acerbi and Tasche 2002, definition 2.6)."""
        cumulative = np.cumsum(self.probability)
        at = int(np.searchsorted(cumulative, level, side="left"))
        at = min(at, len(self.probability) - 1)
        value = at * self.step
        beyond = np.arange(at + 1, len(self.probability)) * self.step
        excess = float((self.probability[at + 1 :] * (beyond - value)).sum()) / (1 - level)
        return float(value), float(value + excess)

    def exceedance(self, losses: Floats) -> Floats:
        """P(loss of a year > each of ``losses``)."""
        survival = np.append(1 - np.cumsum(self.probability), 0.0)
        index = np.clip(np.floor(np.asarray(losses) / self.step + 1e-9).astype(np.int64), 0, len(self.probability))
        return np.asarray(np.maximum(survival[index], 0.0))


def annual(severities: Sequence[Severity], *, largest: float | None = None, grid: int = GRID) -> Annual:
    """The law of a year's loss.

    ``largest`` is the grid's end in quote; by default a loss beyond which hardly any of the expected loss lies, times a
    count that a Poisson variable hardly ever exceeds. What is larger counts as the end.

    Raises:
        ValueError: a negative loss or weight, weights that do not sum to one, or an intensity too large for the grid.
    """
    for each in severities:
        if (each.losses < 0).any() or (each.weights < 0).any() or abs(float(each.weights.sum()) - 1) > 1e-6:
            raise ValueError("losses and weights are at least 0, and weights sum to 1")
        if not 0 <= each.intensity <= 1e4:
            raise ValueError(f"{each.intensity} failures a year: 0 to 10,000 can be summed")
    top = max((_top(each) for each in severities), default=0.0)
    often = sum(each.intensity for each in severities)
    end = largest if largest is not None else top * (often + 6 * np.sqrt(often) + 3)
    if end <= 0:
        return Annual(1.0, np.ones(1))
    step = end / (grid - 1)
    theta = _TILT / grid
    tilt = np.exp(-theta * np.arange(grid))
    transform = np.zeros(grid // 2 + 1, dtype=np.complex128)
    for each in severities:
        transform += each.intensity * (np.fft.rfft(_discretised(each, step, grid) * tilt) - 1)
    law = np.fft.irfft(np.exp(transform), grid) / tilt
    law = np.maximum(law, 0.0)
    return Annual(step, law / law.sum())


def _top(severity: Severity) -> float:
    """The loss beyond which hardly any of the expected loss lies: a few paths far out would coarsen the grid."""
    order = np.argsort(severity.losses, kind="stable")
    losses, parts = severity.losses[order], (severity.losses * severity.weights)[order]
    below = np.cumsum(parts)
    if not len(losses) or below[-1] <= 0:
        return 0.0
    return float(losses[min(int(np.searchsorted(below, (1 - NEGLIGIBLE) * below[-1])), len(losses) - 1)])


def _discretised(severity: Severity, step: float, grid: int) -> Floats:
    """(grid,) the law of one loss; what lies between two points is shared between them."""
    scaled = np.minimum(severity.losses / step, grid - 1.0)
    below = np.floor(scaled).astype(np.int64)
    upper = scaled - below
    law = np.bincount(below, severity.weights * (1 - upper), grid)
    return np.asarray(law + np.bincount(np.minimum(below + 1, grid - 1), severity.weights * upper, grid))
