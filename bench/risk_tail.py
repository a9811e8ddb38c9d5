"""The 99.9 % shortfall of 1,000 positions: the engine against a dense Monte Carlo in NumPy; a million positions.

Efficiency is 1 / (RMSE^2 * CPU seconds), RMSE relative to a reference: the mean of many independent runs of the engine
with other seeds. CPU seconds are the process', pilot, intervals and all else included.
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from bench.timing import table
from rollproof.risk.duration import Lognormal
from rollproof.risk.failure import Halt
from rollproof.risk.market import YEAR, Jumps, Model, jump_diffusion
from rollproof.risk.tail import losses_of
from rollproof.risk.terminal import price
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.perp_v2 import PerpV2
from rollproof.venue.state import VenueState

RUNS = 24
REFERENCE = 24
LEVEL = 2  # 99.9 % of estimate.LEVELS
DENSE_PATHS = 100_000
BLOCK = 10_000  # paths at a time in the dense one, position after position: the fastest of what was tried
HALT = Halt(intensity_per_year=1.0, duration=Lognormal(6_000.0, 1.27))  # the published outages' median and spread


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    name: str
    book: Book
    model: Model


def run() -> str:
    rows = [_efficiency(case) for case in (diversified(1_000), squeeze(1_000))]
    head = ("book", "99.9 % ES, bp of open interest", "engine: relative RMSE", "CPU s", "reported s.e.", "components",
            "dense: relative RMSE", "CPU s", "efficiency, engine", "dense", "ratio")  # fmt: skip
    return (
        table(head, rows)
        + "\n\n"
        + table(("positions", "CPU s", "wall s", "peak MB", "of it the book's columns"), _sizes())
    )


def diversified(positions: int, seed: int = 1) -> Case:
    """Seven of ten long, open interest falling with the asset's rank, leverage 2 to 40; common jumps down."""
    drawn = np.random.default_rng(seed)
    rank = 1 / np.arange(1, 21)
    asset = drawn.choice(20, positions, p=rank / rank.sum())
    notional = drawn.lognormal(0.0, 1.5, positions)
    book = isolated(
        asset,
        np.where(drawn.random(positions) < 0.7, 1.0, -1.0) * notional * (1e9 / notional.sum()),
        drawn.uniform(2.0, 40.0, positions),
        np.exp(drawn.normal(3.0, 2.0, 20)),
    )
    return Case(
        "diversified, long", book, jump_diffusion(book.assets, np.linspace(0.6, 1.2, 20).tolist(), loading=0.75)
    )


def squeeze(positions: int, seed: int = 2) -> Case:
    """Nine of ten short, sixty per cent in one asset, sizes very uneven; assets jump up on their own."""
    drawn = np.random.default_rng(seed)
    asset = drawn.choice(20, positions, p=[0.6, 0.2, 0.1] + [0.1 / 17] * 17)
    notional = drawn.lognormal(0.0, 2.2, positions)
    book = isolated(
        asset,
        np.where(drawn.random(positions) < 0.9, -1.0, 1.0) * notional * (2e8 / notional.sum()),
        drawn.uniform(3.0, 25.0, positions),
        np.exp(drawn.normal(1.0, 2.0, 20)),
    )
    model = jump_diffusion(book.assets, 1.1, loading=0.3, common=Jumps(5.0, -0.02, 0.03), own=Jumps(30.0, 0.08, 0.15))
    return Case("concentrated, short", book, model)


def isolated(asset: np.ndarray, notional: Floats, leverage: Floats, marks: Floats) -> Book:
    """Isolated perpetuals entered at the mark; signed notional, quote."""
    count, nothing = len(asset), np.zeros(len(asset))
    index = np.arange(count, dtype=np.int32)
    return Book(
        venue="bench", quote="USD", assets=tuple(f"A{each}" for each in range(len(marks))), marks=marks,
        accounts=("all",), subaccount=index, asset=asset.astype(np.int32),
        kind=np.zeros(count, dtype=np.int8), size=notional / marks[asset], entry=marks[asset], strike=nothing,
        expiry=nothing, volatility=nothing, owner=np.zeros(count, dtype=np.int32), mode=np.zeros(count, dtype=np.int8),
        cash=np.abs(notional) / leverage,
    )  # fmt: skip


