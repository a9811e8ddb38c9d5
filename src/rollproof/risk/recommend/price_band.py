"""Price band: new risk and liquidations stop when the price moved over ``HORIZON`` seconds beyond a quantile band.

The band is of the market's law in calm (vegaprotocol/specs 0032-PRIM: the interval that a move over the horizon stays
in with a probability alpha). What the venue realises in a failure is its bad debt at prices inside the band; outside it
a market stands still, and what is lost there is put off until an auction or a person decides. So a wide band realises
more, and a narrow one stops trading when nothing is wrong: 1 - alpha of all intervals. The answer is the widest band,
the one with the fewest false triggers, whose realised shortfall is within the budget.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rollproof.risk.closed.log_price import LogPrice, log_price
from rollproof.risk.closed.outage import asset_jumps
from rollproof.risk.failure import Halt, Reorg, StaleOracle
from rollproof.risk.market import YEAR
from rollproof.risk.recommend.grace_period import without_grace
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Binding, Recommendation, recommendation
from rollproof.risk.recommend.search import Found, Point, Priced, search
from rollproof.risk.recommend.shortfall import PATHS
from rollproof.risk.tail import losses_of
from rollproof.risk.terminal import price as terminal_price
from rollproof.risk.terminal.claim import claim_of, summed
from rollproof.risk.terminal.draw import draw
from rollproof.risk.terminal.shocks import shocks_of
from rollproof.venue.book import Floats

NAME = "price-band"
HORIZON = 3_600.0  # seconds
FEWEST, MOST = 1e-6, 0.5  # false triggers an interval


def band(law: LogPrice, outside: float) -> tuple[float, float]:
    """Lowest and highest price, over the one before, that a move stays between but with probability ``outside``."""
    return float(np.exp(law.quantile(outside / 2))), float(np.exp(law.quantile(outside / 2, upper=True)))


class Moves:
    """One failure's bad debt and price moves path by path, with the proposal of the terminal layer."""

    def __init__(self, question: Question) -> None:
        settings, failure = question.settings, question.failure
        halt = Halt(intensity_per_year=failure.intensity_per_year, duration=failure.duration, load=failure.load)
        rules, paths = without_grace(question.rules), min(settings.paths, PATHS)
        found = terminal_price(
            question.book, rules, question.state, question.model.only(question.book.assets), halt, paths=1,
            replicates=2, seed=settings.seed,
        )  # fmt: skip
        claim = claim_of(question.book, rules, question.state, halt)
        exposure = claim.exposure
        shocks = shocks_of(
            question.model.only(exposure.assets), exposure.marks, failure.duration, failure.load, 0.0, stages=1
        )
        power = max(int(np.ceil(np.log2(paths / settings.replicates))), 0)
        seeds = np.random.SeedSequence([settings.seed, 0xBA]).spawn(settings.replicates)
        drawn = [draw(shocks, found.proposal, power, each) for each in seeds]
        self.question, self.assets, self.owed = question, exposure.assets, exposure.owed
        self.groups = np.repeat(np.arange(len(drawn)), 1 << power)
        self.losses = np.concatenate([claim.bad_debt(each) for each in drawn], axis=1)  # (groups, paths)
        self.moves = np.concatenate([each.prices[-1] for each in drawn], axis=1) / exposure.marks[:, None]
        self.weights = np.concatenate([each.weights for each in drawn])
        self.seconds = np.concatenate([each.years[0] for each in drawn]) * YEAR

    def realised(self, bands: Floats) -> Floats:
        """(paths,) quote, where each asset's price is inside its band (assets, 2); accounts in several need all."""
        inside = (self.moves >= bands[:, :1]) & (self.moves <= bands[:, 1:])
        rows = self.losses[: len(self.assets)] * inside
        several = self.losses[len(self.assets) :] * inside.all(axis=0)
        return np.asarray(summed(np.vstack([rows, several])) + self.owed)

    def priced(self, losses: Floats) -> Priced:
        """Their shortfall."""
        law = losses_of(
            losses, self.weights, seed=self.question.settings.seed, method="", groups=self.groups,
            levels=(self.question.level,),
        )  # fmt: skip
        return Priced(law.tails[0].es, losses)

    def binding(self, losses: Floats) -> tuple[Binding, ...]:
        """The path at the value at risk, and the dearest."""
        order = np.argsort(-losses, kind="stable")
        beyond = np.cumsum(self.weights[order]) / len(losses)
        at = min(int(np.searchsorted(beyond, 1 - self.question.level)), len(losses) - 1)
        return tuple(
            Binding(
                float(losses[k]), float(self.seconds[k]),
                dict(zip(self.assets, (self.moves[:, k] - 1).tolist(), strict=True)),
            )
            for k in (order[at], order[0])
        )  # fmt: skip


def price_band(question: Question, *, progress: Progress | None = None) -> Recommendation:
    """See the module's head. Raises Unsupported for failures that do not end with a gap in the price."""
    question.only_for(
        NAME, (Halt, Reorg, StaleOracle), "the others leave no gap between the venue's price and the market"
    )
    moves = Moves(question)
    model = question.model
    laws = [
        log_price(
            float(model.volatility[at]), HORIZON / YEAR, drift=float(model.drift[at]), jumps=asset_jumps(model, asset)
        )
        for asset, at in ((asset, model.assets.index(asset)) for asset in moves.assets)
    ]

    def bands(outside: float) -> Floats:
        return np.array([band(law, outside) for law in laws])

    found = search(
        lambda outside: moves.priced(moves.realised(bands(outside))), FEWEST, MOST, question.budget, least=True,
        points=12, logarithmic=True, tolerance=1e-2, progress=progress,
    )  # fmt: skip
    outside = (found.point or found.best).value
    chosen = bands(outside)
    unbounded = np.tile([0.0, np.inf], (len(moves.assets), 1))
    without = moves.priced(moves.realised(unbounded)).loss
    return recommendation(
        NAME, "probability", question, _as_alpha(found),
        current=Point(1.0, without), binding=moves.binding(moves.realised(chosen)),
        details={
            "horizon_seconds": HORIZON,
            "bands": {asset: [float(low) - 1, float(high) - 1] for asset, (low, high) in
                      zip(moves.assets, chosen, strict=True)},
            "false_triggers_a_year": outside * YEAR / HORIZON,
            "false_triggers_a_year_by_curve": [
                [1 - each.value, each.value * YEAR / HORIZON] for each in reversed(found.curve)
            ],
        },
        notes=(
            f"the value is the probability that a move over {HORIZON:g} seconds stays inside the band",
            "the loss is what is realised at prices inside the band; what lies outside is put off, not avoided",
            "current: no band; false triggers are of one market in calm, over intervals that do not overlap",
        ),
    )  # fmt: skip


def _as_alpha(found: Found) -> Found:
    """From what is outside the band to what is inside."""

    def turned(point: Point) -> Point:
        return Point(1 - point.value, point.loss)

    return replace(
        found,
        point=None if found.point is None else turned(found.point),
        best=turned(found.best),
        interval=None if found.interval is None else (1 - found.interval[1], 1 - found.interval[0]),
        curve=tuple(turned(each) for each in reversed(found.curve)),
    )
