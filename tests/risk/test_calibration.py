"""A model fitted to prices: simulated ones give their parameters back, recorded days give their published figures."""

from __future__ import annotations

import math
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rollproof.errors import Malformed, Unsupported
from rollproof.risk import calibration, jump_law, prices, realised
from rollproof.risk.calibration import Fitted
from rollproof.risk.estimate import Estimate
from rollproof.risk.market import YEAR, Jumps, Model, jump_diffusion
from rollproof.risk.prices import Prices
from rollproof.risk.realised import Returns
from rollproof.venue.positions import WrongRows


def simulated(model: Model, count: int, seconds: float, seed: int) -> Prices:
    """Prices at equal steps, the model's equation written down step by step."""
    rng = np.random.default_rng(seed)
    years, shape = seconds / YEAR, (count, len(model.assets))
    common, own = rng.poisson(model.common.intensity * years, count), rng.poisson(model.own_intensity * years, shape)
    jump = common * model.common.mean + np.sqrt(common) * model.common.deviation * rng.standard_normal(count)
    alone = own * model.own_mean + np.sqrt(own) * model.own_deviation * rng.standard_normal(shape)
    factor, rest = rng.standard_normal(count)[:, None], rng.standard_normal(shape)
    diffused = model.loading * factor + np.sqrt(1 - model.loading**2) * rest
    step = model.log_drift * years + model.volatility * math.sqrt(years) * diffused
    step += model.beta * jump[:, None] + alone
    return Prices(
        model.assets, 1.7e9 + seconds * np.arange(count, dtype=np.float64), 100 * np.exp(np.cumsum(step, axis=0))
    )


def errors(estimate: Estimate, truth: float) -> float:
    """How many standard errors it is off."""
    return (estimate.value - truth) / estimate.standard_error


@pytest.mark.parametrize("seed", [1, 2])
def test_a_simulated_market_of_one_asset_gives_its_parameters_back(seed: int) -> None:
    model = jump_diffusion(["ETH"], 0.8, common=Jumps(100.0, -0.04, 0.05))
    fitted = calibration.fit(simulated(model, 300_000, 60.0, seed))
    assert fitted.common.method == "likelihood"
    assert abs(errors(fitted.assets[0].volatility, 0.8)) < 4
    assert abs(errors(fitted.common.intensity, 100.0)) < 4
    assert abs(errors(fitted.common.mean, -0.04)) < 4
    assert abs(errors(fitted.common.deviation, 0.05)) < 4
    # Jumps of N(-4 %, 5 %) below 5 deviations of a minute's 0.11 % are unseen: about 7 of 100.
    assert fitted.common.seen == pytest.approx(0.93, abs=0.02)
    assert fitted.model.assets == ("ETH",)
    assert fitted.model.common == fitted.common.jumps
    assert fitted.model.own_intensity.tolist() == [0.0]


def test_errors_are_as_large_as_estimates_scatter() -> None:
    model = jump_diffusion(["ETH"], 0.8, common=Jumps(400.0, -0.02, 0.03))
    fits = [calibration.fit(simulated(model, 40_000, 120.0, seed)) for seed in range(24)]
    for truth, estimates in (
        (400.0, [fit.common.intensity for fit in fits]),
        (-0.02, [fit.common.mean for fit in fits]),
        (0.03, [fit.common.deviation for fit in fits]),
        (0.8, [fit.assets[0].volatility for fit in fits]),
    ):
        off = np.array([errors(estimate, truth) for estimate in estimates])
        # 24 standard normal numbers: their mean is within 0.20 * 4 of 0, their deviation within 0.15 * 4 of 1.
        assert abs(off.mean()) < 0.8
        assert 0.4 < off.std() < 1.6


