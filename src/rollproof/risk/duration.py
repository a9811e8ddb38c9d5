"""Laws of how long an outage lasts, as data. Seconds everywhere."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
from scipy.special import ndtr, ndtri

from rollproof.venue.book import Floats


class Law(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="law"):
    """A law of a duration: its inverse and its distribution function."""

    def quantile(self, probability: Floats) -> Floats:
        """Seconds that the duration is below with ``probability``, each in (0, 1)."""
        raise NotImplementedError

    def cdf(self, seconds: Floats) -> Floats:
        """P(duration <= seconds)."""
        raise NotImplementedError

    @property
    def mean(self) -> float:
        """Expected seconds."""
        raise NotImplementedError


class Fixed(Law, frozen=True, forbid_unknown_fields=True, tag="fixed"):
    """Always the same: a replay, or a what-if."""

    seconds: float

    def quantile(self, probability: Floats) -> Floats:
        return np.full(np.shape(probability), self.seconds)

    def cdf(self, seconds: Floats) -> Floats:
        return np.asarray(np.asarray(seconds) >= self.seconds, dtype=np.float64)

    @property
    def mean(self) -> float:
        return self.seconds


class Exponential(Law, frozen=True, forbid_unknown_fields=True, tag="exponential"):
    """Memoryless."""

    mean_seconds: float

    def quantile(self, probability: Floats) -> Floats:
        return np.asarray(-self.mean_seconds * np.log1p(-np.asarray(probability)))

    def cdf(self, seconds: Floats) -> Floats:
        return np.asarray(-np.expm1(-np.maximum(seconds, 0.0) / self.mean_seconds))

    @property
    def mean(self) -> float:
        return self.mean_seconds


class Lognormal(Law, frozen=True, forbid_unknown_fields=True, tag="lognormal"):
    """exp of a normal: long tail."""

    median_seconds: float
    log_deviation: float

    def quantile(self, probability: Floats) -> Floats:
        return np.asarray(self.median_seconds * np.exp(self.log_deviation * ndtri(probability)))

    def cdf(self, seconds: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(ndtr(np.log(np.asarray(seconds) / self.median_seconds) / self.log_deviation))

    @property
    def mean(self) -> float:
        return float(self.median_seconds * np.exp(self.log_deviation**2 / 2))


class Empirical(Law, frozen=True, forbid_unknown_fields=True, tag="empirical"):
    """One of the durations observed, each equally likely."""

    seconds: tuple[float, ...]

    def quantile(self, probability: Floats) -> Floats:
        ordered = np.sort(np.asarray(self.seconds, dtype=np.float64))
        index = np.ceil(np.asarray(probability) * len(ordered)).astype(np.int64) - 1
        return np.asarray(ordered[np.clip(index, 0, len(ordered) - 1)])

    def cdf(self, seconds: Floats) -> Floats:
        ordered = np.sort(np.asarray(self.seconds, dtype=np.float64))
        return np.asarray(np.searchsorted(ordered, seconds, side="right") / len(ordered))

    @property
    def mean(self) -> float:
        return float(np.mean(self.seconds))


Duration: TypeAlias = Fixed | Exponential | Lognormal | Empirical
