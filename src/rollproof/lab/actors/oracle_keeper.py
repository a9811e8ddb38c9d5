"""Pushes the market's prices to the oracle: when they moved enough, and at the latest after a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rollproof.errors import Missing

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

_GAS = 1_000_000


class OracleKeeper:
    """Reads what the oracle's contract holds, so that it goes on after a reorganisation as after a restart."""

    def __init__(
        self,
        symbols: Sequence[str] = ("ETH-USD", "BTC-USD"),
        *,
        heartbeat: int = 20,
        deviation: int = 10,
        name: str = "oracle-keeper",
    ) -> None:
        """``heartbeat`` in seconds of simulated time, ``deviation`` in basis points of the last price pushed."""
        self.name = name
        self._symbols, self._heartbeat, self._deviation = tuple(symbols), heartbeat, deviation

    def act(self, stack: Stack) -> None:
        """One push for all symbols that need one; none while a fault halts the oracle or a push is still waiting."""
        account = stack.account(self.name, "l2")
        waiting = stack.next_nonce("l2", account) != stack.l2.account(account.address)[0]
        if waiting or stack.halted("oracle"):
            return
        oracle = stack.deployed["PriceOracle"]
        due = []
        for symbol in self._symbols:
            word, price = symbol.encode().ljust(32, b"\0"), stack.market.price(stack.time, symbol)
            if self._due(stack, word, price):
                due.append((word, price))
        if due:
            words, prices = zip(*due, strict=True)
            stack.send("l2", account, oracle.address, data=oracle.encode("push", words, prices), gas=_GAS)

    def _due(self, stack: Stack, word: bytes, price: int) -> bool:
        oracle = stack.deployed["PriceOracle"]
        [number] = stack.view("l2", oracle, "latestRound", word)
        try:
            held, updated_at = stack.view("l2", oracle, "roundData", word, number)
        except Missing:
            return True  # no round yet
        late = stack.time - updated_at >= self._heartbeat
        return bool(late or abs(price - held) * 10_000 >= held * self._deviation)
