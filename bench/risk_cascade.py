"""The cascade's kernels: paths a second of processor time, against the same steps in vectorised NumPy."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from bench.timing import table
from rollproof.risk import liquidity
from rollproof.risk.cascade import outcome, outcomes
from rollproof.risk.cascade.timing import Grid
from rollproof.risk.duration import Fixed
from rollproof.risk.failure import AnyFailure, Halt, Throughput
from rollproof.risk.market import YEAR, Model, gbm, jump_diffusion
from rollproof.venue.book import Book, Floats, Mode
from rollproof.venue.rules.registry import load
from rollproof.venue.state import VenueState

SEED = 1
ROUNDS = 3
MINUTES = 120
GRID = Grid(60.0, 60.0, 0.0)
RULES = load("vega", {"slippage": 0.002})  # whole positions at once, no throughput cap
RATE = 0.01


def run() -> str:
    return "\n\n".join((_against_numpy(), _books()))


def _against_numpy() -> str:
    """One asset, 1000 longs, two hours in which liquidations go on, at a diffusion that NumPy can draw as well."""
    book, model = _alone(1_000, 1), gbm(("A",))
    paths = 20_000
    _simulate(book, _open(), model, 8)
    ours = _cpu(lambda: _simulate(book, _open(), model, paths))
    theirs = _cpu(lambda: _numpy(book, model, paths))
    got, peer = _simulate(book, _open(), model, paths), _numpy(book, model, paths)
    error = math.hypot(*(each.std() / math.sqrt(paths) for each in (got, peer)))
    head = ("1 asset, 1000 longs, 120 minutes, with impact", "paths / CPU s", "notional liquidated", "s.e.")
    rows = [
        ("isolated kernel", f"{paths / ours:,.0f}", f"{got.mean():.4g}", f"{got.std() / math.sqrt(paths):.1g}"),
        (
            "NumPy, all paths at once",
            f"{paths / theirs:,.0f}",
            f"{peer.mean():.4g}",
            f"{peer.std() / math.sqrt(paths):.1g}",
        ),
        ("ratio", f"{theirs / ours:.1f}", f"{got.mean() / peer.mean():.3f}", f"{error / peer.mean():.1g}"),
    ]
    return table(head, rows)


def _books() -> str:
    """What each book costs, with impact and the run without it that the multiplier needs."""
    halt = Halt(intensity_per_year=1.0, duration=Fixed(MINUTES * 60.0))
    jumps = {count: jump_diffusion([f"A{a}" for a in range(count)] if count > 1 else ["A"]) for count in (1, 20)}
    cases: list[tuple[str, Book, AnyFailure, bool, int]] = [
        ("1000 positions, 1 asset, open venue", _alone(1_000, 1), _open(), False, 40_000),
        ("the same, general kernel", _alone(1_000, 1), _open(), True, 1_500),
        ("1000 positions of 2 to 8 times leverage, open venue", _alone(1_000, 1, 2.0, 8.0), _open(), False, 40_000),
        ("1000 positions, 1 asset, halt", _alone(1_000, 1), halt, False, 40_000),
        ("1000 positions, 20 assets, halt", _alone(1_000, 20), halt, False, 8_000),
        ("100,000 positions, 20 assets, halt", _alone(100_000, 20), halt, False, 2_000),
        ("500 cross accounts, 1500 positions, 20 assets, halt", _cross(500, 20), halt, True, 1_000),
        ("the same, open venue", _cross(500, 20), _open(), True, 1_000),
    ]
    rows = []
    for name, book, failure, general, paths in cases:
        model = jumps[len(book.assets)]
        _simulate(book, failure, model, 8, general)
        seconds = _cpu(lambda: _simulate(book, failure, model, paths, general))  # noqa: B023 called at once
        rows.append((name, f"{paths:,}", f"{paths / seconds:,.0f}"))
    return table(("120 steps of a minute, then 60", "paths", "paths / CPU s"), rows)


def _simulate(book: Book, failure: AnyFailure, model: Model, paths: int, general: bool = False) -> Floats:
    """(paths,) notional liquidated."""
    grid = GRID if isinstance(failure, Throughput) else Grid(60.0, 60.0, 3_600.0)
    depth = liquidity.illustrative(book.assets)
    got = outcomes(book, RULES, VenueState(), model, failure, depth, paths=paths, grid=grid, seed=SEED, general=general)
    return np.asarray(got[:, outcome.LIQUIDATED])


def _open() -> Throughput:
    return Throughput(intensity_per_year=1.0, duration=Fixed(MINUTES * 60.0), notional_per_second=math.inf)


def _numpy(book: Book, model: Model, paths: int) -> Floats:
    """The same for longs in one asset: every step for all paths, rounds until nobody is left to liquidate."""
    price = RULES.liquidation_price(book, book.marks, VenueState()) / book.marks[0]
    order = np.argsort(-price)
    level = -np.log(price[order])  # rising
    units = np.concatenate((np.zeros(1), np.cumsum(book.size[order])))
    depth = liquidity.illustrative(book.assets)
    decay = 2.0 ** (-60.0 / depth.half_life_seconds[0])
    rng = np.random.default_rng(SEED)
    drift, deviation = model.log_drift[0] * 60 / YEAR, model.volatility[0] * math.sqrt(60 / YEAR)
    log, flow, done = np.zeros(paths), np.zeros(paths), np.zeros(paths, np.int64)
    for _ in range(MINUTES):
        log += drift + deviation * rng.standard_normal(paths)
        flow *= decay
        while True:
            moved = log - depth.square_root[0] * np.sqrt(flow)
            reached = np.maximum(np.searchsorted(level, -moved), done)
            if (reached == done).all():
                break
            flow += (units[reached] - units[done]) * book.marks[0] * np.exp(moved)
            done = reached
    return np.asarray(units[done] * book.marks[0])


def _cpu(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def _alone(count: int, assets: int, least: float = 5.0, most: float = 40.0) -> Book:
    """Longs, $100,000 each on average, with leverage between these."""
    rng = np.random.default_rng(3)
    asset, notional = rng.integers(0, assets, count), rng.lognormal(11, 1, count)
    return _book(np.arange(count), asset, notional, assets, rng.uniform(least, most, count))


def _cross(count: int, assets: int) -> Book:
    """Three positions in each account, one of them short."""
    rng = np.random.default_rng(4)
    of = np.repeat(np.arange(count), 3)
    notional = rng.lognormal(11, 1, 3 * count) * np.tile([1.0, 1.0, -1.0], count)
    return _book(of, rng.integers(0, assets, 3 * count), notional, assets, rng.uniform(5, 40, count))


def _book(
    of: np.ndarray[tuple[int], np.dtype[np.int64]], asset: np.ndarray[tuple[int], np.dtype[np.int64]], notional: Floats,
    assets: int, leverage: Floats,
) -> Book:  # fmt: skip
    count = len(leverage)
    none, owner = np.zeros(len(of)), np.arange(count, dtype=np.int32)
    return Book(
        venue="bench", quote="USD", assets=tuple(f"A{a}" for a in range(assets)) if assets > 1 else ("A",),
        marks=np.full(assets, 100.0), accounts=[str(at) for at in range(count)], subaccount=of.astype(np.int32),
        asset=asset.astype(np.int32), kind=np.zeros(len(of), np.int8), size=notional / 100,
        entry=np.full(len(of), 100.0), strike=none, expiry=none, volatility=none, owner=owner,
        mode=np.full(count, Mode.CROSS if len(of) > count else Mode.ISOLATED, np.int8),
        cash=np.bincount(of, np.abs(notional), count) / leverage,
    )  # fmt: skip
