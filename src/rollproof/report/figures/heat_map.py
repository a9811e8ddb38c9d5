"""Leverage against the length of a halt: the probability that a position is lost, and the bad debt it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from rollproof.report.figures import axis
from rollproof.report.figures.drawn import Drawn, canvas
from rollproof.report.risk_numbers import named

_PROBABILITIES: Final = (1e-5, 1.0)
_POINTS: Final = (1e-2, 1e3)  # basis points of notional


def draw(found: Mapping[str, Any], assets: Sequence[str]) -> Drawn:
    """One heat map, for every asset that has the same."""
    who = ", ".join(named(name, 16) for name in assets[:4]) + (", …" if len(assets) > 4 else "")
    probability = _values(found["probability"])
    points = _values(found["bad_debt"]) * 1e4
    title = f"Leverage against the length of a halt: {who}, the worse side"
    with canvas(12.0, 4.6) as figure:
        figure.suptitle(title, x=0.005, ha="left", fontweight="bold")
        left, right = figure.subplots(1, 2)
        _panel(left, found, probability, _PROBABILITIES, "Probability that equity is below nothing at resume", _percent)
        _panel(right, found, points, _POINTS, "Expected bad debt, bp of notional", _basis_points)
    return Drawn(figure, title)


def _panel(
    axes: Axes, found: Mapping[str, Any], values: NDArray[np.float64], ends: tuple[float, float], title: str, said: Any
) -> None:
    mesh = axes.pcolormesh(np.clip(values, *ends), cmap="YlOrRd", norm=LogNorm(*ends), edgecolors="white", linewidth=1)
    faces = mesh.to_rgba(np.clip(values, *ends))
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            said_here = axes.text(
                column + 0.5, row + 0.5, said(float(value)), ha="center", va="center", fontsize=7.5,
                color="white" if _dark(faces[row, column]) else "#1f2328",
            )  # fmt: skip
            said_here.set_in_layout(False)
    axes.set_title(title)
    axes.set_xlabel("length of the halt")
    axes.set_ylabel("leverage (notional over equity)")
    axes.set_xticks(np.arange(len(found["minutes"])) + 0.5, [axis.minutes(each) for each in found["minutes"]])
    axes.set_yticks(np.arange(len(found["leverages"])) + 0.5, [f"{each:g}x" for each in found["leverages"]])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _dark(colour: NDArray[np.float64]) -> bool:
    """Whether white is read more easily on it than our black (contrast by relative luminance, WCAG 2)."""
    linear = np.where(colour[:3] <= 0.04045, colour[:3] / 12.92, ((colour[:3] + 0.055) / 1.055) ** 2.4)
    return bool(linear @ (0.2126, 0.7152, 0.0722) < 0.215)


def _values(rows: Any) -> NDArray[np.float64]:
    return np.array([[np.nan if each is None else float(each) for each in row] for row in rows], dtype=np.float64)


def _percent(value: float) -> str:
    if not np.isfinite(value):
        return "?"
    if value < 1e-5:
        return "<.001 %"
    return f"{value * 100:.0f} %" if value >= 0.0995 else f"{value * 100:.2g} %"


def _basis_points(value: float) -> str:
    if not np.isfinite(value):
        return "?"
    if value < 1e-2:
        return "<.01"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"
