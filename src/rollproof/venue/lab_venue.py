"""The adapter of the lab's perpetuals venue: isolated and cross perpetuals against a pool of liquidity.

Source: the views of ``PerpetualsVenue`` in lab/contracts/perpetuals. The venue lists its accounts and markets itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.venue.reader import Reader, Reverted
from rollproof.venue.snapshot import AccountAt, MarketAt, PositionAt, Snapshot
from rollproof.venue.token import BALANCE_OF, distinct, read_token, symbol_of
from rollproof.venue.view import View, ask_all, need_all

if TYPE_CHECKING:
    from rollproof.venue.rules.lab import Lab

MAX_MARKETS: Final = 16  # the contract's own bound
MAX_ACCOUNTS: Final = 200_000
_PRICE: Final = 10**10  # 8 decimals to 18
_ONE: Final = 10**18
_BPS: Final = 10**4

COLLATERAL: Final = View("collateral", (), ("address",))
MARKET_COUNT: Final = View("marketCount")
ACCOUNT_COUNT: Final = View("accountCount")
POOL: Final = View("pool")
FUND: Final = View("fund")
BAD_DEBT: Final = View("badDebt")
ACCOUNTS_TOTAL: Final = View("accountsTotal")
POOL_EQUITY: Final = View("poolEquity", (), ("int256",))
PAUSED: Final = View("paused", (), ("bool",))
# symbol, oracle price, updated at, stale, mark, longs, shorts, skew, funding rate, index, traders' profit
MARKET: Final = View(
    "market", ("uint256",),
    ("(bytes32,uint256,uint256,bool,uint256,uint256,uint256,int256,int256,int256,int256)",),
)  # fmt: skip
# feed, max age, initial, maintenance, fee, liquidation fee, keeper share, step, skew scale, open interest, premium,
# funding factor, max funding rate, min notional
CONFIG: Final = View(
    "config", ("uint256",),
    ("(address,uint32,uint16,uint16,uint16,uint16,uint16,uint16,uint128,uint128,uint64,uint64,uint64,uint64)",),
)  # fmt: skip
ACCOUNT_AT: Final = View("accountAt", ("uint256",), ("address",))
# equity, initial, maintenance, balance, debt
ACCOUNT: Final = View("account", ("address",), ("int256", "uint256", "uint256", "uint256", "uint256"))
MARKETS_OF: Final = View("marketsOf", ("address",), ("uint256", "uint256"))
# size, isolated, margin, cost, break-even, pending funding, profit, notional, initial, maintenance, equity, bankruptcy
POSITION: Final = View(
    "position", ("uint256", "address"),
    ("(int256,bool,uint256,int256,uint256,int256,int256,uint256,uint256,uint256,int256,uint256)",),
)  # fmt: skip


class LabVenue:
    """Reads it whole; an account whose state is not there is named in ``unread``."""

    name = "lab"
    rules = "lab"

    def matches(self, reader: Reader, venue: bytes) -> bool:
        """Whether the contract answers as this venue does. Raises Missing, Retry where it could not be asked."""
        questions = [
            (venue, each, ()) for each in (COLLATERAL, MARKET_COUNT, ACCOUNT_COUNT, ACCOUNTS_TOTAL, BAD_DEBT, PAUSED)
        ]
        answers = ask_all(reader, questions)
        for answer in answers:
            if isinstance(answer, (Reverted, Malformed)):
                return False
            if isinstance(answer, RollproofError):
                raise answer
        return int(answers[1]) <= MAX_MARKETS

    def read(self, reader: Reader, venue: bytes) -> Snapshot:
        """The venue at the reader's state. Raises Missing, Malformed, Reverted (a market without a price), Retry."""
        collateral, markets, accounts, pool, fund, bad_debt, pool_equity = need_all(
            reader,
            [
                (venue, each, ())
                for each in (COLLATERAL, MARKET_COUNT, ACCOUNT_COUNT, POOL, FUND, BAD_DEBT, POOL_EQUITY)
            ],
        )
        if markets > MAX_MARKETS or accounts > MAX_ACCOUNTS:
            raise Malformed(
                f"venue 0x{venue.hex()}: {markets} markets and {accounts} accounts,"
                f" more than {MAX_MARKETS} and {MAX_ACCOUNTS}"
            )
        token, supply = read_token(reader, collateral)
        [held] = need_all(reader, [(collateral, BALANCE_OF, (venue,))])
        listed = _markets(reader, venue, markets)
        addresses, unlisted = _addresses(reader, venue, accounts)
        read, unread = _accounts(reader, venue, addresses, [each.symbol for each in listed])
        return Snapshot(
            venue, reader.chain_id, reader.number, reader.timestamp, token, listed, read, fund, pool, pool_equity,
            bad_debt, held, supply, unread, unlisted,
        )  # fmt: skip

    def rules_of(self, reader: Reader, venue: bytes) -> Lab:
        """The margin rules as the markets are set, each with its own where the family knows one.

        Raises as `read`, and Unsupported where markets liquidate differently: the family has one way for all.
        """
        from rollproof.venue.rules.lab import Lab  # rules need numpy, and reading a venue does not
        from rollproof.venue.rules.liquidation import Liquidation

        collateral, count = need_all(reader, [(venue, COLLATERAL, ()), (venue, MARKET_COUNT, ())])
        if count > MAX_MARKETS:
            raise Malformed(f"venue 0x{venue.hex()}: {count} markets, more than {MAX_MARKETS}")
        if not count:
            return Lab()
        token, _ = read_token(reader, collateral)
        symbols = [each.symbol for each in _markets(reader, venue, count)]
        configs = need_all(reader, [(venue, CONFIG, (market,)) for market in range(count)])
        ways = {config[5:8] for config in configs}
        if len(ways) > 1:
            raise Unsupported("rules lab: the markets differ in liquidation fee, keeper's share or step")
        fee, share, step = ways.pop()
        return Lab(
            liquidation=Liquidation(penalty=fee / _BPS, keeper_share=share / _BPS, step=step / _BPS),
            markets={
                symbol: {
                    "initial_ratio": config[2] / _BPS, "maintenance_ratio": config[3] / _BPS, "fee": config[4] / _BPS,
                    "skew_scale": config[8] / _ONE, "max_premium": config[10] / _ONE,
                    "funding_factor": config[11] / _ONE, "max_funding_rate": config[12] / _ONE,
                    "min_notional": config[13] / 10**token.decimals,
                }
                for symbol, config in zip(symbols, configs, strict=True)
            },
        )  # fmt: skip


