"""One account under the claimed and under the computed state. Amounts are base units of the venue's collateral."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rollproof.venue.snapshot import AccountAt, PositionAt


class Label(StrEnum):
    """What the claimed state does to an account; several may hold, `UNCHANGED` and `UNKNOWN` stand alone."""

    WRONGLY_LIQUIDATED = "wrongly-liquidated"  # may be liquidated, or was, by the claimed state only
    SPARED = "spared"  # may be liquidated, or was, by the computed state only
    OVERPAID = "overpaid"  # worth more than it should be, its tokens outside the venue counted
    UNDERPAID = "underpaid"
    ALTERED = "altered"  # its positions or requirements differ, and its worth does not
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"  # not readable under one of the states


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands in one state."""

    balance: int = 0  # cross collateral
    margin: int = 0  # of its isolated positions
    debt: int = 0
    equity: int = 0  # what it is worth: cross equity, and isolated equities that are above nothing
    initial: int = 0  # margin that its positions require
    maintenance: int = 0
    notional: int = 0  # of all its positions, each counted as positive
    shortfall: int = 0  # by how much the equities behind its positions are below nothing
    free: int = 0  # what it could withdraw now
    health: float | None = None  # lowest equity by maintenance margin of what is margined together; None: no position
    liquidatable: tuple[str, ...] = ()  # markets
    sizes: Mapping[str, int] | None = None  # by market, signed
    wallet: int | None = None  # tokens outside the venue; None where not read

    @property
    def cash(self) -> int:
        """What the venue owes it before unrealised profit: collateral less debt."""
        return self.balance + self.margin - self.debt

    @property
    def leverage(self) -> float | None:
        """Notional by equity; None without a position, or without equity."""
        return self.notional / self.equity if self.notional and self.equity > 0 else None


@dataclass(frozen=True, slots=True)
class AccountConsequence:
    """Differences are claimed less computed. ``reason`` says why the account is `Label.UNKNOWN`."""

    address: bytes
    labels: tuple[Label, ...]
    claimed: Standing
    computed: Standing
    closed: tuple[str, ...] = ()  # markets in which the claimed state alone closed a position, or some of it
    kept: tuple[str, ...] = ()  # in which the computed state alone did
    reason: str = ""

    @property
    def cash(self) -> int:
        """Difference in collateral less debt."""
        return self.claimed.cash - self.computed.cash

    @property
    def equity(self) -> int:
        """Difference in what it is worth inside the venue."""
        return self.claimed.equity - self.computed.equity

    @property
    def profit(self) -> int:
        """The part of `equity` that is not collateral: unrealised profit."""
        return self.equity - self.cash

    @property
    def wallet(self) -> int:
        """Difference in tokens outside the venue; 0 where they could not be read, and so are the same in both."""
        return (self.claimed.wallet or 0) - (self.computed.wallet or 0)

    @property
    def worth(self) -> int:
        """Difference in all it has: inside the venue and outside."""
        return self.equity + self.wallet

    @property
    def share_of_notional(self) -> float | None:
        """`equity` by the notional that it should have: the price move that would do the same, all positions alike."""
        return self.equity / self.computed.notional if self.computed.notional else None

    @property
    def share_of_equity(self) -> float | None:
        """`equity` by the equity that it should have: the same move times the leverage."""
        return self.equity / self.computed.equity if self.computed.equity > 0 else None


def standing(account: AccountAt | None, wallet: int | None) -> Standing:
    """Of an account at one state; one that the venue does not know there has nothing in it."""
    if account is None:
        return Standing(wallet=wallet, sizes={})
    isolated = [each for each in account.positions if each.isolated]
    crossed = len(isolated) < len(account.positions)
    behind = [account.equity, *(each.margin + each.profit for each in isolated)]
    needed = [account.maintenance, *(each.maintenance for each in isolated)]
    ratios = [equity / least for equity, least in zip(behind, needed, strict=True) if least > 0]
    return Standing(
        balance=account.balance,
        margin=sum(each.margin for each in isolated),
        debt=account.debt,
        equity=account.total,
        initial=account.initial + sum(each.initial for each in isolated),
        maintenance=sum(needed),
        notional=sum(each.notional for each in account.positions),
        shortfall=sum(max(0, -equity) for equity in behind),
        free=_free(account, isolated, crossed=crossed),
        health=min(ratios) if ratios else None,
        liquidatable=account.liquidatable,
        sizes={each.market: each.size for each in account.positions},
        wallet=wallet,
    )


def _free(account: AccountAt, isolated: list[PositionAt], *, crossed: bool) -> int:
    """Cross collateral that it may withdraw, and isolated margin that it may take out first."""
    cross = account.free
    if cross is None:
        cross = max(0, min(account.balance, account.equity - account.initial)) if crossed else account.balance
    return cross + sum(max(0, min(p.margin, p.margin + p.profit - p.initial)) for p in isolated)


def account_consequence(
    address: bytes, before: Mapping[str, int] | None, claimed: Standing, computed: Standing
) -> AccountConsequence:
    """``before`` has the account's sizes by market in the parent's state; None where that is not known."""
    was, said, made = before or {}, claimed.sizes or {}, computed.sizes or {}
    closed = tuple(m for m in was if _smaller(said.get(m, 0), was[m]) and not _smaller(made.get(m, 0), was[m]))
    kept = tuple(m for m in was if _smaller(made.get(m, 0), was[m]) and not _smaller(said.get(m, 0), was[m]))
    found = AccountConsequence(address, (), claimed, computed, closed, kept)
    labels = []
    if closed or set(claimed.liquidatable) - set(computed.liquidatable):
        labels.append(Label.WRONGLY_LIQUIDATED)
    if kept or set(computed.liquidatable) - set(claimed.liquidatable):
        labels.append(Label.SPARED)
    if found.worth:
        labels.append(Label.OVERPAID if found.worth > 0 else Label.UNDERPAID)
    if not labels:
        labels.append(Label.UNCHANGED if claimed == computed else Label.ALTERED)
    return AccountConsequence(address, tuple(labels), claimed, computed, closed, kept)


def unknown(address: bytes, reason: str) -> AccountConsequence:
    """An account of which no number is given."""
    return AccountConsequence(address, (Label.UNKNOWN,), Standing(), Standing(), reason=reason)


def _smaller(size: int, before: int) -> bool:
    """Whether a position is on the way to nothing, or through it."""
    return size * before <= 0 or abs(size) < abs(before)
