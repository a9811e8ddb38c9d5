"""Watches every account of the perpetuals venue, liquidates what may be liquidated, and deleverages what has to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rollproof.lab.transaction import GWEI

if TYPE_CHECKING:
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Stack

_GAS = 25_000_000  # ranking every position of a side costs much of this
_MARKETS = 16  # MAX_MARKETS of the contract
_QUEUE = 32  # MAX_COUNTERPARTIES
_WANTS_DELEVERAGING = "NeedsDeleveraging("


class Liquidator:
    """Tries every call before it sends it, so it only pays for what works, unless somebody is faster."""

    def __init__(self, *, most: int = 8, name: str = "liquidator") -> None:
        """``most``: accounts that it goes for in one step."""
        self.name = name
        self._most = most
        self._seen: list[bytes] = []  # accounts in the venue's order, as of `_head`
        self._head = -1

    def act(self, stack: Stack) -> None:
        """One call an account; nothing while earlier ones still wait."""
        account = stack.account(self.name, "l2")
        if stack.next_nonce("l2", account) != stack.l2.account(account.address)[0]:
            return
        venue, sent = stack.deployed["PerpetualsVenue"], 0
        for who in self._accounts(stack, venue):
            cross, isolated = stack.view("l2", venue, "marketsOf", who)
            if cross | isolated == 0:
                continue
            [open_] = stack.view("l2", venue, "liquidatable", who)
            for market in range(_MARKETS):
                data = self._call(stack, venue, account.address, market, who) if open_ >> market & 1 else None
                if data is not None:
                    stack.send("l2", account, venue.address, data=data, gas=_GAS, tip=2 * GWEI)
                    sent += 1
                    break
            if sent == self._most:
                return

    def _accounts(self, stack: Stack, venue: Contract) -> Sequence[bytes]:
        """Every account; the list only grows, but for a reorganisation."""
        number = stack.l2.head.number
        if number <= self._head:
            self._seen.clear()
        self._head = number
        [count] = stack.view("l2", venue, "accountCount")
        for index in range(len(self._seen), count):
            self._seen.append(stack.view("l2", venue, "accountAt", index)[0])
        return self._seen

    def _call(self, stack: Stack, venue: Contract, sender: bytes, market: int, who: bytes) -> bytes | None:
        """The calldata that closes a position now, or None: the price is stale, or the pool too empty."""
        data = venue.encode("liquidate", market, who)
        tried = stack.l2.call(venue.address, data, sender=sender)
        if tried.status == 1:
            return data
        if not venue.reason(tried.output).startswith(_WANTS_DELEVERAGING):
            return None
        data = venue.encode("deleverage", market, who, self._counterparties(stack, venue, market, who))
        return data if stack.l2.call(venue.address, data, sender=sender).status == 1 else None

    def _counterparties(self, stack: Stack, venue: Contract, market: int, who: bytes) -> list[bytes]:
        """The first of the ranking, as many as the bankrupt position needs."""
        [bankrupt] = stack.view("l2", venue, "position", market, who)
        rest, chosen = abs(bankrupt[0]), []
        queue, _ = stack.view("l2", venue, "adlQueue", market, who, _QUEUE)
        for each in queue:
            if rest <= 0:
                break
            [position] = stack.view("l2", venue, "position", market, each)
            rest -= abs(position[0])
            chosen.append(each)
        return chosen
