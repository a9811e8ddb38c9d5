"""One state of a chain as one node serves it: contracts' answers, storage and logs, pinned to a block by its hash.

Nothing here is proven: a node may say what it likes. For proven state use `venue.state_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from rollproof.chain import refusal, wire
from rollproof.chain.blocks import still
from rollproof.chain.header import Sealed
from rollproof.chain.node import At, Node
from rollproof.chain.pinned import Pinned
from rollproof.errors import Malformed, Missing, Reset, Retry, RollproofError, Unsupported
from rollproof.venue.reader import Log, Reverted, called

MAX_LOGS: Final = 2_000_000
MAX_LOG_REQUESTS: Final = 5_000
_PER_ANSWER: Final = 200_000
_STEADY: Final = 8  # ranges that a node takes before a longer one is tried
# What nodes say where a range has too many blocks or logs for them; no two say it alike.
_NARROWER: Final = re.compile(
    r"range|results|limit|more than|too (many|large|big|wide)|timed? ?out|exceed", re.IGNORECASE
)


class NodeReader:
    """A `venue.reader.Reader`, `Batching` and `LogReader` at ``block``, which the node must have."""

    def __init__(self, node: Node, block: Sealed, chain_id: int | None = None) -> None:
        """Asks the node for its chain id where none is given. Raises as `Node.chain_id`."""
        self.node, self.block = node, block
        self.chain_id = node.chain_id() if chain_id is None else chain_id
        self._pinned = Pinned(node, block)

    @classmethod
    def at(cls, node: Node, at: At = "latest") -> NodeReader:
        """At a number, tag or hash, which is resolved once, now. Raises Missing, Lying, Retry."""
        return cls(node, node.header(at))

    def __repr__(self) -> str:
        return f"NodeReader({self.node.label}, block {self.number})"

    @property
    def number(self) -> int:
        return self.block.header.number

    @property
    def timestamp(self) -> int:
        return self.block.header.timestamp

    def call(self, to: bytes, data: bytes) -> bytes:
        """Raises Reverted, Missing, Malformed, Retry, and Reset where the block was replaced and is read by number."""
        return called(self, to, data)

    def calls(self, wanted: Sequence[tuple[bytes, bytes]]) -> list[bytes | RollproofError]:
        """In batches as large as the node takes. Raises Reset as `call`."""
        answers = self._pinned.calls(wanted)
        return [Reverted(str(each)) if isinstance(each, refusal.Reverted) else each for each in answers]

    def storage(self, address: bytes, slot: int) -> int:
        """Without proof. Raises as `call`."""
        return self._pinned.slots([(address, slot.to_bytes(32, "big"))])[0]

    def logs(self, address: bytes, topics: Sequence[bytes], first: int) -> list[Log]:
        """In ranges that the node takes: all at once, then half of what was refused, then more again.

        Raises Reset where the block was replaced, Missing where that takes more than MAX_LOG_REQUESTS requests or
        gives more than MAX_LOGS logs.
        """
        found: list[Log] = []
        at, span, taken = first, max(1, self.number - first + 1), 0
        for _ in range(MAX_LOG_REQUESTS):
            if at > self.number:
                if not still(self.node, self.block):
                    raise Reset(f"{self.node.label}: block {self.number} was replaced while its logs were read")
                return found
            stop = min(at + span, self.number + 1)
            try:
                found += self._logs(address, topics, at, stop - 1)
            except (Missing, Malformed, Unsupported, Retry) as error:
                if stop - at == 1 or not (isinstance(error, refusal.TooLarge) or _NARROWER.search(str(error))):
                    raise
                span, taken = (stop - at) // 2, 0
                continue
            if len(found) > MAX_LOGS:
                raise Missing(f"{self.node.label}: more than {MAX_LOGS} logs of 0x{address.hex()}")
            at, taken = stop, taken + 1
            if taken == _STEADY:
                span, taken = span * 2, 0
        raise Missing(
            f"{self.node.label}: logs of blocks {first} to {self.number} take more than {MAX_LOG_REQUESTS} requests;"
            f" {at - first} blocks were read: begin later, at the block that created the venue"
        )

    def _logs(self, address: bytes, topics: Sequence[bytes], first: int, last: int) -> list[Log]:
        wanted = {
            "address": wire.to_data(address),
            "topics": [[wire.to_data(topic) for topic in topics]],
            "fromBlock": wire.to_quantity(first),
            "toBlock": wire.to_quantity(last),
        }
        what = f"{self.node.label}: logs of 0x{address.hex()}"
        records = wire.sequence(self.node.rpc.call("eth_getLogs", wanted), what, _PER_ANSWER)
        found = [_log(record, f"{what}[{index}]") for index, record in enumerate(records)]
        for each in found:
            if each.address != address or not each.topics or each.topics[0] not in topics:
                raise Malformed(f"{what}: another log than was asked for")
            if not first <= each.number <= last:
                raise Malformed(f"{what}: a log of block {each.number}, outside {first} to {last}")
        return found


def _log(record: Any, what: str) -> Log:
    fields = wire.mapping(record, what)
    topics = wire.sequence(wire.field(fields, "topics", what), f"{what}: topics", 4)
    return Log(
        wire.address(wire.field(fields, "address", what), f"{what}: address"),
        tuple(wire.hash32(topic, f"{what}: topic") for topic in topics),
        wire.data(wire.field(fields, "data", what), f"{what}: data", limit=1 << 20),
        wire.quantity(wire.field(fields, "blockNumber", what), f"{what}: blockNumber", 64),
    )
