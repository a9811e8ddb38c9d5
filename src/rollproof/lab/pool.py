"""Transactions that wait for a block: first come, first served, and one sender's in the order of their nonces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

from rollproof import _core
from rollproof.errors import Malformed

MAX_PENDING = 10_000
MAX_OF_SENDER = 512
RESERVED = 2_000  # places that the lab's own accounts keep, whatever comes over RPC


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
    """Pending transactions by hash, in order of arrival. Bounded, as a whole and for each sender."""

    def __init__(self, family: str) -> None:
        self._family = family
        self._pending: dict[bytes, Pending] = {}
        self._by_sender: dict[bytes, dict[int, Pending]] = {}  # and by nonce

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Pending]:
        return iter(list(self._pending.values()))

    def __contains__(self, wanted: object) -> bool:
        return wanted in self._pending

    def get(self, wanted: bytes) -> Pending | None:
        return self._pending.get(wanted)

    def at(self, sender: bytes, nonce: int) -> Pending | None:
        """The transaction of a sender that takes this nonce."""
        return self._by_sender.get(sender, {}).get(nonce)

    def add(self, raw: bytes, time: int, *, room: int = 0) -> Pending:
        """Takes a raw transaction. A second one of a sender and nonce replaces the first.

        ``room`` is how many places have to stay free. Raises Malformed where it does not decode, or no place is left.
        Whether it can pay is the block's question.
        """
        pending = read(raw, self._family, time)
        if (held := self._pending.get(pending.hash)) is not None:
            return held
        own = self._by_sender.setdefault(pending.sender, {})
        replaced = own.get(pending.nonce)
        if replaced is not None:
            del self._pending[replaced.hash]
        elif len(self._pending) >= MAX_PENDING - room:
            raise Malformed(f"the pool is full: {len(self._pending)} transactions wait")
        elif len(own) >= MAX_OF_SENDER:
            raise Malformed(f"the pool holds {MAX_OF_SENDER} transactions of this sender")
        self._pending[pending.hash] = own[pending.nonce] = pending
        return pending

    def next_nonce(self, sender: bytes, on_chain: int) -> int:
        """The nonce that a sender's next transaction takes: the first that nothing takes."""
        own = self._by_sender.get(sender, {})
        while on_chain in own:
            on_chain += 1
        return on_chain

    def executable(self, nonce_of: Callable[[bytes], int]) -> list[Pending]:
        """What could be in the next block, in order of arrival: each sender's run of nonces from the one on chain.

        Forgets what stands below that one: another transaction took its place.
        """
        ready: set[bytes] = set()
        for sender, own in list(self._by_sender.items()):
            nonce = nonce_of(sender)
            self.remove([each.hash for each in own.values() if each.nonce < nonce])
            while nonce in own:
                ready.add(own[nonce].hash)
                nonce += 1
        return [each for each in self._pending.values() if each.hash in ready]

    def remove(self, hashes: Sequence[bytes]) -> None:
        """Forgets transactions: they are in a block, or never can be."""
        for each in hashes:
            gone = self._pending.pop(each, None)
            if gone is not None:
                own = self._by_sender[gone.sender]
                own.pop(gone.nonce, None)
                if not own:
                    del self._by_sender[gone.sender]


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
    """First come, first served, a sender's nonces in their order; who cannot pay the base fee waits."""
    able = [each for each in pending if each.fee >= base_fee]
    queues = _queues(able)
    return [queues[each.sender].pop() for each in able]


def by_priority_fee(pending: Sequence[Pending], base_fee: int) -> list[Pending]:
    """Highest effective tip first, earlier arrival before later, never a sender's later nonce before an earlier one."""
    able = [each for each in pending if each.fee >= base_fee]
    queues = _queues(able)
    place = {each.hash: index for index, each in enumerate(able)}

    def rank(each: Pending) -> tuple[int, int, Pending]:
        return -each.effective_tip(base_fee), place[each.hash], each

    heads = [rank(queue.pop()) for queue in queues.values()]
    heapify(heads)
    ordered: list[Pending] = []
    while heads:
        _, _, taken = heads[0]
        ordered.append(taken)
        if queues[taken.sender]:
            heapreplace(heads, rank(queues[taken.sender].pop()))
        else:
            heappop(heads)
    return ordered


def _queues(pending: Sequence[Pending]) -> dict[bytes, list[Pending]]:
    """Each sender's, the lowest nonce last."""
    queues: dict[bytes, list[Pending]] = {}
    for each in sorted(pending, key=lambda one: one.nonce, reverse=True):
        queues.setdefault(each.sender, []).append(each)
    return queues
