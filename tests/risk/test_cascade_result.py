"""What the cascade reports: the same whoever computes it, on the same markets, and adding up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from risk.cascade_bed import HALT, Flat, crossed, isolated, lasting, open_
from rollproof.risk import liquidity, preset
from rollproof.risk.cascade import cascade, outcome, outcomes
from rollproof.risk.cascade.block import BLOCK
from rollproof.risk.cascade.timing import Grid
from rollproof.risk.duration import Lognormal
from rollproof.risk.failure import AnyFailure, Halt, Load, Resume
from rollproof.risk.market import jump_diffusion
from rollproof.risk.plain import plain
from rollproof.venue import positions
from rollproof.venue.book import Book
from rollproof.venue.rules import registry
from rollproof.venue.rules.liquidation import AdlRank, Backstop, Liquidation
from rollproof.venue.state import VenueState

OUTAGE = Halt(
    intensity_per_year=1.0, duration=Lognormal(6_000.0, 1.27), load=Load(probability=0.4, volatility_multiplier=3)
)
RULES = Flat(liquidation=Liquidation(penalty=0.01), backstop=Backstop(adl_rank=AdlRank.PRO_RATA, socialised=True))
GRID = Grid(60.0, 60.0, 600.0)


@pytest.mark.parametrize("book", [isolated(60), crossed(30)], ids=["isolated", "cross"])
def test_the_number_of_workers_changes_nothing(book: Book) -> None:
    given = (book, RULES, VenueState(insurance_fund=1e4), jump_diffusion(book.assets), OUTAGE)
    rest = {"paths": 2 * BLOCK + 100, "horizon_seconds": 600.0, "seed": 5}
    told: list[tuple[int, int]] = []
    one = cascade(*given, liquidity.illustrative(book.assets), workers=1, **rest)  # type: ignore[arg-type]
    two = cascade(
        *given, liquidity.illustrative(book.assets), workers=2, progress=lambda *at: told.append(at), **rest  # type: ignore[arg-type]
    )  # fmt: skip
    assert plain(one.shown()) == plain(two.shown())
    assert (one.sample.losses == two.sample.losses).all()
    assert told[-1] == (3, 3)


@pytest.mark.slow
def test_processes_say_the_same() -> None:
    book = crossed(30)
    given = (book, RULES, VenueState(), jump_diffusion(book.assets), OUTAGE, liquidity.illustrative(book.assets))
    one, two = (
        cascade(*given, paths=2 * BLOCK, horizon_seconds=600.0, seed=5, engine=engine, workers=2)
        for engine in ("threads", "processes")
    )
    assert plain(one.shown()) == plain(two.shown())


def test_a_path_depends_on_its_number_and_the_seed() -> None:
    book = isolated(40)
    given = (book, RULES, VenueState(), jump_diffusion(book.assets), OUTAGE, liquidity.illustrative(book.assets))
    many = outcomes(*given, paths=BLOCK + 300, grid=GRID, seed=5)
    assert (outcomes(*given, paths=BLOCK + 200, grid=GRID, seed=5) == many[: BLOCK + 200]).all()
    other = outcomes(*given, paths=BLOCK + 300, grid=GRID, seed=6)
    assert not (other[:, outcome.SECONDS] == many[:, outcome.SECONDS]).any()


def test_markets_are_the_same_whatever_is_asked() -> None:
    """Other rules, liquidity, book, grace: the same lengths and the same prices at resume."""
    book = isolated(40, assets=("X",))
    base = outcomes(
        book, RULES, VenueState(), jump_diffusion(("X",)), OUTAGE, liquidity.illustrative(("X",)), paths=300, grid=GRID,
        seed=5,
    )  # fmt: skip
    changed = Halt(
        intensity_per_year=2.0, duration=OUTAGE.duration, load=OUTAGE.load,
        resume=Resume(grace_seconds=300.0, top_up_probability=0.5),
    )  # fmt: skip
    other = outcomes(
        isolated(50, 3, assets=("X",)), Flat(rate=0.05, notional_per_second=1e3), VenueState(), jump_diffusion(("X",)),
        changed, liquidity.infinite(("X",)), paths=300, grid=GRID, seed=5,
    )  # fmt: skip
    for column in (outcome.SECONDS, outcome.RESUME):
        assert (base[:, column] == other[:, column]).all()
    longer = outcomes(
        book, RULES, VenueState(), jump_diffusion(("X",)), OUTAGE, liquidity.infinite(("X",)), paths=300,
        grid=Grid(60.0, 60.0, 6_000.0), seed=5,
    )  # fmt: skip
    assert (base[:, outcome.RESUME] == longer[:, outcome.RESUME]).all()


def test_a_market_stressed_by_load_moves_more() -> None:
    book = isolated(40, assets=("X",))
    got = outcomes(
        book,
        RULES,
        VenueState(),
        jump_diffusion(("X",)),
        OUTAGE,
        liquidity.infinite(("X",)),
        paths=6_000,
        grid=GRID,
        seed=5,
    )
    scaled = np.abs(got[:, outcome.RESUME]) / np.sqrt(got[:, outcome.SECONDS])
    calm = Halt(intensity_per_year=1.0, duration=OUTAGE.duration)
    base = outcomes(
        book,
        RULES,
        VenueState(),
        jump_diffusion(("X",)),
        calm,
        liquidity.infinite(("X",)),
        paths=6_000,
        grid=GRID,
        seed=5,
    )
    before = np.abs(base[:, outcome.RESUME]) / np.sqrt(base[:, outcome.SECONDS])
    same = np.isclose(scaled, before)
    assert abs(same.mean() - 0.6) < 4 * math.sqrt(0.24 / 6_000)
    assert 2.0 < scaled[~same].mean() / before[~same].mean() < 4.0


@pytest.mark.parametrize(("failure", "kind"), [(lasting(), "halt"), (open_(HALT), "throughput")])
def test_figures_add_up(failure: AnyFailure, kind: str) -> None:
    book = isolated(300)
    got = cascade(
        book, RULES, VenueState(insurance_fund=2e4), jump_diffusion(book.assets), failure,
        liquidity.illustrative(book.assets), paths=3_000, seed=2,
    )  # fmt: skip
    paid = got.insurance_used.value + got.adl.value + got.socialised.value + got.providers.value
    assert paid == pytest.approx(got.bad_debt.mean.value)
    assert got.providers.value == 0  # these rules share the rest
    assert got.adl.value > 0
    assert 0 < got.adl_haircut.value <= 1
    assert 0 < got.liquidation_failure.value < 1
    assert got.cascade_multiplier.value - 4 * got.cascade_multiplier.standard_error > 1
    assert got.price_multiplier.value > 1
    assert got.kernel == "isolated"
    assert got.liquidated.tails[1].var.value <= book.notional.sum()
    shown = plain(got.shown())
    assert shown["kind"] == kind
    assert "sample" not in shown
    assert len(shown["path"]["seconds"]) == len(shown["path"]["price"])


def test_the_path_that_is_shown_is_the_one_near_the_99_percent_loss() -> None:
    book = isolated(300)
    got = cascade(
        book, RULES, VenueState(insurance_fund=2e4), jump_diffusion(book.assets), OUTAGE,
        liquidity.illustrative(book.assets), paths=2_000, seed=2,
    )  # fmt: skip
    losses, path = got.sample.losses, got.path
    assert np.sort(losses)[1_979] == losses[path.path]
    assert losses[path.path] == pytest.approx(got.bad_debt.tails[1].var.value)
    assert path.bad_debt[-1] == pytest.approx(losses[path.path])
    assert (np.diff(path.seconds) > 0).all()
    assert (np.diff(path.liquidated) >= 0).all()
    before = path.seconds < path.resumed - 1e-6
    assert not path.liquidated[before].any()
    assert path.queue[before].max() > 0
    assert path.queue[-1] == pytest.approx(0, abs=1e-6)
    assert path.seconds[-1] == pytest.approx(path.resumed + 3_600)


def test_notes_say_what_was_not_counted() -> None:
    book = isolated(30)
    failure = Halt(
        intensity_per_year=1, duration=Lognormal(6_000.0, 3.0), load=Load(probability=0.1),
        resume=Resume(withdrawal_lock_seconds=60.0, top_up_probability=0.5, stale_oracle_seconds=60.0),
    )  # fmt: skip
    said = " ".join(
        cascade(
            book, Flat(rate=0.1), VenueState(), jump_diffusion(book.assets), failure,
            liquidity.linear(book.assets, 1e-5), paths=400, step_seconds=600.0, seed=2,
        ).notes
    )  # fmt: skip
    for word in (
        "withdrawal lock",
        "grace period",
        "stale",
        "stressed by load",
        "at the marks",
        "most that is counted",
    ):
        assert word in said
    assert "longer than" in said


def test_a_capped_penalty_leaves_the_rest_of_a_position_its_margin() -> None:
    """Ten steps that each take 1.5 % of what they close eat a 1.2 % maintenance margin; a share of equity does not."""
    book = positions.example()
    capped = registry.load("dydx")
    assert capped.liquidation.penalty_capped
    raw = registry.load("dydx", {"liquidation": {"penalty_capped": False}})
    failed = []
    for rules in (raw, capped):
        found = cascade(
            book, rules, VenueState.of(book), jump_diffusion(book.assets), preset.load("base-2026-06").failures[0],
            liquidity.infinite(book.assets), paths=1_024, seed=3,
        )  # fmt: skip
        failed.append(found.liquidation_failure.value)
    assert failed[1] < 0.7 * failed[0]
