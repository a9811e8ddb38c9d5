"""A node's source as verification sees it: proofs alone, results that are kept for the evidence, or plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rollproof import _core
from rollproof.chain import crosscheck
from rollproof.chain.crosscheck import Disagreement
from rollproof.chain.pinned import Wanted
from rollproof.chain.synthetic import Synthetic
from rollproof.chain.usage import Usage
from rollproof.chain.witness import NodeSource
from rollproof.replay.advice import advised
from rollproof.replay.by_value import Result

_BLOB = b"\x03"


class Proofs:
    """A node's source of proofs about the parent's state, and nothing else."""

    def __init__(self, source: NodeSource, *, rules_agreed: bool = False) -> None:
        self.source, self.rules_agreed = source, rules_agreed

    @property
    def usage(self) -> Usage:
        return self.source.usage

    def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
        with advised():
            return self.source.fetch(needs)


class Recorder(Proofs):
    """A node's source that also keeps what the node disclosed of its results, and where other nodes differ in it."""

    seen_receipts: tuple[Mapping[str, Any], ...] | None = None
    seen_post_state: Mapping[bytes, Mapping[str, Any]] | None = None
    disagreements: tuple[Disagreement, ...] = ()

    @property
    def compliant(self) -> bool:
        return self.source.compliant

    @property
    def exempt(self) -> Mapping[str, str]:
        return {}

    def receipts(self) -> Sequence[Mapping[str, Any]] | None:
        if len(self.source.nodes) > 1:
            self.disagreements += crosscheck.receipts(self.source.nodes, self.source.block)
        self.seen_receipts = self.source.receipts()
        return self.seen_receipts

    def post_state(self, accounts: Iterable[bytes], slots: Wanted) -> Mapping[bytes, Mapping[str, Any]]:
        wanted = {address: list(slots.get(address, ())) for address in accounts}
        if len(self.source.nodes) > 1:
            self.disagreements += crosscheck.proofs(self.source.nodes, self.source.sealed, wanted)
        self.seen_post_state = self.source.post_state(wanted, wanted)
        return self.seen_post_state

    def claimed_nodes(self) -> Sequence[bytes]:
        return self.source.post_nodes

    def below(self, address: bytes | None, path: bytes) -> Sequence[bytes]:
        return self.source.below(address, path)

    def read_values(self, accounts: Iterable[bytes], slots: Wanted, *, after: bool) -> Mapping[bytes, Any]:
        return self.source.read_values(accounts, slots, after=after)


class ByValue(Recorder):
    """A node whose tries break consensus rules: its state is read by value, and no root of it is compared."""

    before: Synthetic | None = None
    result: Result | None = None

    @property
    def exempt(self) -> Mapping[str, str]:
        why = f"{self.source.label}'s tries break consensus rules; accounts and slots are compared by value instead"
        found = {"state_root": why, "computed_hash": "it holds the state root, which is not computed"}
        if any(raw[:1] == _BLOB for raw in self.source.block.transactions):
            found["transactions_root"] = f"{self.source.label} hashes blob transactions with their sidecars"
        return found

    def made(self) -> Synthetic:
        with advised():
            return Synthetic(self.source)

    def ran(self, made: Synthetic, result: Result) -> None:
        self.before, self.result = made, result

    @property
    def notes(self) -> Sequence[str]:
        lent = self.before.lent if self.before is not None else ()
        if not lent:
            return ()
        shown = " and ".join(f"0x{address.hex()}" for address in lent)
        return (f"requests of {shown}: {self.source.label} has no code there and leaves out the calls of the rules",)

    def read_values(self, accounts: Iterable[bytes], slots: Wanted, *, after: bool) -> Mapping[bytes, Any]:
        lent = self.before.lent if self.before is not None else ()
        wanted = {address: list(slots.get(address, ())) for address in accounts if address not in lent}
        if after and len(self.source.nodes) > 1:
            self.disagreements += crosscheck.values(self.source.nodes, self.source.sealed, wanted)
        return super().read_values(wanted, wanted, after=after)