def test_a_simulated_market_of_four_assets_gives_its_parameters_back() -> None:
    model = replace(
        jump_diffusion(["A", "B", "C", "D"], [0.6, 0.8, 1.0, 1.2], common=Jumps(150.0, -0.04, 0.05)),
        loading=np.array([0.9, 0.8, 0.7, 0.5]), beta=np.array([0.7, 0.9, 1.1, 1.3]),
        own_intensity=np.full(4, 120.0), own_mean=np.full(4, 0.01), own_deviation=np.full(4, 0.04),
    )  # fmt: skip
    fitted = calibration.fit(simulated(model, 200_000, 60.0, 3))
    for at, one in enumerate(fitted.assets):
        assert abs(errors(one.volatility, model.volatility[at])) < 4
        assert abs(errors(one.loading, model.loading[at])) < 4
        assert abs(errors(one.beta, model.beta[at])) < 4
        assert abs(errors(one.jumps.intensity, 120.0)) < 4
        assert abs(errors(one.jumps.mean, 0.01)) < 4
        assert abs(errors(one.jumps.deviation, 0.04)) < 4
    assert abs(errors(fitted.common.intensity, 150.0)) < 4
    assert abs(errors(fitted.common.mean, -0.04)) < 4
    assert abs(errors(fitted.common.deviation, 0.05)) < 4
    expected = np.outer(model.loading, model.loading)
    np.fill_diagonal(expected, 1.0)
    assert fitted.correlation == pytest.approx(expected, abs=0.01)
    assert fitted.model.beta.mean() == pytest.approx(1.0)


def test_two_assets_share_their_correlation() -> None:
    model = replace(jump_diffusion(["A", "B"], 0.8, common=Jumps(0, 0, 0)), loading=np.array([0.8, -0.6]))
    fitted = calibration.fit(simulated(model, 20_000, 60.0, 4))
    assert fitted.model.loading.prod() == pytest.approx(-0.48, abs=0.03)


def test_a_market_without_jumps_has_none() -> None:
    """At 1 % significance: of twenty series, three or more with a jump come once in a thousand times."""
    model = jump_diffusion(["ETH"], 0.8, common=Jumps(0, 0, 0))
    fits = [calibration.fit(simulated(model, 5_000, 60.0, seed)) for seed in range(20)]
    assert sum(fit.common.count > 0 for fit in fits) <= 2
    none = next(fit for fit in fits if not fit.common.count)
    assert none.common.method == "none"
    assert none.model.common == Jumps(0.0, 0.0, 0.0)
    # The rule of three: 3.0 / span is what none seen does not rule out.
    assert none.common.most_intensity == pytest.approx(2.9957 / (4999 * 60 / YEAR), rel=1e-4)


def test_the_threshold_is_the_papers() -> None:
    """Lee and Mykland: at 1 % the largest's standardised excess is 4.6001."""
    root = math.sqrt(2 * math.log(1000))
    centre = root - (math.log(math.pi) + math.log(math.log(1000))) / (2 * root)
    assert (jump_law.threshold(1000) - centre) * root == pytest.approx(4.6001, abs=5e-5)
    # And it is what the largest of 1000 normal numbers exceeds once in a hundred times, nearly (the law is a limit).
    largest = np.abs(np.random.default_rng(0).standard_normal((4000, 1000))).max(axis=1)
    assert (largest > jump_law.threshold(1000)).mean() == pytest.approx(0.01, abs=0.006)


def test_realised_measures_by_hand() -> None:
    log = np.array([0.01, -0.02, 0.03])
    price = 100 * np.exp(np.concatenate([[0], np.cumsum(log)]))
    returns = Returns.of(np.array([0.0, 60, 120, 180]), price)
    span = 180 / YEAR
    assert realised.variance(returns) * span == pytest.approx(14e-4)
    assert realised.bipower(returns) * span == pytest.approx(math.pi / 2 * (2e-4 + 6e-4))
    assert realised.jump_share(returns) == pytest.approx(1 - math.pi / 2 * 8 / 14)
    gap = Returns.of(np.array([0, 60, 120, 10_000, 10_060.0]), np.exp([0, 0.01, 0.02, 5, 5.01]))
    assert (gap.gaps, len(gap.log)) == (1, 3)
    assert gap.products == pytest.approx([0, 1e-4, 0])  # no product across the gap


