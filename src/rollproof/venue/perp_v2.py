"""The adapter of Perpetual Protocol v2 ("curie"): perpetuals on virtual Uniswap v3 pools, cross margin in one vault.

A venue is its ClearingHouse. Amounts come with 18 decimals, and in the vault with the settlement token's; here they are
the token's. What the venue demands is rounded up and what an account has down, so that ``equity < maintenance`` says
what the ClearingHouse itself would.

Source: @perp/curie-contract 2.8.4 (npm): ClearingHouse, AccountBalance, Exchange, Vault, InsuranceFund, BaseToken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from rollproof.chain import abi
from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.venue.reader import LogReader, Reader, Reverted
from rollproof.venue.snapshot import AccountAt, MarketAt, PositionAt, Snapshot
from rollproof.venue.token import BALANCE_OF, SYMBOL, distinct, read_token, symbol_of
from rollproof.venue.view import Question, View, ask_all, need_all

if TYPE_CHECKING:
    from rollproof.venue.rules.perp_v2 import PerpV2 as Rules

MAX_ACCOUNTS: Final = 200_000
MAX_MARKETS: Final = 256
_ONE: Final = 10**18
_RATIO: Final = 10**6  # decimals of the venue's ratios

_ADDRESS: Final = ("address",)
_PAIR: Final = ("address", "address")
_SIGNED: Final = ("int256",)
_PARTS: Final = tuple(
    View(name, (), _ADDRESS)
    for name in ("getVault", "getAccountBalance", "getExchange", "getInsuranceFund", "getClearingHouseConfig")
)
CLEARING_HOUSE: Final = View("getClearingHouse", (), _ADDRESS)
SETTLEMENT_TOKEN: Final = View("getSettlementToken", (), _ADDRESS)
ACCOUNT_VALUE: Final = View("getAccountValue", _ADDRESS, _SIGNED)
SETTLEMENT_TOKEN_VALUE: Final = View("getSettlementTokenValue", _ADDRESS, _SIGNED)
FREE_COLLATERAL: Final = View("getFreeCollateral", _ADDRESS)
BASE_TOKENS: Final = View("getBaseTokens", _ADDRESS, ("address[]",))
MARGIN_FOR_LIQUIDATION: Final = View("getMarginRequirementForLiquidation", _ADDRESS, _SIGNED)
TOTAL_DEBT_VALUE: Final = View("getTotalDebtValue", _ADDRESS)
POSITION_SIZE: Final = View("getTotalPositionSize", _PAIR, _SIGNED)
POSITION_VALUE: Final = View("getTotalPositionValue", _PAIR, _SIGNED)
OPEN_NOTIONAL: Final = View("getTotalOpenNotional", _PAIR, _SIGNED)
TAKER_SIZE: Final = View("getTakerPositionSize", _PAIR, _SIGNED)
PENDING_FUNDING: Final = View("getPendingFundingPayment", _PAIR, _SIGNED)
FUND_CAPACITY: Final = View("getInsuranceFundCapacity", (), _SIGNED)
IM_RATIO: Final = View("getImRatio", (), ("uint24",))
MM_RATIO: Final = View("getMmRatio", (), ("uint24",))
PENALTY_RATIO: Final = View("getLiquidationPenaltyRatio", (), ("uint24",))
MAX_FUNDING_RATE: Final = View("getMaxFundingRate", (), ("uint24",))
MARK_PRICE: Final = View("getMarkPrice", _ADDRESS)
INDEX_PRICE: Final = View("getIndexPrice", ("uint256",))
IS_OPEN: Final = View("isOpen", (), ("bool",))
IS_CLOSED: Final = View("isClosed", (), ("bool",))
CLOSED_PRICE: Final = View("getClosedPrice")
PAUSED_PRICE: Final = View("getPausedIndexPrice")
PRICE_FEED: Final = View("getPriceFeed", (), _ADDRESS)
CHAINLINK_FEED: Final = View("getChainlinkPriceFeedV3", (), _ADDRESS)
TIMED_OUT: Final = View("isTimedOut", (), ("bool",))

DEPOSITED: Final = abi.topic("Deposited(address,address,uint256)")
POSITION_CHANGED: Final = abi.topic("PositionChanged(address,address,int256,int256,uint256,int256,int256,uint256)")
LIQUIDITY_CHANGED: Final = abi.topic(
    "LiquidityChanged(address,address,address,int24,int24,int256,int256,int128,uint256)"
)


@dataclass(frozen=True, slots=True)
class _Venue:
    """The contracts behind a ClearingHouse, and what it demands."""

    clearing_house: bytes
    vault: bytes
    account_balance: bytes
    exchange: bytes
    insurance_fund: bytes
    config: bytes


@dataclass(frozen=True, slots=True)
class PerpV2:
    """The venue keeps no list of accounts: they are ``accounts``, or come from its logs from ``first_block`` on."""

    accounts: Sequence[bytes] | None = None
    first_block: int = 0

    name = "perp-v2"
    rules = "perp-v2"

    def matches(self, reader: Reader, venue: bytes) -> bool:
        """Whether the contract is a ClearingHouse whose vault is its own. Raises Missing, Retry: could not be asked."""
        answers = ask_all(reader, [(venue, part, ()) for part in _PARTS])
        if not _answered(answers):
            return False
        [back] = ask_all(reader, [(answers[0], CLEARING_HOUSE, ())])
        return _answered([back]) and back == venue

    def read(self, reader: Reader, venue: bytes) -> Snapshot:
        """The venue at the reader's state.

        Raises Missing, Malformed, Reverted, Retry; Unsupported where there are neither accounts nor a reader of logs.
        """
        parts = _Venue(venue, *need_all(reader, [(venue, part, ()) for part in _PARTS]))
        settlement, capacity, initial, maintenance = need_all(
            reader,
            [
                (parts.vault, SETTLEMENT_TOKEN, ()), (parts.insurance_fund, FUND_CAPACITY, ()),
                (parts.config, IM_RATIO, ()), (parts.config, MM_RATIO, ()),
            ],
        )  # fmt: skip
        token, supply = read_token(reader, settlement)
        [held] = need_all(reader, [(settlement, BALANCE_OF, (parts.vault,))])
        addresses, unlisted = self._listed(reader, parts)
        tokens, unread = _markets_of(reader, parts, addresses)
        markets, assumes = _markets(reader, parts, tokens)
        scale = 10 ** (18 - token.decimals)
        margin = _Margin(initial, maintenance, scale)
        accounts = _accounts(reader, parts, tokens, markets, margin, unread)
        counted = {
            base: _with_interest(market, [_size(each, market.symbol) for each in accounts])
            for base, market in markets.items()
        }
        unlisted = "; ".join(filter(None, (unlisted, _gap(counted.values(), len(accounts)))))
        return Snapshot(
            venue, reader.chain_id, reader.number, reader.timestamp, token, tuple(counted.values()), accounts,
            capacity, None, None, max(0, -capacity), held, supply, unread, unlisted, assumes,
        )  # fmt: skip

    def rules_of(self, reader: Reader, venue: bytes) -> Rules:
        """The margin rules with the venue's ratios. Raises as `read`.

        A book from a snapshot has collateral in other tokens in its cash, at the value that the venue gave it.
        """
        from rollproof.venue.rules.perp_v2 import PerpV2 as Rules  # rules need numpy, and reading a venue does not

        [config] = need_all(reader, [(venue, _PARTS[4], ())])
        initial, maintenance, penalty, funding = need_all(
            reader, [(config, view, ()) for view in (IM_RATIO, MM_RATIO, PENALTY_RATIO, MAX_FUNDING_RATE)]
        )
        return Rules(
            initial_ratio=initial / _RATIO,
            maintenance_ratio=maintenance / _RATIO,
            max_funding_rate=funding / _RATIO,
            liquidation=replace(Rules().liquidation, penalty=penalty / _RATIO),
        )

    def _listed(self, reader: Reader, parts: _Venue) -> tuple[list[bytes], str]:
        """The accounts, each once, and why there may be more."""
        if self.accounts is not None:
            found = list(dict.fromkeys(self.accounts))
            why = f"{len(found)} accounts were asked for by name; the venue keeps no list of its accounts"
        elif isinstance(reader, LogReader):
            logs = reader.logs(parts.vault, [DEPOSITED], self.first_block)
            traded = reader.logs(parts.clearing_house, [POSITION_CHANGED, LIQUIDITY_CHANGED], self.first_block)
            holders = [_indexed(each.topics, 2) for each in logs] + [_indexed(each.topics, 1) for each in traded]
            found = list(dict.fromkeys(holders))
            why = f"accounts are those in the logs of blocks {self.first_block} to {reader.number}, as a node gave them"
        else:
            raise Unsupported("perp-v2: the venue keeps no list of accounts, and this state has no logs: name them")
        if len(found) > MAX_ACCOUNTS:
            raise Malformed(f"perp-v2: {len(found)} accounts, more than {MAX_ACCOUNTS}")
        return [each for each in found if each != parts.insurance_fund], why


@dataclass(frozen=True, slots=True)
class _Margin:
    """Ratios with 6 decimals, and what 18 decimals are divided by to be the token's."""

    initial: int
    maintenance: int
    scale: int

    def up(self, amount: int) -> int:
        return -(-amount // self.scale)

    def down(self, amount: int) -> int:
        return amount // self.scale


def _markets_of(
    reader: Reader, parts: _Venue, addresses: list[bytes]
) -> tuple[dict[bytes, list[bytes]], dict[bytes, str]]:
    """The base tokens of each account, and the accounts that do not say."""
    answers = ask_all(reader, [(parts.account_balance, BASE_TOKENS, (who,)) for who in addresses])
    unread = {who: str(each) for who, each in zip(addresses, answers, strict=True) if isinstance(each, RollproofError)}
    tokens = {who: list(each) for who, each in zip(addresses, answers, strict=True) if who not in unread}
    return tokens, unread


def _markets(
    reader: Reader, parts: _Venue, tokens: Mapping[bytes, list[bytes]]
) -> tuple[dict[bytes, MarketAt], tuple[str, ...]]:
    """The markets in which somebody is, without their open interest."""
    bases = list(dict.fromkeys(base for each in tokens.values() for base in each))
    if len(bases) > MAX_MARKETS:
        raise Malformed(f"perp-v2: {len(bases)} markets, more than {MAX_MARKETS}")
    assumes = ["a maker's position is its size now: liquidity that is in the pool changes it as the price moves"]
    names = ask_all(reader, [(base, SYMBOL, ()) for base in bases])
    symbols = distinct(
        [
            symbol_of(b"" if isinstance(name, RollproofError) else name.encode(), base)
            for base, name in zip(bases, names, strict=True)
        ]
    )
    markets: dict[bytes, MarketAt] = {}
    for base, symbol in zip(bases, symbols, strict=True):
        is_open, is_closed = need_all(reader, [(base, IS_OPEN, ()), (base, IS_CLOSED, ())])
        reference: Question = (parts.account_balance, MARK_PRICE, (base,))
        if not is_open:
            reference = (base, CLOSED_PRICE if is_closed else PAUSED_PRICE, ())
        index, mark = need_all(reader, [(base, INDEX_PRICE, (0,)), reference])
        stale = _timed_out(reader, base)
        if stale is None:
            assumes.append(f"{symbol}: its price feed does not say whether it is stale")
        markets[base] = MarketAt(symbol, index, mark, 0, 0, stale=bool(stale))
    return markets, tuple(assumes)


def _timed_out(reader: Reader, base: bytes) -> bool | None:
    """Whether the Chainlink feed behind a market is older than its own limit; None where it does not say."""
    at: Any = base
    for view in (PRICE_FEED, CHAINLINK_FEED, TIMED_OUT):
        [at] = ask_all(reader, [(at, view, ())])
        if isinstance(at, RollproofError):
            return None
    return bool(at)


def _accounts(
    reader: Reader,
    parts: _Venue,
    tokens: Mapping[bytes, list[bytes]],
    markets: Mapping[bytes, MarketAt],
    margin: _Margin,
    unread: dict[bytes, str],
) -> tuple[AccountAt, ...]:
    """Every account that answers; the others go into ``unread``."""
    asked: dict[bytes, list[Question]] = {}
    for who, bases in tokens.items():
        asked[who] = [
            (parts.vault, ACCOUNT_VALUE, (who,)), (parts.vault, SETTLEMENT_TOKEN_VALUE, (who,)),
            (parts.vault, FREE_COLLATERAL, (who,)), (parts.account_balance, TOTAL_DEBT_VALUE, (who,)),
            (parts.account_balance, MARGIN_FOR_LIQUIDATION, (who,)),
        ]  # fmt: skip
        for base in bases:
            asked[who] += [
                (parts.account_balance, view, (who, base)) for view in (POSITION_SIZE, POSITION_VALUE, OPEN_NOTIONAL)
            ]
            asked[who].append((parts.exchange, PENDING_FUNDING, (who, base)))
    answers = iter(ask_all(reader, [question for each in asked.values() for question in each]))
    found = []
    for who, questions in asked.items():
        its = [next(answers) for _ in questions]
        if failed := [each for each in its if isinstance(each, RollproofError)]:
            unread[who] = str(failed[0])
            continue
        value, settled, free, debt_value, requirement, *rest = its
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
                who, max(0, own), max(0, -own), value, margin.up(debt_value * margin.initial // _RATIO),
                margin.up(requirement), positions, free, value - settled,
            )
        )  # fmt: skip
    return tuple(found)


