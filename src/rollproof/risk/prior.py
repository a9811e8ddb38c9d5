"""How long outages last and how often they come, from published ones: laws, and how little is known of them.

Fourteen lengths do not choose between a lognormal and an exponential law (their Akaike criteria differ by less than
one), but the 99.9 % durations of the two differ almost four-fold. So no single law is an answer: `laws` gives the
candidates with their weights, and `draws` each with parameters that the same sample supports (parametric bootstrap).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
from scipy.special import gammaincinv

from rollproof.risk.duration import Duration, Empirical, Exponential, Lognormal
from rollproof.venue.book import Floats


class Outage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One published outage."""

    date: str
    chain: str
    minutes: float
    note: str
    source: str


class Outages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A collection, and the chain-years in which its outages could have been seen."""

    exposure_years: float
    outages: tuple[Outage, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A law fitted by maximum likelihood."""

    name: str
    law: Duration
    aic: float  # Akaike's criterion, of minutes
    weight: float  # Akaike weight among the candidates (Burnham and Anderson 2002, section 2.9)


@cache
def published() -> Outages:
    """The shipped collection: see risk/outages.toml for its bias."""
    data = files("rollproof.risk").joinpath("outages.toml").read_bytes()
    return msgspec.toml.decode(data, type=Outages)


def seconds(outages: Outages) -> Floats:
    """(outages,) durations, seconds."""
    return np.asarray([each.minutes for each in outages.outages], dtype=np.float64) * 60


def laws(durations: Floats) -> tuple[Candidate, ...]:
    """Exponential and lognormal fits to durations in seconds, with Akaike weights. Raises ValueError below three."""
    if len(durations) < 3:
        raise ValueError(f"{len(durations)} durations: at least 3 are needed to fit a law")
    minutes, count = durations / 60, len(durations)
    mean = float(minutes.mean())
    exponential = 2 * 1 + 2 * count * (np.log(mean) + 1)
    logs = np.log(minutes)
    spread = float(logs.std())  # the likelihood's own estimate; the law below has the unbiased one
    lognormal = 2 * 2 + 2 * float(logs.sum() + count * (np.log(spread) + 0.5 * np.log(2 * np.pi) + 0.5))
    best = min(exponential, lognormal)
    raw = [np.exp((best - aic) / 2) for aic in (exponential, lognormal)]
    fits: tuple[Duration, Duration] = (
        Exponential(mean * 60),
        Lognormal(float(np.exp(logs.mean())) * 60, float(logs.std(ddof=1))),
    )
    return tuple(
        Candidate(name, law, float(aic), float(each / sum(raw)))
        for name, law, aic, each in zip(("exponential", "lognormal"), fits, (exponential, lognormal), raw, strict=True)
    )


def draws(durations: Floats, count: int, seed: int) -> tuple[tuple[str, Duration], ...]:
    """``count`` laws of each candidate, refitted to samples drawn from the fitted law: what else it could have been."""
    out: list[tuple[str, Duration]] = []
    for index, candidate in enumerate(laws(durations)):
        generator = np.random.default_rng([seed, index])
        for _ in range(count):
            again = candidate.law.quantile(generator.uniform(1e-12, 1 - 1e-12, len(durations)))
            out.append((candidate.name, laws(again)[index].law))
    return tuple(out)


def empirical(outages: Outages) -> Empirical:
    """The published lengths themselves: no outage is longer than the longest seen."""
    return Empirical(tuple(float(each) for each in seconds(outages)))


def intensity(outages: Outages, level: float = 0.95) -> tuple[float, float, float]:
    """Outages a year of one chain, with a credible interval: Gamma posterior of Jeffreys' prior on a Poisson rate."""
    shape, tail = len(outages.outages) + 0.5, (1 - level) / 2
    low, high = (float(gammaincinv(shape, each)) / outages.exposure_years for each in (tail, 1 - tail))
    return len(outages.outages) / outages.exposure_years, low, high
