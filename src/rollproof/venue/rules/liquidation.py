"""How a family liquidates, and who pays what a bankrupt subaccount cannot: the vocabulary of both."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from rollproof.venue.rules import parameters


class AdlRank(StrEnum):
    """Who is deleveraged first."""

    PROFIT_LEVERAGE = "profit-leverage"  # highest return times leverage first
    RANDOM = "random"  # from a random start (dYdX)
    PRO_RATA = "pro-rata"  # everybody in proportion to their profit
    NONE = "none"  # no deleveraging


class AdlPrice(StrEnum):
    """What a deleveraged counterparty is closed at."""

    BANKRUPTCY = "bankruptcy"  # of the position that is closed against it
    MARK = "mark"


class Liquidation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a family liquidates."""

    penalty: float = 0.0  # of the notional closed, taken from the position as far as it goes
    penalty_capped: bool = False  # at the closed part's share of equity, so that a partial liquidation takes no more
    keeper_share: float = 0.0  # of the penalty; the rest is the insurance fund's
    step: float = 1.0  # share of a position that one liquidation closes
    cooldown_seconds: float = 0.0  # between two liquidations of a subaccount
    grace_seconds: float = 0.0  # after a sequencer outage nobody is liquidated so long
    withdrawal_lock_seconds: float = 0.0  # after an outage nobody withdraws so long
    fund_must_cover: bool = False  # a liquidation whose bad debt the fund cannot pay reverts

    def __post_init__(self) -> None:
        parameters.shares(self, "penalty", "keeper_share", "step")
        parameters.at_least_zero(self, "cooldown_seconds", "grace_seconds", "withdrawal_lock_seconds")
        parameters.above_zero(self, "step")


class Backstop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who pays what a bankrupt subaccount cannot: the insurance fund first, then counterparties, then everybody."""

    fund_first: bool = True
    adl_rank: AdlRank = AdlRank.NONE
    adl_price: AdlPrice = AdlPrice.BANKRUPTCY
    socialised: bool = False  # the rest is shared by all open interest; where not, liquidity providers bear it
