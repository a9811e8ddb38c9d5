"""Snapshots made by hand, of a venue whose collateral has no decimals, so that every number can be read."""

from __future__ import annotations

from typing import Any

from rollproof.venue.snapshot import AccountAt, MarketAt, PositionAt, Snapshot, Token

ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20
VENUE, TOKEN = b"\x01" * 20, Token(b"\x02" * 20, "T", 0)
X = MarketAt("X", 100, 100, 10, 10)


def position(size: int, profit: int = 0, *, isolated: bool = False, margin: int = 0, **more: Any) -> PositionAt:
    """At a price of 100: initial margin 10 %, maintenance 5 %."""
    notional = abs(size) * 100
    return PositionAt("X", size, isolated, margin, 100, profit, notional, notional // 10, notional // 20, None, **more)


def account(address: bytes, balance: int, *positions: PositionAt, debt: int = 0, free: int | None = None) -> AccountAt:
    cross = [each for each in positions if not each.isolated]
    return AccountAt(
        address, balance, debt, balance - debt + sum(each.profit for each in cross),
        sum(each.initial for each in cross), sum(each.maintenance for each in cross), positions, free,
    )  # fmt: skip


def snapshot(*accounts: AccountAt, **more: Any) -> Snapshot:
    values: dict[str, Any] = {
        "insurance_fund": 50, "pool": 1_000, "pool_equity": 1_000, "bad_debt": 0, "held": 10_000, "supply": 100_000,
    }  # fmt: skip
    return Snapshot(VENUE, 1, 7, 1_000, TOKEN, (X,), accounts, **{**values, **more})
