"""Who owes whom, and who defaults in which round: nodes on a circle, sized by what they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray

from rollproof.report.figures import axis
from rollproof.report.figures.drawn import Drawn, canvas
from rollproof.report.risk_network import case
from rollproof.report.risk_numbers import finite, named

MOST: Final = 24  # nodes that are drawn, the largest
_STANDS, _STRUCK = "#8fb8de", "#1f2328"
_ROUNDS: Final = ("#a50f15", "#ef3b2c", "#fc8d59", "#fdcc8a")  # of default: 0, 1, 2, later


def draw(network: Mapping[str, Any], quote: str) -> Drawn | None:
    """The case in which most nodes default; None where nothing was cleared."""
    cases: Sequence[Mapping[str, Any]] = network.get("cases") or ()
    nodes = sorted(network.get("nodes") or (), key=lambda each: -_size(each))
    if not cases or not nodes:
        return None
    worst = max(cases, key=lambda each: (len(each.get("defaults") or ()), finite(each.get("loss")) or 0.0))
    kept = {each["name"] for each in nodes[:MOST]} | {network.get("node")}
    shown = [each for each in network["nodes"] if each["name"] in kept]
    loss = axis.amount(finite(worst.get("loss")) or 0.0)
    title = f"Contagion: {named(worst.get('failure'), 24)}, {case(worst)}, {loss} {quote}"
    with canvas(7.5, 6.0) as figure:
        axes = figure.add_subplot()
        left_out = f" ({len(shown)} largest of {len(nodes)} nodes)" if len(shown) < len(nodes) else ""
        axes.set_title(title + left_out)
        _drawn(axes, shown, network, worst, quote)
    return Drawn(figure, title)


def _drawn(
    axes: Axes, nodes: Sequence[Mapping[str, Any]], network: Mapping[str, Any], worst: Mapping[str, Any], quote: str
) -> None:
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(nodes)) / len(nodes)
    place: NDArray[np.float64] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    at = {each["name"]: place[index] for index, each in enumerate(nodes)}
    rounds = {each["node"]: int(each.get("round") or 0) for each in worst.get("defaults") or ()}
    sizes = np.array([_size(each) for each in nodes])
    areas = 150 + 1_450 * sizes / max(float(sizes.max()), 1e-300)
    radius = {each["name"]: size**0.5 / 2 for each, size in zip(nodes, areas.tolist(), strict=True)}  # points
    debts = [each for each in network.get("debts") or () if each["from"] in at and each["to"] in at]
    largest = max((finite(each["amount"]) or 0.0 for each in debts), default=0.0) or 1.0
    for each in debts:
        thick = 0.6 + 3.4 * ((finite(each["amount"]) or 0.0) / largest) ** 0.5
        axes.add_patch(
            FancyArrowPatch(
                at[each["from"]], at[each["to"]], arrowstyle="-|>", mutation_scale=9 + 1.5 * thick, linewidth=thick,
                color="#8b949e", connectionstyle="arc3,rad=0.12", shrinkA=radius[each["from"]] + 2,
                shrinkB=radius[each["to"]] + 2, zorder=1,
            )
        )  # fmt: skip
    colours = [_colour(rounds.get(each["name"])) for each in nodes]
    struck = [network.get("node") == each["name"] for each in nodes]
    axes.scatter(
        place[:, 0], place[:, 1], s=areas, c=colours, zorder=2, linewidths=[2.4 if each else 0.8 for each in struck],
        edgecolors=_STRUCK,
    )  # fmt: skip
    for each, (x, y) in zip(nodes, place, strict=True):
        points = radius[each["name"]]
        axes.annotate(
            f"{named(each['name'], 22)}\n{axis.amount(_size(each))} {quote}", (x, y), fontsize=8,
            xytext=(x * (points + 6), y * (points + 6)), textcoords="offset points",
            ha="center" if abs(x) < 0.2 else "left" if x > 0 else "right",
            va="center" if abs(y) < 0.2 else "bottom" if y > 0 else "top", zorder=3,
        )  # fmt: skip
    axes.set_xlim(-1.75, 1.75)
    axes.set_ylim(-1.3, 1.42)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.legend(handles=_legend(rounds), loc="upper left", bbox_to_anchor=(0.0, 0.0), ncols=3)


def _legend(rounds: Mapping[str, int]) -> list[Line2D]:
    def dot(colour: str, words: str, edge: float = 0.8) -> Line2D:
        return Line2D([], [], marker="o", linestyle="", markersize=8, color=colour, markeredgecolor=_STRUCK,
                      markeredgewidth=edge, label=words)  # fmt: skip

    out = [dot("white", "struck by the loss", 2.4), dot(_STANDS, "pays all that it owes")]
    for number in sorted({min(each, len(_ROUNDS) - 1) for each in rounds.values()}):
        words = "defaults at first" if number == 0 else f"defaults in round {number}"
        out.append(dot(_ROUNDS[number], words + (" or later" if number == len(_ROUNDS) - 1 else "")))
    out.append(Line2D([], [], color="#8b949e", linewidth=2, label="owes, thicker for more"))
    return out


def _colour(number: int | None) -> str:
    return _STANDS if number is None else _ROUNDS[min(number, len(_ROUNDS) - 1)]


def _size(node: Mapping[str, Any]) -> float:
    """Liquid assets, quote."""
    return max(finite(node.get("liquid")) or 0.0, 0.0)
