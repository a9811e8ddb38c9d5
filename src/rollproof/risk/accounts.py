"""Who is wiped out first, and after how long a halt.

Subaccounts that one price moves have a closed form (`risk.closed.outage`). The others, cross-margined over several
assets or with options, are simulated over a grid of durations with the same random numbers at each.
"""

from __future__ import annotations

import numpy as np
from scipy.special import pdtr, pdtrik

from rollproof.risk.closed import outage
from rollproof.risk.failure import AnyFailure
from rollproof.risk.market import YEAR, Model
from rollproof.risk.result import AccountRisk
from rollproof.venue import black76, parts
from rollproof.venue.book import Book, Floats, Kind, Mode

PROBABILITY = 0.01  # of equity below nothing
HORIZON = 30 * 86_400.0  # seconds
SIMULATED = 1_000  # subaccounts, those with the least equity for their notional
PATHS = 4_096
DURATIONS = 24
_BLOCK = 1 << 20  # values at once


def account_table(
    book: Book, model: Model, failure: AnyFailure, *, seed: int, grace_seconds: float = 0.0, most: int = 50
) -> tuple[tuple[AccountRisk, ...], tuple[str, ...]]:
    """The ``most`` subaccounts that a halt wipes out soonest, and notes on what was not looked at.

    ``grace_seconds`` follow the failure, by the rules or by how it resumes; the time to ruin is that of a calm market.
    """
    model = model.only(book.assets)
    seconds = outage.time_to_ruin(book, model, PROBABILITY, horizon=HORIZON)
    probability, debt = outage.failure_outage(book, model, failure, grace_seconds=grace_seconds)
    equity, notional = book.equity(book.marks), book.summed(book.notional)
    notes: list[str] = []
    left = np.flatnonzero(np.isnan(seconds))
    if len(left):
        with np.errstate(divide="ignore", invalid="ignore"):
            thin = np.nan_to_num(equity[left] / notional[left], nan=np.inf)
        chosen = np.sort(left[np.argsort(thin, kind="stable")[:SIMULATED]])
        if len(chosen) < len(left):
            notes.append(
                f"{len(left) - len(chosen)} of {len(left)} subaccounts with several assets or options were not "
                "simulated: those with the most equity for their notional"
            )
        seconds[chosen], probability[chosen], debt[chosen] = _simulated(
            book, chosen, model, failure, grace_seconds, seed
        )
    order = np.lexsort((-debt, -probability, np.where(np.isnan(seconds), np.inf, seconds)))
    order = order[~np.isnan(seconds[order]) & (notional[order] > 0)][:most]
    names = _assets(book, order)
    return tuple(
        AccountRisk(
            account=str(book.accounts[int(book.owner[at])]),
            mode=Mode(int(book.mode[at])).name.lower(),
            equity=float(equity[at]),
            notional=float(notional[at]),
            leverage=float(notional[at] / equity[at]) if equity[at] > 0 else float("inf"),
            assets=names[index],
            seconds=float(seconds[at]) if np.isfinite(seconds[at]) else None,
            probability=float(probability[at]),
            bad_debt=float(debt[at]),
        )
        for index, at in enumerate(order)
    ), tuple(notes)


