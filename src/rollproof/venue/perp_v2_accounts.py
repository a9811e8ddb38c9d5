"""Accounts, positions and markets of Perp v2 as its contracts value them, in the settlement token's units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rollproof.errors import Malformed, RollproofError
from rollproof.venue import perp_v2_views as views
from rollproof.venue.reader import Reader
from rollproof.venue.snapshot import AccountAt, MarketAt, PositionAt
from rollproof.venue.token import SYMBOL, distinct, symbol_of
from rollproof.venue.view import Question, ask_all, need_all

MAX_MARKETS: Final = 256
RATIO: Final = 10**6  # decimals of the venue's ratios
_ONE: Final = 10**18


@dataclass(frozen=True, slots=True)
class Margin:
    """Ratios with 6 decimals, and what 18 decimals are divided by to be the token's."""

    initial: int
    maintenance: int
    scale: int

    def up(self, amount: int) -> int:
        return -(-amount // self.scale)

    def down(self, amount: int) -> int:
        return amount // self.scale


def markets_of(
    reader: Reader, parts: views.Contracts, addresses: list[bytes]
) -> tuple[dict[bytes, list[bytes]], dict[bytes, str]]:
    """The base tokens of each account, and the accounts that do not say."""
    answers = ask_all(reader, [(parts.account_balance, views.BASE_TOKENS, (who,)) for who in addresses])
    unread = {who: str(each) for who, each in zip(addresses, answers, strict=True) if isinstance(each, RollproofError)}
    tokens = {who: list(each) for who, each in zip(addresses, answers, strict=True) if who not in unread}
    return tokens, unread


def read_markets(
    reader: Reader, parts: views.Contracts, tokens: Mapping[bytes, list[bytes]]
) -> tuple[dict[bytes, MarketAt], tuple[str, ...]]:
    """The markets in which somebody is, without their open interest."""
    bases = list(dict.fromkeys(base for each in tokens.values() for base in each))
    if len(bases) > MAX_MARKETS:
        raise Malformed(f"perp-v2: {len(bases)} markets, more than {MAX_MARKETS}")
    assumes: list[str] = []
    names = ask_all(reader, [(base, SYMBOL, ()) for base in bases])
    symbols = distinct(
        [
            symbol_of(b"" if isinstance(name, RollproofError) else name.encode(), base)
            for base, name in zip(bases, names, strict=True)
        ]
    )
    markets: dict[bytes, MarketAt] = {}
    for base, symbol in zip(bases, symbols, strict=True):
        is_open, is_closed = need_all(reader, [(base, views.IS_OPEN, ()), (base, views.IS_CLOSED, ())])
        reference: Question = (parts.account_balance, views.MARK_PRICE, (base,))
        if not is_open:
            reference = (base, views.CLOSED_PRICE if is_closed else views.PAUSED_PRICE, ())
        index, mark = need_all(reader, [(base, views.INDEX_PRICE, (0,)), reference])
        stale = _timed_out(reader, base)
        if stale is None:
            assumes.append(f"{symbol}: its price feed does not say whether it is stale")
        markets[base] = MarketAt(symbol, index, mark, 0, 0, stale=bool(stale))
    return markets, tuple(assumes)


def _timed_out(reader: Reader, base: bytes) -> bool | None:
    """Whether the Chainlink feed behind a market is older than its own limit; None where it does not say."""
    at: Any = base
    for view in (views.PRICE_FEED, views.CHAINLINK_FEED, views.TIMED_OUT):
        [at] = ask_all(reader, [(at, view, ())])
        if isinstance(at, RollproofError):
            return None
    return bool(at)


def read_accounts(
    reader: Reader,
    parts: views.Contracts,
    tokens: Mapping[bytes, list[bytes]],
    markets: Mapping[bytes, MarketAt],
    margin: Margin,
    unread: dict[bytes, str],
) -> tuple[tuple[AccountAt, ...], int]:
    """Every account that answers, and how many of them are makers; the others go into ``unread``."""
    asked: dict[bytes, list[Question]] = {}
    for who, bases in tokens.items():
        asked[who] = [
            (parts.vault, views.ACCOUNT_VALUE, (who,)), (parts.vault, views.SETTLEMENT_TOKEN_VALUE, (who,)),
            (parts.vault, views.FREE_COLLATERAL, (who,)), (parts.account_balance, views.TOTAL_DEBT_VALUE, (who,)),
            (parts.account_balance, views.MARGIN_FOR_LIQUIDATION, (who,)),
            (parts.account_balance, views.HAS_ORDER, (who,)),
        ]  # fmt: skip
        for base in bases:
            asked[who] += [
                (parts.account_balance, view, (who, base))
                for view in (views.POSITION_SIZE, views.POSITION_VALUE, views.OPEN_NOTIONAL)
            ]
            asked[who].append((parts.exchange, views.PENDING_FUNDING, (who, base)))
    answers = iter(ask_all(reader, [question for each in asked.values() for question in each]))
    found, makers = [], 0
    for who, questions in asked.items():
        its = [next(answers) for _ in questions]
        if failed := [each for each in its if isinstance(each, RollproofError)]:
            unread[who] = str(failed[0])
            continue
        value, settled, free, debt_value, requirement, ordered, *rest = its
        makers += ordered
        rows = [rest[start : start + 4] for start in range(0, len(rest), 4)]
        positions = tuple(
            _position(markets[base], *row, equity=value, margin=margin)
            for base, row in zip(tokens[who], rows, strict=True)
            if row[0] != 0
        )
        # What is no unrealised profit: balance, realised profit, fees to be collected, collateral in other tokens.
        own = value - sum(each.profit for each in positions)
        found.append(
            AccountAt(
                who, max(0, own), max(0, -own), value, margin.up(debt_value * margin.initial // RATIO),
                margin.up(requirement), positions, free, value - settled,
            )
        )  # fmt: skip
    return tuple(found), makers


def _position(
    market: MarketAt, size: int, value: int, open_notional: int, funding: int, *, equity: int, margin: Margin
) -> PositionAt:
    """A taker's and maker's position together, as the venue margins it."""
    paid = -open_notional if size > 0 else open_notional
    bankruptcy = market.mark_price - equity * margin.scale * _ONE // size
    return PositionAt(
        market.symbol,
        size,
        isolated=False,
        margin=0,
        entry_price=max(0, paid * _ONE // abs(size)),
        profit=margin.down(value + open_notional - funding),
        notional=margin.up(abs(value)),
        initial=margin.up(abs(value) * margin.initial // RATIO),
        maintenance=margin.up(abs(value) * margin.maintenance // RATIO),
        bankruptcy_price=bankruptcy if bankruptcy > 0 else None,
    )


def with_interest(market: MarketAt, accounts: Iterable[AccountAt]) -> MarketAt:
    """The market with the open interest of these accounts."""
    sizes = [each.size for account in accounts for each in account.positions if each.market == market.symbol]
    longs, shorts = sum(each for each in sizes if each > 0), -sum(each for each in sizes if each < 0)
    return replace(market, longs=longs, shorts=shorts)


def gap(markets: Iterable[MarketAt], accounts: int) -> str:
    """Where the sizes of a market do not cancel, somebody's position is not there: the venue makes them in pairs."""
    dust = 1_000 * (accounts + 1)  # wei: what the pool's rounding leaves
    open_ended = [
        f"{each.symbol} by {abs(each.longs - each.shorts) / _ONE:g}"
        for each in markets
        if abs(each.longs - each.shorts) > dust + (each.longs + each.shorts) // 10**9
    ]
    return f"accounts are missing: longs and shorts differ in {', '.join(open_ended)}" if open_ended else ""
