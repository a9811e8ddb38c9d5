"""Who may do what when, on paths so simple that the outcome is worked out by hand. Prices are 100 (X) and 2000 (Y)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from risk.cascade_bed import HALT, Flat, falling, isolated, lasting, open_, perpetuals
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.risk import liquidity
from rollproof.risk.cascade import Funding, Keepers, cascade, outcome, outcomes
from rollproof.risk.cascade.timing import Grid
from rollproof.risk.duration import Fixed
from rollproof.risk.failure import (
    AnyFailure,
    BridgeDelay,
    Censorship,
    Halt,
    InvalidState,
    Reorg,
    Resume,
    StaleOracle,
)
from rollproof.risk.market import jump_diffusion
from rollproof.venue.book import Book, Floats, Kind
from rollproof.venue.rules.liquidation import Liquidation
from rollproof.venue.rules.registry import load
from rollproof.venue.state import VenueState

HOUR = 3_600.0
RULES = Flat(rate=0.02)


def after(
    book: Book, moves: float | list[float], failure: AnyFailure | None = None, rules: Flat = RULES,
    state: VenueState | None = None, *, horizon: float = 0.0, step: float = HOUR, later: float = 60.0,
    keepers: Keepers | None = None, funding: Funding | None = None,
) -> Floats:  # fmt: skip
    """What is noted where prices move by these shares, evenly, in an hour's halt if nothing else is said."""
    model = falling(book.assets, [math.log1p(move) for move in np.atleast_1d(moves)], HOUR)
    got = outcomes(
        book, rules, state or VenueState(), model, failure or lasting(HOUR), liquidity.infinite(book.assets), paths=1,
        grid=Grid(step, later, horizon), seed=1, keepers=keepers, funding=funding, general=True,
    )  # fmt: skip
    return np.asarray(got[0])


def long(cash: float, size: float = 1.0) -> Book:
    return perpetuals(("X",), [0], [size], [cash])


def penalised(**settings: float | bool) -> Flat:
    return Flat(rate=0.02, liquidation=Liquidation(**settings))  # type: ignore[arg-type]


def test_a_whole_liquidation_pays_a_penalty_as_far_as_equity_goes() -> None:
    # At 98 equity is 3 - 2 = 1, below 2 % of 98. The penalty of 1 % is 0.98: the keeper's third, and the fund's rest.
    got = after(
        long(3.0), -0.02, rules=penalised(penalty=0.01, keeper_share=0.25), state=VenueState(insurance_fund=7.0)
    )
    assert got[outcome.PENALTIES] == pytest.approx(0.98)
    assert got[outcome.FUND_LEFT] == pytest.approx(7.0 + 0.75 * 0.98)
    assert (got[outcome.LIQUIDATED], got[outcome.OPEN], got[outcome.BAD_DEBT]) == pytest.approx((100.0, 0.0, 0.0))
    # At 97.5 equity is 0.5, and so is the penalty.
    assert after(long(3.0), -0.025, rules=penalised(penalty=0.01))[outcome.PENALTIES] == pytest.approx(0.5)


def test_bad_debt_is_paid_by_the_fund_and_then_by_winners() -> None:
    book = perpetuals(("X",), [0, 0], [1.0, -2.0], [3.0, 100.0])
    got = after(book, -0.1, state=VenueState(insurance_fund=2.0))
    assert (got[outcome.BAD_DEBT], got[outcome.FUND_USED]) == pytest.approx((7.0, 2.0))
    assert (got[outcome.UNCOVERED], got[outcome.PROFITS]) == pytest.approx((5.0, 20.0))
    assert (got[outcome.CROSSED], got[outcome.FAILED]) == (1, 1)


def test_half_is_enough_where_half_is_the_step() -> None:
    # Half closed, equity of 1 stands against 2 % of 49.
    got = after(long(3.0), -0.02, rules=penalised(step=0.5))
    assert (got[outcome.LIQUIDATED], got[outcome.OPEN]) == pytest.approx((50.0, 50.0))
    # With a maintenance rate of 20 % it takes five halves: 0.2 * 98 / 2^n < 1.
    rules = Flat(rate=0.2, liquidation=Liquidation(step=0.5))
    assert after(long(3.0), -0.02, rules=rules)[outcome.LIQUIDATED] == pytest.approx(100 * (1 - 2.0**-5))


