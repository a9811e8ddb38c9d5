"""One side of an order book, from price levels or a file, and what an order costs that walks it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from rollproof.errors import Malformed
from rollproof.risk.execution_cost import BP, Cost, sizes
from rollproof.venue.book import Floats

MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, eq=False)
class DepthCurve:
    """One side of an order book: notional within each distance from the middle.

    Between ``bp[i - 1]`` (0 before the first) and ``bp[i]`` the notional that is added lies evenly; two equal distances
    are one price level. Beyond the last there is nothing. An order's last unit pays the last distance.
    """

    bp: Floats  # rising, at least 0
    notional: Floats  # cumulative, rising, quote

    def __post_init__(self) -> None:
        bp, total = self.bp, self.notional
        if bp.ndim != 1 or bp.shape != total.shape or not len(bp):
            raise Malformed("depth: as many distances as notionals are needed, and one at least")
        if not (np.isfinite(bp).all() and np.isfinite(total).all()):
            raise Malformed("depth: a distance or notional is not a finite number")
        if bp[0] < 0 or total[0] < 0 or (np.diff(bp) < 0).any() or (np.diff(total) < 0).any():
            raise Malformed("depth: distances and cumulative notionals must be at least 0 and not fall")

    @classmethod
    def of_levels(cls, price: ArrayLike, size: ArrayLike, middle: float) -> DepthCurve:
        """From price levels and the units at each, of one side, in any order. Notional is at the middle price."""
        at, units = np.asarray(price, dtype=np.float64), np.asarray(size, dtype=np.float64)
        if not np.isfinite(middle) or middle <= 0 or at.shape != units.shape or (units < 0).any():
            raise Malformed("depth: a middle price above 0 and sizes at least 0, one for each price, are needed")
        distance = np.abs(at / middle - 1) * BP
        order = np.argsort(distance, kind="stable")
        after = np.cumsum(units[order]) * middle
        before = np.concatenate([[0.0], after[:-1]])
        return cls(np.repeat(distance[order], 2), np.stack([before, after], axis=1).ravel())

    def within(self, bp: ArrayLike) -> Floats:
        """Notional not further than that from the middle."""
        steps = np.concatenate([[0.0], self.bp])
        total = np.concatenate([[0.0], self.notional])
        limit = np.asarray(bp, dtype=np.float64)
        index = np.searchsorted(steps, limit, side="right") - 1
        after = np.minimum(index + 1, len(steps) - 1)
        width = steps[after] - steps[index]
        share = np.where(width > 0, (limit - steps[index]) / np.where(width > 0, width, 1.0), 0.0)
        return np.asarray(total[index] + share * (total[after] - total[index]))

    def cost(self, notional: ArrayLike, *, side: float = -1.0, depth: float = 1.0) -> Cost:  # noqa: ARG002 one side
        """Walks the book. What is beyond the book is not filled."""
        size = sizes(notional, depth)
        steps, total = np.concatenate([[0.0], self.bp]), np.concatenate([[0.0], self.notional * depth])
        paid = np.concatenate([[0.0], np.cumsum(np.diff(total) * (steps[1:] + steps[:-1]) / 2)])
        filled = np.minimum(size, total[-1])
        index = np.clip(np.searchsorted(total, filled, side="left"), 1, len(total) - 1)
        width = total[index] - total[index - 1]
        share = np.where(width > 0, (filled - total[index - 1]) / np.where(width > 0, width, 1.0), 0.0)
        last = steps[index - 1] + share * (steps[index] - steps[index - 1])
        lost = paid[index - 1] + (filled - total[index - 1]) * (steps[index - 1] + last) / 2
        return Cost(size, filled, np.asarray(lost / BP), np.where(filled > 0, last, 0.0))


def read_depth(path: str | Path) -> DepthCurve:
    """A curve from a CSV file with the columns ``bp`` and ``notional`` (cumulative, quote), one row a distance.

    Raises Malformed, naming row and column; OSError.
    """
    path = Path(path)
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    return parse_depth(data, path.name)


def parse_depth(data: bytes, what: str) -> DepthCurve:
    """As `read_depth`. Raises Malformed."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"{what}: more than {MAX_BYTES} bytes")
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        names = [name.strip() for name in next(rows, [])]
        for name in names:
            if name not in ("bp", "notional"):
                raise Malformed(f"{what}: unknown column {name[:40]!r}")
        if sorted(names) != ["bp", "notional"]:
            raise Malformed(f"{what}: the columns bp and notional are needed, once each")
        values: dict[str, list[float]] = {"bp": [], "notional": []}
        for number, row in enumerate(rows, 2):
            if len(row) != len(names):
                raise Malformed(f"{what}: row {number}: {len(row)} fields, not {len(names)}")
            for name, text in zip(names, row, strict=True):
                values[name].append(_number(text, values[name], f"{what}: row {number}: {name}"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Malformed(f"{what}: not a CSV file in UTF-8: {error}") from None
    if not values["bp"]:
        raise Malformed(f"{what}: no rows")
    return DepthCurve(np.array(values["bp"]), np.array(values["notional"]))


def average_depth(curves: Sequence[DepthCurve], bp: ArrayLike) -> DepthCurve:
    """The mean notional of several snapshots within each of the distances ``bp``."""
    if not curves:
        raise Malformed("depth: no snapshots")
    at = np.asarray(bp, dtype=np.float64)
    return DepthCurve(at, np.mean([curve.within(at) for curve in curves], axis=0))


def _number(text: str, before: list[float], where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Malformed(f"{where}: {text[:40]!r} is not a number") from None
    if not np.isfinite(value) or value < 0:
        raise Malformed(f"{where}: {text[:40]!r} is not a finite number, at least 0")
    if before and value < before[-1]:
        raise Malformed(f"{where}: {text[:40]!r} is below the row before")
    return value
