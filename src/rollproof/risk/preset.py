"""Scenarios by name: incidents that happened, and what-ifs with round numbers; or a TOML file of one's own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import msgspec

from rollproof.errors import Malformed, Unsupported
from rollproof.risk import shipped
from rollproof.risk.duration import Empirical, Exponential, Fixed, Lognormal
from rollproof.risk.failure import AnyFailure, Scenario

MAX_BYTES = 1 << 20
MAX_FAILURES = 32
LONGEST = 366 * 86_400.0  # seconds
MOST_A_YEAR = 5_000.0  # of a failure: a year's loss is summed for twice as many


def names() -> tuple[str, ...]:
    """Of all presets, sorted."""
    return shipped.names()


def load(name: str | Path) -> Scenario:
    """A preset by its name, or a scenario from a TOML file (a name that ends in .toml).

    Raises:
        Unsupported: no preset of that name.
        Malformed: the file is too large, not TOML, or has an unknown key, kind or law, or a number out of range.
        OSError: the file cannot be read.
    """
    if str(name).endswith(".toml"):
        path = Path(name)
        with path.open("rb") as file:
            return parsed(file.read(MAX_BYTES + 1), path.name)
    if str(name) not in names():
        raise Unsupported(f"scenario {str(name)[:60]!r}: known are {', '.join(names())}, or a .toml file")
    return parsed(shipped.text(str(name)), str(name))


def parsed(data: bytes, what: str) -> Scenario:
    """A scenario from TOML. Raises Malformed."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"{what}: more than {MAX_BYTES} bytes")
    try:
        scenario = msgspec.toml.decode(data, type=Scenario)
    except (
        msgspec.DecodeError,
        RecursionError,
        UnicodeDecodeError,
    ) as error:  # msgspec names the key and the path to it
        raise Malformed(f"{what}: {str(error)[:200]}") from None
    if not 0 < len(scenario.failures) <= MAX_FAILURES:
        raise Malformed(f"{what}: 1 to {MAX_FAILURES} failures, not {len(scenario.failures)}")
    for at, failure in enumerate(scenario.failures):
        for said, problem in _problems(failure):
            raise Malformed(f"{what}: failures[{at}].{said}: {problem}")
    return scenario


def _problems(failure: AnyFailure) -> Iterator[tuple[str, str]]:
    """Fields whose values make no sense, each with why."""
    yield from _ranged("intensity_per_year", failure.intensity_per_year, 0, MOST_A_YEAR)
    law = failure.duration
    if isinstance(law, Fixed):
        yield from _ranged("duration.seconds", law.seconds, 0, LONGEST)
    elif isinstance(law, Exponential):
        yield from _ranged("duration.mean_seconds", law.mean_seconds, 1e-3, LONGEST)
    elif isinstance(law, Lognormal):
        yield from _ranged("duration.median_seconds", law.median_seconds, 1e-3, LONGEST)
        yield from _ranged("duration.log_deviation", law.log_deviation, 1e-6, 5)
    elif isinstance(law, Empirical):
        if not 0 < len(law.seconds) <= 100_000:
            yield "duration.seconds", "1 to 100,000 durations"
        for seconds in law.seconds:
            yield from _ranged("duration.seconds", seconds, 0, LONGEST)
    resume, stress = failure.resume, failure.load
    for name in ("grace_seconds", "withdrawal_lock_seconds", "stale_oracle_seconds"):
        yield from _ranged(f"resume.{name}", getattr(resume, name), 0, LONGEST)
    yield from _ranged("resume.top_up_probability", resume.top_up_probability, 0, 1)
    yield from _ranged("load.probability", stress.probability, 0, 1)
    yield from _ranged("load.volatility_multiplier", stress.volatility_multiplier, 0, 100)
    yield from _ranged("load.jump_multiplier", stress.jump_multiplier, 0, 1000)
    for name, high in (
        ("share", 1), ("fee", 1), ("withdrawn", 1), ("reliance", 1), ("slippage", 1), ("balance_error", 1e6),
        ("notional_per_second", 1e18),
    ):  # fmt: skip
        if hasattr(failure, name):
            yield from _ranged(name, getattr(failure, name), 0, high)


def _ranged(name: str, value: float, low: float, high: float) -> Iterator[tuple[str, str]]:
    if not math.isfinite(value) or not low <= value <= high:
        yield name, f"{value} is not from {low:g} to {high:g}"
