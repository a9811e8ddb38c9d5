"""A run of `rollproof risk` over positions: stakes and scenarios -> answers, printed and written as they come."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from rollproof.cli import stakes
from rollproof.cli.stakes import Stake
from rollproof.cli.talk import say
from rollproof.errors import Unsupported
from rollproof.report import figure, risk_html, risk_markdown, risk_text
from rollproof.report.bar import bar
from rollproof.risk import compilation, liquidity, market_given, preset, recommend, spread
from rollproof.risk.contagion import network_file
from rollproof.risk.contagion.network import Network
from rollproof.risk.failure import Scenario
from rollproof.risk.market_given import Market
from rollproof.risk.plain import plain
from rollproof.risk.price import price
from rollproof.risk.record import record
from rollproof.risk.result import Priced
from rollproof.risk.settings import Settings
from rollproof.risk.work import Engine, Stages, kept, stage

WRITERS = (".html", ".md", ".json")


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's arguments, as they were given."""

    positions: Path | None
    venue: str | None
    urls: tuple[str, ...]
    block: str
    adapter: str | None
    accounts: tuple[str, ...]
    rules: str | None
    scenarios: tuple[str, ...]
    prices: Mapping[str, float]
    quote: str
    history: Path | None
    volatility: Mapping[str, float]  # "" is for every asset
    liquidity: Path | None
    network: Path | None
    insurance_fund: float
    pool: float | None
    recommend: tuple[str, ...]
    budget: float | None
    level: float
    paths: int
    cascade_paths: int | None
    seed: int
    engine: str
    jobs: int | None


def run(asked: Asked, *, as_json: bool, reports: Sequence[Path], figures: Path | None, show: bool, talk: bool) -> int:
    """Prints each answer and returns the exit code. Raises RollproofError where nothing can be priced."""
    _refuse(asked, reports)
    network = None if asked.network is None else network_file.load(asked.network)
    scenarios = [preset.load(name) for name in asked.scenarios]
    found = _stakes(asked)
    stakes.refuse_mixed(found, asked.network)
    if figures is not None:
        figures.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    over = partly = False
    for stake in found:
        for scenario in scenarios:
            with (
                bar(show=show) as progress,
                compilation.announced(_compiling if talk else None),
                kept(asked.engine, asked.jobs),
            ):
                answer = _priced(asked, stake, scenario, network, progress)
            over |= _over(answer, asked)
            partly |= any(each.not_priced for each in answer.failures)
            partly |= len(answer.recommendations) < len(asked.recommend)
            records.append(record(answer))
            if as_json:
                print(json.dumps(records[-1], separators=(",", ":")), flush=True)
            else:
                print(
                    risk_text.text(records[-1], colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")),
                    flush=True,
                )
    for path in reports:
        _write(path, records)
        if talk:
            say(f"wrote {path}")
    if figures is not None:
        for each in records:
            for name, drawn in figure.all_of(each).items():
                stem = f"{figure.stem(each)}-{name}"
                _put(figures / f"{stem}.svg", drawn.svg().encode())
                _put(figures / f"{stem}.png", drawn.png())
    if over:
        return 1
    return 2 if partly else 0


def _refuse(asked: Asked, reports: Sequence[Path]) -> None:
    """What would be found wrong only after all was computed. Raises BadParameter, or Unsupported for a name."""
    for path in reports:
        if path.suffix not in WRITERS:
            raise typer.BadParameter(f"--report writes {', '.join(WRITERS)}, not {path.suffix or path.name!r}")
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise typer.BadParameter(f"--report {path.name}: {path.parent} is no directory that can be written to")
    for name in asked.recommend:
        recommend.named(name)
    if asked.engine not in tuple(Engine):
        raise Unsupported(f"engine {asked.engine[:40]!r}: there are {', '.join(Engine)}")


def _compiling() -> None:
    say("compiling the kernels, once: half a minute")


def _stakes(asked: Asked) -> list[Stake]:
    if asked.positions is None:
        return stakes.from_chain(
            asked.urls,
            asked.venue or "",
            block=asked.block,
            adapter=asked.adapter,
            accounts=asked.accounts,
            rules=asked.rules,
        )
    return stakes.from_file(
        asked.positions, venue=asked.venue, rules=asked.rules, quote=asked.quote, prices=asked.prices,
        insurance_fund=asked.insurance_fund, pool=asked.pool,
    )  # fmt: skip


def _priced(asked: Asked, stake: Stake, scenario: Scenario, network: Network | None, progress: Stages | None) -> Priced:
    """One venue and one scenario, with what was recommended and what it does to others."""
    assets = stake.book.assets
    market = _market(asked, assets)
    settings = Settings(
        paths=asked.paths, cascade_paths=asked.cascade_paths, seed=asked.seed, engine=asked.engine,
        workers=asked.jobs, markets=market.markets, variant_paths=min(Settings().variant_paths, asked.paths),
    )  # fmt: skip
    depth = None if asked.liquidity is None else liquidity.load(asked.liquidity, assets)
    answer = price(
        stake.book, stake.rules, scenario, state=stake.state, model=market.model, liquidity=depth,
        settings=settings, notes=(*stake.notes, *market.notes), progress=progress,
    )  # fmt: skip
    if network is not None:
        answer = replace(answer, network=spread.spread(network, answer))
    if asked.recommend:
        question = recommend.Question(
            stake.book, stake.rules, stake.state, market.model, scenario.failures[0],
            depth or liquidity.illustrative(assets), budget=asked.budget or 0.0, level=asked.level, settings=settings,
        )  # fmt: skip
        found, refused = [], []
        for name in asked.recommend:
            try:
                found.append(plain(recommend.named(name)(question, progress=stage(progress, name))))
            except Unsupported as error:
                refused.append(f"not recommended: {error}")
        answer = replace(answer, recommendations=tuple(found), notes=(*answer.notes, *refused))
    return answer


def _market(asked: Asked, assets: Sequence[str]) -> Market:
    if asked.history is None:
        return market_given.illustrative(assets, asked.volatility)
    return market_given.fitted(asked.history, assets)


def _over(answer: Priced, asked: Asked) -> bool:
    """Whether a failure's shortfall at the level of --budget is above it."""
    if asked.budget is None:
        return False
    return any(
        tail.es.value > asked.budget
        for each in answer.failures
        if each.bad_debt is not None
        for tail in each.bad_debt.tails
        if tail.level == asked.level
    )


def _write(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    if path.suffix == ".json":
        text = json.dumps(records if len(records) > 1 else records[0], indent=1) + "\n"
    elif path.suffix == ".md":
        text = "\n".join(risk_markdown.markdown(each) for each in records)
    else:
        text = risk_html.page(
            [(each, {name: drawn.svg() for name, drawn in figure.all_of(each).items()}) for each in records]
        )
    _put(path, text.encode())


def _put(path: Path, data: bytes) -> None:
    """Writes all of a file or nothing of it."""
    if path.exists() and not path.is_file():  # a pipe, a device
        path.write_bytes(data)
        return
    path = path.resolve()
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
