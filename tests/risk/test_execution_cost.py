"""Costs by hand, by the invariant, by the protocol's own example, and on recorded books."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.errors import Malformed
from rollproof.risk.depth_curve import DepthCurve, average_depth, parse_depth, read_depth
from rollproof.risk.execution_cost import ConstantProduct, ImpactCurve, SkewCurve, slippage_at_risk
from rollproof.risk.liquidity import Depth, illustrative

CURVE = DepthCurve(np.array([10.0, 50.0, 50.0]), np.array([1_000.0, 3_000.0, 4_000.0]))


def test_walking_a_curve_by_hand() -> None:
    # even between 0 and 10 bp, then between 10 and 50, then a level of 1,000 at 50
    cost = CURVE.cost([0.0, 500.0, 1_000.0, 2_000.0, 3_500.0, 5_000.0])
    assert cost.last_bp == pytest.approx([0, 5, 10, 30, 50, 50])
    paid = [0, 500 * 2.5, 1_000 * 5, 1_000 * 5 + 1_000 * 20, 5_000 + 2_000 * 30 + 500 * 50, 5_000 + 60_000 + 50_000]
    assert cost.quote == pytest.approx(np.array(paid) / 1e4)
    assert cost.filled == pytest.approx([0, 500, 1_000, 2_000, 3_500, 4_000])
    assert not cost.complete
    assert np.isnan(cost.bp[0])
    assert cost.bp[1:3] == pytest.approx([2.5, 5.0])
    assert CURVE.within([0, 5, 10, 30, 49.999999, 50, 90]) == pytest.approx([0, 500, 1_000, 2_000, 3_000, 4_000, 4_000])


def test_levels_are_walked_one_by_one() -> None:
    rng = np.random.default_rng(1)
    price = 100 + np.cumsum(rng.exponential(0.05, 50))
    size = rng.exponential(3.0, 50)
    order = rng.permutation(50)
    curve = DepthCurve.of_levels(price[order], size[order], 100.0)
    units, left, spent = 70.0, 70.0, 0.0
    for at, there in zip(price, size, strict=True):
        taken = min(left, there)
        spent, left = spent + taken * at, left - taken
    cost = curve.cost(units * 100, side=1.0)
    assert cost.complete
    assert float(cost.quote) == pytest.approx(spent - units * 100, rel=1e-12)


def test_half_the_depth_costs_as_twice_the_size() -> None:
    impact = ImpactCurve(illustrative(("A",), Depth(linear=1e-12)), 0)
    for curve in (CURVE, impact, ConstantProduct(100.0, 1e6), SkewCurve(10.0, 0.0, 1e6)):
        half, whole = curve.cost(1_000.0, depth=0.5), curve.cost(2_000.0)
        assert float(half.bp) == pytest.approx(float(whole.bp), rel=1e-9)
        assert float(half.last_bp) == pytest.approx(float(whole.last_bp), rel=1e-9)


def test_square_root() -> None:
    # a day's volume of a market that moves 4 % a day moves it by 4 %, a quarter of it by 2 %, at two thirds on average
    curve = ImpactCurve(illustrative(("A",), Depth(daily_volume=1e9, daily_volatility=0.04)), 0)
    cost = curve.cost([1e9, 2.5e8])
    assert cost.last_bp == pytest.approx([400.0, 200.0])
    assert cost.bp == pytest.approx([400 * 2 / 3, 200 * 2 / 3])
    # the average is the mean of what each unit pays
    units = (np.arange(100_000) + 0.5) / 100_000 * 1e9
    assert curve.cost(units).last_bp.mean() == pytest.approx(400 * 2 / 3, rel=1e-5)


@given(base=st.floats(1.0, 1e6), quote=st.floats(1.0, 1e9), share=st.floats(1e-6, 0.9), fee=st.floats(0.0, 0.05))
def test_a_pool_keeps_its_product(base: float, quote: float, share: float, fee: float) -> None:
    pool = ConstantProduct(base, quote, fee)
    notional = share * quote
    units = share * base
    sold = float(pool.cost(notional, side=-1.0).quote)
    bought = float(pool.cost(notional, side=1.0).quote)
    # what came in without its fee, and what went out, keep base times quote
    assert (base + units * (1 - fee)) * (quote - (notional - sold)) == pytest.approx(base * quote, rel=1e-9)
    assert (base - units) * (quote + (notional + bought) * (1 - fee)) == pytest.approx(base * quote, rel=1e-9)
    assert min(sold, bought) >= -1e-9 * notional


def test_a_pool_s_last_unit_is_the_derivative_of_its_cost() -> None:
    pool = ConstantProduct(1_000.0, 2e6, 0.003)
    for side in (1.0, -1.0):
        low, high = (pool.cost(q, side=side) for q in (3e5 - 1, 3e5 + 1))
        slope = float(high.quote - low.quote) / 2 * 1e4
        assert float(pool.cost(3e5, side=side).last_bp) == pytest.approx(slope, rel=1e-6)
    with pytest.raises(Malformed, match="all that it holds"):
        pool.cost(2e6, side=1.0)


def test_the_skew_curve_as_in_synthetix_example() -> None:
    # price 1200, 100 bought at no skew, scale 1e6: filled at 1200.06
    cost = SkewCurve(1_200.0, 0.0, 1e6).cost(120_000.0, side=1.0)
    assert 1_200 + float(cost.quote) / 100 == pytest.approx(1_200.06)
    # whoever sells into a long skew is paid
    assert float(SkewCurve(1_200.0, 1_000.0, 1e6).cost(1_200.0, side=-1.0).quote) < 0
    # there and back costs nothing
    there = SkewCurve(1_200.0, 50.0, 1e6).cost(12_000.0, side=1.0)
    back = SkewCurve(1_200.0, 60.0, 1e6).cost(12_000.0, side=-1.0)
    assert float(there.plus(back).quote) == pytest.approx(0.0, abs=1e-12)


def test_two_orders_are_added() -> None:
    both = CURVE.cost(500.0).plus(CURVE.cost(1_000.0))
    assert float(both.notional) == 1_500
    assert float(both.quote) == pytest.approx((1_250 + 5_000) / 1e4)
    assert float(both.last_bp) == pytest.approx(10)


def test_slippage_at_risk_by_hand() -> None:
    slippage = np.array([0.01, 0.05, 0.02, 0.04, 0.03])
    notional = np.array([100.0, 200.0, 300.0, 400.0, 500.0])
    found = slippage_at_risk(slippage, notional, 0.6)
    # exceeded by 40 % of five markets: the third smallest; the two above it are the tail
    assert found.quantile == 0.03
    assert found.shortfall == pytest.approx((0.04 + 0.05) / 2)
    assert found.tail == pytest.approx(0.05 * 200 + 0.04 * 400 + 0.03 * 500)
    assert slippage_at_risk([0.02], 10.0, 0.95).quantile == 0.02
    for share, level in (([np.nan], 0.9), ([], 0.9), ([0.1], 1.0)):
        with pytest.raises(Malformed, match="slippage"):
            slippage_at_risk(share, 1.0, level)


def test_reading_a_curve(tmp_path: Path) -> None:
    path = tmp_path / "depth.csv"
    path.write_text("bp,notional\n10,1000\n25,2500.5\n")
    curve = read_depth(path)
    assert curve.bp.tolist() == [10.0, 25.0]
    assert curve.notional.tolist() == [1_000.0, 2_500.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns bp and notional"),
        ("bp,notional\n", "no rows"),
        ("bp,size\n1,2\n", "unknown column 'size'"),
        ("bp,notional,bp\n1,2,3\n", "once each"),
        ("bp,notional\n1\n", "row 2: 1 fields"),
        ("bp,notional\n1,5\n2,x\n", "row 3: notional: 'x' is not a number"),
        ("bp,notional\n1,nan\n", "row 2: notional: 'nan'"),
        ("bp,notional\n-1,3\n", "row 2: bp: '-1'"),
        ("bp,notional\n1,5\n2,4\n", "row 3: notional: '4' is below"),
        ("bp,notional\n2,5\n1,6\n", "row 3: bp: '1' is below"),
        ('bp,notional\n"1,5\n', "not a CSV file"),
        ("bp,notional\n\xff,5\n", "row 2: bp"),
    ],
)
def test_a_bad_file_is_refused_by_row_and_column(text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_depth(text.encode(), "depth.csv")


def test_bytes_that_are_no_text_or_too_many() -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        parse_depth(b"bp,notional\n\xff\xfe,5\n", "depth.csv")
    with pytest.raises(Malformed, match="more than"):
        parse_depth(b"x" * ((16 << 20) + 1), "depth.csv")


@pytest.mark.parametrize("notional", [-1.0, np.nan, np.inf])
def test_sizes_are_checked(notional: float) -> None:
    for curve in (CURVE, ConstantProduct(1.0, 1.0), SkewCurve(1.0, 0.0, 1.0)):
        with pytest.raises(Malformed, match="notional"):
            curve.cost(notional)
    with pytest.raises(Malformed, match="depth multiplier"):
        CURVE.cost(1.0, depth=0.0)
    with pytest.raises(Malformed, match="finite"):
        DepthCurve(np.array([1.0]), np.array([np.nan]))
    with pytest.raises(Malformed, match="not fall"):
        DepthCurve(np.array([2.0, 1.0]), np.array([1.0, 2.0]))


def snapshots(path: Path, seconds: int = 90) -> Iterator[DepthCurve]:
    """The bids every so many seconds of a recorded feed: its full book, which has 1,000 levels, and changes since."""
    bids: dict[str, float] = {}
    asks: dict[str, float] = {}
    following = 0
    with gzip.open(path, "rt") as lines:
        for line in lines:
            full = '"lastUpdateId"' in line
            if not full and ('"depthUpdate"' not in line or not bids):
                continue
            time, text = line.split(" ", 1)
            book = json.loads(text)
            changes = (book["bids"], book["asks"]) if full else (book["data"]["b"], book["data"]["a"])
            for side, levels in zip((bids, asks), changes, strict=True):
                if full:
                    side.clear()
                for price, size in levels:
                    side[price] = float(size)
            if following == 0:
                following = int(time) + seconds * 10**9
            elif int(time) >= following:
                following += seconds * 10**9
                best = max(float(p) for p, size in bids.items() if size > 0)
                middle = (best + min(float(p) for p, size in asks.items() if size > 0)) / 2
                yield DepthCurve.of_levels([float(p) for p in bids], list(bids.values()), middle)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "within"),
    [
        # bid notional in millions within 10, 25, 50 and 100 bp, of another reading of the same recording
        ("btcusdt", (8.3, 27.0, 48.0, 86.0)),
        ("ethusdt", (4.0, 17.0, 25.0, 34.0)),
    ],
)
def test_recorded_books(shared_data: Path, name: str, within: tuple[float, ...]) -> None:
    books = list(snapshots(shared_data / "market" / "hftbacktest" / f"{name}_20240808.gz"))
    assert len(books) >= 3
    bp = [10.0, 25.0, 50.0, 100.0]
    curve = average_depth(books, bp)
    for found, expected in zip(curve.notional / 1e6, within, strict=True):
        assert expected / 1.4 < found < expected * 1.4
    # dearer the larger, and never beyond the last distance
    cost = curve.cost(np.array([1e6, 5e6, 2e7]))
    assert (np.diff(cost.bp) > 0).all()
    assert cost.complete
    assert (cost.last_bp <= 100).all()
