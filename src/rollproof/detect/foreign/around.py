"""What stands around executions: receipts, state differences and transactions by hash, and their block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollproof.detect.foreign import prestate, receipts
from rollproof.detect.foreign.part import Form, Part, entries
from rollproof.detect.foreign.receipts import BlockFields, Receipt, Sent
from rollproof.errors import Malformed


@dataclass(slots=True)
class Around:
    """Everything but the executions themselves. ``index``: transaction -> its place in the block."""

    where: str
    block: BlockFields = field(default_factory=BlockFields)
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    differences: dict[bytes | None, prestate.Prestate] = field(default_factory=dict)
    sent: dict[bytes, Sent] = field(default_factory=dict)
    index: dict[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Sequence[Part], values: Mapping[int, Any], where: str) -> Around:
        """What the parts say; ``values`` are theirs by identity. Raises Malformed where they contradict each other."""
        around = cls(where)
        for part in sorted(
            parts, key=lambda each: each.form is not Form.BLOCK
        ):  # the block first: its order is the order
            value = values[id(part)]
            if part.form is Form.BLOCK:
                around._take_block(value, part.where)
            elif part.form is Form.RECEIPTS:
                listed = value if isinstance(value, list) else [value]
                around.take_receipts(receipts.receipts(listed, part.where), part.where)
            elif part.form is Form.DIFF:
                around._take_differences(value, part.where)
        return around

    def take_receipts(self, found: Sequence[Receipt], where: str) -> None:
        """Raises Malformed for two of one transaction, and for those of another block."""
        for each in found:
            if each.hash in self.receipts:
                raise Malformed(f"{where}: two receipts of 0x{each.hash.hex()}")
            if each.block_hash is not None and self.block.hash not in (None, each.block_hash):
                raise Malformed(f"{where}: receipts of block 0x{each.block_hash.hex()}, and another before them")
            self.block.hash = each.block_hash or self.block.hash
            self.receipts[each.hash] = each
            if each.index is not None and self.index.setdefault(each.hash, each.index) != each.index:
                raise Malformed(f"{where}: 0x{each.hash.hex()} stands at two places of its block")

    def same(self, hashes: Sequence[bytes | None], where: str) -> None:
        """Raises Malformed where anything here is about other transactions than the traces with these hashes."""
        traced = {each for each in hashes if each is not None}
        if len(traced) != sum(each is not None for each in hashes):
            raise Malformed(f"{where}: two traces of one transaction")
        if not traced:
            return
        for name, others in (("receipts", self.receipts), ("state differences", self.differences)):
            missing = traced - set(others)
            if others and None not in others and missing:
                raise Malformed(
                    f"{where}: {name} of {len(missing)} transactions are missing, 0x{min(missing).hex()} one"
                )
        unknown = {each for each in self.differences if each is not None} - traced
        if unknown:
            raise Malformed(f"{where}: a state difference of 0x{min(unknown).hex()}, and no trace of it")
        if self.sent and not traced <= set(self.sent):
            other = min(traced - set(self.sent))
            raise Malformed(f"{where}: a trace of 0x{other.hex()}, which its block does not have")

    def untraced(self, hashes: Sequence[bytes | None]) -> list[str]:
        """A gap where several transactions are traced, and others of their block are not: one alone may be meant so."""
        block = set(self.sent) or set(self.receipts)
        traced = {each for each in hashes if each is not None}
        if len(traced) < 2 or not block - traced:
            return []
        return [f"{len(block - traced)} of the block's {len(block)} transactions have no trace"]

    def _take_block(self, value: Any, where: str) -> None:
        if self.sent:
            raise Malformed(f"{where}: a second block")
        self.block = receipts.block(value, where)
        for index, each in enumerate(self.block.transactions):
            if each.hash in self.sent:
                raise Malformed(f"{where}: 0x{each.hash.hex()} twice in one block")
            self.sent[each.hash], self.index[each.hash] = each, index

    def _take_differences(self, value: Any, where: str) -> None:
        for key, each in entries(value, where):
            if key in self.differences:
                raise Malformed(f"{where}: two state differences of one transaction")
            self.differences[key] = prestate.read(each, where)