def _position(
    market: MarketAt, size: int, value: int, open_notional: int, funding: int, *, equity: int, margin: _Margin
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
        initial=margin.up(abs(value) * margin.initial // _RATIO),
        maintenance=margin.up(abs(value) * margin.maintenance // _RATIO),
        bankruptcy_price=bankruptcy if bankruptcy > 0 else None,
    )


def _with_interest(market: MarketAt, sizes: Iterable[int]) -> MarketAt:
    """The market with the open interest of these sizes."""
    listed = list(sizes)
    return MarketAt(
        market.symbol, market.index_price, market.mark_price, sum(each for each in listed if each > 0),
        -sum(each for each in listed if each < 0), stale=market.stale,
    )  # fmt: skip


def _size(account: AccountAt, symbol: str) -> int:
    return sum(each.size for each in account.positions if each.market == symbol)


def _gap(markets: Iterable[MarketAt], accounts: int) -> str:
    """Where the sizes of a market do not cancel, somebody's position is not there: the venue makes them in pairs."""
    dust = 1_000 * (accounts + 1)  # wei: what the pool's rounding leaves
    open_ended = [
        f"{each.symbol} by {abs(each.longs - each.shorts) / _ONE:g}"
        for each in markets
        if abs(each.longs - each.shorts) > dust + (each.longs + each.shorts) // 10**9
    ]
    return f"accounts are missing: longs and shorts differ in {', '.join(open_ended)}" if open_ended else ""


def _answered(answers: Iterable[Any]) -> bool:
    for answer in answers:
        if isinstance(answer, (Reverted, Malformed)):
            return False
        if isinstance(answer, RollproofError):
            raise answer
    return True


def _indexed(topics: Sequence[bytes], place: int) -> bytes:
    if len(topics) <= place:
        raise Malformed(f"perp-v2: a log with {len(topics)} topics")
    return topics[place][12:]
