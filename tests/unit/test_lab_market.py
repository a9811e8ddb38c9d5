"""The market outside: the same prices for the same seed, moments as stated, and CSV files that are refused by line."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.errors import Malformed, Unsupported
from rollproof.lab import genesis
from rollproof.lab.market import HIGHEST, MAX_STEPS, STEP, YEAR, Diffused, Diffusion, Market, parse_csv

START = 2_500 * 10**8
T = genesis.TIME


def returns(diffusion: Diffusion, steps: int, seed: int = 1) -> list[float]:
    """Simple returns, step by step; floating point is for statistics only."""
    path = Diffused(diffusion, random.Random(seed), time=0)
    prices = [path.price(STEP * number) for number in range(steps + 1)]
    return [(after - before) / before for before, after in pairwise(prices)]


def moments(values: list[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, sum((each - mean) ** 2 for each in values) / len(values)


class Scripted(random.Random):
    """Draws that a test says, of 384 bits and of a year's seconds in turn."""

    def script(self, draws: list[int]) -> Scripted:
        self._draws = draws
        return self

    def getrandbits(self, k: int, /) -> int:
        assert k == 384
        return self._draws.pop(0)

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        assert (start, stop) == (YEAR, None)
        return self._draws.pop(0)


def test_a_step_by_hand() -> None:
    """Volatility 397,095 is 1e-2 a step (to 6 digits): 39.7095 * sqrt(2 / 31,536,000).

    Twelve words of 2**31 less six times 2**32 - 1 are 6, so Z is 1.4e-9: 3.5 units of a price of 2.5e11.
    """
    half = sum(2**31 << 32 * word for word in range(12))
    quarter = sum(2**30 << 32 * word for word in range(12))  # twelve quarters less six: Z = -3
    never, jump = YEAR - 1, 0
    draws = [half, never, quarter, never, quarter, jump, half]
    path = Diffused(Diffusion(START, 397_095, 0, 1, -1_000, 0), Scripted().script(draws), time=0)
    seen = [path.price(time) for time in (0, 2, 4, 6)]
    assert seen[1] == START + 3
    assert abs(seen[2] - START * 97 // 100) < START // 10**6
    assert abs(seen[3] - seen[2] * (100 - 3 - 10) // 100) < START // 10**6


def test_another_process_has_the_same_prices() -> None:
    """With other hashes of strings, and so another order of sets."""
    code = (
        "from rollproof.lab.market import Market; market = Market.seeded(7);"
        "print([market.price(1780000000 + 2 * n) for n in range(99)])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    here = Market.seeded(7)
    assert printed == {f"{[here.price(T + 2 * n) for n in range(99)]}\n".encode()}


@given(seed=st.integers(-(2**63), 2**63), times=st.lists(st.integers(0, 2_000), min_size=1, max_size=20))
@settings(max_examples=30, deadline=None)
def test_the_order_of_asking_does_not_matter(seed: int, times: list[int]) -> None:
    first, second = Market.seeded(seed), Market.seeded(seed)
    asked = {time: first.price(T + time) for time in times}
    second.price(T + 300, "BTC-USD")
    assert {time: second.price(T + time) for time in sorted(times)} == asked


def test_symbols_and_seeds_have_streams_of_their_own() -> None:
    same = Diffusion(START)
    two, one = Market.seeded(3, {"A": same, "B": same}), Market.seeded(3, {"B": same})
    assert two.price(T + 1_000, "A") != two.price(T + 1_000, "B") == one.price(T + 1_000, "B")
    assert one.price(T + 1_000) != Market.seeded(4, {"B": same}).price(T + 1_000)


def test_a_price_holds_from_its_step_to_the_next() -> None:
    market = Market.seeded(1)
    assert market.price(T - 10_000) == market.price(T) == market.price(T + 1) == START
    assert market.price(T + 2) == market.price(T + 3) != START


def test_the_deviation_of_a_step_is_the_year_s() -> None:
    """80 % a year is 0.8 * sqrt(2 / 31,536,000) = 2.0146e-4 a step; by 200,000 steps to 1 %, four standard errors."""
    diffusion = Diffusion(START, volatility=8_000, jumps=0)
    assert abs(Fraction(diffusion.step_deviation, 10**12) ** 2 - Fraction(16, 25) * Fraction(2, YEAR)) < Fraction(
        1, 10**15
    )
    mean, variance = moments(returns(diffusion, 200_000))
    wanted = 0.64 * 2 / YEAR
    assert abs(variance / wanted - 1) < 0.0127  # the variance's standard error: sqrt(2 / 200,000) = 0.32 %
    assert abs(mean) < 4 * (wanted / 200_000) ** 0.5


def test_z_is_close_to_normal() -> None:
    values = returns(Diffusion(START, volatility=8_000, jumps=0), 200_000, seed=3)
    mean, variance = moments(values)
    deviation = variance**0.5
    skew = sum((each - mean) ** 3 for each in values) / len(values) / deviation**3
    kurtosis = sum((each - mean) ** 4 for each in values) / len(values) / variance**2
    assert abs(skew) < 0.03
    assert abs(kurtosis - 2.9) < 0.05  # twelve uniform draws: 3 - 1.2 / 12
    for bound, share in ((1, 0.6827), (2, 0.9545)):
        inside = sum(abs(each - mean) < bound * deviation for each in values) / len(values)
        assert abs(inside - share) < 0.005


def test_the_drift_is_that_of_the_expected_price() -> None:
    """100 times a year is 100 * 2 / 31,536,000 = 6.3420e-6 a step; without noise every step is that."""
    values = returns(Diffusion(START, volatility=0, drift=1_000_000, jumps=0), 1_000)
    assert all(abs(each - 100 * 2 / YEAR) < 1e-10 for each in values)


def test_jumps_come_as_often_and_as_large_as_stated() -> None:
    """One step in a hundred, 2 % down with a deviation of 1 %."""
    values = [each for each in returns(Diffusion(10**20, 0, 0, YEAR // 200, -200, 100), 100_000) if each]
    assert abs(len(values) - 1_000) < 4 * 31.5  # binomial: sqrt(100,000 * 0.01 * 0.99)
    mean, variance = moments(values)
    assert abs(mean + 0.02) < 4 * 0.01 / 1_000**0.5
    assert abs(variance / 0.0001 - 1) < 4 * (2 / 1_000) ** 0.5


@pytest.mark.parametrize("down", [True, False])
def test_the_worst_market_neither_reaches_zero_nor_leaves_the_scale(down: bool) -> None:
    worst = Diffusion(START, 1_000_000, 0, YEAR // STEP, -5_000 if down else 5_000, 2_000)
    path = Diffused(worst, random.Random(0), time=0)
    prices = [path.price(STEP * number) for number in range(3_000)]
    assert all(1 <= each <= HIGHEST for each in prices)
    assert (1 if down else HIGHEST) in prices


@given(
    st.integers(1, HIGHEST), st.integers(0, 1_000_000), st.integers(-1_000_000, 1_000_000),
    st.integers(0, YEAR // STEP), st.integers(-5_000, 5_000), st.integers(0, 2_000), st.integers(0, 2**32),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_every_price_is_above_zero(
    start: int, vol: int, drift: int, jumps: int, mean: int, dev: int, seed: int
) -> None:
    path = Diffused(Diffusion(start, vol, drift, jumps, mean, dev), random.Random(seed), time=0)
    assert all(1 <= path.price(time) <= HIGHEST for time in range(0, 200, STEP))


def test_what_makes_no_sense_is_refused() -> None:
    for wrong in (
        {"start": 0},
        {"start": 1, "volatility": -1},
        {"start": 1, "jumps": YEAR},
        {"start": 1, "drift": 10**7},
    ):
        with pytest.raises(Malformed):
            Diffusion(**wrong)
    with pytest.raises(Malformed, match="without symbols"):
        Market({})
    with pytest.raises(Unsupported, match="no prices of 'DOGE-USD'; there are ETH-USD, BTC-USD"):
        Market.seeded().price(T, "DOGE-USD")
    with pytest.raises(Unsupported, match="are the most"):
        Market.seeded().price(T + STEP * (MAX_STEPS + 1))


def test_a_recorded_series_is_replayed_from_the_lab_s_first_second(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("time,price\n1583971200,194.01\n1583971260,180\r\n\n1583971270,0.00000001\n", encoding="utf-8")
    market = Market.from_csv(file)
    seen = [market.price(T + seconds) for seconds in (-5, 0, 59, 60, 69, 70, 10**6)]
    assert seen == [19_401_000_000, 19_401_000_000, 19_401_000_000, 18_000_000_000, 18_000_000_000, 1, 1]
    assert market.price(T, "BTC-USD") == 60_000 * 10**8  # not in the file: seeded


def test_a_file_may_have_several_symbols(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_bytes(b"\xef\xbb\xbftime, symbol, price\n5,BTC-USD,7\n5,SOL-USD,1.5\n6,BTC-USD,8\n")
    market = Market.from_csv(file)
    assert market.symbols == ("BTC-USD", "SOL-USD", "ETH-USD")
    assert (market.price(T + 1, "BTC-USD"), market.price(T + 1, "SOL-USD")) == (8 * 10**8, 150_000_000)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: the columns"),
        ("price,time\n1,2\n", "line 1: the columns"),
        ("time,price\n", "line 1: no rows"),
        ("time,price\n1,2\n2\n", "line 3: 2 columns, not 1"),
        ("time,price\n1,2,3\n", "line 2: 2 columns, not 3"),
        ("time,price\n1.5,2\n", "line 2: time"),
        ("time,price\n-1,2\n", "line 2: time"),
        ("time,price\n٣,2\n", "line 2: time"),
        ("time,price\n1,0\n", "line 2: price"),
        ("time,price\n1,0.00\n", "line 2: price"),
        ("time,price\n1,-3\n", "line 2: price"),
        ("time,price\n1,1e5\n", "line 2: price"),
        ("time,price\n1,nan\n", "line 2: price"),
        ("time,price\n1,1.123456789\n", "line 2: price"),
        ("time,price\n1," + "9" * 17 + "\n", "line 2: price"),
        ("time,price\n1,2\n1,3\n", "line 3: time 1 does not rise"),
        ("time,price\n2,2\n\n1,3\n", "line 4: time 1 does not rise"),
        ("time,symbol,price\n1,,2\n", "line 2: symbol"),
        ("time,symbol,price\n" + "".join(f"1,S{n},2\n" for n in range(33)), "line 34: more than 32 symbols"),
    ],
)
def test_a_bad_row_is_refused_by_its_line(text: str, why: str) -> None:
    with pytest.raises(Malformed, match="prices: " + why):
        parse_csv(text)


def test_a_bad_file_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    with pytest.raises(Malformed, match=r"^prices\.csv: cannot be read"):
        Market.from_csv(file)
    file.write_bytes(b"time,price\n1,2\n\xff\n")
    with pytest.raises(Malformed, match=r"^prices\.csv: line 3: not UTF-8"):
        Market.from_csv(file)


@given(
    st.text(max_size=200) | st.text("0123456789.,\ntimeprc-+e ", max_size=200).map(lambda rows: "time,price\n" + rows)
)
@settings(max_examples=300, deadline=None)
def test_any_text_gives_prices_or_malformed(text: str) -> None:
    try:
        found = parse_csv(text)
    except Malformed as error:
        said = str(error)
    else:
        assert all(price > 0 for rows in found.values() for _, price in rows)
        return
    assert "line" in said
    assert "\n" not in said
