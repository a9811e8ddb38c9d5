"""Numbers of a risk report as people read them: as many digits as their standard error allows, and their unit.

What is not there is said in words. It never becomes an empty cell or a nought.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from rollproof.report.text import visible

UNKNOWN: Final = "not known"
MOST_DIGITS: Final = 6  # significant ones, however small the error
SPAN_DIGITS: Final = 3  # of an interval over models

_SMALLEST, _LARGEST = 1e-4, 1e15  # outside, powers of ten
_CLOCK: Final = ((86_400.0, 48.0, "days"), (3_600.0, 2.0, "hours"), (60.0, 1.5, "minutes"))


def number(value: Any, error: float | None = None) -> str:
    """A number whose last digit is of the size of ``error``, its standard error; exact where that is nothing."""
    value = finite(value)
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    if abs(value) < _SMALLEST or abs(value) >= _LARGEST:
        return f"{value:.2e}"
    shown = _rounded(value, _step(value, error))
    return shown if error else _short(shown)


def digits(value: Any, significant: int = SPAN_DIGITS) -> str:
    """A number of so many significant digits."""
    value = finite(value)
    if value is None or value == 0 or abs(value) < _SMALLEST or abs(value) >= _LARGEST:
        return number(value)
    return _short(_rounded(value, 10.0 ** (math.floor(math.log10(abs(value))) - significant + 1)))


def exact(value: Any) -> str:
    """A number as it was given, to a hundredth."""
    found = finite(value)
    return number(value) if found is None or abs(found) < 1 else _short(f"{found:,.2f}")


def estimate(value: Any, scale: float = 1.0) -> str:
    """The value of an estimate (a mapping with value, standard_error, low and high), or a plain number."""
    if isinstance(value, Mapping):
        middle, error = finite(value.get("value")), finite(value.get("standard_error"))
        return number(None if middle is None else middle * scale, None if error is None else error * scale)
    middle = finite(value)
    return number(None if middle is None else middle * scale)


def interval(value: Any, scale: float = 1.0, *, floor: float = -math.inf, ceiling: float = math.inf) -> str:
    """The 95 % Monte Carlo interval of an estimate: "exact", or what bounds there are.

    ``floor`` and ``ceiling`` are bounds that the quantity has anyhow, in units of the estimate.
    """
    if not isinstance(value, Mapping) or finite(value.get("value")) is None:
        return UNKNOWN
    low, high = (finite(value.get(name)) for name in ("low", "high"))
    if low is not None and low == high:
        exact = low != 0 and finite(value.get("standard_error")) == 0
        return "exact" if exact else f"{number(low * scale)} to {number(high * scale)}"
    middle, error = finite(value["value"]), finite(value.get("standard_error"))
    step = _step((middle or 1.0) * scale, None if error is None else error * scale)
    low = None if low is None else max(low, floor) * scale
    high = None if high is None else min(high, ceiling) * scale
    if low is None and high is None:
        return "unbounded: too few paths"
    if high is None:
        return f"{_rounded(low or 0.0, step)} or more"
    if low is None:
        return f"{_rounded(high, step)} or less"
    return f"{_rounded(low, step)} to {_rounded(high, step)}"


def span(low: Any, high: Any, scale: float = 1.0) -> str:
    """An interval that has no standard error, with three significant digits."""
    low, high = finite(low), finite(high)
    if low is None and high is None:
        return UNKNOWN
    if low is None or high is None:
        return f"{digits(low * scale)} or more" if low is not None else f"{digits((high or 0.0) * scale)} or less"
    return f"{digits(low * scale)} to {digits(high * scale)}"


def width(value: Any) -> float:
    """Of an estimate's interval or a pair; infinite where a bound is not there."""
    low, high = (value.get("low"), value.get("high")) if isinstance(value, Mapping) else value
    low, high = finite(low), finite(high)
    return math.inf if low is None or high is None else high - low


def percent(value: Any, significant: int = SPAN_DIGITS) -> str:
    """A share of one, in percent."""
    value = finite(value)
    return UNKNOWN if value is None else f"{digits(value * 100, significant)} %"


def moved(value: Any) -> str:
    """A relative move of a price, with its sign."""
    value = finite(value)
    return UNKNOWN if value is None else f"{value * 100:+.1f} %"


def lasting(seconds: Any) -> str:
    """A length of time in the largest unit that suits it."""
    seconds = finite(seconds)
    if seconds is None:
        return UNKNOWN
    for unit, least, name in _CLOCK:
        if seconds >= least * unit or (name == "days" and seconds >= 2 * unit):
            return f"{digits(seconds / unit)} {name}"
    return f"{digits(seconds)} s"


def level(value: Any) -> str:
    """The level of a tail, in percent."""
    value = finite(value)
    return UNKNOWN if value is None else f"{value * 100:g} %"


def named(name: Any, longest: int = 44) -> str:
    """A name from outside, safe to print, its middle left out where it is longer (an address is 42 characters)."""
    shown = visible(str(name))
    if len(shown) <= longest:
        return shown
    head = (longest - 1) * 2 // 3
    return f"{shown[:head]}…{shown[-(longest - 1 - head) :]}"


def finite(value: Any) -> float | None:
    """A number as a float; None for what is none, or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _step(value: float, error: float | None) -> float:
    """The place of the last digit: a standard error is shown with one digit, or with two that are below 20."""
    size = math.floor(math.log10(abs(value))) if value else -12
    if error and math.isfinite(error):
        return float(10.0 ** max(math.floor(math.log10(abs(error) / 2)), size - MOST_DIGITS + 1))
    if size >= 0:
        return 1.0 if size >= MOST_DIGITS - 1 else 0.01
    return float(10.0 ** (size - 3))


def _rounded(value: float, step: float) -> str:
    places = max(0, -round(math.log10(step)))
    shown = f"{round(value / step) * step:,.{places}f}"
    return shown.lstrip("-") if not shown.strip("-0.") else shown


def _short(shown: str) -> str:
    """Without noughts at the end of decimals."""
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
