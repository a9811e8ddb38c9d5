"""A node's pool, watched from outside: which transactions wait, since when, and since which block they could be in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rollproof.chain import wire
from rollproof.chain.endpoint import Provider
from rollproof.detect.ordering.waiting import Waiting
from rollproof.errors import Malformed

MAX_WAITING = 10_000


@dataclass
class PoolWatch:
    """Asks one node after each step. Raises Malformed for an answer that is none.

    Who sends in the lab acts before the block of the same second is built, so that one could have held it.
    """

    node: Provider
    waiting: dict[bytes, Waiting] = field(default_factory=dict)
    _filter: str | None = None

    def look(self, head: int, sealed: int, base_fee: int, now: int) -> Mapping[bytes, Waiting]:
        """All that waits or did at the last look, by hash. The head's number, its time, the base fee and the clock."""
        if self._filter is None:
            self._filter = str(self._ask("eth_newPendingTransactionFilter"))
        fresh = [wire.hash32(each, "pending transaction") for each in self._ask("eth_getFilterChanges", self._filter)]
        first = head if sealed >= now else head + 1
        held = dict(self.waiting)
        for key in fresh[: MAX_WAITING - len(held)]:
            answer = self._ask("eth_getTransactionByHash", wire.to_data(key))
            if isinstance(answer, dict):
                held[key] = _read(key, answer, first, now)
        for key, each in held.items():
            if not each.next and self._able(each, base_fee):
                held[key] = replace(each, next=True, block=first)
        self.waiting = {key: each for key, each in held.items() if self._waits(key)}
        return held

    def overtaken(self, wronged: Iterable[Waiting]) -> None:
        """Notes what a block left out although it could have held it."""
        for each in wronged:
            known = self.waiting.get(each.hash)
            if known is not None:
                self.waiting[each.hash] = replace(known, overtaken=known.overtaken + 1)

    def _able(self, each: Waiting, base_fee: int) -> bool:
        """Whether its sender's earlier transactions are all included, and it can pay."""
        nonce = wire.quantity(self._ask("eth_getTransactionCount", wire.to_data(each.sender), "latest"), "nonce")
        # Below: it is included already, and was able when it was.
        return nonce >= each.nonce and each.fee >= base_fee

    def _waits(self, key: bytes) -> bool:
        answer = self._ask("eth_getTransactionByHash", wire.to_data(key))
        return isinstance(answer, dict) and answer.get("blockNumber") is None

    def _ask(self, method: str, *params: Any) -> Any:
        answer = self.node.make_request(method, params)
        if "result" not in answer:
            raise Malformed(f"{method}: {str(answer.get('error'))[:100]}")
        return answer["result"]


def _read(key: bytes, answer: Mapping[str, Any], first: int, now: int) -> Waiting:
    fee = wire.quantity(answer.get("maxFeePerGas") or answer["gasPrice"], "fee")
    tip = answer.get("maxPriorityFeePerGas")
    to = answer.get("to")
    return Waiting(
        key,
        wire.address(answer["from"], "from"),
        None if to is None else wire.address(to, "to"),
        wire.quantity(answer["nonce"], "nonce"),
        wire.quantity(answer["gas"], "gas"),
        fee,
        fee if tip is None else wire.quantity(tip, "tip"),
        first,
        now,
        next=False,
    )