def test_a_cooldown_spreads_steps_over_time() -> None:
    rules = Flat(rate=0.2, liquidation=Liquidation(step=0.5, cooldown_seconds=60.0))
    still = lasting(HOUR * 1e6)  # so long that prices stand still after it
    model = falling(("X",), math.log(0.98), HOUR * 1e6)
    for minutes, halves in ((0, 1), (1, 2), (2, 3), (10, 5)):
        got = outcomes(
            long(3.0), rules, VenueState(), model, still, liquidity.infinite(("X",)), paths=1,
            grid=Grid(1e12, 60.0, minutes * 60.0), seed=1,
        )[0]  # fmt: skip
        assert got[outcome.LIQUIDATED] == pytest.approx(100 * (1 - 2.0**-halves), rel=1e-6)
        assert got[outcome.CLEARED] == pytest.approx((halves - 1) * 60.0)


def test_who_is_bankrupt_is_closed_whole() -> None:
    got = after(long(3.0), -0.05, rules=penalised(step=0.1))
    assert (got[outcome.LIQUIDATED], got[outcome.BAD_DEBT]) == pytest.approx((100.0, 2.0))


def test_a_cross_margined_account_is_looked_at_as_a_whole() -> None:
    both = perpetuals(("X", "Y"), [0, 1], [1.0, -0.05], [5.0], [0, 0])
    assert after(both, [-0.3, -0.3])[outcome.CROSSED] == 0  # one leg pays for the other
    got = after(both, [-0.1, 0.0])
    assert (got[outcome.LIQUIDATED], got[outcome.BAD_DEBT]) == pytest.approx((200.0, 5.0))
    apart = perpetuals(("X", "Y"), [0, 1], [1.0, -0.05], [2.5, 2.5])
    got = after(apart, [-0.1, 0.0])
    assert (got[outcome.LIQUIDATED], got[outcome.BAD_DEBT]) == pytest.approx((100.0, 7.5))


@pytest.mark.parametrize(("price", "lost", "bad"), [(85.0, 0.0, 0.0), (81.0, 100.0, 0.0), (75.0, 100.0, 5.0)])
def test_collateral_is_sold_for_what_is_owed(price: float, lost: float, bad: float) -> None:
    """A long of 100 with 0.01 Y, worth 20, behind it: healthy, sold in part, not enough."""
    book = perpetuals(("X", "Y"), [0, 1], [1.0, 0.01], [0.0], [0, 0], [Kind.PERPETUAL, Kind.COLLATERAL])
    got = after(book, [price / 100 - 1, 0.0])
    assert (got[outcome.LIQUIDATED], got[outcome.BAD_DEBT]) == pytest.approx((lost, bad), abs=1e-9)


def test_a_loan_is_repaid_out_of_its_collateral() -> None:
    """1 Y of debt against 30 X: a haircut of half on what is held makes it short, and half of it is repaid."""

    class Haircut(Flat, frozen=True, forbid_unknown_fields=True, kw_only=True):
        kinds = frozenset({Kind.COLLATERAL, Kind.DEBT})

        def weights(self, book: Book, state: VenueState) -> Floats:
            return np.where(book.kind == Kind.COLLATERAL, 0.8, 1.0)

    book = perpetuals(("X", "Y"), [0, 1], [30.0, 1.0], [0.0], [0, 0], [Kind.COLLATERAL, Kind.DEBT])
    rules = Haircut(liquidation=Liquidation(step=0.5, penalty=0.05, keeper_share=1.0))
    assert after(book, [-0.1, 0.0], rules=rules)[outcome.LIQUIDATED] == 0.0  # 0.8 * 2700 > 2000
    # At 80: half of the debt, 1000, and 50 of bonus, out of 2400; 0.8 * 1350 > 1000 is left.
    got = after(book, [-0.2, 0.0], rules=rules)
    assert (got[outcome.LIQUIDATED], got[outcome.OPEN]) == pytest.approx((1000.0, 1000.0))
    assert (got[outcome.PENALTIES], got[outcome.BAD_DEBT]) == pytest.approx((50.0, 0.0))
    assert after(book, [-0.4, 0.0], rules=rules)[outcome.BAD_DEBT] == pytest.approx(200.0)


def test_keepers_stay_away_where_it_does_not_pay() -> None:
    rules = penalised(penalty=0.01, keeper_share=0.5)  # at 98: 0.49
    assert after(long(3.0), -0.02, rules=rules, keepers=Keepers(gas=0.48))[outcome.LIQUIDATED] == 100
    got = after(long(3.0), -0.02, rules=rules, keepers=Keepers(gas=0.50))
    assert (got[outcome.LIQUIDATED], got[outcome.UNPAID], got[outcome.CROSSED]) == (0, 1, 1)
    # Nobody is paid for closing who is bankrupt: the position stays, and its debt with it.
    got = after(long(3.0), -0.05, rules=rules, keepers=Keepers(gas=0.01))
    assert (got[outcome.LIQUIDATED], got[outcome.BAD_DEBT]) == pytest.approx((0.0, 2.0))


