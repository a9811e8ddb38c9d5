"""How often a loss is exceeded: one failure's and a year's, with the interval over models of the shortfall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rollproof.report.figures import axis
from rollproof.report.figures.drawn import Drawn, canvas
from rollproof.report.risk_numbers import finite, named

_DECADES: Final = 5.0  # of losses that are shown, below the largest
_LEAST: Final = 1e-6  # probability that is shown


def draw(record: Mapping[str, Any]) -> Drawn | None:
    """None where nothing exceeds nothing."""
    curves = list(_curves(record))
    if not curves:
        return None
    quote = named(record.get("quote"), 12)
    title = "Loss and how often it is exceeded"
    with canvas(7.5, 5.0) as figure:
        axes = figure.add_subplot()
        axes.set_title(title)
        for at, (name, loss, probability, failure) in enumerate(curves):
            colour = axis.COLOURS[-1] if failure is None else axis.COLOURS[at % (len(axis.COLOURS) - 1)]
            axes.plot(loss, probability, color=colour, label=name, linewidth=1.8, linestyle="-" if failure else "--")
            if failure is not None:
                _shortfalls(axes, failure, colour)
        axes.set_xscale("log")
        axes.set_yscale("log")
        largest = max(float(loss[-1]) for _, loss, _, _ in curves)
        right = axes.get_xlim()[1]
        axes.set_xlim(largest / 10**_DECADES, right)
        axes.set_ylim(_LEAST, 1.5)
        axis.logarithmic(axes.xaxis)
        axis.logarithmic(axes.yaxis)
        axis.in_amounts(axes.xaxis)
        axis.in_shares(axes.yaxis)
        axes.set_xlabel(f"loss, {quote}")
        axes.set_ylabel("probability that it is exceeded")
        figure.legend(loc="outside lower left", ncols=2)
    return Drawn(figure, title)


def _shortfalls(axes: Axes, failure: Mapping[str, Any], colour: str) -> None:
    """Expected shortfall at each level against its probability, and what it is over models and parameters."""
    whole = failure.get("loss") or failure.get("bad_debt") or {}
    spans = (failure.get("uncertainty") or {}).get("shortfalls") or ()
    kind = named(failure.get("kind"), 24)
    points = []
    for at, tail in enumerate(whole.get("tails") or ()):
        found = finite((tail.get("es") or {}).get("value"))
        ends = [finite(end) for end in spans[at]] if at < len(spans) else []
        if found is not None and found > 0:
            points.append((found, 1 - tail["level"], ends))
    if not points:
        return
    values, chances = [each[0] for each in points], [each[1] for each in points]
    words = f"{kind}: expected shortfall in that worst part"
    axes.plot(values, chances, "o", color=colour, markersize=4, label=words)
    known = [each for each in points if len(each[2]) == 2 and None not in each[2] and (each[2][0] or 0) > 0]
    if len(known) > 1:
        axes.fill_betweenx(
            [each[1] for each in known], [each[2][0] or 0.0 for each in known], [each[2][1] or 0.0 for each in known],
            color=colour, alpha=0.15, linewidth=0, label=f"{kind}: shortfall over models and parameters",
        )  # fmt: skip


def _curves(
    record: Mapping[str, Any],
) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64], Mapping[str, Any] | None]]:
    """Name, losses and probabilities that are above nothing, and the failure; None for the year."""
    laws: list[tuple[str, Any, Mapping[str, Any] | None]] = [
        (f"one {named(each.get('kind'), 24)}", each.get("loss") or each.get("bad_debt"), each)
        for each in record.get("failures") or ()
    ]
    laws.append(("a year, all failures", record.get("annual"), None))
    for name, law, failure in laws:
        loss, probability = (np.array(each, dtype=np.float64) for each in (law or {}).get("exceedance") or ((), ()))
        shown = (loss > 0) & (probability >= _LEAST)
        loss, probability = loss[shown], probability[shown]
        if len(loss) > 1 and failure is None:  # below its grid's step a year's law is flat
            first = int(np.flatnonzero(probability < probability[0])[:1].sum()) - 1
            loss, probability = loss[max(first, 0) :], probability[max(first, 0) :]
        if len(loss) > 1:
            yield name, loss, probability, failure
