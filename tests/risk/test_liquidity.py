"""Price impact, and files that say how deep markets are."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from rollproof.errors import Malformed, Unsupported
from rollproof.risk import liquidity
from rollproof.risk.cascade.impact import average, displacement
from rollproof.risk.cascade.outcome import IMPACT_BOUND
from rollproof.risk.liquidity import Depth


def test_the_square_root_law() -> None:
    # Y sigma sqrt(Q / V): a hundredth of the daily volume moves the price by a tenth of the daily volatility.
    market = liquidity.illustrative(("A",), Depth(daily_volume=1e9, daily_volatility=0.04, coefficient=1.0))
    assert market.impact(1e7, 0) == pytest.approx(0.004)
    assert market.impact(np.array([-4e7, 0.0]), 0) == pytest.approx([0.008, 0.0])
    # With a quarter of the depth the same order is four times as large.
    quarter = liquidity.illustrative(("A",), Depth(stress_depth=0.25))
    assert quarter.impact(1e7, 0, stressed=True) == pytest.approx(quarter.impact(4e7, 0))


@pytest.mark.parametrize("linear", [0.0, 3e-10])
@pytest.mark.parametrize("coefficient", [0.0, 1.3])
def test_cost_is_the_mean_of_impact_over_units(linear: float, coefficient: float) -> None:
    market = liquidity.illustrative(("A",), Depth(coefficient=coefficient, linear=linear))
    whole, _ = integrate.quad(lambda size: float(market.impact(size, 0)), 0, 5e7)
    assert market.cost(5e7, 0) == pytest.approx(whole / 5e7, rel=1e-6)
    root, slope = float(market.square_root[0]), linear
    for before, after in ((0.0, 5e7), (2e7, -3e7), (-1e6, -9e7), (4e7, 1e6)):
        met, _ = integrate.quad(lambda flow: displacement(flow, root, slope), before, after, points=[0.0])
        assert average(before, after, root, slope) == pytest.approx(met / (after - before), rel=1e-6, abs=1e-15)


def test_impact_does_not_depend_on_how_an_order_is_cut_up() -> None:
    root, slope = 1e-6, 2e-10
    cuts = np.linspace(0, -8e7, 1_001)
    parts = sum(average(a, b, root, slope) * (b - a) for a, b in pairwise(cuts))
    assert parts == pytest.approx(average(0.0, -8e7, root, slope) * -8e7, rel=1e-9)
    assert displacement(-1e20, root, slope) == -IMPACT_BOUND


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "depth.toml"
    path.write_text("[default]\ndaily_volume = 4e8\n[assets.BTC]\ndaily_volume = 1e10\nhalf_life_seconds = inf\n")
    got = liquidity.load(path, ["BTC", "ETH"])
    assert got.assets == ("BTC", "ETH")
    assert got.square_root == pytest.approx([0.04 / 1e5, 0.04 / 2e4])
    assert got.half_life_seconds.tolist() == [math.inf, 600.0]
    assert got.only(["ETH"]).square_root == pytest.approx([0.04 / 2e4])
    assert not got.infinite
    assert liquidity.infinite(["A"]).infinite


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[assets.BTC]\ndaily_volume = -1.0", "daily_volume -1.0"),
        ("[assets.BTC]\nstress_depth = nan", "stress_depth nan"),
        ("[assets.BTC]\nlinear = 'x'", "linear"),
        ("[assets.BTC]\ndepth = 1.0", "depth"),
        ("[asset.BTC]\nlinear = 1.0", "asset"),
        ("[assets.ETH]\nlinear = 1.0", "'BTC' is not named"),
        ("[assets", "x.toml"),
    ],
)
def test_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        liquidity.parsed(text.encode(), "x.toml", ["BTC"])


def test_refused_files(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"depth\.csv"):
        liquidity.load(tmp_path / "depth.csv", ["BTC"])
    with pytest.raises(Malformed, match="more than"):
        liquidity.parsed(b"#" * (liquidity.MAX_BYTES + 1), "x.toml", ["BTC"])
    with pytest.raises(Malformed, match="'BTC'"):
        liquidity.infinite(["ETH"]).only(["BTC"])
