"""A venue that was read from a chain, as a book for models: exact integers become float64."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from rollproof.errors import Malformed, Missing
from rollproof.venue.book import Book, Kind, Mode
from rollproof.venue.snapshot import PRICE_DECIMALS, SIZE_DECIMALS, AccountAt, PositionAt, Snapshot
from rollproof.venue.state import VenueState

_PRICE, _SIZE = 10**PRICE_DECIMALS, 10**SIZE_DECIMALS


def book_of(snapshot: Snapshot, venue: str, *, partial: bool = False) -> tuple[Book, VenueState]:
    """The positions at the venue's mark prices, and the state that its margin rules read, money in whole tokens.

    ``venue`` names it (an adapter's name). A position's ``entry`` is the price at which the profit that the venue
    itself shows is that of its size: pending funding is in it. So a subaccount's equity at the marks is the venue's,
    as far as float64 goes. An account without positions and balance has no subaccount.

    Raises Missing where accounts could not be read, unless ``partial`` says that a book without them will do;
    Malformed for a market without a price above zero.
    """
    if snapshot.unread and not partial:
        who, why = next(iter(snapshot.unread.items()))
        raise Missing(f"accounts that could not be read: {len(snapshot.unread)}, 0x{who.hex()} among them: {why}")
    for market in snapshot.markets:
        if market.mark_price <= 0:
            raise Malformed(f"market {market.symbol}: mark price {market.mark_price}")
    unit = 10**snapshot.collateral.decimals
    index = {market.symbol: position for position, market in enumerate(snapshot.markets)}
    marks = [market.mark_price for market in snapshot.markets]
    subaccount: list[int] = []
    asset: list[int] = []
    size: list[float] = []
    entry: list[float] = []
    owner: list[int] = []
    mode: list[int] = []
    cash: list[float] = []

    def add(account: int, how: Mode, money: int, positions: list[PositionAt]) -> None:
        for each in positions:
            place = index[each.market]
            subaccount.append(len(cash))
            asset.append(place)
            size.append(each.size / _SIZE)
            entry.append(_entry(each, marks[place], unit))
        owner.append(account)
        mode.append(how)
        cash.append(money / unit)

    for number, account in enumerate(snapshot.accounts):
        crossed = [each for each in account.positions if not each.isolated]
        if crossed or _own(account):
            add(number, Mode.CROSS, _own(account), crossed)
        for each in account.positions:
            if each.isolated:
                add(number, Mode.ISOLATED, each.margin, [each])
    nothing = np.zeros(len(size))
    book = Book(
        venue=venue,
        quote=snapshot.collateral.symbol,
        assets=tuple(index),
        marks=np.array([each / _PRICE for each in marks]),
        accounts=tuple(f"0x{account.address.hex()}" for account in snapshot.accounts),
        subaccount=np.array(subaccount, dtype=np.int32),
        asset=np.array(asset, dtype=np.int32),
        kind=np.full(len(size), Kind.PERPETUAL, dtype=np.int8),
        size=np.array(size, dtype=np.float64),
        entry=np.array(entry, dtype=np.float64),
        strike=nothing,
        expiry=nothing,
        volatility=nothing,
        owner=np.array(owner, dtype=np.int32),
        mode=np.array(mode, dtype=np.int8),
        cash=np.array(cash, dtype=np.float64),
    )
    longs = np.array([market.longs / _SIZE for market in snapshot.markets])
    shorts = np.array([market.shorts / _SIZE for market in snapshot.markets])
    return book, VenueState(
        insurance_fund=snapshot.insurance_fund / unit,
        pool=float("inf") if snapshot.pool is None else snapshot.pool / unit,
        open_interest=np.maximum(longs, shorts),
        skew=longs - shorts,
    )


def _own(account: AccountAt) -> int:
    """What backs the cross positions before their profit, base units."""
    return account.balance - account.debt


def _entry(position: PositionAt, mark: int, unit: int) -> float:
    """mark - profit / size, in integers as far as it goes: quote per unit."""
    quote = mark * position.size * unit - position.profit * _PRICE * _SIZE
    return float(Fraction(quote, position.size * unit * _PRICE))