def test_prices_at_uneven_times_give_the_same_volatility() -> None:
    model = jump_diffusion(["ETH"], 0.8, common=Jumps(0, 0, 0))
    whole = simulated(model, 60_000, 60.0, 5)
    rng = np.random.default_rng(5)
    kept = rng.random(60_000) < 0.75
    kept[20_000:20_600] = False  # a gap of ten hours
    part = Prices(whole.assets, whole.seconds[kept], whole.price[kept])
    fitted = calibration.fit(part).assets[0]
    assert abs(errors(fitted.volatility, 0.8)) < 4
    assert fitted.bipower_volatility == pytest.approx(0.8, rel=0.05)
    assert fitted.gaps == 1


def test_sampling_takes_the_last_price_and_never_a_later_one() -> None:
    series = Prices(
        ("A", "B"), np.array([10, 50, 60, 61, 250.0]), np.array([[1, 5], [2, np.nan], [3, np.nan], [4, 6], [7, 8]])
    )
    sampled = series.sampled(60.0)
    assert sampled.seconds.tolist() == [60, 120, 300]
    assert sampled.price[:, 0].tolist() == [3, 4, 7]
    assert sampled.price[:, 1].tolist() == [5, 6, 8]


# (file, annual volatility, worst 1, 30 and 60 minutes in percent, kurtosis, jump share), each bar taken as a minute
DAYS = [
    ("crypto_coinbase_minute_ethusd_20170904", 2.00, (-1.66, -6.95, -9.06), 9, 0.18),
    ("crypto_coinbase_minute_btcusd_20170904", 1.37, (-0.95, -3.36, -4.70), 9, 0.22),
    ("crypto_coinbase_minute_btcusd_20180404", 0.87, (-1.49, -3.33, -3.65), 46, 0.39),
    ("cryptofuture_binance_minute_btcusd_20221213", 0.51, (-0.41, -0.69, -0.98), 183, 0.17),
    ("cryptofuture_dydx_minute_btcusd_20260101", 0.18, (-0.12, -0.40, -0.52), 11, 0.10),
]


