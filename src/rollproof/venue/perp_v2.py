"""The adapter of Perpetual Protocol v2 ("curie"): perpetuals on virtual Uniswap v3 pools, cross margin in one vault.

A venue is its ClearingHouse. Amounts come with 18 decimals, and in the vault with the settlement token's; here they are
the token's. What the venue demands is rounded up and what an account has down, so that ``equity < maintenance`` says
what the ClearingHouse itself would.

Source: @perp/curie-contract 2.8.4 (npm): ClearingHouse, AccountBalance, Exchange, Vault, InsuranceFund, BaseToken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.venue import perp_v2_views as views
from rollproof.venue.perp_v2_accounts import RATIO, Margin, gap, markets_of, read_accounts, read_markets, with_interest
from rollproof.venue.reader import LogReader, Reader, Reverted
from rollproof.venue.snapshot import Snapshot
from rollproof.venue.token import BALANCE_OF, read_token
from rollproof.venue.view import ask_all, need_all

if TYPE_CHECKING:
    from rollproof.venue.rules.perp_v2 import PerpV2 as Rules

MAX_ACCOUNTS: Final = 200_000


@dataclass(frozen=True, slots=True)
class PerpV2:
    """The venue keeps no list of accounts: they are ``accounts``, or come from its logs from ``first_block`` on."""

    accounts: Sequence[bytes] | None = None
    first_block: int = 0

    name = "perp-v2"
    rules = "perp-v2"

    def matches(self, reader: Reader, venue: bytes) -> bool:
        """Whether the contract is a ClearingHouse whose vault is its own. Raises Missing, Retry: could not be asked."""
        answers = ask_all(reader, [(venue, part, ()) for part in views.PARTS])
        if not _answered(answers):
            return False
        [back] = ask_all(reader, [(answers[0], views.CLEARING_HOUSE, ())])
        return _answered([back]) and back == venue

    def read(self, reader: Reader, venue: bytes) -> Snapshot:
        """The venue at the reader's state.

        Raises Missing, Malformed, Reverted, Retry; Unsupported where there are neither accounts nor a reader of logs.
        """
        parts = views.Contracts(venue, *need_all(reader, [(venue, part, ()) for part in views.PARTS]))
        settlement, capacity, initial, maintenance = need_all(
            reader,
            [
                (parts.vault, views.SETTLEMENT_TOKEN, ()), (parts.insurance_fund, views.FUND_CAPACITY, ()),
                (parts.config, views.IM_RATIO, ()), (parts.config, views.MM_RATIO, ()),
            ],
        )  # fmt: skip
        token, supply = read_token(reader, settlement)
        [held] = need_all(reader, [(settlement, BALANCE_OF, (parts.vault,))])
        addresses, unlisted = self._listed(reader, parts)
        tokens, unread = markets_of(reader, parts, addresses)
        markets, assumes = read_markets(reader, parts, tokens)
        scale = 10 ** (18 - token.decimals)
        margin = Margin(initial, maintenance, scale)
        accounts, makers = read_accounts(reader, parts, tokens, markets, margin, unread)
        if makers:
            assumes = (*assumes, f"accounts with liquidity in the pool, their sizes those at this price: {makers}")
        counted = {base: with_interest(market, accounts) for base, market in markets.items()}
        unlisted = "; ".join(filter(None, (unlisted, gap(counted.values(), len(accounts)))))
        return Snapshot(
            venue, reader.chain_id, reader.number, reader.timestamp, token, tuple(counted.values()), accounts,
            capacity, None, None, max(0, -capacity), held, supply, unread, unlisted, assumes,
        )  # fmt: skip

    def rules_of(self, reader: Reader, venue: bytes) -> Rules:
        """The margin rules with the venue's ratios. Raises as `read`.

        A book from a snapshot has collateral in other tokens in its cash, at the value that the venue gave it.
        """
        from rollproof.venue.rules.perp_v2 import PerpV2 as Rules  # rules need numpy, and reading a venue does not

        [config] = need_all(reader, [(venue, views.PARTS[4], ())])
        initial, maintenance, penalty, funding = need_all(
            reader,
            [
                (config, view, ())
                for view in (views.IM_RATIO, views.MM_RATIO, views.PENALTY_RATIO, views.MAX_FUNDING_RATE)
            ],
        )
        return Rules(
            initial_ratio=initial / RATIO,
            maintenance_ratio=maintenance / RATIO,
            max_funding_rate=funding / RATIO,
            liquidation=replace(Rules().liquidation, penalty=penalty / RATIO),
        )

    def _listed(self, reader: Reader, parts: views.Contracts) -> tuple[list[bytes], str]:
        """The accounts, each once, and why there may be more."""
        if self.accounts is not None:
            found = list(dict.fromkeys(self.accounts))
            why = f"{len(found)} accounts were asked for by name; the venue keeps no list of its accounts"
        elif isinstance(reader, LogReader):
            logs = reader.logs(parts.vault, [views.DEPOSITED], self.first_block)
            traded = reader.logs(
                parts.clearing_house, [views.POSITION_CHANGED, views.LIQUIDITY_CHANGED], self.first_block
            )
            holders = [_indexed(each.topics, 2) for each in logs] + [_indexed(each.topics, 1) for each in traded]
            found = list(dict.fromkeys(holders))
            why = f"accounts are those in the logs of blocks {self.first_block} to {reader.number}, as a node gave them"
        else:
            raise Unsupported("perp-v2: the venue keeps no list of accounts, and this state has no logs: name them")
        if len(found) > MAX_ACCOUNTS:
            raise Malformed(f"perp-v2: {len(found)} accounts, more than {MAX_ACCOUNTS}")
        return [each for each in found if each != parts.insurance_fund], why


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
