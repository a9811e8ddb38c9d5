"""Failures of an execution layer as data: what goes wrong, how often, how long, and how it resumes.

A scenario is read from TOML (`risk.preset`); every key is known or refused.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from rollproof.risk.duration import Duration


class Backlog(StrEnum):
    """In what order liquidations happen after an outage."""

    PRICE = "price"  # first those that were liquidatable at the better price: the order the outage kept from happening
    SIZE = "size"  # the largest first: what keepers would choose
    RANDOM = "random"


class Resume(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What happens when the layer is back."""

    grace_seconds: float = 0.0  # nobody is liquidated so long; collateral can be added
    top_up_probability: float = 0.0  # that an account below its maintenance margin is topped up during the grace period
    withdrawal_lock_seconds: float = 0.0
    backlog: Backlog = Backlog.PRICE
    stale_oracle_seconds: float = 0.0  # the venue's price is so old when trading resumes


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Load and volatility linked: with ``probability`` the failure comes of load, and the market is stressed."""

    probability: float = 0.0
    volatility_multiplier: float = 1.0
    jump_multiplier: float = 1.0


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every kind has."""

    intensity_per_year: float  # how often it starts
    duration: Duration
    resume: Resume = Resume()
    load: Load = Load()

    def grace_seconds(self, by_rules: float) -> float:
        """After it nobody is liquidated so long: the longer of its own grace period and that of the venue's rules."""
        return max(self.resume.grace_seconds, by_rules)


class Halt(Failure, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="halt"):
    """No transaction executes: no liquidation, top-up or trade."""


class Throughput(Failure, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="throughput"):
    """Liquidations execute, at most ``notional_per_second`` of them (quote), whatever the rules would allow."""

    notional_per_second: float


class StaleOracle(Failure, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="stale-oracle"):
    """The venue's price stands still for the duration while trading and liquidations go on at it.

    Whoever sees the real price trades against it, up to ``share`` of open interest, when the gap exceeds the ``fee``.
    """

    share: float = 1.0
    fee: float = 0.0005


class Reorg(Failure, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="reorg"):
    """The last ``duration`` of execution is undone: liquidations in it are restored as positions, at the new price."""


class InvalidState(Failure, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="invalid-state"):
    """Balances are wrong by ``balance_error`` of collateral for ``share`` of accounts until noticed and undone."""

    balance_error: float
    share: float = 1.0
    withdrawn: float = 0.0  # share of the wrong surplus that left before it was noticed


class BridgeDelay(Failure, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="bridge-delay"):
    """Collateral from L1 and arbitrage capital arrive late: top-ups that need it do not happen.

    ``reliance`` is the share of margin calls that are normally met with collateral from L1.
    """

    reliance: float = 1.0


class Censorship(Failure, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="censorship"):
    """``share`` of users cannot act, neither add collateral nor close, while liquidators can."""

    share: float = 1.0


class Ordering(Failure, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="ordering"):
    """Whoever orders puts their own trade before liquidations and takes up to ``slippage`` of the notional closed."""

    slippage: float


AnyFailure: TypeAlias = Halt | Throughput | StaleOracle | Reorg | InvalidState | BridgeDelay | Censorship | Ordering


Quantity: TypeAlias = Literal["", "duration_minutes", "bad_debt_median", "stale_oracle_loss", "stale_oracle_bp"]


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure that somebody published about an incident, to be shown beside the model's."""

    what: str
    value: float
    unit: str
    source: str
    quantity: Quantity = ""  # the model's figure that it is compared with (`risk.comparison`); none: shown alone


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One failure or several that happen independently of each other, and where that was read."""

    name: str
    title: str
    failures: tuple[AnyFailure, ...]
    sources: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()  # bias, sample size, what is not known
