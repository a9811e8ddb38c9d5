"""A venue as it stands at one state, in exact integers: what an adapter reads.

Amounts are base units of the venue's collateral token, sizes have ``SIZE_DECIMALS`` decimals, prices
``PRICE_DECIMALS``. An adapter scales what its venue has to these, and refuses what does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rollproof.venue.reader import Reader

SIZE_DECIMALS = 18
PRICE_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Token:
    """What a venue settles in."""

    address: bytes
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class MarketAt:
    """One market. Prices are quote per unit of the market's asset."""

    symbol: str
    index_price: int  # the oracle's
    mark_price: int  # what positions are valued at
    longs: int  # open interest, size
    shorts: int
    stale: bool = False  # the oracle's price is older than the venue allows


@dataclass(frozen=True, slots=True)
class PositionAt:
    """One position of an account, valued by the venue itself."""

    market: str
    size: int  # positive: long
    isolated: bool
    margin: int  # of an isolated position, else 0
    entry_price: int
    profit: int  # unrealised, funding taken off
    notional: int
    initial: int  # margin that it requires
    maintenance: int
    bankruptcy_price: int | None  # None where no price above zero is


@dataclass(frozen=True, slots=True)
class AccountAt:
    """One account: its cross collateral, and its positions."""

    address: bytes
    balance: int  # cross collateral
    debt: int  # realised losses that it owes
    equity: int  # of the cross subaccount: balance less debt and the cross positions' profit
    initial: int  # margin that the cross positions require
    maintenance: int
    positions: tuple[PositionAt, ...] = ()
    free: int | None = None  # what it could withdraw now; None where that is not known
    other: int = 0  # of the balance: collateral in other tokens, at the value that the venue gives it

    @property
    def liquidatable(self) -> tuple[str, ...]:
        """Markets in which it may be liquidated: cross ones where equity is short, isolated ones where margin is."""
        short = self.equity < self.maintenance
        return tuple(
            each.market
            for each in self.positions
            if (each.margin + each.profit < each.maintenance if each.isolated else short)
        )

    @property
    def total(self) -> int:
        """What the account is worth: cross equity and isolated equities, each of those at least nothing."""
        return self.equity + sum(max(0, each.margin + each.profit) for each in self.positions if each.isolated)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole venue. ``unread`` names accounts that could not be read, with why: never shown as untouched.

    ``unlisted`` says why there may be accounts that are neither in ``accounts`` nor in ``unread``; "" where none can
    be.
    ``assumes`` are simplifications of the reading, one line each.
    """

    venue: bytes
    chain_id: int
    number: int
    timestamp: int
    collateral: Token
    markets: tuple[MarketAt, ...]
    accounts: tuple[AccountAt, ...]
    insurance_fund: int
    pool: int | None  # liquidity that is the traders' counterparty; None where they face each other
    pool_equity: int | None  # the pool less the traders' unrealised profit
    bad_debt: int  # that nobody covered, ever
    held: int  # collateral tokens that the venue's contract holds
    supply: int  # collateral tokens on this chain: what the bridge's escrow on L1 stands behind
    unread: Mapping[bytes, str] = field(default_factory=dict)
    unlisted: str = ""
    assumes: tuple[str, ...] = ()


class Adapter(Protocol):
    """Reads one protocol's venues."""

    name: str
    rules: str  # family in `venue.rules` that the venue's margin follows

    def read(self, reader: Reader, venue: bytes) -> Snapshot:
        """The venue at the reader's state. Raises Missing, Malformed, Reverted, Unsupported (not such a venue)."""
        ...