def _markets(reader: Reader, venue: bytes, count: int) -> tuple[MarketAt, ...]:
    states = need_all(reader, [(venue, MARKET, (market,)) for market in range(count)])
    symbols = distinct([symbol_of(state[0].rstrip(b"\0"), state[0]) for state in states])
    return tuple(
        MarketAt(
            symbol, state[1] * _PRICE, state[4] * _PRICE, state[5], state[6], stale=state[3],
        )
        for symbol, state in zip(symbols, states, strict=True)
    )  # fmt: skip


def _addresses(reader: Reader, venue: bytes, count: int) -> tuple[list[bytes], str]:
    """Every account once, and why some are not named."""
    answers = ask_all(reader, [(venue, ACCOUNT_AT, (index,)) for index in range(count)])
    failed = [each for each in answers if isinstance(each, RollproofError)]
    named = [each for each in answers if not isinstance(each, RollproofError)]
    unlisted = f"{len(failed)} of {count} accounts are not named: {failed[0]}" if failed else ""
    return list(dict.fromkeys(named)), unlisted


def _accounts(
    reader: Reader, venue: bytes, addresses: list[bytes], symbols: list[str]
) -> tuple[tuple[AccountAt, ...], dict[bytes, str]]:
    unread: dict[bytes, str] = {}
    summaries = dict(zip(addresses, ask_all(reader, [(venue, ACCOUNT, (who,)) for who in addresses]), strict=True))
    places = dict(zip(addresses, ask_all(reader, [(venue, MARKETS_OF, (who,)) for who in addresses]), strict=True))
    held: dict[bytes, list[int]] = {}
    for who in addresses:
        if failure := _failure((summaries[who], places[who])):
            unread[who] = failure
            continue
        bits = places[who][0] | places[who][1]
        if bits >> len(symbols):
            unread[who] = f"a position in market {bits.bit_length() - 1}, of {len(symbols)}"
            continue
        held[who] = [market for market in range(len(symbols)) if bits >> market & 1]
    pairs = [(who, market) for who, markets in held.items() for market in markets]
    answers = ask_all(reader, [(venue, POSITION, (market, who)) for who, market in pairs])
    positions: dict[bytes, list[PositionAt]] = {who: [] for who in held}
    for (who, market), answer in zip(pairs, answers, strict=True):
        if isinstance(answer, RollproofError):
            unread[who] = str(answer)
        elif answer[0] != 0:  # a state that no execution made may list a position that is not there
            positions[who].append(_position(symbols[market], answer))
    return tuple(
        _account(who, summaries[who], positions[who], bool(places[who][0])) for who in held if who not in unread
    ), unread


def _position(symbol: str, state: Any) -> PositionAt:
    size, isolated, margin, _, break_even, _, profit, notional, initial, maintenance, _, bankruptcy = state
    return PositionAt(
        symbol, size, isolated, margin, break_even * _PRICE, profit, notional, initial, maintenance,
        bankruptcy * _PRICE if bankruptcy else None,
    )  # fmt: skip


def _account(who: bytes, summary: Any, positions: list[PositionAt], crossed: bool) -> AccountAt:
    equity, initial, maintenance, balance, debt = summary
    free = min(balance, max(0, equity - initial)) if crossed else balance
    return AccountAt(who, balance, debt, equity, initial, maintenance, tuple(positions), free)


def _failure(answers: Iterable[Any]) -> str:
    return next((str(each) for each in answers if isinstance(each, RollproofError)), "")
