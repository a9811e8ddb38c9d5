"""Scales of figures in words that people read: amounts, shares and lengths of time, never powers in markup."""

from __future__ import annotations

from typing import Final

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# Okabe and Ito's palette: told apart also by who does not see all colours.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_UNITS: Final = ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))


def amount(value: float) -> str:
    """A sum of money, short: 12k, 3.4M."""
    for size, name in _UNITS:
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """A probability in percent, however small."""
    if 0 < value < 0.99e-6:
        return f"{value * 100:.0e} %"
    return f"{value * 100:.4f}".rstrip("0").rstrip(".") + " %"


def minutes(value: float) -> str:
    """A length of time of so many minutes."""
    if value < 60:
        return f"{value:g} min"
    return f"{value / 60:g} h" if value < 2 * 1_440 else f"{value / 1_440:g} d"


def in_amounts(axis: Axis) -> None:
    """Labels of an axis of money."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))


def in_shares(axis: Axis) -> None:
    """Labels of an axis of probabilities."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: share(value)))


def logarithmic(axis: Axis) -> None:
    """One label a power of ten."""
    axis.set_major_locator(LogLocator(base=10, numticks=12))
    axis.set_minor_formatter(NullFormatter())
