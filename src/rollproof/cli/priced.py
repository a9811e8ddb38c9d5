"""A run of `rollproof risk` over positions: stakes and scenarios -> answers, printed and written as they come."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from rollproof.cli import stakes
from rollproof.cli.stakes import Stake
from rollproof.cli.talk import say
from rollproof.errors import Malformed, RollproofError
from rollproof.report import figure, risk_html, risk_markdown, risk_text
from rollproof.report.bar import bar
from rollproof.risk import calibration, contagion, liquidity, preset, recommend
from rollproof.risk.failure import Scenario
from rollproof.risk.market import Model, jump_diffusion
from rollproof.risk.price import Priced, Settings, price
from rollproof.risk.record import record
from rollproof.venue import adapters
from rollproof.venue.rules import registry

WRITERS = (".html", ".md", ".json")


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's arguments, as they were given."""

    positions: Path | None
    venue: str | None
    urls: tuple[str, ...]
    block: str
    adapter: str | None
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
    cascade_paths: int
    seed: int
    engine: str
    jobs: int | None


def names() -> Iterator[str]:
    """What can be named, a line each."""
    yield "scenarios:"
    for name in preset.names():
        yield f"  {name:24} {preset.load(name).title}"
    yield "rules:"
    for name in registry.FAMILIES:
        yield f"  {name}"
    yield "adapters:"
    for name in adapters.NAMES:
        yield f"  {name}"
    yield "settings (--recommend):"
    for name, what in recommend.NAMES.items():
        yield f"  {name:24} {what}"


def run(asked: Asked, *, as_json: bool, reports: Sequence[Path], figures: Path | None, show: bool, talk: bool) -> int:
    """Prints each answer and returns the exit code. Raises RollproofError where nothing can be priced."""
    for path in reports:
        if path.suffix not in WRITERS:
            raise typer.BadParameter(f"--report writes {', '.join(WRITERS)}, not {path.suffix or path.name!r}")
    scenarios = [preset.load(name) for name in asked.scenarios]
    found = _stakes(asked)
    stakes.refuse_mixed(found, asked.network)
    records: list[dict[str, Any]] = []
    over = partly = False
    for stake in found:
        for scenario in scenarios:
            with bar(show=show) as progress:
                answer = _priced(asked, stake, scenario, progress)
            over |= _over(answer, asked)
            partly |= any(each.not_priced for each in answer.failures)
            records.append(record(answer))
            if as_json:
                print(json.dumps(records[-1], separators=(",", ":")), flush=True)
            else:
                print(risk_text.text(records[-1], colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    for path in reports:
        _write(path, records)
        if talk:
            say(f"wrote {path}")
    if figures is not None:
        figures.mkdir(parents=True, exist_ok=True)
        for each in records:
            for name, drawn in figure.all_of(each).items():
                stem = f"{each['scenario']['name']}-{name}" if len(found) == 1 else f"{each['venue']}-{name}"
                (figures / f"{stem}.svg").write_text(drawn.svg(), encoding="utf-8")
                (figures / f"{stem}.png").write_bytes(drawn.png())
    if over:
        return 1
    return 2 if partly else 0


def _stakes(asked: Asked) -> list[Stake]:
    if asked.positions is None:
        return stakes.from_chain(
            asked.urls, asked.venue or "", block=asked.block, adapter=asked.adapter, rules=asked.rules
        )
    return stakes.from_file(
        asked.positions, venue=asked.venue, rules=asked.rules, quote=asked.quote, prices=asked.prices,
        insurance_fund=asked.insurance_fund, pool=asked.pool,
    )  # fmt: skip


def _priced(asked: Asked, stake: Stake, scenario: Scenario, progress: Progress | None) -> Priced:
    """One venue and one scenario, with what was recommended and what it does to others."""
    assets = stake.book.assets
    settings = Settings(
        paths=asked.paths, cascade_paths=asked.cascade_paths, seed=asked.seed, engine=asked.engine,
        workers=asked.jobs, calibrated=asked.history is not None,
    )  # fmt: skip
    model = _model(asked, assets)
    depth = None if asked.liquidity is None else liquidity.load(asked.liquidity, assets)
    answer = price(
        stake.book, stake.rules, scenario, state=stake.state, model=model, liquidity=depth, settings=settings,
        notes=stake.notes, progress=progress,
    )  # fmt: skip
    if asked.network is not None:
        answer = replace(answer, network=spread.spread(contagion.load(asked.network), answer))
    if asked.recommend:
        question = recommend.Question(
            stake.book, stake.rules, stake.state, model or jump_diffusion(assets), scenario.failures[0],
            depth or liquidity.illustrative(assets), budget=asked.budget or 0.0, level=asked.level, settings=settings,
        )  # fmt: skip
        found = [recommend.named(name)(question, progress=_named(progress, name)) for name in asked.recommend]
        answer = replace(answer, recommendations=tuple(plain(each) for each in found))
    return answer


def _named(progress: Progress | None, name: str) -> Any:
    return None if progress is None else lambda done, total: progress(name, done, total)


def _model(asked: Asked, assets: Sequence[str]) -> Model | None:
    """The fitted market, or the illustrative one with volatilities of the user's; None for its defaults."""
    if asked.history is not None:
        return calibration.fit_file(asked.history).model.only(assets)
    if not asked.volatility:
        return None
    unknown = sorted(set(asked.volatility) - {"", *assets})
    if unknown:
        raise Malformed(f"--volatility: no asset {unknown[0][:40]!r} in the positions: {', '.join(assets[:20])}")
    every = asked.volatility.get("", DEFAULT_VOLATILITY)
    return jump_diffusion(assets, [asked.volatility.get(asset, every) for asset in assets])


def _over(answer: Priced, asked: Asked) -> bool:
    """Whether a failure's shortfall at the level of --budget is above it."""
    if asked.budget is None:
        return False
    return any(
        tail.es.value > asked.budget
        for each in answer.failures
        if each.bad_debt is not None
        for tail in each.bad_debt.tails
        if tail.level >= asked.level
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
    path.write_text(text, encoding="utf-8")
