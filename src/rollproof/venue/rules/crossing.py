"""Where functions of a price change sign: for many functions at once, nearest to where each starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rollproof.venue.book import Floats

# Values of the functions with these indices, no index twice, at one price each.
Functions: TypeAlias = Callable[[NDArray[np.int64], Floats], Floats]

# Distances from the start in the logarithm of the price: 0.5 % first, each step 1.3 times as wide, up to e^9 times.
_STEPS: Final = np.cumsum(0.005 * 1.3 ** np.arange(24))
_ROUNDS: Final = 100
_CLOSE: Final = 4e-16  # of the price


def nearest(functions: Functions, start: Floats) -> Floats:
    """(functions,) the price nearest to ``start``, by its logarithm, at which each function changes sign, else NaN.

    They are asked on a grid around ``start`` first, and then within the first step that shows a change. Two changes
    within one step cancel and are not seen.
    """
    found = np.full(len(start), np.nan)
    origin = functions(np.arange(len(start)), start)
    found[origin == 0] = start[origin == 0]
    last, at_last = np.stack((start, start)), np.stack((origin, origin))  # asked about below and above
    pending = np.flatnonzero(origin != 0)
    for step in _STEPS:
        if not len(pending):
            break
        roots = np.full((2, len(pending)), np.nan)
        for side, sign in enumerate((-1.0, 1.0)):
            price = start[pending] * np.exp(sign * step)
            value = functions(pending, price)
            changed = np.flatnonzero(np.sign(value) != np.sign(at_last[side, pending]))
            if len(changed):
                which = pending[changed]
                ends = (last[side, which], price[changed], at_last[side, which], value[changed])
                roots[side, changed] = between(functions, which, *ends)
            last[side, pending], at_last[side, pending] = price, value
        distance = np.abs(np.log(roots / start[pending]))
        below = np.isfinite(roots[0]) & ~(distance[0] > distance[1])  # of a missing side no comparison holds
        found[pending] = np.where(below, roots[0], roots[1])
        pending = pending[np.isnan(found[pending])]
    return found


def between(functions: Functions, which: NDArray[np.int64], a: Floats, b: Floats, at_a: Floats, at_b: Floats) -> Floats:
    """Where each function is nothing between ``a`` and ``b``, at which its signs differ, to the precision of numbers.

    T. Chandrupatla, A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear function without
    using derivatives, Advances in Engineering Software 28 (1997).
    """
    a, b, at_a, at_b = b.copy(), a.copy(), at_b.copy(), at_a.copy()  # the root stays between a, the newest, and b
    c, at_c = b.copy(), at_b.copy()
    share = np.full(len(a), 0.5)
    root = np.where(np.abs(at_a) < np.abs(at_b), a, b)
    active = np.flatnonzero((at_a != 0) & (at_b != 0))
    for _ in range(_ROUNDS):
        if not len(active):
            break
        price = a[active] + share[active] * (b[active] - a[active])
        value = functions(which[active], price)
        same = np.sign(value) == np.sign(at_a[active])
        kept, turned = active[same], active[~same]
        c[kept], at_c[kept] = a[kept], at_a[kept]
        c[turned], at_c[turned], b[turned], at_b[turned] = b[turned], at_b[turned], a[turned], at_a[turned]
        a[active], at_a[active] = price, value
        root[active] = np.where(np.abs(value) < np.abs(at_b[active]), price, b[active])
        width = np.abs(b[active] - a[active])
        least = _CLOSE * np.abs(root[active]) / np.where(width > 0, width, 1.0)
        going = (least < 0.5) & (value != 0) & (width > 0)
        active, least = active[going], least[going]
        share[active] = np.clip(_step(a, b, c, at_a, at_b, at_c, active), least, 1 - least)
    return root


def _step(
    a: Floats, b: Floats, c: Floats, at_a: Floats, at_b: Floats, at_c: Floats, active: NDArray[np.int64]
) -> Floats:
    """Share of the way from a to b: by inverse quadratic interpolation where that is safe, else one half."""
    x, y, z = a[active], b[active], c[active]
    f, g, h = at_a[active], at_b[active], at_c[active]
    with np.errstate(divide="ignore", invalid="ignore"):
        position, level = (x - y) / (z - y), (f - g) / (h - g)
        safe = (level**2 < position) & ((1 - level) ** 2 < 1 - position)
        quadratic = f / (g - f) * h / (g - h) + (z - x) / (y - x) * f / (h - f) * g / (h - g)
    return np.where(safe & np.isfinite(quadratic), quadratic, 0.5)
