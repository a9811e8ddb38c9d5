"""The loss as a setting moves, the budget, and where they meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rollproof.report.figures import axis
from rollproof.report.figures.drawn import Drawn, canvas
from rollproof.report.risk_numbers import digits, finite, named


def draw(found: Mapping[str, Any], quote: str) -> Drawn | None:
    """None without a curve of (value, loss, low, high)."""
    points = [
        [np.nan if (cell := finite(each)) is None else cell for each in row[:4]]
        for row in found.get("curve") or ()
        if len(row) >= 2
    ]
    known = np.array([[*row, np.nan, np.nan][:4] for row in points], dtype=np.float64).reshape(-1, 4)
    known = known[np.isfinite(known[:, :2]).all(axis=1)]
    if len(known) < 2:
        return None
    known = known[np.argsort(known[:, 0], kind="stable")]
    name, unit = named(found.get("parameter"), 40), named(found.get("unit") or "", 24)
    title = f"Loss by {name}"
    with canvas(7.5, 4.2) as figure:
        axes = figure.add_subplot()
        axes.set_title(title)
        axes.plot(known[:, 0], known[:, 1], "o-", markersize=3.5, color=axis.COLOURS[0], label="loss")
        axes.fill_between(
            known[:, 0], np.where(np.isfinite(known[:, 2]), known[:, 2], known[:, 1]),
            np.where(np.isfinite(known[:, 3]), known[:, 3], known[:, 1]), color=axis.COLOURS[0], alpha=0.18,
            linewidth=0, label="95 % Monte Carlo",
        )  # fmt: skip
        if (budget := finite(found.get("budget"))) is not None:
            axes.axhline(budget, color=axis.COLOURS[1], linewidth=1.2, label=f"budget {axis.amount(budget)} {quote}")
        if (value := finite(found.get("value"))) is not None:
            words = f"recommended {digits(value, 4)} {unit}".rstrip()
            axes.axvline(value, color=axis.COLOURS[2], linewidth=1.2, linestyle="--", label=words)
        axis.in_amounts(axes.yaxis)
        axes.set_ylim(bottom=min(0.0, float(known[:, 1].min())))
        axes.set_xlabel(f"{name}, {unit}" if unit else name)
        axes.set_ylabel(f"loss, {quote}")
        axes.legend()
    return Drawn(figure, title)
