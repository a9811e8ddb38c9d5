"""A scenario priced for a book: every layer that can say something, and what none of them could."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec
import numpy as np

from rollproof.errors import Malformed
from rollproof.risk import accounts, comparison, failure_price, heat_map, market_given
from rollproof.risk.failure import Scenario
from rollproof.risk.liquidity import Liquidity, illustrative
from rollproof.risk.market import Model
from rollproof.risk.result import FailurePrice, Priced, YearlyLoss
from rollproof.risk.settings import CASCADE_PATHS, Settings
from rollproof.risk.work import Stages, kept
from rollproof.risk.yearly import Sample, yearly
from rollproof.venue.book import Book
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

HEAT_MAPS = 3  # assets, those with the most open interest


def price(
    book: Book,
    rules: Rules,
    scenario: Scenario,
    *,
    state: VenueState | None = None,
    model: Model | None = None,
    liquidity: Liquidity | None = None,
    settings: Settings | None = None,
    notes: Sequence[str] = (),
    progress: Stages | None = None,
) -> Priced:
    """What the scenario costs the venue, its users and each account.

    Args:
        state: insurance fund, pool and open interest; the book's own where not given, without a fund.
        model: joint law of prices; an illustrative jump diffusion where not given, and the answer says so.
        liquidity: impact of liquidation orders; illustrative where not given.
        progress: told what is computed, and how far it is.

    Raises Missing for an asset that the model has not, Unsupported for rows that the rules do not know, Malformed for
    a book of nothing but cash. What a layer cannot price is in ``not_priced`` of the failure.
    """
    began, cpu = time.monotonic(), time.process_time()
    said, settings = list(notes), settings or Settings()
    if state is None:
        state = VenueState.of(book)
    if model is None:
        market = market_given.illustrative(book.assets)
        model, said = market.model, [*said, *market.notes]
    if liquidity is None:
        liquidity = illustrative(book.assets)
        said.append("the markets' depth is illustrative")
    _admitted(book, rules, state)
    if settings.cascade_paths is None:
        paths = settings.stepped(book.rows)
        settings = replace(settings, cascade_paths=paths)
        if paths < CASCADE_PATHS[0]:
            count = f"{paths} paths" if paths else "no paths"
            said.append(f"{count} of the cascade, because the book has {book.rows:,} rows: say how many")
    stake = failure_price.Stake(book, rules, state, model.only(book.assets), liquidity)
    failures, samples = [], []
    with kept(settings.engine, settings.workers):
        for index, failure in enumerate(scenario.failures):
            answer, drawn = failure_price.failure_price(stake, failure, settings, _named(progress, index, scenario))
            failures.append(answer)
            rate = failure.intensity_per_year
            samples.append([Sample(rate, each.losses, each.weights, each.groups) for each in drawn])
    first = scenario.failures[0]
    table, left_out = accounts.account_table(
        book,
        stake.model,
        first,
        seed=settings.seed,
        most=settings.accounts,
        grace_seconds=first.grace_seconds(rules.liquidation.grace_seconds),
    )
    interest = book.open_interest * book.marks
    largest = [int(at) for at in np.argsort(-interest, kind="stable")[:HEAT_MAPS] if interest[at] > 0]
    return Priced(
        venue=book.venue,
        quote=book.quote,
        rules={
            "family": rules.family,
            "source": rules.source,
            "assumes": rules.assumes,
            "set": msgspec.to_builtins(rules),
        },
        scenario=msgspec.to_builtins(scenario),
        market={**asdict(stake.model), "calibrated": settings.markets.calibrated},
        book=_book(book, state),
        failures=tuple(failures),
        annual=_annual(failures, samples),
        accounts=table,
        heat_maps=tuple(heat_map.heat_map(stake.model, book.assets[at]) for at in largest),
        compared=comparison.compared(scenario, failures, book.open_interest_value),
        seed=settings.seed,
        settings=asdict(settings),
        notes=(*said, *left_out),
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - cpu,
    )


def _annual(failures: Sequence[FailurePrice], samples: Sequence[Sequence[Sample]]) -> YearlyLoss | None:
    """The year's loss, with one failure's variant at a time; None where a failure was not priced."""
    if not all(samples):
        return None
    own = [each[0] for each in samples]
    tried = []
    for at, (failure, drawn) in enumerate(zip(failures, samples, strict=True)):
        if failure.uncertainty is None:
            continue
        for variant, sample in zip(failure.uncertainty.variants, drawn[1:], strict=True):
            tried.append((variant.kind, f"{failure.kind}: {variant.name}", [*own[:at], sample, *own[at + 1 :]]))
    return yearly(own, tried)


def _admitted(book: Book, rules: Rules, state: VenueState) -> None:
    """Asks the rules once, so that rows that they do not know are refused before anything is computed."""
    if not book.assets:
        raise Malformed("positions: only cash, and nothing that moves with a price")
    rules.maintenance(book, book.marks, state)


def _named(progress: Stages | None, index: int, scenario: Scenario) -> Stages | None:
    if progress is None or len(scenario.failures) == 1:
        return progress
    of = f"{index + 1}/{len(scenario.failures)} "
    return lambda what, done, total: progress(of + what, done, total)


def _book(book: Book, state: VenueState) -> dict[str, Any]:
    equity, notional = book.equity(book.marks), book.summed(book.notional)
    with np.errstate(divide="ignore", invalid="ignore"):
        leverage = np.where((notional > 0) & (equity > 0), notional / equity, np.nan)
    known = leverage[~np.isnan(leverage)]
    return {
        "accounts": len(book.accounts),
        "subaccounts": book.subaccounts,
        "rows": book.rows,
        "open_interest": book.open_interest_value,
        "equity": float(equity.sum()),
        "under_water": int(((equity < 0) & (notional > 0)).sum()),
        "leverage_median": float(np.median(known)) if len(known) else None,
        "leverage_90": float(np.quantile(known, 0.9)) if len(known) else None,
        "insurance_fund": state.insurance_fund,
        "pool": state.pool,
        "marks": dict(zip(book.assets, book.marks.tolist(), strict=True)),
    }
