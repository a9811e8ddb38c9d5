"""A drawn figure as SVG or PNG: the same bytes for the same figure, whatever the user's matplotlib settings are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

DPI: Final = 150

_SETTINGS: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and read aloud
    "svg.hashsalt": "rollproof",
    "text.parse_math": False,  # a name with dollar signs is a name
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#d1d9e0",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
}


@contextmanager
def settings() -> Iterator[None]:
    """Ours, and the user's again afterwards. A character that the font lacks is drawn as a box, without a warning."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches to draw on. Its layout is settled afterwards: it is the same whenever it is drawn."""
    with settings():
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One figure and what it shows."""

    figure: Figure
    title: str

    def svg(self) -> str:
        """An SVG document; text is text, and there is neither a date nor a version in it."""
        out = io.StringIO()
        with settings():
            self.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        return out.getvalue()

    def png(self) -> bytes:
        """A PNG file, 150 pixels an inch."""
        out = io.BytesIO()
        with settings():
            self.figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
        return out.getvalue()

    def _repr_svg_(self) -> str:
        return self.svg()
