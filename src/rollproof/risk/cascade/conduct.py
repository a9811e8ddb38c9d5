"""Who may do what when: a failure, the venue's rules and its keepers, as numbers that a kernel reads.

Time starts with the failure, which lasts T. The venue resumes at T and its grace period g begins; from T + g it is as
ever. What each kind of failure does:

    halt          nothing executes in [0, T); nobody is liquidated before T + g
    throughput    liquidations execute, no more of them in a second than the failure allows
    stale-oracle  liquidations execute in [0, T) at the price of the start
    reorg         liquidations execute in [0, T) and are undone at T
    ordering      liquidations execute in [0, T) at a price worse by the slippage
    censorship,   liquidations execute; margin calls are answered as far as users can act
    bridge-delay

The two that answer margin calls read ``resume.top_up_probability`` as the share of calls that are answered in normal
times, and a call comes halfway between initial and maintenance margin; all others read it as the share of subaccounts
below their maintenance margin, but not bankrupt, that are topped up to their initial margin during the grace period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollproof.errors import Malformed, Unsupported
from rollproof.risk.cascade.layout import CONDUCT, Records
from rollproof.risk.failure import (
    AnyFailure,
    Backlog,
    BridgeDelay,
    Censorship,
    Halt,
    InvalidState,
    Ordering,
    Reorg,
    StaleOracle,
    Throughput,
)
from rollproof.venue.book import Book, Floats
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState

CALL = 0.5  # a margin call comes so far from maintenance to initial margin
# Share of the maintenance margin under which a family closes everything at once: see each family's liquidation_step.
WHOLE_BELOW = {"perp-v2": 0.5, "lab": 0.5}
ORDERS = {Backlog.PRICE: 0, Backlog.SIZE: 1, Backlog.RANDOM: 2}


@dataclass(frozen=True, slots=True)
class Keepers:
    """Who liquidates where the venue itself does not: they act only when it pays.

    ``gas``: quote that one liquidation costs. ``hedged``: the keeper takes the position at the venue's price and sells
    it at the market's, so that the slippage is the keeper's and not the position's. Raises Malformed.
    """

    gas: float = 0.0
    hedged: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.gas < float("inf"):
            raise Malformed(f"keepers: gas {self.gas} is not a number from 0 up")


@dataclass(frozen=True, slots=True)
class Funding:
    """What longs pay to shorts in an hour, beside what the rules say: shares of notional.

    The premium is how far liquidations displace the market's log price. All together are clamped. Raises Malformed.
    """

    rate_per_hour: float = 0.0
    premium_per_hour: float = 0.0  # times the premium
    clamp_per_hour: float = 0.04

    def __post_init__(self) -> None:
        if not all(np.isfinite((self.rate_per_hour, self.premium_per_hour))) or not self.clamp_per_hour >= 0:
            raise Malformed("funding: rates are finite and the clamp is from 0 up")


@dataclass(frozen=True, slots=True, eq=False)
class Conduct:
    """See the module's head. Seconds, quote, and shares."""

    # (assets,) a second
    throughput: Floats  # notional that the rules allow to be liquidated
    funding: Floats

    acts_during: bool
    stale_during: bool
    undone: bool
    grace: float
    traded: float  # share of open interest that is traded against a stale price, where the gap exceeds the fee
    fee: float
    stale_at_resume: float  # how far the venue's price is behind at its first step
    slippage: float  # while the failure lasts
    all_during: float  # notional of all assets together that may be liquidated in a second, while it lasts
    # shares of margin calls that are answered
    top_up_during: float
    top_up_grace: float
    top_up_after: float
    call: float  # 0: at the maintenance margin; 1: at the initial
    order: int
    # liquidation
    penalty: float
    penalty_capped: bool
    keeper_share: float
    cooldown: float
    whole_below: float  # share of the maintenance margin under which all is closed at once
    forfeits: bool  # then, what equity is left is lost
    whole_within: float  # so many seconds after a partial liquidation, another is of everything
    fund: float
    fund_first: bool
    fund_must_cover: bool
    oracle_priced: bool  # liquidations execute at the venue's price and not at the market's
    gas: float
    hedged: bool
    # funding
    premium: float
    clamp: float

    @property
    def plain(self) -> bool:
        """Whether a liquidation closes a whole position at once, nothing delays it, and nobody tops up."""
        return (
            not (self.undone or self.stale_during or self.stale_at_resume or self.fund_must_cover or self.gas)
            and not (self.top_up_during or self.top_up_grace or self.top_up_after or self.order or self.hedged)
            and not self.funded
            and not np.isfinite(self.throughput).any()
            and not np.isfinite(self.all_during)
        )

    @property
    def funded(self) -> bool:
        """Whether any funding is paid."""
        return self.clamp > 0 and bool(self.funding.any() or self.premium)

    def record(self) -> Records:
        """(1,) for kernels."""
        out = np.zeros(1, CONDUCT)
        for name in CONDUCT.names or ():
            out[name] = getattr(self, name)
        return out