@pytest.mark.parametrize(("fund", "liquidated"), [(1.9, 0.0), (2.1, 100.0)])
def test_a_liquidation_reverts_where_the_fund_cannot_cover(fund: float, liquidated: float) -> None:
    rules = penalised(fund_must_cover=True)
    got = after(long(3.0), -0.05, rules=rules, state=VenueState(insurance_fund=fund))
    assert (got[outcome.LIQUIDATED], got[outcome.BAD_DEBT]) == pytest.approx((liquidated, 2.0))
    assert got[outcome.REFUSED] == (liquidated == 0)
    assert got[outcome.FUND_USED] == pytest.approx(2.0 if liquidated else 0.0)


@pytest.mark.parametrize(("rate", "clamp", "liquidated"), [(0.01, 1.0, 100.0), (0.01, 0.004, 0.0), (-0.01, 1.0, 0.0)])
def test_funding_eats_margin(rate: float, clamp: float, liquidated: float) -> None:
    """Equity of 3 stands against 2; two hours cost 2, or 0.8 where the rate is clamped."""
    funding = Funding(rate_per_hour=rate, clamp_per_hour=clamp)
    got = after(long(3.0), 0.0, open_(2 * HOUR), step=600.0, funding=funding)
    assert got[outcome.LIQUIDATED] == liquidated
    short = after(long(3.0, -1.0), 0.0, open_(2 * HOUR), step=600.0, funding=funding)
    assert short[outcome.LIQUIDATED] == (100.0 if rate < 0 else 0.0)  # who pays and who gets


def test_the_grace_period_lets_who_is_solvent_top_up() -> None:
    book = perpetuals(("X",), [0] * 3, [1.0] * 3, [3.0, 6.0, 50.0])
    # At 95: bankrupt by 2; equity of 1 against 1.9, and 3.8 to begin with; healthy.
    for probability, added, left in ((0.0, 0.0, 100.0), (1.0, 2.8, 200.0)):
        failure = lasting(HOUR, grace_seconds=1e-3, top_up_probability=probability)
        got = after(book, -0.05, failure, horizon=1e-3, later=1e-3)
        assert got[outcome.TOPPED_UP] == pytest.approx(added, abs=1e-4)
        assert (got[outcome.OPEN], got[outcome.BAD_DEBT]) == pytest.approx((left, 2.0), abs=1e-4)


def test_nobody_is_liquidated_in_the_grace_period() -> None:
    book = long(3.0)
    falls = after(book, -0.02, lasting(HOUR, grace_seconds=600.0), horizon=900.0)
    # 70 minutes at this pace: 100 * 0.98^(7/6); the position is bankrupt at 97.
    assert falls[outcome.CLEARED] == 0
    assert falls[outcome.BAD_DEBT] == 0
    later = after(book, -0.03, lasting(HOUR, grace_seconds=600.0), horizon=900.0)
    assert later[outcome.BAD_DEBT] == pytest.approx(97 - 100 * 0.97 ** (7 / 6))


def test_censored_users_do_not_answer_margin_calls() -> None:
    # The call comes at 99, halfway from the maintenance margin to the initial one, and the answer is 1. Without it
    # equity of 4 is short of 2 % at 97.96.
    for share, added, liquidated in ((0.0, 1.0, 0.0), (1.0, 0.0, 100.0)):
        for failure in (
            Censorship(intensity_per_year=1, duration=Fixed(HOUR), share=share, resume=Resume(top_up_probability=1.0)),
            BridgeDelay(
                intensity_per_year=1, duration=Fixed(HOUR), reliance=share, resume=Resume(top_up_probability=1.0)
            ),
        ):
            got = after(long(4.0), -0.025, failure, step=6.0)
            assert got[outcome.TOPPED_UP] == pytest.approx(added, abs=0.03)
            assert got[outcome.LIQUIDATED] == liquidated


