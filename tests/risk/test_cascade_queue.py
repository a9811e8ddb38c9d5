"""The queue: throughput, order, and what is kept whatever happens. Prices are 100 (X) and 2000 (Y)."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.cascade_bed import HALT, Flat, crossed, falling, isolated, lasting, open_, perpetuals, walked
from rollproof.risk import liquidity
from rollproof.risk.cascade import Funding, Keepers, cascade, outcome, outcomes
from rollproof.risk.cascade.timing import Grid
from rollproof.risk.duration import Fixed, Lognormal
from rollproof.risk.failure import (
    AnyFailure,
    Backlog,
    BridgeDelay,
    Censorship,
    Halt,
    Ordering,
    Reorg,
    Resume,
    StaleOracle,
    Throughput,
)
from rollproof.risk.market import Jumps, jump_diffusion
from rollproof.venue import positions
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.lending import Lending
from rollproof.venue.rules.liquidation import Liquidation
from rollproof.venue.rules.registry import load
from rollproof.venue.rules.rules import LinearRules
from rollproof.venue.state import VenueState

HOUR = 3_600.0


def longs(count: int, seed: int = 1) -> Book:
    rng = np.random.default_rng(seed)
    size = rng.lognormal(3, 1, count)
    return perpetuals(("X",), [0] * count, size.tolist(), (size * 100 / rng.uniform(4, 40, count)).tolist())


def crashed(book: Book, rules: LinearRules, failure: AnyFailure, *, horizon: float = 0.0, move: float = -0.5) -> Floats:
    """Prices halve, evenly, in an hour."""
    got = outcomes(
        book, rules, VenueState(), falling(book.assets, math.log1p(move), HOUR), failure,
        liquidity.infinite(book.assets), paths=1, grid=Grid(10.0, 10.0, horizon), seed=1, general=True,
    )  # fmt: skip
    return np.asarray(got[0])


def test_a_backlog_clears_at_the_rate_that_the_rules_allow() -> None:
    """Everybody is bankrupt after a halt in which prices halved; then they stand still."""
    book, rate = longs(200), 100.0
    slow = 1e9  # the halt, and the fall: so slow that nothing moves any more afterwards
    got = outcomes(
        book, Flat(notional_per_second=rate), VenueState(), falling(("X",), math.log(0.5), slow), lasting(slow),
        liquidity.infinite(("X",)), paths=1, grid=Grid(slow, 10.0, HOUR), seed=1,
    )[0]  # fmt: skip
    queue = float(book.notional.sum()) / 2
    assert got[outcome.LIQUIDATED] == pytest.approx(float(book.notional.sum()))
    assert (
        10.0 * math.ceil(queue / rate / 10.0) == got[outcome.CLEARED] + 10.0
    )  # the first step is at the resume itself


def test_a_throttled_venue_liquidates_what_the_failure_allows() -> None:
    book = longs(200)

    def liquidated(rules: Flat, limit: float) -> Floats:
        """Notional by the minute while throughput is limited; then it is not."""
        return cascade(
            book, rules, VenueState(), falling(("X",), math.log(0.5), HOUR), open_(HOUR, limit),
            liquidity.infinite(("X",)), paths=1, horizon_seconds=0.0,
        ).path.liquidated  # fmt: skip

    limits = float(book.notional.sum()) / HOUR * np.array([0.01, 0.1, 0.3])
    got = [liquidated(Flat(), limit) for limit in limits]
    minutes = np.arange(1, 61)
    for limit, notional in zip(limits, got, strict=True):
        # Notional is counted at the marks, throughput at the price; the first wait for the price to reach them.
        assert (notional[:-1] <= limit * 60 * minutes[:-1] / 0.5 ** (minutes[:-1] / 60) * (1 + 1e-9)).all()
        assert notional[-2] > 0.9 * limit * HOUR
        assert notional[-1] == pytest.approx(float(book.notional.sum()))
    cramped = liquidated(Flat(notional_per_second=limits[0]), limits[1])
    assert cramped[:-1] == pytest.approx(got[0][:-1])  # the lower of both holds


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 10_000), st.floats(0.001, 0.5), st.floats(1.0, 50.0), st.sampled_from(Backlog))
def test_more_throughput_never_costs_more_where_prices_only_fall(
    seed: int, least: float, factor: float, backlog: Backlog
) -> None:
    """And nothing but liquidations happens, without impact: whoever is closed earlier is closed dearer."""
    book = longs(40, seed)
    limits = float(book.notional.sum()) / HOUR * np.array([least, least * factor])
    slow, fast = (
        crashed(book, Flat(), throttled(limit, backlog), move=-0.3)[outcome.BAD_DEBT] for limit in limits
    )  # fmt: skip
    assert fast <= slow + 1e-6 * float(book.notional.sum())


def throttled(limit: float, backlog: Backlog) -> Throughput:
    return Throughput(
        intensity_per_year=1.0, duration=Fixed(HOUR), notional_per_second=limit, resume=Resume(backlog=backlog)
    )


@pytest.mark.parametrize(("backlog", "first"), [(Backlog.PRICE, 1), (Backlog.SIZE, 2)])
def test_the_backlog_has_an_order(backlog: Backlog, first: int) -> None:
    """Three are bankrupt at 80; throughput is enough for the notional of the smallest only."""
    book = perpetuals(("X",), [0, 0, 0], [2.0, 1.0, 4.0], [20.0, 2.0, 60.0])  # liquidated below 90, 98, 85
    slow = 1e9
    got = cascade(
        book, Flat(rate=0.0, notional_per_second=80.0 / 60), VenueState(), falling(("X",), math.log(0.8), slow),
        Halt(intensity_per_year=1, duration=Fixed(slow), resume=Resume(backlog=backlog)), liquidity.infinite(("X",)),
        paths=1, step_seconds=slow, resume_step_seconds=60.0, horizon_seconds=0.0,
    )  # fmt: skip
    # At 80 the second owes 18 a unit, the third 5: that much is realised, on the notional of one unit.
    assert got.path.bad_debt[-1] == pytest.approx(18.0 if first == 1 else 0.0)
    assert got.path.liquidated[-1] == pytest.approx(100.0)
    assert got.path.queue[-1] == pytest.approx(600.0)
    assert got.bad_debt.mean.value == pytest.approx(20.0 + 18.0 + 20.0)


FAILURES: tuple[AnyFailure, ...] = (
    lasting(),
    lasting(grace_seconds=300.0, top_up_probability=0.5),
    Halt(intensity_per_year=1, duration=Lognormal(3_000.0, 1.0), resume=Resume(backlog=Backlog.RANDOM)),
    open_(HALT, 3e3),
    Reorg(intensity_per_year=1, duration=Fixed(HALT)),
    StaleOracle(intensity_per_year=1, duration=Fixed(HALT), resume=Resume(stale_oracle_seconds=900.0)),
    Censorship(intensity_per_year=1, duration=Fixed(HALT), share=0.5, resume=Resume(top_up_probability=0.6)),
    BridgeDelay(intensity_per_year=1, duration=Fixed(HALT), resume=Resume(top_up_probability=0.6)),
    Ordering(intensity_per_year=1, duration=Fixed(HALT), slippage=0.02),
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("book", [isolated(120), crossed(60)], ids=["isolated", "cross"])
def test_nothing_is_lost_on_the_way(failure: AnyFailure, book: Book) -> None:
    """Notional is liquidated or open; bad debt is paid by the fund or uncovered; the fund's account adds up."""
    rules = Flat(
        rate=0.02, notional_per_second=2e4,
        liquidation=Liquidation(penalty=0.01, keeper_share=0.4, step=0.3, cooldown_seconds=30.0),
    )  # fmt: skip
    fund = 2e5
    got = outcomes(
        book, rules, VenueState(insurance_fund=fund), jump_diffusion(book.assets, common=Jumps(4_000.0, -0.03, 0.05)),
        failure, liquidity.illustrative(book.assets), paths=300, grid=Grid(60.0, 30.0, 1_800.0), seed=7,
        keepers=Keepers(gas=0.5),
    )  # fmt: skip
    whole = float(book.notional.sum())
    assert got[:, outcome.LIQUIDATED].max() > 0.05 * whole
    assert np.abs(got[:, outcome.LIQUIDATED] + got[:, outcome.OPEN] - whole).max() < 1e-9 * whole
    paid = got[:, outcome.FUND_USED] + got[:, outcome.UNCOVERED]
    assert paid == pytest.approx(got[:, outcome.BAD_DEBT], rel=1e-9, abs=1e-6)
    left = fund - got[:, outcome.FUND_USED] + 0.6 * got[:, outcome.PENALTIES]
    assert left == pytest.approx(got[:, outcome.FUND_LEFT], rel=1e-9, abs=1e-6)
    assert (got[:, outcome.FUND_LEFT] >= -1e-6).all()
    assert (got[:, outcome.FAILED] <= got[:, outcome.CROSSED]).all()
    assert np.isfinite(got).all()