def conduct(
    book: Book, rules: Rules, state: VenueState, failure: AnyFailure, keepers: Keepers, funding: Funding
) -> Conduct:
    """What ``failure`` does to a venue under ``rules``.

    The longer of the rules' and the failure's grace period holds. Raises Unsupported for an invalid state, which the
    terminal layer prices.
    """
    if isinstance(failure, InvalidState):
        raise Unsupported("cascade: an invalid-state failure has no steps; the terminal layer prices it")
    resume, liquidation = failure.resume, rules.liquidation
    answered = resume.top_up_probability
    calls = isinstance(failure, Censorship | BridgeDelay)
    unable = failure.share if isinstance(failure, Censorship) else getattr(failure, "reliance", 0.0)
    outage = isinstance(failure, Halt | Reorg)
    backstop = float(getattr(rules, "backstop_share", 0.0))
    return Conduct(
        throughput=np.asarray(rules.throughput(book, book.marks, state), dtype=np.float64),
        funding=np.asarray(rules.funding_rate(book, book.marks, state)) + funding.rate_per_hour / 3600,
        acts_during=not isinstance(failure, Halt),
        stale_during=isinstance(failure, StaleOracle),
        undone=isinstance(failure, Reorg),
        traded=failure.share if isinstance(failure, StaleOracle) else 0.0,
        fee=failure.fee if isinstance(failure, StaleOracle) else 0.0,
        grace=failure.grace_seconds(liquidation.grace_seconds if outage else 0.0),
        stale_at_resume=resume.stale_oracle_seconds,
        slippage=failure.slippage if isinstance(failure, Ordering) else 0.0,
        all_during=failure.notional_per_second if isinstance(failure, Throughput) else np.inf,
        top_up_during=answered * (1.0 - unable) if calls else 0.0,
        top_up_grace=answered,
        top_up_after=answered if calls else 0.0,
        call=CALL if calls and answered else 0.0,
        order=ORDERS[resume.backlog],
        penalty=liquidation.penalty,
        penalty_capped=liquidation.penalty_capped,
        keeper_share=liquidation.keeper_share,
        cooldown=liquidation.cooldown_seconds,
        whole_below=backstop or WHOLE_BELOW.get(rules.family, 0.0),
        forfeits=backstop > 0,
        whole_within=float(getattr(rules, "whole_within_seconds", 0.0)),
        fund=state.insurance_fund,
        fund_first=rules.backstop.fund_first,
        fund_must_cover=liquidation.fund_must_cover,
        oracle_priced=bool(np.isfinite(state.pool)),
        gas=keepers.gas,
        hedged=keepers.hedged,
        premium=funding.premium_per_hour / 3600,
        clamp=funding.clamp_per_hour / 3600,
    )