def _assets(book: Book, subaccounts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[tuple[str, ...]]:
    """The assets of each of a few subaccounts."""
    rows = np.flatnonzero(np.isin(book.subaccount, subaccounts))
    found: dict[int, list[str]] = {int(at): [] for at in subaccounts}
    for row in rows:
        name = book.assets[int(book.asset[row])]
        if name not in found[int(book.subaccount[row])]:
            found[int(book.subaccount[row])].append(name)
    return [tuple(found[int(at)]) for at in subaccounts]


def _simulated(
    book: Book,
    chosen: np.ndarray[tuple[int], np.dtype[np.int64]],
    model: Model,
    failure: AnyFailure,
    grace_seconds: float,
    seed: int,
) -> tuple[Floats, Floats, Floats]:
    """(chosen,) seconds to ruin, and probability and expected bad debt in the failure."""
    part = parts.part(book, chosen, np.flatnonzero(np.isin(book.subaccount, chosen)))
    law = _Draws(model, PATHS, seed)
    grid = np.geomspace(60.0, HORIZON, DURATIONS)
    ruin = np.stack([(_equity(part, law, np.full(PATHS, each)) < 0).mean(axis=0) for each in grid])
    seconds = np.full(len(chosen), np.inf)
    for at in range(len(chosen)):
        over = np.flatnonzero(np.maximum.accumulate(ruin[:, at]) >= PROBABILITY)
        if len(over):
            first = int(over[0])
            before = ruin[first - 1, at] if first else 0.0
            share = (PROBABILITY - before) / (ruin[first, at] - before) if ruin[first, at] > before else 1.0
            low = grid[first - 1] if first else 0.0
            seconds[at] = low + np.clip(share, 0.0, 1.0) * (grid[first] - low)
    seconds[part.equity(part.marks) < 0] = 0.0
    until = failure.duration.quantile(law.length) + grace_seconds
    load = failure.load
    stressed = _Draws(model.stressed(load.volatility_multiplier, load.jump_multiplier), PATHS, seed)
    probability, debt = np.zeros(len(chosen)), np.zeros(len(chosen))
    for share, drawn in ((1 - load.probability, law), (load.probability, stressed)):
        if share > 0:
            equity = _equity(part, drawn, until)
            probability += share * (equity < 0).mean(axis=0)
            debt += share * np.maximum(-equity, 0.0).mean(axis=0)
    return seconds, probability, debt


def _equity(book: Book, law: _Draws, seconds: Floats) -> Floats:
    """(paths, subaccounts) after a halt of ``seconds`` (paths,)."""
    prices = book.marks * law.returns(seconds / YEAR)
    slope = np.zeros((book.subaccounts, len(book.assets)))
    np.add.at(slope, (book.subaccount, book.asset), book.slope())
    constant = book.equity(book.marks) - slope @ book.marks
    chosen = np.flatnonzero(book.optional)
    constant -= book.summed(np.where(book.optional, book.value(book.marks), 0.0))
    out = constant + prices @ slope.T
    if len(chosen):
        for start in range(0, len(prices), max(1, _BLOCK // len(chosen))):
            block = slice(start, start + max(1, _BLOCK // len(chosen)))
            left = np.maximum(book.expiry[chosen][None, :] - seconds[block, None] / YEAR, 0.0)
            value = book.size[chosen] * black76.value(
                prices[block][:, book.asset[chosen]], book.strike[chosen], book.volatility[chosen], left,
                call=book.kind[chosen] == Kind.CALL,
            )  # fmt: skip
            for index, at in enumerate(book.subaccount[chosen]):
                out[block, at] += value[:, index]
    return np.asarray(out)


class _Draws:
    """Random numbers that are the same whatever the duration: longer halts move the same paths further."""

    def __init__(self, model: Model, paths: int, seed: int) -> None:
        generator = np.random.default_rng([seed, 0xACC])
        count = len(model.assets)
        self.model = model
        self.length = generator.uniform(1e-9, 1 - 1e-9, paths)
        self.factor, self.own = generator.standard_normal((paths, 1)), generator.standard_normal((paths, count))
        self.jumps, self.own_jumps = generator.uniform(size=(paths, 1)), generator.uniform(size=(paths, count))
        self.size = generator.standard_normal((paths, 1))
        self.own_size = generator.standard_normal((paths, count))

    def returns(self, years: Floats) -> Floats:
        """(paths, assets) price over price before, after (paths,) years."""
        model, time = self.model, years[:, None]
        out = model.log_drift * time + model.volatility * np.sqrt(time) * (
            model.loading * self.factor + np.sqrt(1 - model.loading**2) * self.own
        )
        count = _poisson(self.jumps, model.common.intensity * time)
        common = count * model.common.mean + np.sqrt(count) * model.common.deviation * self.size
        count = _poisson(self.own_jumps, model.own_intensity * time)
        out += model.beta * common + count * model.own_mean + np.sqrt(count) * model.own_deviation * self.own_size
        return np.asarray(np.exp(out))


def _poisson(probability: Floats, mean: Floats) -> Floats:
    """Least whole numbers that a Poisson variable is not above with ``probability``."""
    above = np.ceil(pdtrik(probability, mean))
    below = np.maximum(above - 1, 0)
    return np.asarray(np.where(pdtr(below, mean) >= probability, below, above))
