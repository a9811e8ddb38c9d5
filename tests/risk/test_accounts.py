"""Who is wiped out first: simulated subaccounts against the closed form where both can answer."""

from __future__ import annotations

import numpy as np
import pytest

from rollproof.risk.accounts import account_table
from rollproof.risk.duration import Exponential, Fixed
from rollproof.risk.failure import Halt, Load
from rollproof.risk.market import jump_diffusion
from rollproof.venue.book import Book, Kind, Mode


def book_of(rows: list[tuple[int, int, Kind, float, float]], cash: list[float], mode: list[Mode]) -> Book:
    """``rows`` are (subaccount, asset, kind, size, entry); one account a subaccount; marks 2,000 and 60,000."""
    columns = list(zip(*rows, strict=True))
    count = len(rows)
    option = np.isin(np.asarray(columns[2]), (Kind.CALL, Kind.PUT))
    return Book(
        "test", "USD", ("ETH", "BTC"), np.array([2_000.0, 60_000.0]), [f"a{at}" for at in range(len(cash))],
        np.asarray(columns[0], np.int32), np.asarray(columns[1], np.int32), np.asarray(columns[2], np.int8),
        np.asarray(columns[3], np.float64), np.asarray(columns[4], np.float64), np.where(option, 2_000.0, 0.0),
        np.where(option, 0.1, 0.0), np.where(option, 0.8, np.zeros(count)),
        np.arange(len(cash), dtype=np.int32), np.asarray(mode, np.int8), np.asarray(cash, np.float64),
    )  # fmt: skip


@pytest.mark.parametrize("duration", [Fixed(7_200.0), Exponential(7_200.0)])
def test_a_second_asset_of_no_weight_changes_nothing(duration: Fixed | Exponential) -> None:
    """The same ETH position, once alone (closed form), once with a billionth of a BTC beside it (simulated)."""
    book = book_of(
        [(0, 0, Kind.PERPETUAL, 1.0, 2_000.0), (1, 0, Kind.PERPETUAL, 1.0, 2_000.0), (1, 1, Kind.PERPETUAL, 1e-9, 6e4)],
        [60.0, 60.0],
        [Mode.CROSS, Mode.CROSS],
    )
    failure = Halt(intensity_per_year=1, duration=duration)
    rows, notes = account_table(book, jump_diffusion(book.assets), failure, seed=5)
    assert notes == ()
    closed, simulated = sorted(rows, key=lambda row: row.account)
    error = (closed.probability / 4_096) ** 0.5
    assert simulated.probability == pytest.approx(closed.probability, abs=4 * error)
    assert simulated.bad_debt == pytest.approx(closed.bad_debt, rel=0.35)
    assert closed.seconds is not None
    assert simulated.seconds == pytest.approx(closed.seconds, rel=0.25)
    assert (closed.assets, simulated.assets) == (("ETH",), ("ETH", "BTC"))


def test_the_thinnest_comes_first_and_the_solvent_hedge_last() -> None:
    book = book_of(
        [
            (0, 0, Kind.PERPETUAL, 1.0, 2_000.0),  # 10x
            (1, 0, Kind.PERPETUAL, -1.0, 2_000.0),  # 40x short
            (2, 0, Kind.PERPETUAL, 1.0, 2_000.0), (2, 1, Kind.COLLATERAL, 1.0, 0.0),  # collateral of 60,000
            (3, 0, Kind.PERPETUAL, 1.0, 2_400.0),  # under water: -150
            (4, 0, Kind.CALL, -1.0, 0.0),  # a short call against little cash
        ],
        [200.0, 50.0, 0.0, 250.0, 250.0],
        [Mode.ISOLATED, Mode.ISOLATED, Mode.CROSS, Mode.ISOLATED, Mode.PORTFOLIO],
    )  # fmt: skip
    rows, _ = account_table(
        book, jump_diffusion(book.assets), Halt(intensity_per_year=1, duration=Fixed(3_600)), seed=1
    )
    order = [row.account for row in rows]
    assert order[0] == "a3"
    assert rows[0].seconds == 0
    assert rows[0].probability > 0.99
    assert order.index("a1") < order.index("a0") < order.index("a2")
    by_name = {row.account: row for row in rows}
    assert by_name["a2"].seconds is None  # it would take a fall of 97 %
    assert by_name["a0"].leverage == pytest.approx(10)
    assert by_name["a4"].seconds is not None  # 7 % of the price as cash, against a delta of about a half
    assert by_name["a4"].mode == "portfolio"


def test_the_same_seed_gives_the_same_table() -> None:
    book = book_of([(0, 0, Kind.PERPETUAL, 1.0, 2_000.0), (0, 1, Kind.PERPETUAL, -0.03, 6e4)], [40.0], [Mode.CROSS])
    failure = Halt(intensity_per_year=1, duration=Fixed(3_600))
    tables = [account_table(book, jump_diffusion(book.assets), failure, seed=seed) for seed in (1, 1, 2)]
    assert tables[0] == tables[1]
    assert tables[0] != tables[2]


def test_grace_and_stress_count_in_both_ways_of_finding_out() -> None:
    book = book_of(
        [(0, 0, Kind.PERPETUAL, 1.0, 2_000.0), (1, 0, Kind.PERPETUAL, 1.0, 2_000.0), (1, 1, Kind.PERPETUAL, 1e-9, 6e4)],
        [80.0, 80.0],
        [Mode.CROSS, Mode.CROSS],
    )
    load = Load(probability=0.5, volatility_multiplier=2.0, jump_multiplier=3.0)
    calm = Halt(intensity_per_year=1, duration=Fixed(7_200.0))
    stressed = Halt(intensity_per_year=1, duration=Fixed(7_200.0), load=load)
    found = []
    for failure, grace in ((calm, 0.0), (stressed, 0.0), (stressed, 3_600.0)):
        rows, _ = account_table(book, jump_diffusion(book.assets), failure, seed=5, grace_seconds=grace)
        closed, simulated = sorted(rows, key=lambda row: row.account)
        assert simulated.probability == pytest.approx(closed.probability, abs=4 * (closed.probability / 4_096) ** 0.5)
        found.append(closed.probability)
    assert found[0] < found[1] < found[2]