@pytest.mark.parametrize("family", ["dydx", "gmx", "synthetix", "hyperliquid", "perp-v2", "vega", "lab", "drift"])
def test_every_linear_family_costs_what_equity_is_below_nothing(family: str) -> None:
    """After a halt, before anything but liquidations can happen, without impact."""
    book = dataclasses.replace(isolated(200), assets=("BTC", "ETH"))
    rules = load(family, {"liquidation.grace_seconds": 0.0})
    model = jump_diffusion(book.assets, common=Jumps(4_000.0, -0.03, 0.05))
    arguments = (VenueState(insurance_fund=1e6), model, lasting(), liquidity.infinite(book.assets))
    grid, paths = Grid(1e9, 60.0, 0.0), 200
    got = outcomes(
        book, rules, *arguments, paths=paths, grid=grid, seed=1, funding=Funding(clamp_per_hour=0.0)
    )  # fmt: skip
    expected = outcomes(book, Flat(), *arguments, paths=paths, grid=grid, seed=1)[:, outcome.BAD_DEBT]
    assert expected.max() > 1e5
    assert got[:, outcome.BAD_DEBT] == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert got[:, outcome.LIQUIDATED].max() > 0


def test_loans_cost_what_collateral_is_worth_less_than_debt() -> None:
    book, rules = positions.example("loans"), Lending()
    model = jump_diffusion(book.assets, common=Jumps(20_000.0, -0.02, 0.08), own=Jumps(5_000.0, 0.0, 0.1))
    at = walked(book, model, lasting(), Grid(1e9, 60.0, 0.0), 300, 1, rules)
    expected = [float(np.maximum(-book.equity(each[-1]), 0.0).sum()) for each in at]
    got = outcomes(
        book, rules, VenueState(), model, lasting(), liquidity.infinite(book.assets), paths=300,
        grid=Grid(1e9, 60.0, 0.0), seed=1,
    )  # fmt: skip
    assert np.count_nonzero(expected) > 20
    assert got[:, outcome.BAD_DEBT] == pytest.approx(expected, rel=1e-9, abs=1e-6)
    short = [int(rules.liquidatable(book, each[-1], VenueState()).sum()) for each in at]
    assert got[:, outcome.CROSSED].tolist() == short
