"""One path of the stepped cascade: price, liquidations and queue, bad debt and insurance fund over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollproof.report.figures import axis
from rollproof.report.figures.drawn import Drawn, canvas
from rollproof.report.risk_numbers import finite, named


def draw(failure: Mapping[str, Any], quote: str) -> Drawn | None:
    """None where no cascade was run."""
    path = (failure.get("cascade") or {}).get("path") or {}
    columns = ("seconds", "price", "liquidated", "queue", "bad_debt", "insurance_fund")
    values = {name: _column(path.get(name)) for name in columns}
    steps = min(map(len, values.values()))
    if steps < 2:
        return None
    time = values["seconds"][:steps] / 60
    title = f"{named(failure.get('kind'), 24)}: the path whose bad debt is nearest the 99 % value at risk"
    with canvas(7.5, 6.6) as figure:
        figure.suptitle(title, x=0.005, ha="left", fontweight="bold")
        top, middle, bottom = figure.subplots(3, 1, sharex=True)
        top.plot(time, values["price"][:steps] * 100, color=axis.COLOURS[0])
        top.set_ylabel("price, % of the start")
        for axes, parts in (
            (middle, (("liquidated", "liquidated so far"), ("queue", "open below maintenance margin"))),
            (bottom, (("bad_debt", "bad debt so far"), ("insurance_fund", "insurance fund"))),
        ):
            for at, (name, words) in enumerate(parts):
                axes.plot(time, values[name][:steps], color=axis.COLOURS[1 - at], label=words)
            axis.in_amounts(axes.yaxis)
            top_end = axes.get_ylim()[1]
            axes.set_ylim(-0.03 * top_end, top_end)
            axes.set_ylabel(quote)
            axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.98), ncols=2)
        middle.set_ylabel(f"notional, {quote}")
        bottom.set_xlabel("minutes since the failure began")
        resumed = finite(path.get("resumed"))
        for axes in (top, middle, bottom):
            if resumed is not None:
                axes.axvline(resumed / 60, color="#59636e", linewidth=0.9, linestyle=":")
                axes.axvspan(float(time[0]), resumed / 60, color="#59636e", alpha=0.07, linewidth=0)
            axes.set_xlim(float(time[0]), float(time[-1]))
        if resumed is not None:
            top.annotate(
                "venue back", (resumed / 60, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -9),
                textcoords="offset points", fontsize=8, color="#59636e",
            )  # fmt: skip
    return Drawn(figure, title)


def _column(values: Any) -> NDArray[np.float64]:
    return np.array([np.nan if each is None else float(each) for each in values or ()], dtype=np.float64)