def day(shared_data: Path, name: str, directory: Path) -> Path:
    """A recorded day's closing prices as the table that we read: milliseconds of the day, open, high, low, close."""
    with zipfile.ZipFile(shared_data / "market" / "lean" / f"{name}_trade.zip") as archive:
        rows = [row.split(",") for row in archive.read(archive.namelist()[0]).decode().split()]
    path = directory / f"{name}.csv"
    text = "\n".join(f"{int(row[0]) + 1_500_000_000_000},{row[4]}" for row in rows)
    path.write_text(f"timestamp,close\n{text}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "volatility", "worst", "kurtosis", "share"), DAYS, ids=[row[0] for row in DAYS])
def test_recorded_days_have_their_figures(
    shared_data: Path,
    tmp_path: Path,
    name: str,
    volatility: float,
    worst: tuple[float, ...],
    kurtosis: float,
    share: float,
) -> None:
    series = prices.read(day(shared_data, name, tmp_path))
    fitted = calibration.fit(series)
    one = fitted.assets[0]
    # The figures count every bar as a minute; ours is by the time that passed between bars.
    by_bar = one.realised_volatility * math.sqrt(one.years * YEAR / 60 / one.returns)
    assert by_bar == pytest.approx(volatility, abs=0.005)
    assert [100 * move for _, move in one.worst] == pytest.approx(worst, abs=0.0051)
    assert one.kurtosis == pytest.approx(kurtosis, abs=0.5)
    assert one.jump_share == pytest.approx(share, abs=0.0051)
    assert one.volatility.value <= one.realised_volatility
    assert any("days of prices" in note for note in fitted.notes)


def test_a_series_is_read_from_a_table() -> None:
    text = (
        b"timestamp,BTC,ETH\n2026-01-01T00:00:00Z,100,10\n2026-01-01T00:01:00Z,,11\n2026-01-01T00:03:00+00:00,101,12\n"
    )
    series = prices.read(text)
    assert series.assets == ("BTC", "ETH")
    assert np.diff(series.seconds).tolist() == [60, 120]
    assert series.seconds[0] == 1767225600
    assert np.isnan(series.price[1, 0])
    assert series.only(["ETH"]).price[:, 0].tolist() == [10, 11, 12]
    for unit in (1, 1000, 10**6, 10**9):
        numbers = prices.read(f"timestamp,BTC\n{1767225600 * unit},1\n{1767225660 * unit},2\n".encode())
        assert numbers.seconds.tolist() == [1767225600, 1767225660]
    frame = pl.DataFrame({"timestamp": pl.Series([1767225600, 1767225660]) * 1000, "BTC": [1, 2]})
    cast = frame.with_columns(pl.col("timestamp").cast(pl.Datetime("ms")))
    assert prices.read(cast).seconds.tolist() == prices.read(frame).seconds.tolist() == [1767225600, 1767225660]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timestamp,p\n1,1\n1,2\n", "row 3, timestamp: '1' is not after the row before"),
        ("timestamp,p\n2,1\n1,2\n", "row 3, timestamp: '1' is not after"),
        ("timestamp,p\nsoon,1\n", "row 2, timestamp: 'soon' is not a number"),
        ("timestamp,p\n2026-13-01,1\n", "row 2, timestamp: '2026-13-01' is not an ISO time"),
        ("timestamp,p\n,1\n", "row 2, timestamp: nothing where a time should be"),
        ("timestamp,p\n-5,1\n", "row 2, timestamp: '-5' is not a Unix time"),
        ("timestamp,p\n1700000000,1\n1700000060000,1\n", "row 3, timestamp: '1700000060000' is in another unit"),
        ("timestamp,p\n1,0\n", "row 2, p: '0' is not above zero"),
        ("timestamp,p\n1,-1\n", "row 2, p: '-1' is not above zero"),
        ("timestamp,p\n1,nan\n", "row 2, p: 'nan' is not a number"),
        ("timestamp,p\n1,\n", "row 2, p: nothing where a price should be"),
        ("timestamp,p,q\n1,1,\n2,x,1\n", "row 3, p: 'x' is not a number"),
    ],
)
def test_a_wrong_row_of_prices_is_named(text: str, message: str) -> None:
    with pytest.raises(WrongRows) as error:
        prices.read(text.encode())
    assert message in str(error.value)


def test_other_tables_are_refused() -> None:
    for text, message in (
        (b"time,p\n1,1\n", "column timestamp is missing"),
        (b"timestamp\n1\n", "1 to 200 columns of prices"),
        (b"timestamp,p,p\n1,1,1\n", "column 'p' is there twice"),
        (b"timestamp,p\n", "no rows"),
        (b"timestamp,\x1bp\n1,1\n", "no printable name"),
    ):
        with pytest.raises(Malformed, match=message):
            prices.read(text)
    with pytest.raises(Unsupported, match=r"\.csv"):
        prices.read("prices.txt")
    with pytest.raises(Malformed, match="more than 1 rows"):
        prices.read(b"timestamp,p\n1,1\n2,1\n", max_rows=1)
    with pytest.raises(Malformed, match="no prices of 'q': there are p"):
        prices.read(b"timestamp,p\n1,1\n").only(["q"])


def test_too_little_is_no_fit() -> None:
    def fit(price: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Fitted:
        return calibration.fit(Prices(("A",), 60.0 * np.arange(len(price), dtype=np.float64), price))

    with pytest.raises(Malformed, match="0 returns of all assets together, at least 50"):
        fit(np.ones((1, 1)))
    with pytest.raises(Malformed, match="49 returns"):
        fit(np.ones((50, 1)))
    with pytest.raises(Malformed, match="A hardly ever moves"):
        fit(np.ones((100, 1)))
    nothing = Prices(
        ("A", "B"),
        60.0 * np.arange(100, dtype=np.float64),
        np.where(np.arange(100)[:, None] % 2 == [0, 1], 1.0, np.nan),
    )
    with pytest.raises(Malformed, match="0 returns of all assets together"):
        calibration.fit(nothing)
