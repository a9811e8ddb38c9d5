"""Expected shortfall of one failure at one level, with the same random numbers whatever setting is tried.

Two estimators. `Terminal` prices what depends on the prices at the failure's end alone, with the proposal of its first
call. `Stepped` runs the cascade; half of its paths have longer failures than the law says and a likelihood ratio for
it (the balance heuristic: E. Veach and L. Guibas, Optimally combining sampling techniques for Monte Carlo rendering,
SIGGRAPH 1995, section 3.3), because the tail is made of long ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec
import numpy as np

from rollproof.risk.cascade import outcome
from rollproof.risk.cascade.cascade import outcomes
from rollproof.risk.cascade.timing import Grid
from rollproof.risk.duration import Duration, Exponential, Lognormal
from rollproof.risk.estimate import Estimate
from rollproof.risk.failure import AnyFailure, Halt
from rollproof.risk.market import Model
from rollproof.risk.recommend.question import Question
from rollproof.risk.recommend.result import Binding
from rollproof.risk.recommend.search import Priced
from rollproof.risk.tail import losses_of
from rollproof.risk.terminal import Mixture
from rollproof.risk.terminal import price as terminal_price
from rollproof.risk.terminal.claim import KINDS
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.rules import Rules

PATHS = 32_768  # of the terminal estimator, at most
BINDING = 3  # paths that are shown
_LONGER = 1.5  # deviations of a lognormal duration's logarithm
_TIMES = 4.0  # an exponential duration's mean
_STEPS = 40  # of a failure of mean length, at most
_HALTED = 1e9  # seconds: nothing happens in a halt, so it is one step
_UNSEEN = -math.log(0.025)  # expected paths of what none is seen of, with 2.5 % probability


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """A priced setting, its sample, and the paths that decide."""

    loss: Estimate
    losses: Floats  # (paths,) quote
    weights: Floats
    groups: Floats | None
    binding: tuple[Binding, ...]
    tail: Floats | None = None  # (paths,) quote: their mean is the shortfall

    @property
    def priced(self) -> Priced:
        """For a search."""
        return Priced(self.loss, self.losses, self.tail)


class Terminal:
    """Of bad debt and what is taken, by the prices at which the failure ends. Raises as `risk.terminal.price`."""

    def __init__(self, question: Question, paths: int = PATHS, proposal: Mixture | None = None) -> None:
        self.question, self.paths, self.proposal = question, min(question.settings.paths, paths), proposal

    def __call__(
        self, book: Book, *, rules: Rules | None = None, failure: AnyFailure | None = None, model: Model | None = None
    ) -> Sampled:
        asked = self.question
        settings = asked.settings
        answer = terminal_price(
            book, rules or asked.rules, asked.state, (model or asked.model).only(book.assets), failure or asked.failure,
            paths=self.paths, replicates=settings.replicates, seed=settings.seed, engine=settings.engine,
            workers=settings.workers, proposal=self.proposal,
        )  # fmt: skip
        self.proposal = answer.proposal
        drawn = answer.sample
        law = losses_of(
            drawn.losses, drawn.weights, seed=settings.seed, method="", groups=drawn.groups, levels=(asked.level,)
        )
        near = min(answer.binding, key=lambda level: abs(level - asked.level))
        events = (answer.binding[near], *answer.worst[: BINDING - 1])
        return Sampled(
            law.tails[0].es, drawn.losses, drawn.weights, np.asarray(drawn.groups, dtype=np.float64),
            tuple(Binding(each.loss, each.seconds, each.moves) for each in events),
        )  # fmt: skip


class Stepped:
    """Of bad debt, by the cascade. Raises as `risk.cascade.cascade`."""

    def __init__(self, question: Question, horizon: float = 3_600.0) -> None:
        settings, law = question.settings, question.failure.duration
        step = settings.step_seconds
        during = _HALTED if isinstance(question.failure, Halt) else max(step, law.mean / _STEPS)
        self.question = question
        self.grid = Grid(during, max(step, horizon / 120), horizon)
        self.paths = max(settings.stepped(question.book.rows), 64)

    def __call__(
        self, book: Book, *, rules: Rules | None = None, failure: AnyFailure | None = None, model: Model | None = None
    ) -> Sampled:
        asked, what = self.question, failure or self.question.failure
        seed = asked.settings.seed
        longer = _longer(what.duration)
        tallies = [self._tally(book, rules, what, model, seed)]
        if longer is not None:
            other = int(np.random.SeedSequence([seed, 0x10]).generate_state(1)[0])
            tallies.append(self._tally(book, rules, msgspec.structs.replace(what, duration=longer), model, other))
        tally = np.concatenate(tallies)
        seconds, losses = tally[:, outcome.SECONDS], tally[:, outcome.BAD_DEBT]
        weights = _weights(what.duration, seconds) if longer is not None else np.ones(len(losses))
        law = losses_of(losses, weights, seed=seed, method="", levels=(asked.level,))
        loss, value = law.tails[0].es, law.tails[0].var.value
        if float(weights.max()) * _UNSEEN / len(losses) > 1 - asked.level:
            loss = replace(loss, high=math.inf)  # too few paths to bound anything from above
        at = np.argsort(np.abs(losses - value), kind="stable")[:1]
        shown = [*at.tolist(), *np.argsort(-losses, kind="stable")[: BINDING - 1].tolist()]
        return Sampled(
            loss, losses, weights, None,
            tuple(
                Binding(float(losses[k]), float(seconds[k]), {"book": math.expm1(float(tally[k, outcome.RESUME]))})
                for k in shown
            ),
            value + weights * np.maximum(losses - value, 0.0) / (1 - asked.level),
        )  # fmt: skip

    def _tally(self, book: Book, rules: Rules | None, failure: AnyFailure, model: Model | None, seed: int) -> Floats:
        asked = self.question
        return outcomes(
            book, rules or asked.rules, asked.state, model or asked.model, failure, asked.liquidity, paths=self.paths,
            grid=self.grid, seed=seed, compared=False, workers=asked.settings.workers,
        )  # fmt: skip


AnyShortfall: TypeAlias = Terminal | Stepped


def shortfall(question: Question) -> AnyShortfall:
    """The terminal estimator where it knows the kind of failure, else the stepped one."""
    return Terminal(question) if isinstance(question.failure, KINDS) else Stepped(question)


def _longer(law: Duration) -> Duration | None:
    """A law of longer failures, absolutely continuous with ``law``; None where a failure is as long as it was."""
    if isinstance(law, Lognormal):
        return Lognormal(law.median_seconds * math.exp(_LONGER * law.log_deviation), law.log_deviation)
    return Exponential(law.mean_seconds * _TIMES) if isinstance(law, Exponential) else None


def _weights(law: Duration, seconds: Floats) -> Floats:
    """Density of ``law`` over the even mixture of it and of `_longer`."""
    if isinstance(law, Lognormal):
        score = np.log(np.maximum(seconds, 1e-300) / law.median_seconds) / law.log_deviation
        ratio = np.exp(_LONGER * score - _LONGER**2 / 2)
    else:
        ratio = np.exp(np.minimum(seconds / law.mean * (1 - 1 / _TIMES), 700.0)) / _TIMES
    return np.asarray(1 / (0.5 + 0.5 * ratio))
