"""Proofs of the state after a block, as its header claims it: for reading what a node says came of the block."""

from __future__ import annotations

from collections.abc import Sequence

from rollproof import _core
from rollproof.chain.pinned import Pinned
from rollproof.chain.witness import NodeSource
from rollproof.errors import Missing
from rollproof.replay.advice import advised


class ClaimedProofs:
    """Serves accounts, slots and codes of the claimed state, each proven against the claimed header's state root."""

    def __init__(self, source: NodeSource) -> None:
        self._source = source

    def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
        """Raises Retry, Missing, Lying and Reset as `chain.pinned.Pinned` does."""
        wanted: dict[bytes, set[bytes]] = {address: set() for address in needs.accounts}
        for address, slot in needs.slots:
            wanted.setdefault(address, set()).add(slot)
        source, out = self._source, list[bytes]()
        with advised():
            if wanted:
                found = source.ask(lambda node: Pinned(node, source.sealed).proofs(wanted))
                out += [raw for each in found.values() for raw in each.nodes()]
            if needs.codes:
                out += source.ask(lambda node: Pinned(node, source.sealed).codes(needs.codes))
        if not out:
            raise Missing(f"missing: {needs.first}")
        return out
