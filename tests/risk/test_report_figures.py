"""Figures: what they show is the record's, the same bytes every time, and no name is anything but text."""

from __future__ import annotations

import io
import re
import sys
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PathCollection

from risk.report_records import HOSTILE, bare, hostile, made
from rollproof.errors import Missing
from rollproof.report import figure
from rollproof.report.figures import axis
from rollproof.report.figures.drawn import Drawn

SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> list[str]:
    """The text of an SVG document, as a reader of screens or a search finds it. Raises where it is no XML."""
    return ["".join(each.itertext()) for each in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314


@pytest.fixture(scope="module")
def drawn() -> dict[str, Drawn]:
    return figure.all_of(made())


def test_there_is_a_figure_for_every_part(drawn: dict[str, Drawn]) -> None:
    assert set(drawn) == {"exceedance", "heat-map", "cascade-1", "cascade-2", "recommendation-1", "network"}
    assert figure.all_of(bare()) == {}
    assert set(figure.all_of(made(), only=("network",))) == {"network"}


def test_svg_is_xml_with_its_text_as_text_and_the_same_bytes_twice(drawn: dict[str, Drawn]) -> None:
    again = figure.all_of(made())
    for name, each in drawn.items():
        svg = each.svg()
        assert svg == each.svg() == again[name].svg()
        assert words(svg)
        assert not re.search(r"<dc:date|Matplotlib v", svg)
        assert {node.tag.removeprefix(SVG) for node in ET.fromstring(svg).iter() if node.tag.startswith(SVG)} <= {  # noqa: S314
            "svg", "g", "path", "text", "tspan", "defs", "clipPath", "rect", "use", "style", "metadata",
        }  # fmt: skip


def test_png_is_readable_and_the_same_bytes_twice(drawn: dict[str, Drawn]) -> None:
    from matplotlib.image import imread

    for each in (drawn["heat-map"], drawn["network"]):
        png = each.png()
        assert png == each.png()
        picture = imread(io.BytesIO(png))
        assert picture.shape[1] > 1_000
        assert picture[..., :3].std() > 0.05  # there is something on it


def test_the_users_settings_neither_change_a_figure_nor_are_changed(drawn: dict[str, Drawn]) -> None:
    expected = drawn["exceedance"].svg()
    with mpl.rc_context({"font.size": 20.0, "svg.fonttype": "path", "axes.grid": False, "savefig.dpi": 30}):
        before = dict(mpl.rcParams)
        assert figure.all_of(made(), only=("exceedance",))["exceedance"].svg() == expected
        assert dict(mpl.rcParams) == before


def test_exceedance_shows_the_records_curve(drawn: dict[str, Drawn]) -> None:
    axes = drawn["exceedance"].figure.axes[0]
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    losses, chances = (np.array(each) for each in made()["failures"][0]["bad_debt"]["exceedance"])
    line = lines["one halt"]
    shown = (losses > 0) & (chances >= 1e-6)
    np.testing.assert_array_equal(line.get_xdata(), losses[shown])
    np.testing.assert_array_equal(line.get_ydata(), chances[shown])
    points = lines["halt: expected shortfall in that worst part"]
    assert list(points.get_ydata()) == pytest.approx([0.025, 0.01, 0.001])  # type: ignore[arg-type]
    np.testing.assert_array_equal(
        points.get_xdata(), [each["es"]["value"] for each in made()["failures"][0]["bad_debt"]["tails"]]
    )
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert "USD" in axes.get_xlabel()
    assert "a year, all failures" in lines


def test_the_heat_map_says_every_cell(drawn: dict[str, Drawn]) -> None:
    found = made()["heat_maps"][0]
    left = drawn["heat-map"].figure.axes[0]
    said = {(each.get_position()): each.get_text() for each in left.texts}
    assert len(said) == len(found["leverages"]) * len(found["minutes"])
    row, column = found["leverages"].index(50.0), found["minutes"].index(1_440.0)
    assert said[column + 0.5, row + 0.5] == f"{found['probability'][row][column] * 100:.0f} %"
    assert said[0.5, 0.5] == "<.001 %"
    assert [each.get_text() for each in left.get_yticklabels()][:2] == ["2x", "3x"]


def test_assets_with_the_same_heat_map_share_one() -> None:
    record = made()
    assert len(record["heat_maps"]) == 3
    assert "BTC, ETH, SOL" in " ".join(words(figure.all_of(record, only=("heat-map",))["heat-map"].svg()))
    record["heat_maps"][1]["probability"][0][0] = 0.5
    assert set(figure.all_of(record, only=("heat-map", "heat-map-2", "heat-map-3"))) == {"heat-map", "heat-map-2"}


def test_the_cascade_shows_its_path(drawn: dict[str, Drawn]) -> None:
    path = made()["failures"][0]["cascade"]["path"]
    top, middle, bottom = drawn["cascade-1"].figure.axes
    np.testing.assert_allclose(np.asarray(top.get_lines()[0].get_ydata()), np.array(path["price"]) * 100)
    np.testing.assert_array_equal(middle.get_lines()[0].get_ydata(), path["liquidated"])
    np.testing.assert_array_equal(bottom.get_lines()[0].get_ydata(), path["bad_debt"])
    assert bottom.get_xlabel() == "minutes since the failure began"
    assert top.get_lines()[1].get_xdata()[0] == path["resumed"] / 60  # type: ignore[index]


def test_the_network_colours_who_defaults_by_round() -> None:
    record = made()
    network = record["network"]
    names = [each["name"] for each in network["nodes"]]
    case = network["cases"][0]
    case["defaults"] = [
        {"node": names[1], "round": 0, "recovery": 0.5},
        {"node": names[2], "round": 1, "recovery": 0.9},
    ]
    for other in network["cases"][1:]:
        other["defaults"] = []
    each = figure.all_of(record, only=("network",))["network"]
    dots = each.figure.axes[0].collections[0].get_facecolor()
    expected = [(0x8F, 0xB8, 0xDE), (0xA5, 0x0F, 0x15), (0xEF, 0x3B, 0x2C)]
    np.testing.assert_allclose(np.asarray(dots)[:3, :3] * 255, expected, atol=0.51)
    said = words(each.svg())
    assert {"defaults at first", "defaults in round 1", "struck by the loss"} <= set(said)
    assert all(name in said for name in names)
    nodes = each.figure.axes[0].collections[0]
    assert isinstance(nodes, PathCollection)
    sizes = nodes.get_sizes()
    liquid = [node["liquid"] for node in network["nodes"]]
    assert np.argmax(sizes) == np.argmax(liquid)


def test_a_large_network_is_cut_and_says_so() -> None:
    record = made()
    node = record["network"]["nodes"][0]
    record["network"]["nodes"] += [node | {"name": f"node {at}", "liquid": 1e6 + at} for at in range(200)]
    said = " ".join(words(figure.all_of(record, only=("network",))["network"].svg()))
    assert re.search(r"\(2[45] largest of 205 nodes\)", said)


def test_a_recommendation_shows_curve_budget_and_value(drawn: dict[str, Drawn]) -> None:
    found = made()["recommendations"][0]
    lines = drawn["recommendation-1"].figure.axes[0].get_lines()
    np.testing.assert_array_equal(lines[0].get_xdata(), [each[0] for each in found["curve"]])
    np.testing.assert_array_equal(lines[0].get_ydata(), [each[1] for each in found["curve"]])
    assert lines[1].get_ydata()[0] == found["budget"]  # type: ignore[index]
    assert lines[2].get_xdata()[0] == found["value"]  # type: ignore[index]


def test_hostile_names_are_text_in_figures() -> None:
    record = hostile()
    found = figure.all_of(record)
    assert len(found) >= 6
    for each in found.values():
        svg = each.svg()
        assert not list(ET.fromstring(svg).iter(f"{SVG}script"))  # noqa: S314
        assert all(text.isprintable() for text in words(svg))
        assert max(map(len, words(svg))) < 400
        assert each.png().startswith(b"\x89PNG")
    assert any(text.startswith("<script>") for text in words(found["network"].svg()))


def test_file_names_are_safe_whatever_a_venue_is_called() -> None:
    record = made()
    assert figure.stem(record) == "example-dydx-2025-10"
    for name in ("../../etc/passwd", "a/b\\c:d", "\x00", "", "..", "CON.", HOSTILE):
        record["venue"] = record["scenario"]["name"] = name
        assert re.fullmatch(r"[a-z0-9-]{3,130}", figure.stem(record))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Missing, match=r"rollproof\[risk\]"):
        figure.all_of(bare())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (950.0, "950"), (12_345.0, "12.3k"), (999_900.0, "1M"), (3.4e9, "3.4bn"), (0.25, "0.25"),
        (-5e6, "-5M"),
    ],
)  # fmt: skip
def test_amounts_on_axes_are_short(value: float, shown: str) -> None:
    assert axis.amount(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(1.0, "100 %"), (0.1, "10 %"), (1e-6, "0.0001 %"), (1e-9, "1e-07 %")])
def test_shares_on_axes_are_in_percent(value: float, shown: str) -> None:
    assert axis.share(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(5.0, "5 min"), (60.0, "1 h"), (1_440.0, "24 h"), (4_320.0, "3 d")])
def test_lengths_on_axes(value: float, shown: str) -> None:
    assert axis.minutes(value) == shown
