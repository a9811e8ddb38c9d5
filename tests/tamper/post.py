"""The state after an honest block, for a wrong change to be made in it, and the root and claim of what comes out.

Tries are the second machine's, so no root made here comes from the core that is to contradict it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ethereum_rlp import rlp

from rollproof.replay.eels.preimages import Preimages, keccak256
from rollproof.replay.eels.trie import EMPTY_ROOT, Trie
from tamper.seal import Executed

Log = tuple[bytes, Sequence[bytes], bytes]
EMPTY_CODE = keccak256(b"")


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


class PostState:
    """Accounts and slots after ``block``; asserts that unchanged they have the header's state root."""

    def __init__(self, block: Executed) -> None:
        self._preimages = Preimages({keccak256(value): value for value in block.values})
        self._accounts = Trie(self._preimages, block.inputs.pre_state_root, "the account trie")
        self._storage: dict[bytes, Trie] = {}
        self.wrong: dict[bytes, set[bytes]] = {}  # what was changed here
        self.changed: dict[bytes, set[bytes]] = {
            address: {s for s, _, _ in slots} for address, _, _, slots in block.done.changes
        }
        gone = []
        for address, before, after, slots in block.done.changes:
            if after is None:
                gone.append(address)
                continue
            if slots:
                self._storage[address] = Trie(self._preimages, before[2] if before else EMPTY_ROOT, address.hex())
                # What is put before what is deleted: a branch left with one child needs the node beside it.
                for slot, _, value in sorted(slots, key=lambda each: each[2] == 0):
                    self._write(address, slot, value)
            self._put(address, after[0], after[1], after[3], after[2] if not slots else self._storage[address].root())
        for address in gone:
            self._accounts.delete(keccak256(address))
        assert self.root() == block.header.state_root

    def account(self, address: bytes) -> tuple[int, int, bytes, bytes]:
        """Nonce, balance, storage root, code hash; of an absent account those of an empty one."""
        leaf = self._accounts.get(keccak256(address))
        if leaf is None:
            return 0, 0, EMPTY_ROOT, EMPTY_CODE
        nonce, balance, root, code = (bytes(field) for field in rlp.decode(leaf) if isinstance(field, bytes))
        return int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), root, code

    def slot(self, address: bytes, slot: bytes) -> int:
        leaf = self._trie(address).get(keccak256(slot))
        if leaf is None:
            return 0
        value = rlp.decode(leaf)
        assert isinstance(value, bytes)
        return int.from_bytes(value, "big")

    def add(self, address: bytes, wei: int) -> None:
        """A wrong balance: ``wei`` more than there is."""
        nonce, balance, root, code = self.account(address)
        self._put(address, nonce, balance + wei, code, root)
        self.wrong.setdefault(address, set())

    def set_nonce(self, address: bytes, nonce: int) -> None:
        _, balance, root, code = self.account(address)
        self._put(address, nonce, balance, code, root)
        self.wrong.setdefault(address, set())

    def set_code(self, address: bytes, code_hash: bytes) -> None:
        nonce, balance, root, _ = self.account(address)
        self._put(address, nonce, balance, code_hash, root)
        self.wrong.setdefault(address, set())

    def set_slot(self, address: bytes, slot: bytes, value: int) -> None:
        """A wrong storage value."""
        self._write(address, slot, value)
        nonce, balance, _, code = self.account(address)
        self._put(address, nonce, balance, code, self._trie(address).root())
        self.wrong.setdefault(address, set()).add(slot)

    def root(self) -> bytes:
        return self._accounts.root()

    def claimed(self) -> dict[bytes, dict[str, Any]]:
        """The wrong post-state as a node would disclose it: every account and slot that the block or we changed."""
        found: dict[bytes, dict[str, Any]] = {}
        for address in self.changed.keys() | self.wrong.keys():
            nonce, balance, _, code = self.account(address)
            slots = self.changed.get(address, set()) | self.wrong.get(address, set())
            storage = {slot: self.slot(address, slot) for slot in slots}
            found[address] = {"nonce": nonce, "balance": balance, "code_hash": code, "storage": storage}
        return found

    def _trie(self, address: bytes) -> Trie:
        trie = self._storage.get(address)
        if trie is None:
            trie = self._storage[address] = Trie(self._preimages, self.account(address)[2], address.hex())
        return trie

    def _write(self, address: bytes, slot: bytes, value: int) -> None:
        if value:
            self._trie(address).put(keccak256(slot), rlp.encode(_number(value)))
        else:
            self._trie(address).delete(keccak256(slot))

    def _put(self, address: bytes, nonce: int, balance: int, code_hash: bytes, storage_root: bytes) -> None:
        leaf = rlp.encode([_number(nonce), _number(balance), storage_root, code_hash])
        self._accounts.put(keccak256(address), leaf)


def bloom(logs: Iterable[Log]) -> bytes:
    """The 2048-bit filter of yellow paper 4.3.1: three bits for each address and topic."""
    bits = 0
    for address, topics, _ in logs:
        for item in (address, *topics):
            digest = keccak256(bytes(item))
            for at in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits.to_bytes(256, "big")


class Receipts:
    """The consensus receipts of a block, to be changed; `encoded` gives them back."""

    def __init__(self, block: Executed) -> None:
        self.fields: list[list[Any]] = []
        self._kinds: list[bytes] = []
        for raw in block.done.receipts:
            kind = b"" if raw[:1] >= b"\xc0" else raw[:1]
            decoded = rlp.decode(raw[len(kind) :])
            assert isinstance(decoded, list | tuple)
            self.fields.append(list(decoded))
            self._kinds.append(kind)
        assert self.encoded() == block.done.receipts

    def encoded(self) -> list[bytes]:
        return [kind + rlp.encode(fields) for kind, fields in zip(self._kinds, self.fields, strict=True)]

    def logs(self, index: int) -> list[Log]:
        return [
            (bytes(address), [bytes(t) for t in topics], bytes(data)) for address, topics, data in self.fields[index][3]
        ]

    def set_logs(self, index: int, logs: Sequence[Log]) -> None:
        """Other logs, with the receipt's own bloom of them."""
        self.fields[index][3] = [[address, list(topics), data] for address, topics, data in logs]
        self.fields[index][2] = bloom(logs)

    def set_status(self, index: int, status: int) -> None:
        self.fields[index][0] = _number(status)

    def add_gas(self, first: int, gas: int) -> None:
        """Cumulative gas from transaction ``first`` on."""
        for fields in self.fields[first:]:
            fields[1] = _number(int.from_bytes(fields[1], "big") + gas)

    def bloom(self) -> bytes:
        """The block's."""
        return bloom(log for index in range(len(self.fields)) for log in self.logs(index))

    def claimed(self) -> tuple[dict[str, Any], ...]:
        """As a node would disclose them (``Claim.receipts``)."""
        found, before = [], 0
        for index, fields in enumerate(self.fields):
            cumulative = int.from_bytes(fields[1], "big")
            receipt: dict[str, Any] = {"cumulative_gas_used": cumulative, "gas_used": cumulative - before}
            if len(fields[0]) < 32:  # a state root before Byzantium
                receipt["status"] = int.from_bytes(fields[0], "big")
            receipt["logs"] = tuple(self.logs(index))
            found.append(receipt)
            before = cumulative
        return tuple(found)