def dense(case: Case, paths: int, seed: int) -> float:
    """99.9 % expected shortfall by plain Monte Carlo: every position on every path, vectorised over paths."""
    book, model = case.book, case.model
    drawn = np.random.default_rng(seed)
    slope, constant = book.size, book.cash - book.size * book.entry
    losses = np.empty(paths)
    for low in range(0, paths, BLOCK):
        years = HALT.duration.quantile(drawn.random(BLOCK)) / YEAR
        root = np.sqrt(years)[:, None]
        number = drawn.poisson(model.common.intensity * years)
        jump = number * model.common.mean + np.sqrt(number) * model.common.deviation * drawn.standard_normal(BLOCK)
        logs = model.log_drift * years[:, None] + model.beta * jump[:, None]
        logs += model.volatility * model.loading * root * drawn.standard_normal((BLOCK, 1))
        logs += (
            model.volatility * np.sqrt(1 - model.loading**2) * root * drawn.standard_normal((BLOCK, len(book.assets)))
        )
        if model.own_intensity.any():
            own = drawn.poisson(model.own_intensity * years[:, None])
            size = own * model.own_mean + np.sqrt(own) * model.own_deviation * drawn.standard_normal(own.shape)
            logs += size
        prices = book.marks * np.exp(logs)
        prices = np.ascontiguousarray(prices.T)
        loss, equity = np.zeros(BLOCK), np.empty(BLOCK)
        for position in range(book.rows):
            np.multiply(prices[book.asset[position]], slope[position], out=equity)
            equity += constant[position]
            np.minimum(equity, 0.0, out=equity)
            loss -= equity
        losses[low : low + BLOCK] = loss
    return losses_of(losses, seed=seed, method="dense").tails[LEVEL].es.value


def _efficiency(case: Case) -> tuple[str, ...]:
    state, rules = VenueState.of(case.book), PerpV2()
    price(case.book, rules, state, case.model, HALT, seed=1, workers=1)  # compiled
    dense(case, BLOCK, 1)
    reference = np.mean(
        [
            price(case.book, rules, state, case.model, HALT, seed=10_000 + each, workers=1).loss.tails[LEVEL].es.value
            for each in range(REFERENCE)
        ]
    )
    ours, plain = _Measured(float(reference)), _Measured(float(reference))
    reported, components = list[float](), list[int]()
    for seed in range(RUNS):  # in turn, so that a drift of the machine meets both
        began = time.process_time()
        result = price(case.book, rules, state, case.model, HALT, seed=seed, workers=1)
        ours.add(result.loss.tails[LEVEL].es.value, time.process_time() - began)
        reported.append(result.loss.tails[LEVEL].es.standard_error / float(reference))
        components.append(result.components)
        began = time.process_time()
        value = dense(case, DENSE_PATHS, seed)
        plain.add(value, time.process_time() - began)
    return (
        case.name, f"{reference / case.book.open_interest_value * 1e4:.1f}", f"{ours.rmse:.3%}", f"{ours.cpu:.2f}",
        f"{math.sqrt(np.mean(np.square(reported))):.3%}", f"{min(components)} to {max(components)}",
        f"{plain.rmse:.1%}", f"{plain.cpu:.2f}", f"{ours.efficiency:.2g}", f"{plain.efficiency:.2g}",
        f"{ours.efficiency / plain.efficiency:,.0f}",
    )  # fmt: skip


class _Measured:
    def __init__(self, reference: float) -> None:
        self.reference, self.errors, self.seconds = reference, list[float](), list[float]()

    def add(self, value: float, seconds: float) -> None:
        self.errors.append(value / self.reference - 1)
        self.seconds.append(seconds)

    @property
    def rmse(self) -> float:
        return math.sqrt(float(np.mean(np.square(self.errors))))

    @property
    def cpu(self) -> float:
        return float(np.mean(self.seconds))

    @property
    def efficiency(self) -> float:
        return 1 / (self.rmse**2 * self.cpu)


def _sizes() -> list[tuple[str, ...]]:
    """Each in a process of its own, so that the peak is its own."""
    rows = []
    for positions in (1_000, 100_000, 1_000_000):
        code = f"from bench import risk_tail; print(risk_tail.sized({positions}))"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        rows.append((f"{positions:,}", *out))
    return rows


def sized(positions: int) -> str:
    """CPU and wall seconds, and megabytes, of pricing so many positions by 131,072 paths on one thread."""
    case = diversified(positions)
    rules, state = PerpV2(), VenueState.of(case.book)
    small = diversified(1_000)
    price(small.book, rules, VenueState.of(small.book), small.model, HALT, paths=16_384, seed=1, workers=1)  # compiled
    columns = sum(getattr(case.book, name).nbytes for name in ("subaccount", "asset", "kind", "size", "entry", "strike",
                  "expiry", "volatility", "owner", "mode", "cash"))  # fmt: skip
    cpu, wall = time.process_time(), time.perf_counter()
    price(case.book, rules, state, case.model, HALT, seed=1, workers=1)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{cpu:.2f} {wall:.2f} {peak:.0f} {columns / 2**20:.0f}"
