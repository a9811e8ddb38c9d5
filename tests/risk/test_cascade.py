"""The cascade against closed forms, plain revaluation, the terminal layer, and its own second kernel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from risk.cascade_bed import HALT, Flat, coarse, crossed, falling, isolated, lasting, open_, perpetuals, walked
from rollproof.risk import liquidity, terminal
from rollproof.risk.cascade import cascade, outcome, outcomes
from rollproof.risk.cascade.timing import Grid
from rollproof.risk.closed.cascade_limit import total_drop
from rollproof.risk.closed.outage import bad_debt, shortfall_probability
from rollproof.risk.closed.passage import crossing_probability
from rollproof.risk.duration import Exponential, Lognormal
from rollproof.risk.failure import AnyFailure, Halt, Ordering
from rollproof.risk.liquidity import Liquidity
from rollproof.risk.market import YEAR, Jumps, gbm, jump_diffusion
from rollproof.venue.book import Book
from rollproof.venue.rules.liquidation import Liquidation
from rollproof.venue.state import VenueState

MERTON = Jumps(50.0, -0.04, 0.05)
PAID = Flat(liquidation=Liquidation(penalty=0.02, keeper_share=0.3))
BARE = Flat(rate=0.0)  # liquidated at bankruptcy


def free(book: Book) -> Liquidity:
    return liquidity.infinite(book.assets)


def alone(margin: float, size: float = 1.0) -> Book:
    """One position at 100, with so much margin of its notional."""
    return perpetuals(("X",), [0], [size], [margin * 100 * abs(size)])


@pytest.mark.parametrize("book", [isolated(300), crossed(150)], ids=["isolated", "cross"])
@pytest.mark.parametrize(("step", "paths"), [(1e9, 1_500), (600.0, 300)], ids=["one step", "many"])
def test_a_halt_costs_what_equity_is_below_nothing_at_resume(book: Book, step: float, paths: int) -> None:
    failure = Halt(intensity_per_year=1.0, duration=Lognormal(6_000.0, 1.0))
    model, grid = jump_diffusion(book.assets, own=Jumps(200.0, 0.0, 0.1)), Grid(step, 60.0, 0.0)
    given = (book, PAID, VenueState(), model, failure, free(book))
    at = walked(book, model, failure, grid, paths, 9)
    equity = np.array([book.equity(each[-1]) for each in at])
    expected = np.maximum(-equity, 0.0).sum(axis=1)
    assert expected.max() > 1e5
    crossed_on_the_way = [
        int(np.any([PAID.liquidatable(book, prices_, VenueState()) for prices_ in each], axis=0).sum()) for each in at
    ]
    for general in (False, True):
        got = outcomes(*given, paths=paths, grid=grid, seed=9, general=general)
        assert np.abs(got[:, outcome.BAD_DEBT] - expected).max() <= 1e-9 * expected.max()
        assert got[:, outcome.FAILED].tolist() == (equity < 0).sum(axis=1).tolist()
        assert got[:, outcome.CROSSED].tolist() == crossed_on_the_way


@pytest.mark.parametrize("impact", [0.0, 3e-9])
@pytest.mark.parametrize(
    "failure", [lasting(), open_(HALT), lasting(grace_seconds=600.0)], ids=["halt", "open", "grace"]
)
def test_both_kernels_say_the_same(failure: AnyFailure, impact: float) -> None:
    book = isolated(400)
    markets = liquidity.linear(book.assets, impact, 900.0) if impact else liquidity.illustrative(book.assets)
    # A fund that is never empty: within a step the kernels do not draw on it in the same order.
    both = [
        outcomes(
            book, PAID, VenueState(insurance_fund=1e12), jump_diffusion(book.assets), failure, markets, paths=800,
            grid=Grid(60.0, 30.0, 1_800.0), seed=3, general=general,
        )
        for general in (False, True)
    ]  # fmt: skip
    assert both[0][:, outcome.LIQUIDATED].max() > 1e6
    scale = np.abs(both[0]).max(axis=0)
    assert (np.abs(both[0] - both[1]).max(axis=0) <= 1e-9 * scale + 1e-9).all()


@pytest.mark.parametrize("jumps", [None, MERTON], ids=["diffusion", "jumps"])
@pytest.mark.parametrize("size", [1.0, -1.0], ids=["long", "short"])
def test_the_closed_form_of_an_outage(jumps: Jumps | None, size: float) -> None:
    book, paths = alone(0.025, size), 400_000
    model = gbm(("X",)) if jumps is None else jump_diffusion(("X",), common=jumps)
    got = outcomes(
        book, BARE, VenueState(), model, lasting(), free(book), paths=paths, grid=coarse(HALT), seed=1, workers=2
    )
    probability = float(shortfall_probability(size, 0.025, 0.8, HALT / YEAR, jumps=jumps))
    lost = float(bad_debt(size, 0.025, 0.8, HALT / YEAR, jumps=jumps)) * 100
    if size > 0:  # computed elsewhere, by series and by another Monte Carlo
        assert probability == pytest.approx(1.682135e-2 if jumps is None else 2.193467e-2, rel=1e-6)
        assert lost == pytest.approx(6.979196e-3 if jumps is None else 3.585208e-2, rel=1e-6)
    failed, bad = got[:, outcome.FAILED], got[:, outcome.BAD_DEBT]
    assert abs(failed.mean() - probability) < 4 * np.sqrt(probability / paths)
    assert abs(bad.mean() - lost) < 4 * bad.std() / np.sqrt(paths)


def test_an_outage_of_random_length() -> None:
    book, paths = alone(0.0125), 400_000
    failure = Halt(intensity_per_year=1.0, duration=Exponential(3_600.0))
    got = outcomes(
        book, BARE, VenueState(), gbm(("X",)), failure, free(book), paths=paths, grid=coarse(1e9), seed=2, workers=2
    )
    # The law at an exponential time is an asymmetric Laplace law.
    assert abs(got[:, outcome.FAILED].mean() - 6.297240e-2) < 4 * np.sqrt(0.063 / paths)
    bad = got[:, outcome.BAD_DEBT] / 100
    assert abs(bad.mean() - 3.747122e-4) < 4 * bad.std() / np.sqrt(paths)


@pytest.mark.parametrize("jumps", [None, MERTON], ids=["diffusion", "jumps"])
def test_crossings_of_a_level_that_is_looked_at_every_minute(jumps: Jumps | None) -> None:
    book, paths = alone(0.025), 150_000
    model = gbm(("X",)) if jumps is None else jump_diffusion(("X",), common=jumps)
    got = outcomes(
        book,
        BARE,
        VenueState(),
        model,
        lasting(),
        free(book),
        paths=paths,
        grid=Grid(60.0, 60.0, 0.0),
        seed=4,
        workers=2,
    )
    seen = got[:, outcome.CROSSED].mean()
    expected = float(crossing_probability(1.0, 0.025, 0.8, HALT / YEAR, jumps=jumps, step_years=60 / YEAR))
    assert abs(seen - expected) < 4 * np.sqrt(expected / paths)
    if jumps is None:
        assert expected == pytest.approx(0.029313, abs=2e-6)  # Broadie, Glasserman and Kou's correction
        assert 0.033571 - seen > 8 * np.sqrt(expected / paths)  # the continuous law is another


def ladder(strength: float, impact: float, spacing: float = 4e-5, deep: float = 0.55) -> Book:
    """Longs whose liquidation levels are evenly spaced in the logarithm, with ``strength`` / ``impact`` notional in
    each unit of it when they are reached."""
    level = np.exp(-np.arange(spacing / 2, deep, spacing))
    size = strength / impact * spacing / (100 * level)
    margin = size * (100 - 100 * level * (1 - 0.005))
    return perpetuals(("X",), [0] * len(size), size.tolist(), margin.tolist())


@pytest.mark.parametrize("general", [False, True], ids=["isolated", "general"])
@pytest.mark.parametrize(("strength", "drop"), [(0.2, 0.025), (0.5, 0.04), (0.8, 0.1), (0.95, 0.4)])
def test_a_cascade_drops_as_far_as_the_geometric_series(strength: float, drop: float, general: bool) -> None:
    impact = 1e-8
    book = ladder(strength, impact)
    assert float(total_drop(0.02, impact, strength / impact)) == pytest.approx(drop)
    got = outcomes(
        book, Flat(), VenueState(), falling(("X",), -0.02, 3_600.0), open_(3_600.0), liquidity.linear(("X",), impact),
        paths=1, grid=Grid(3.6, 3.6, 0.0), seed=1, general=general,
    )[0]  # fmt: skip
    # One rung more or less is spacing / (1 - strength).
    assert got[outcome.MOVE] == pytest.approx(drop, abs=2 * 4e-5 / (1 - strength))
    # Notional is counted at the marks, so a rung at level x counts as exp(x) of its own.
    ratio = got[outcome.LIQUIDATED] / got[outcome.LIQUIDATED_FREE]
    assert ratio == pytest.approx(math.expm1(drop) / math.expm1(0.02), rel=0.01)
    assert got[outcome.BOUND] == 0


def test_a_cascade_without_a_limit_takes_the_whole_book() -> None:
    book = ladder(1.2, 1e-8)
    got = outcomes(
        book, Flat(), VenueState(), falling(("X",), -0.02, 3_600.0), open_(3_600.0), liquidity.linear(("X",), 1e-8),
        paths=1, grid=Grid(3.6, 3.6, 0.0), seed=1,
    )[0]  # fmt: skip
    assert got[outcome.OPEN] == pytest.approx(0.0, abs=1e-3)
    assert got[outcome.LIQUIDATED] == pytest.approx(float(book.notional.sum()))


def test_the_terminal_layer_says_the_same_of_a_halt() -> None:
    book = crossed(100)
    model = jump_diffusion(book.assets, own=Jumps(200.0, 0.0, 0.1))
    failure = Halt(intensity_per_year=1.0, duration=Lognormal(6_000.0, 0.8))
    exact = terminal.price(book, Flat(), VenueState(), model, failure, paths=32_768, seed=5).bad_debt
    stepped = cascade(
        book,
        Flat(),
        VenueState(),
        model,
        failure,
        free(book),
        paths=60_000,
        step_seconds=1e9,
        horizon_seconds=0.0,
        seed=6,
    )
    for ours, theirs in ((stepped.bad_debt.mean, exact.mean), (stepped.bad_debt.tails[1].es, exact.tails[1].es)):
        assert abs(ours.value - theirs.value) < 4 * np.hypot(ours.standard_error, theirs.standard_error)
    assert stepped.cascade_multiplier.value == 1.0
    assert stepped.price_multiplier.value == 1.0


def test_ordering_takes_its_share_of_what_is_liquidated() -> None:
    book = isolated(300)
    failure = Ordering(intensity_per_year=1.0, duration=open_(HALT).duration, slippage=0.01)
    arguments = (book, Flat(), VenueState(insurance_fund=1e12), jump_diffusion(book.assets))
    rest = {"paths": 500, "grid": Grid(60.0, 60.0, 0.0), "seed": 3}
    honest = outcomes(*arguments, open_(HALT), free(book), **rest)  # type: ignore[arg-type]
    for general in (False, True):
        got = outcomes(*arguments, failure, free(book), general=general, **rest)  # type: ignore[arg-type]
        assert got[:, outcome.LIQUIDATED] == pytest.approx(honest[:, outcome.LIQUIDATED])
        taken, closed = got[:, outcome.EXTRACTED], got[:, outcome.LIQUIDATED]
        # Notional is counted at the marks, and what is liquidated is worth less or more by then: by at most 40 %.
        assert (taken >= 0.006 * closed - 1e-6).all()
        assert (taken <= 0.014 * closed + 1e-6).all()
        more = got[:, outcome.BAD_DEBT] - honest[:, outcome.BAD_DEBT]
        assert (more >= -1e-6).all()
        assert more.max() > 1e3
