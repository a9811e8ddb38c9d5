"""Transactions that wait for a block: first come, first served, and one sender's in the order of their nonces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollproof import _core
from rollproof.errors import Malformed

MAX_PENDING = 10_000


@dataclass(frozen=True, slots=True)
class Pending:
    """A transaction in the pool, as far as ordering needs it; amounts in wei (per gas)."""

    raw: bytes
    hash: bytes
    sender: bytes
    to: bytes | None
    nonce: int
    gas_limit: int
    fee: int
    tip: int
    input: bytes
    arrived: int  # simulated time, seconds

    def effective_tip(self, base_fee: int) -> int:
        """What the block's producer gets per gas (EIP-1559)."""
        return min(self.tip, self.fee - base_fee)


class Pool:
    """Pending transactions by hash, in order of arrival. Bounded."""

    def __init__(self, family: str) -> None:
        self._family = family
        self._pending: dict[bytes, Pending] = {}
        self._next: dict[bytes, int] = {}  # sender -> the nonce after its highest pending one

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Pending]:
        return iter(list(self._pending.values()))

    def __contains__(self, wanted: object) -> bool:
        return wanted in self._pending

    def get(self, wanted: bytes) -> Pending | None:
        return self._pending.get(wanted)

    def add(self, raw: bytes, time: int) -> Pending:
        """Takes a raw transaction. A second one of a sender and nonce replaces the first.

        Raises Malformed where it does not decode, or the pool is full. Whether it can pay is the block's question.
        """
        pending = read(raw, self._family, time)
        if (held := self._pending.get(pending.hash)) is not None:
            return held
        if len(self._pending) >= MAX_PENDING:
            raise Malformed(f"the pool is full: {MAX_PENDING} transactions wait")
        if pending.nonce < self._next.get(pending.sender, 0):
            for other in [each for each in self if (each.sender, each.nonce) == (pending.sender, pending.nonce)]:
                del self._pending[other.hash]
        self._pending[pending.hash] = pending
        self._next[pending.sender] = max(pending.nonce + 1, self._next.get(pending.sender, 0))
        return pending

    def next_nonce(self, sender: bytes, on_chain: int) -> int:
        """The nonce that a sender's next transaction takes."""
        return max(on_chain, self._next.get(sender, 0))

    def remove(self, hashes: Sequence[bytes]) -> None:
        """Forgets transactions: they are in a block, or never can be."""
        senders = {self._pending[each].sender for each in hashes if each in self._pending}
        for each in hashes:
            self._pending.pop(each, None)
        for sender in senders:
            left = [each.nonce + 1 for each in self._pending.values() if each.sender == sender]
            if left:
                self._next[sender] = max(left)
            else:
                self._next.pop(sender, None)


def read(raw: bytes, family: str, time: int) -> Pending:
    """A raw transaction as a pool keeps it; ``family`` of the chain, ``time`` of arrival in seconds.

    A block builder uses it for transactions of its own, which no pool ever shows. Raises Malformed where it does not
    decode, or is a deposit.
    """
    try:
        fields = _core.decode_transaction(raw, family)
    except _core.CoreError as error:
        raise Malformed(str(error)) from None
    if fields["type"] == 0x7E:
        raise Malformed("a deposit comes from L1, not from the pool")
    tip = fields["max_priority_fee_per_gas"]
    return Pending(
        raw, fields["hash"], fields["sender"], fields["to"], fields["nonce"], fields["gas_limit"],
        fields["max_fee_per_gas"], fields["max_fee_per_gas"] if tip is None else tip, fields["input"], time,
    )  # fmt: skip


def by_arrival(pending: Sequence[Pending], base_fee: int) -> list[Pending]:
    """First come, first served; who cannot pay the base fee waits."""
    return [each for each in pending if each.fee >= base_fee]


def by_priority_fee(pending: Sequence[Pending], base_fee: int) -> list[Pending]:
    """Highest effective tip first, earlier arrival before later, never a sender's later nonce before an earlier one."""
    able = [each for each in pending if each.fee >= base_fee]
    queues: dict[bytes, list[Pending]] = {}
    place = {each.hash: index for index, each in enumerate(able)}
    for each in sorted(able, key=lambda one: one.nonce, reverse=True):
        queues.setdefault(each.sender, []).append(each)
    ordered: list[Pending] = []
    while queues:
        best = max(queues.values(), key=lambda queue: (queue[-1].effective_tip(base_fee), -place[queue[-1].hash]))
        taken = best.pop()
        ordered.append(taken)
        if not best:
            del queues[taken.sender]
    return ordered
