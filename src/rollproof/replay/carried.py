"""Values that the blocks of one range left behind, held against those that the next block to touch them starts from.

On a node whose state roots mean nothing, state can change between blocks outside any transaction. It shows where a
later block touches it: what it starts from is not what the blocks before it left. What no block of the range touched
yet is read as it was before the range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from rollproof import _core
from rollproof.chain.header import Sealed
from rollproof.chain.node import Node
from rollproof.chain.pinned import Pinned, Values, code_hash
from rollproof.chain.witness import NodeSource
from rollproof.errors import RollproofError
from rollproof.replay import disclosure
from rollproof.replay.header import wire
from rollproof.types import Difference

MAX_CARRIED = 500_000  # accounts and slots

_Account = tuple[int, int, bytes]  # nonce, balance, code hash
_FIELDS = ("nonce", "balance", "code_hash")


class Carried:
    """What is known of the state after the last block that was looked at. Blocks come in order, each one once."""

    def __init__(self, limit: int = MAX_CARRIED) -> None:
        self._limit = limit
        self._accounts: dict[bytes, _Account] = {}
        self._slots: dict[bytes, dict[bytes, int]] = {}
        self._since: dict[bytes, Sealed] = {}  # storage of these is known from here on only
        self._base: Sealed | None = None

    def restart(self, after: Sealed) -> None:
        """Nothing that was known holds beyond ``after``."""
        for known in (self._accounts, self._slots, self._since):
            known.clear()
        self._base = after

    def follow(
        self, source: NodeSource, before: Mapping[bytes, Values], done: _core.Done, *, destroys: bool
    ) -> tuple[list[Difference], list[str]]:
        """How the values that a block starts from differ from what was left behind, and what could not be looked at.

        ``before`` are the values as the node gives them, at least of all that the block touched. ``destroys``: the
        block's rules let a contract lose all its storage and come back. Differences are claimed by the node, and
        computed by us.
        """
        base = self._base = self._base or source.parent
        touched = disclosure.touched(done)
        notes: list[str] = []
        try:
            if base.hash != source.parent.hash:
                self._read(source, base, touched)
        except RollproofError as error:
            notes.append(f"changes between blocks: {error}")
        found: list[Difference] = []
        for address, slots in sorted(touched.items()):
            if address in before:
                found += self._compare(address, before[address], slots)
        self._keep(source.sealed, before, touched, done, destroys=destroys)
        if len(self._accounts) + sum(map(len, self._slots.values())) > self._limit:
            notes.append(f"changes between blocks: more than {self._limit} values; the earlier ones were dropped")
            self.restart(source.sealed)
        return found, notes

    def _read(self, source: NodeSource, base: Sealed, touched: Mapping[bytes, Iterable[bytes]]) -> None:
        """What is touched for the first time, as it was before the range."""
        wanted: dict[Sealed, dict[bytes, list[bytes]]] = {}
        for address, slots in touched.items():
            known = self._slots.get(address, {})
            new = [slot for slot in slots if slot not in known]
            if new or address not in self._accounts:
                wanted.setdefault(self._since.get(address, base), {})[address] = new
        for at, accounts in wanted.items():
            if at.hash == source.parent.hash:
                continue  # nothing lies between
            for address, values in source.ask(partial(_values, at, accounts)).items():
                if at is base:
                    self._accounts.setdefault(address, _account(values))
                self._slots.setdefault(address, {}).update(values.storage)

    def _compare(self, address: bytes, values: Values, slots: Iterable[bytes]) -> list[Difference]:
        found = []
        known, name = self._accounts.get(address), f"0x{address.hex()}"
        starts = _account(values)
        left = known or starts
        for at, field in enumerate(_FIELDS):
            if left[at] != starts[at]:
                found.append(Difference("account", f"{name}.{field}", wire(starts[at]), wire(left[at])))
        held = self._slots.get(address, {})
        for slot in sorted(slots):
            value = values.storage.get(slot)
            if value is not None and held.get(slot, value) != value:
                key = f"{name}[0x{slot.hex()}]"
                found.append(Difference("storage", key, f"0x{value:064x}", f"0x{held[slot]:064x}"))
        return found

    def _keep(
        self,
        block: Sealed,
        before: Mapping[bytes, Values],
        touched: Mapping[bytes, Iterable[bytes]],
        done: _core.Done,
        *,
        destroys: bool,
    ) -> None:
        """What was read becomes what is known; what the block wrote replaces it."""
        for address, slots in touched.items():
            if address in before:
                values = before[address]
                self._accounts[address] = _account(values)
                read = {slot: values.storage[slot] for slot in slots if slot in values.storage}
                self._slots.setdefault(address, {}).update(read)
        for address, old, new, written in done.changes:
            if new is None or (destroys and old is not None and (old[3] != new[3] or written)):
                self._slots[address] = {}
                self._since[address] = block
            nonce, balance, _, code = new or (0, 0, b"", code_hash(b""))
            self._accounts[address] = nonce, balance, code
            if new is not None:
                self._slots.setdefault(address, {}).update({slot: value for slot, _, value in written})


def _values(at: Sealed, accounts: Mapping[bytes, Sequence[bytes]], node: Node) -> dict[bytes, Values]:
    return Pinned(node, at).values(accounts, accounts)


def _account(values: Values) -> _Account:
    return values.nonce, values.balance, code_hash(values.code)
