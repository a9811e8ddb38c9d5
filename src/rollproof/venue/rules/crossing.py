"""Where functions of a price change sign: for many functions at once, nearest to where each starts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rollproof.venue.book import Floats

# Distances from the start in the logarithm of the price: 0.5 % first, each step a quarter wider, up to e^9 times.
_STEPS = np.cumsum(0.005 * 1.25 ** np.arange(28))
_ROUNDS = 80


def nearest(function: Callable[[NDArray[np.int64], Floats], Floats], start: Floats) -> Floats:
    """(functions,) the price nearest to ``start``, by its logarithm, at which each function changes sign, else NaN.

    ``function`` gets the indices of functions and a price for each, and returns their values. It is asked on a grid
    around ``start`` first and then, within the first step that shows a change, by regula falsi (Illinois rule) to
    about 1e-14 of the price. Two changes within one step cancel and are not seen.
    """
    everything = np.arange(len(start))
    origin = function(everything, start)
    found = np.where(origin == 0, start, np.nan)
    low = np.stack((start, start))  # the last price asked about, below and above
    at_low = np.stack((origin, origin))
    open_ = np.flatnonzero(origin != 0)
    for step in _STEPS:
        if not len(open_):
            break
        roots = np.full((2, len(open_)), np.nan)
        for side, sign in enumerate((-1.0, 1.0)):
            price = start[open_] * np.exp(sign * step)
            value = function(open_, price)
            changed = np.flatnonzero(np.sign(value) != np.sign(at_low[side, open_]))
            if len(changed):
                which = open_[changed]
                ends = (low[side, which], price[changed], at_low[side, which], value[changed])
                roots[side, changed] = _between(function, which, *ends)
            low[side, open_], at_low[side, open_] = price, value
        distance = np.abs(np.log(roots / start[open_]))
        below = ~(distance[0] > distance[1]) & np.isfinite(roots[0])  # a missing side is NaN: no comparison holds
        found[open_] = np.where(below, roots[0], roots[1])
        open_ = open_[np.isnan(found[open_])]
    return found


def _between(
    function: Callable[[NDArray[np.int64], Floats], Floats],
    which: NDArray[np.int64],
    a: Floats,
    b: Floats,
    at_a: Floats,
    at_b: Floats,
) -> Floats:
    """Where each function is nothing between ``a`` and ``b``, at which its signs differ."""
    a, b, at_a, at_b = a.copy(), b.copy(), at_a.copy(), at_b.copy()
    root = np.where(at_b == 0, b, np.nan)
    active = np.flatnonzero(at_b != 0)
    for turn in range(_ROUNDS):
        if not len(active):
            break
        lower, upper = a[active], b[active]
        if turn % 4 == 3:  # a bisection now and then bounds the number of rounds
            middle = (lower + upper) / 2
        else:
            middle = upper - at_b[active] * (upper - lower) / (at_b[active] - at_a[active])
        value = function(which[active], middle)
        same = np.sign(value) == np.sign(at_b[active])
        kept, moved = active[same], active[~same]
        at_a[kept] /= 2  # Illinois: the end that stays counts half
        a[moved], at_a[moved] = b[moved], at_b[moved]
        b[active], at_b[active] = middle, value
        done = (value == 0) | (np.abs(b[active] - a[active]) <= 4e-16 * np.abs(middle))
        root[active[done]] = middle[done]
        active = active[~done]
    root[active] = b[active]
    return root
