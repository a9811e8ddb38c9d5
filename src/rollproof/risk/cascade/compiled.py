"""The two functions that are called from Python, compiled once and kept on disk.

Numba keeps compiled code as long as the file of the function stays the same, whatever happens to functions of other
files that it calls. So only these two are kept, and a digest of the whole package is part of what they are: a kernel
that changed is compiled again, in about half a minute.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

from rollproof.risk.cascade import isolated, kernel, outcome, prices
from rollproof.risk.cascade.layout import Records
from rollproof.risk.cascade.stream import CHOICES, Words
from rollproof.risk.cascade.timing import Grid, times
from rollproof.risk.compilation import njit
from rollproof.venue.book import Floats, Ints


def compiled() -> tuple[Any, Any]:
    """Both kernels over a block of paths: positions that stand alone, and anything linear."""
    source = _digest()

    @njit(cache=True, nogil=True)
    def alone(
        words: Words, seconds: Floats, stressed: Ints, laws: Records, jumps: Records, assets: Records, book: Records,
        sides: Records, does: Records, grid: Grid, cursor: Records, logs: Floats, normals: Floats, out: Floats,
    ) -> int:  # fmt: skip
        for p in range(len(words)):
            state = stressed[p]
            when = times(grid, seconds[p])
            prices.walk(words[p], laws[state], jumps[state], when, normals, logs)
            isolated.run(book, sides, assets[state], does[0], when, logs, cursor, out[p])
            out[p, outcome.SECONDS] = seconds[p]
        return source

    @njit(cache=True, nogil=True)
    def general(
        words: Words, seconds: Floats, stressed: Ints, laws: Records, jumps: Records, assets: Records,
        subaccounts: Records, rows: Records, does: Records, grid: Grid, accounts: Records, opened: Floats,
        price: Records, quote: Records, watched: bool, logs: Floats, normals: Floats, out: Floats, trace: Floats,
    ) -> int:  # fmt: skip
        for p in range(len(words)):
            state = stressed[p]
            when = times(grid, seconds[p])
            key = words[p, CHOICES, 0]
            prices.walk(words[p], laws[state], jumps[state], when, normals, logs)
            kernel.run(
                subaccounts, rows, assets[state], does[0], when, logs, key, accounts, opened, price, quote[0], watched,
                out[p], trace,
            )  # fmt: skip
            out[p, outcome.SECONDS] = seconds[p]
        return source

    return alone, general


def _digest() -> int:
    """Of the text of all modules of the package."""
    digest = hashlib.sha256()
    for module in sorted(files("rollproof.risk.cascade").iterdir(), key=lambda each: each.name):
        if module.name.endswith(".py"):
            digest.update(module.name.encode() + module.read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")
