"""Numbers with their uncertainty: an estimate, a tail, a distribution of losses."""

from __future__ import annotations

from dataclasses import dataclass

from rollproof.venue.book import Floats

LEVELS = (0.975, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its Monte Carlo uncertainty; ``low`` and ``high`` bound a 95 % confidence interval."""

    value: float
    standard_error: float  # 0 for what is exact
    low: float
    high: float

    @classmethod
    def of(cls, value: float, standard_error: float = 0.0) -> Estimate:
        """With the interval of a normal law."""
        return cls(value, standard_error, value - 1.959964 * standard_error, value + 1.959964 * standard_error)


@dataclass(frozen=True, slots=True)
class Tail:
    """Value at risk and expected shortfall of a loss at one level (Acerbi and Tasche 2002), in the loss's unit."""

    level: float
    var: Estimate
    es: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """The law of one loss, as an engine estimated it."""

    mean: Estimate
    probability: Estimate  # of any loss
    tails: tuple[Tail, ...]  # at LEVELS
    exceedance: tuple[Floats, Floats]  # losses, rising, and the probabilities that they are exceeded
    paths: int
    seed: int
    method: str  # what estimated it
    effective_paths: float  # equally weighted paths that would be worth as much in the tail
