"""The state after one pinned block, as one node gives it: proofs held against the root, codes, and plain values.

Reads go by block hash where the node takes it (EIP-1898), else by number; a proof that fails after a read by number
is looked at twice, because the chain may have reorganised under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rollproof import _core
from rollproof.chain import proof, wire
from rollproof.chain.blocks import still
from rollproof.chain.header import EMPTY_CODE, Sealed
from rollproof.chain.node import Node
from rollproof.chain.proof import Proof
from rollproof.chain.refusal import TooLarge
from rollproof.errors import Lying, Missing, Reset, RollproofError, Unsupported

SLOTS_PER_CALL = 128
MAX_OUTPUT = 16 * 1024 * 1024  # bytes that one call returns
MAX_CODE = 4 * 1024 * 1024  # bytes; consensus allows 24 KiB on most chains

Wanted = Mapping[bytes, Iterable[bytes]]  # address -> slots


@dataclass(frozen=True, slots=True)
class Values:
    """An account read without proof."""

    nonce: int
    balance: int  # wei
    code: bytes
    storage: Mapping[bytes, int]


class Pinned:
    """One node's state after ``block``."""

    def __init__(self, node: Node, block: Sealed) -> None:
        self.node, self.block = node, block
        self._what = f"{node.label}: state of block {block.header.number}"

    def proofs(self, wanted: Wanted) -> dict[bytes, Proof]:
        """Proven accounts and slots, many slots a call, split where the node finds that too large.

        Raises:
            Missing: the node does not have this state (any more).
            Lying: an answer fails its own proof.
            Reset: the block is not canonical any more and the node serves state by number only.
        """
        left = [(a, part) for a, slots in wanted.items() for part in _parts(sorted(set(slots)), SLOTS_PER_CALL)]
        out: dict[bytes, Proof] = {}
        while left:
            answers = self._many(
                "eth_getProof", [[wire.to_data(a), [wire.to_data(s) for s in part]] for a, part in left]
            )
            again: list[tuple[bytes, list[bytes]]] = []
            for (address, part), answer in zip(left, answers, strict=True):
                if isinstance(answer, TooLarge) and len(part) > 1:
                    again += [(address, half) for half in _parts(part, (len(part) + 1) // 2)]
                    continue
                found = self._checked(self._value(answer), address, part)
                known = out.get(address)
                out[address] = found if known is None else replace(known, slots={**known.slots, **found.slots})
            left = again
        return out

    def codes(self, wanted: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Contract codes for ``(address, code hash)``, each of which must hash to what was asked for.

        Raises:
            Missing: not served.
            Lying: another code.
        """
        answers = self._many("eth_getCode", [[wire.to_data(address)] for address, _ in wanted])
        out = []
        for (address, code_hash), answer in zip(wanted, answers, strict=True):
            code = wire.data(self._value(answer), f"{self._what}: code", limit=MAX_CODE)
            if _core.keccak256(code) != code_hash:
                self._reset_or(Lying(f"{self._what}: code of 0x{address.hex()} is not the one its account names"))
            out.append(code)
        return out

    def calls(self, wanted: Sequence[tuple[bytes, bytes]]) -> list[bytes | RollproofError]:
        """What ``eth_call`` answers to ``(to, calldata)``, in order; a call that fails gives its error as a value.

        A revert is a ``refusal.Reverted``. The block is looked at again where the node reads by number.

        Raises:
            Reset: the block was replaced meanwhile and the node reads by number.
        """
        answers = self._many("eth_call", [[{"to": wire.to_data(to), "data": wire.to_data(d)}] for to, d in wanted])
        out: list[bytes | RollproofError] = []
        for answer in answers:
            try:
                out.append(wire.data(self._value(answer), f"{self._what}: eth_call", limit=MAX_OUTPUT))
            except RollproofError as error:
                out.append(error)
        if not self.node.traits.by_hash and not still(self.node, self.block):
            raise Reset(f"{self._what}: the block was replaced while it was read")
        return out

    def slots(self, wanted: Sequence[tuple[bytes, bytes]]) -> list[int]:
        """Storage words of ``(address, slot)`` without proof, in order. Raises Missing, Reset as `calls`."""
        answers = self._many("eth_getStorageAt", [[wire.to_data(a), wire.to_data(s)] for a, s in wanted])
        out = [wire.quantity(self._value(answer), f"{self._what}: slot") for answer in answers]
        if not self.node.traits.by_hash and not still(self.node, self.block):
            raise Reset(f"{self._what}: the block was replaced while it was read")
        return out

    def values(self, accounts: Iterable[bytes], slots: Wanted) -> dict[bytes, Values]:
        """Plain values without proof, for nodes whose trie means nothing. The block is looked at again afterwards.

        Raises:
            Missing: not served.
            Reset: the block was replaced meanwhile and the node reads by number.
        """
        addresses = sorted({*accounts, *slots})
        pairs = [(address, slot) for address in addresses for slot in sorted(set(slots.get(address, ())))]
        names = [[wire.to_data(address)] for address in addresses]
        nonces = self._quantities("eth_getTransactionCount", names, 64)
        balances = self._quantities("eth_getBalance", names, 256)
        codes = [
            wire.data(self._value(a), f"{self._what}: code", limit=MAX_CODE) for a in self._many("eth_getCode", names)
        ]
        held = self._many("eth_getStorageAt", [[wire.to_data(a), wire.to_data(s)] for a, s in pairs])
        storage: dict[bytes, dict[bytes, int]] = {address: {} for address in addresses}
        for (address, slot), answer in zip(pairs, held, strict=True):
            # A value comes as 32 bytes of data or, from some, as a quantity.
            storage[address][slot] = wire.quantity(self._value(answer), f"{self._what}: slot")
        if not self.node.traits.by_hash and not still(self.node, self.block):
            raise Reset(f"{self._what}: the block was replaced while it was read")
        return {a: Values(n, b, c, storage[a]) for a, n, b, c in zip(addresses, nonces, balances, codes, strict=True)}

    def _checked(self, answer: Any, address: bytes, slots: list[bytes]) -> Proof:
        found = proof.from_json(answer, address, slots, self._what)
        try:
            proof.check(found, self.block.header.state_root, self._what, compliant=self.node.compliant())
        except Lying as error:
            self._reset_or(error)
        return found

    def _reset_or(self, error: Lying) -> None:
        if not self.node.traits.by_hash and not still(self.node, self.block):
            raise Reset(f"{self._what}: the block was replaced while it was read")
        raise error

    def _quantities(self, method: str, names: list[list[Any]], bits: int) -> list[int]:
        answers = self._many(method, names)
        return [wire.quantity(self._value(a), f"{self._what}: {method}", bits) for a in answers]

    def _value(self, answer: Any) -> Any:
        if isinstance(answer, RollproofError):
            raise answer
        if answer is None:
            raise Missing(f"{self._what}: answered with null")
        return answer

    def _many(self, method: str, params: list[list[Any]]) -> list[Any]:
        """One method for many parameters at this block."""
        if not params:
            return []
        traits = self.node.traits
        by_hash = {"blockHash": wire.to_data(self.block.hash)}
        if traits.by_hash is None:
            first = self._at(method, params[:1], by_hash)
            if not isinstance(first[0], RollproofError):
                traits.by_hash = True
            elif isinstance(first[0], Unsupported):
                traits.by_hash = False
            if traits.by_hash is not False:
                return first + self._at(method, params[1:], by_hash)
        number = wire.to_quantity(self.block.header.number)
        return self._at(method, params, by_hash if traits.by_hash else number)

    def _at(self, method: str, params: list[list[Any]], block: Any) -> list[Any]:
        return self.node.rpc.many([(method, [*p, block]) for p in params])


def code_hash(code: bytes) -> bytes:
    """keccak-256, with the usual constant for no code."""
    return _core.keccak256(code) if code else EMPTY_CODE


def _parts(items: list[bytes], size: int) -> list[list[bytes]]:
    """At least one part: an account without slots is still asked for."""
    return [items[start : start + size] for start in range(0, len(items), size)] or [[]]