def test_a_stale_price_at_resume_liquidates_who_is_healthy() -> None:
    book = long(1.5)  # below its margin of 2 at the start, above it after 5 % more
    fresh = after(book, 0.05)
    assert (fresh[outcome.LIQUIDATED], fresh[outcome.WRONGFUL]) == (0.0, 0.0)
    stale = after(book, 0.05, lasting(HOUR, stale_oracle_seconds=2 * HOUR))
    assert (stale[outcome.LIQUIDATED], stale[outcome.WRONGFUL]) == (100.0, 100.0)
    # Of a pool the position is closed at the venue's price: 1.5 is left, and not 6.5.
    for pool, penalty in ((math.inf, 6.5), (1e9, 1.5)):
        rules = penalised(penalty=1.0)
        got = after(book, 0.05, lasting(HOUR, stale_oracle_seconds=2 * HOUR), rules, VenueState(pool=pool))
        assert got[outcome.PENALTIES] == pytest.approx(penalty)


def test_who_trades_at_a_stale_price_takes_the_gap_less_the_fee() -> None:
    failure = StaleOracle(intensity_per_year=1, duration=Fixed(HOUR), share=0.5, fee=0.001)
    got = after(perpetuals(("X",), [0, 0], [1.0, -1.0], [50.0, 50.0]), 0.03, failure, step=60.0)
    assert got[outcome.EXTRACTED] == pytest.approx(0.5 * 100 * (0.03 - 0.001))
    assert got[outcome.LIQUIDATED] == 0


def test_a_reorganisation_undoes_liquidations_and_costs_what_a_halt_does() -> None:
    book = isolated(200)
    reorg = Reorg(intensity_per_year=1, duration=Fixed(HALT))
    halted, undone = (
        outcomes(
            book, Flat(), VenueState(insurance_fund=1e5), jump_diffusion(book.assets), failure,
            liquidity.illustrative(book.assets), paths=600, grid=Grid(60.0, 60.0, 1_200.0), seed=2, general=True,
        )
        for failure in (lasting(), reorg)
    )  # fmt: skip
    assert undone[:, outcome.UNDONE].max() > 1e5
    assert halted[:, outcome.UNDONE].max() == 0
    for column in (outcome.BAD_DEBT, outcome.LIQUIDATED, outcome.FUND_LEFT, outcome.OPEN):
        assert undone[:, column] == pytest.approx(halted[:, column])


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda a: {**a, "failure": InvalidState(intensity_per_year=1, duration=Fixed(1.0), balance_error=0.1)},
         Unsupported, "invalid-state"),
        (lambda a: {**a, "liquidity": liquidity.infinite(("Z",))}, Missing, "'X'"),
        (lambda a: {**a, "model": jump_diffusion(("Z",))}, Missing, "'X'"),
        (lambda a: {**a, "paths": 0}, Malformed, "0 paths"),
        (lambda a: {**a, "step_seconds": math.nan}, Malformed, "step_seconds"),
        (lambda a: {**a, "horizon_seconds": -1.0}, Malformed, "horizon_seconds"),
        (lambda a: {**a, "failure": lasting(1.0, grace_seconds=90.0), "horizon_seconds": 60.0}, Malformed, "grace"),
    ],
)  # fmt: skip
def test_refused_by_name(
    change: Callable[[dict[str, object]], dict[str, object]], error: type[Exception], said: str
) -> None:
    given: dict[str, object] = {
        "book": long(3.0), "rules": RULES, "state": VenueState(), "model": jump_diffusion(("X",)),
        "failure": Halt(intensity_per_year=1, duration=Fixed(60.0)), "liquidity": liquidity.infinite(("X",)),
        "paths": 4,
    }  # fmt: skip
    cascade(**given)  # type: ignore[arg-type]
    with pytest.raises(error, match=said):
        cascade(**change(given))  # type: ignore[arg-type]


def test_what_is_not_linear_is_refused_by_name() -> None:
    given = (VenueState(), jump_diffusion(("X",)), lasting(60.0), liquidity.infinite(("X",)))
    with pytest.raises(Unsupported, match="deribit"):
        cascade(long(3.0), load("deribit"), *given, paths=1)
    option = perpetuals(("X",), [0], [1.0], [50.0], [0], [Kind.CALL])
    with pytest.raises(Unsupported, match="1 of 1 rows are options"):
        cascade(option, RULES, *given, paths=1)
    portfolio = dataclasses.replace(long(3.0), mode=np.full(1, 2, np.int8))
    with pytest.raises(Unsupported, match="1 of 1 subaccounts are portfolio"):
        cascade(portfolio, RULES, *given, paths=1)
    for gas in (-1.0, math.nan):
        with pytest.raises(Malformed):
            Keepers(gas=gas)
    with pytest.raises(Malformed):
        Funding(rate_per_hour=math.inf)
