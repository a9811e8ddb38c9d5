"""One failure priced by every layer that can say something about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rollproof.errors import Unsupported
from rollproof.risk.cascade import Cascade, cascade
from rollproof.risk.duration import Duration, Empirical, Exponential, Fixed
from rollproof.risk.estimate import Losses
from rollproof.risk.failure import AnyFailure
from rollproof.risk.hedge import halted_hedge
from rollproof.risk.liquidity import Liquidity
from rollproof.risk.market import Model
from rollproof.risk.plain import plain
from rollproof.risk.result import FailurePrice
from rollproof.risk.settings import Settings
from rollproof.risk.terminal import Terminal
from rollproof.risk.terminal import price as terminal_price
from rollproof.risk.terminal.claim import Claim, claim_of
from rollproof.risk.uncertainty import PathSample, Tried, Uncertainty, uncertainty, variants
from rollproof.risk.work import Stages, stage
from rollproof.venue.book import Book
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

WORST = 5  # paths that are shown
VARIANT_CASCADES = 512  # paths, for a kind that only the cascade prices


@dataclass(frozen=True, slots=True, eq=False)
class Stake:
    """What is at stake, and in which markets."""

    book: Book
    rules: Rules
    state: VenueState
    model: Model
    liquidity: Liquidity


def failure_price(
    stake: Stake, failure: AnyFailure, settings: Settings, progress: Stages | None
) -> tuple[FailurePrice, list[PathSample]]:
    """The answer, and samples that a year's loss is made of: its own, then each variant's; none where not priced."""
    refused: list[str] = []
    claim = _claim(stake, failure, refused)
    ended = None if claim is None else _terminal(stake, failure, claim, settings, progress, refused)
    stepped = _cascade(stake, failure, settings, progress, refused)
    priced = ended if ended is not None else stepped
    answer = FailurePrice(
        kind=str(failure.__struct_config__.tag),
        intensity_per_year=failure.intensity_per_year,
        duration=in_words(failure.duration),
        bad_debt=None if priced is None else priced.bad_debt,
        cascade=None if stepped is None else plain(stepped.shown()),
        hedge=halted_hedge(stake.book, stake.model, failure),
        not_priced=tuple(refused) if priced is None else (),
    )
    if priced is None:
        return answer, []
    whole = ended.loss if ended is not None else priced.bad_debt
    other, samples = _uncertainty(stake, failure, settings, whole, progress, None if ended is None else claim)
    answer = replace(
        answer,
        basis_points=_basis_points(whole, stake.book.open_interest_value),
        uncertainty=other,
        notes=(*priced.notes, *(stepped.notes if stepped is not None and stepped is not priced else ()), *refused),
    )
    if ended is not None:
        answer = replace(
            answer,
            by_asset={name: each.value for name, each in ended.by_asset.items()},
            users=ended.taken,
            loss=None if ended.taken is None else ended.loss,
            worst=ended.worst[:WORST],
        )
    return answer, [priced.sample, *samples]


def _claim(stake: Stake, failure: AnyFailure, refused: list[str]) -> Claim | None:
    """What the failure costs at any prices, for every law of its duration and every market."""
    try:
        return claim_of(stake.book, stake.rules, stake.state, failure)
    except Unsupported as error:
        refused.append(str(error))
        return None


def _terminal(
    stake: Stake, failure: AnyFailure, claim: Claim, settings: Settings, progress: Stages | None, refused: list[str]
) -> Terminal | None:
    try:
        return terminal_price(
            stake.book, stake.rules, stake.state, stake.model, failure, paths=settings.paths,
            replicates=settings.replicates, seed=settings.seed, engine=settings.engine, workers=settings.workers,
            progress=stage(progress, "bad debt at resume"), claim=claim,
        )  # fmt: skip
    except Unsupported as error:
        refused.append(str(error))
        return None


def _cascade(
    stake: Stake, failure: AnyFailure, settings: Settings, progress: Stages | None, refused: list[str]
) -> Cascade | None:
    if not (paths := settings.stepped(stake.book.rows)):
        refused.append("cascade: not asked for")
        return None
    try:
        return cascade(
            stake.book, stake.rules, stake.state, stake.model, failure, stake.liquidity, paths=paths,
            step_seconds=settings.step_seconds, horizon_seconds=_horizon(stake, failure), seed=settings.seed,
            engine=settings.engine, workers=settings.workers, progress=stage(progress, "cascade"),
        )  # fmt: skip
    except Unsupported as error:
        refused.append(str(error))
        return None


def _horizon(stake: Stake, failure: AnyFailure) -> float:
    """Seconds after the resume: an hour, and more where nobody is liquidated for most of that."""
    return max(3_600.0, 2 * failure.grace_seconds(stake.rules.liquidation.grace_seconds))


def _uncertainty(
    stake: Stake, failure: AnyFailure, settings: Settings, whole: Losses, progress: Stages | None, claim: Claim | None
) -> tuple[Uncertainty | None, list[PathSample]]:
    if not settings.variant_paths:
        return None, []

    fewer = min(VARIANT_CASCADES, settings.stepped(stake.book.rows))

    def price(failure: AnyFailure, model: Model) -> Tried:
        if claim is None:
            stepped = cascade(
                stake.book, stake.rules, stake.state, model, failure, stake.liquidity, paths=fewer,
                step_seconds=settings.step_seconds, horizon_seconds=_horizon(stake, failure), seed=settings.seed,
                engine=settings.engine, workers=settings.workers,
            )  # fmt: skip
            return Tried(stepped.bad_debt, stepped.sample)
        ended = terminal_price(
            stake.book, stake.rules, stake.state, model, failure, paths=settings.variant_paths,
            replicates=8, seed=settings.seed, engine=settings.engine, workers=settings.workers, claim=claim,
        )  # fmt: skip
        return Tried(ended.loss, ended.sample)

    markets = settings.markets
    tried = list(variants(failure, stake.model, markets, seed=settings.seed))
    notes = (
        "laws: fitted by likelihood; parameters: fitted again to samples of as many durations as were published",
        "markets: two standard errors of the fit to either side" if markets.calibrated
        else "markets: volatility and jump intensity by factors that nobody measured",
    )  # fmt: skip
    return uncertainty(tried, price, whole, notes=notes, progress=stage(progress, "other truths"))


def _basis_points(losses: Losses, open_interest: float) -> dict[str, float]:
    """Mean and shortfalls of one failure, of open interest; nothing where there is none."""
    if open_interest <= 0:
        return {}
    out = {"mean": losses.mean.value / open_interest * 1e4}
    for tail in losses.tails:
        out[f"es_{tail.level * 100:g}"] = tail.es.value / open_interest * 1e4
    return out


def in_words(law: Duration) -> str:
    """A law of a duration for people."""
    if isinstance(law, Fixed):
        return _minutes(law.seconds)
    if isinstance(law, Exponential):
        return f"exponential, mean {_minutes(law.mean_seconds)}"
    if isinstance(law, Empirical):
        return f"one of {len(law.seconds)} durations, mean {_minutes(law.mean)}"
    return f"lognormal, median {_minutes(law.median_seconds)}, log deviation {law.log_deviation:g}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds < 7_200 else f"{seconds / 3_600:.4g} hours"
