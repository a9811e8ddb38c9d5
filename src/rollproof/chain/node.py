"""Typed reads from one node. Whatever carries a commitment is checked against it before it is returned.

A header must hash to its hash, transactions to the transactions root, receipts to the receipts root. What fails is a
``Lying`` that names the node; what the node does not have is a ``Missing``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollproof import _core
from rollproof.chain import header, receipt, transaction, wire
from rollproof.chain.header import Sealed
from rollproof.chain.rpc import Rpc
from rollproof.errors import Lying, Malformed, Missing, RollproofError, Unsupported
from rollproof.types import Header, Withdrawal

TAGS = ("latest", "safe", "finalized", "earliest")
MAX_TRANSACTIONS = 100_000
At = int | str | bytes  # a number, a tag or a hash


@dataclass(frozen=True, slots=True)
class Block:
    """A block whose header hashes to ``hash`` and whose transactions hash to the header's root."""

    hash: bytes
    header: Header
    transactions: tuple[bytes, ...]
    hashes: tuple[bytes, ...]  # of the transactions
    withdrawals: tuple[Withdrawal, ...] | None
    ommers: int


@dataclass(slots=True)
class Traits:
    """What was learnt about a node while asking it; None: not tried yet. Shared by all metered views of it."""

    by_hash: bool | None = None  # takes {"blockHash": ...} as a block (EIP-1898)
    execution_witness: bool | None = None
    prestate_trace: bool | None = None
    compliant: bool | None = None  # False: a development node whose state roots break consensus rules


class Node:
    """One node seen through its client. ``label`` is all that may be shown of its URL."""

    def __init__(self, rpc: Rpc, traits: Traits | None = None) -> None:
        self.rpc = rpc
        self.traits = traits if traits is not None else Traits()

    @property
    def label(self) -> str:
        return self.rpc.label

    def __repr__(self) -> str:
        return f"Node({self.label})"

    def metered(self) -> Node:
        """The same node with a usage counter of its own."""
        return Node(self.rpc.metered(), self.traits)

    def chain_id(self) -> int:
        """``eth_chainId``."""
        return wire.quantity(self.rpc.call("eth_chainId"), f"{self.label}: eth_chainId", 64)

    def client(self) -> str:
        """``web3_clientVersion``, printable, or an empty string where it is not served."""
        try:
            version = self.rpc.call("web3_clientVersion")
        except (Missing, Unsupported):
            return ""
        return "".join(c for c in version if c.isprintable())[:80] if isinstance(version, str) else ""

    def compliant(self) -> bool:
        """Whether the node's state roots mean anything.

        anvil keeps deleted slots as zero leaves and touched empty accounts in its trie, its genesis root is the empty
        root whatever the accounts, and its transactionsRoot hashes blob transactions with their sidecars (measured
        with 1.7.1; no later version has been shown to be right).
        """
        if self.traits.compliant is None:
            self.traits.compliant = not self.client().startswith("anvil/")
        return self.traits.compliant

    def header(self, at: At) -> Sealed:
        """The header at a number, tag or hash.

        Raises:
            Missing: the node has no such block.
            Lying: the answer does not hash to its own hash, or is another block than was asked for.
        """
        return self._sealed(self.rpc.call(*_block_call(at, False)), at)

    def headers(self, numbers: Sequence[int]) -> list[Sealed]:
        """Headers by number, in one go. Raises as ``header``."""
        answers = self.rpc.many([(method, params) for method, *params in (_block_call(n, False) for n in numbers)])
        return [self._sealed(_value(answer), n) for n, answer in zip(numbers, answers, strict=True)]

    def block(self, at: At) -> Block:
        """The block with its raw transactions.

        They are re-encoded from the JSON objects, one call for all, and fetched raw only where that does not give the
        claimed hash (a type we do not know the encoding of, or a field the node leaves out).

        Raises:
            Missing: no such block, or a transaction that can be had in no form.
            Lying: a hash or root does not hold. Of a node that is not ``compliant`` the root is not asked.
        """
        record = self.rpc.call(*_block_call(at, True))
        sealed = self._sealed(record, at)
        what = f"{self.label}: block {sealed.header.number}"
        items = wire.sequence(record.get("transactions"), f"{what}: transactions", MAX_TRANSACTIONS)
        hashes, raws = self._transactions(items, what)
        if _core.ordered_root(raws) != sealed.header.transactions_root and self.compliant():
            raise Lying(f"{what}: the transactions served do not hash to its transactionsRoot")
        ommers = wire.sequence(record.get("uncles") or [], f"{what}: uncles", 64)
        withdrawals = _withdrawals(record.get("withdrawals"), what)
        return Block(sealed.hash, sealed.header, tuple(raws), tuple(hashes), withdrawals, len(ommers))

    def receipts(self, block: Block) -> tuple[receipt.Receipt, ...]:
        """All receipts of a block, one call where the node serves it so, checked against the receipts root.

        Raises:
            Missing, Unsupported: not served.
            Lying: they do not hash to the header's receiptsRoot, or belong to other transactions.
        """
        what = f"{self.label}: receipts of block {block.header.number}"
        try:
            answer = self.rpc.call("eth_getBlockReceipts", wire.to_data(block.hash))
        except (Unsupported, Malformed):
            answer = None
        if answer is None:
            answers = self.rpc.many([("eth_getTransactionReceipt", [wire.to_data(h)]) for h in block.hashes])
            answer = [_value(a) for a in answers]
            if None in answer:
                raise Missing(f"{what}: not served")
        records = wire.sequence(answer, what, MAX_TRANSACTIONS)
        receipts = tuple(receipt.from_json(r, f"{what}[{i}]") for i, r in enumerate(records))
        if tuple(r.transaction_hash for r in receipts) != block.hashes:
            raise Lying(f"{what}: not those of its transactions")
        if _core.ordered_root([r.encode() for r in receipts]) != block.header.receipts_root:
            raise Lying(f"{what}: do not hash to its receiptsRoot")
        return receipts

    def config(self) -> Mapping[str, Any] | None:
        """``eth_config`` (EIP-7910), or None where it is not served."""
        try:
            answer = self.rpc.call("eth_config")
        except (Missing, Unsupported):
            return None
        return wire.mapping(answer, f"{self.label}: eth_config") if answer is not None else None

    def _sealed(self, record: Any, at: At) -> Sealed:
        name = f"0x{at.hex()}" if isinstance(at, bytes) else str(at)
        if record is None:
            raise Missing(f"{self.label}: no block {name}")
        sealed = header.from_json(record, f"{self.label}: block {name}")
        if at not in (sealed.hash, sealed.header.number) and not isinstance(at, str):
            raise Lying(f"{self.label}: asked for block {name}, got {sealed.header.number} (0x{sealed.hash.hex()})")
        return sealed

    def _transactions(self, items: list[Any], what: str) -> tuple[list[bytes], list[bytes]]:
        hashes: list[bytes] = []
        raws: list[bytes | None] = []
        for i, item in enumerate(items):
            at = f"{what}: transaction {i}"
            record = wire.mapping(item, at)
            claimed = wire.hash32(wire.field(record, "hash", at), f"{at}: hash")
            try:
                raw = transaction.encode(record, at)
            except (Malformed, Unsupported):
                raw = b""
            hashes.append(claimed)
            raws.append(raw if raw and _core.keccak256(raw) == claimed else None)
        missing = [i for i, raw in enumerate(raws) if raw is None]
        for i, served in zip(missing, self._raw([hashes[i] for i in missing], what), strict=True):
            raws[i] = served
        return hashes, [raw for raw in raws if raw is not None]

    def _raw(self, hashes: list[bytes], what: str) -> list[bytes]:
        """Raw transactions by hash, from whichever method the node offers."""
        found: dict[bytes, bytes] = {}
        refused: RollproofError | None = None
        for method in ("eth_getRawTransactionByHash", "debug_getRawTransaction"):
            wanted = [h for h in hashes if h not in found]
            for h, answer in zip(wanted, self.rpc.many([(method, [wire.to_data(h)]) for h in wanted]), strict=True):
                if isinstance(answer, RollproofError):
                    refused = answer
                elif answer not in (None, "0x"):
                    raw = wire.data(answer, f"{what}: {method}", limit=transaction.MAX_INPUT)
                    if _core.keccak256(raw) != h:
                        raise Lying(f"{what}: {method} of 0x{h.hex()} hashes to something else")
                    found[h] = raw
        for h in hashes:
            if h not in found:
                reason = f" ({refused})" if refused is not None else ""
                raise Missing(f"{what}: transaction 0x{h.hex()} cannot be rebuilt and is not served raw{reason}")
        return [found[h] for h in hashes]


def _block_call(at: At, full: bool) -> tuple[Any, ...]:
    if isinstance(at, bytes):
        return "eth_getBlockByHash", wire.to_data(at), full
    if isinstance(at, str):
        if at not in TAGS:
            raise Malformed(f"block {wire.short(at)}: known tags are {', '.join(TAGS)}")
        return "eth_getBlockByNumber", at, full
    return "eth_getBlockByNumber", wire.to_quantity(at), full


def _value(answer: Any) -> Any:
    if isinstance(answer, RollproofError):
        raise answer
    return answer


def _withdrawals(value: Any, what: str) -> tuple[Withdrawal, ...] | None:
    if value is None:
        return None
    out = []
    at = f"{what}: withdrawal"
    for item in wire.sequence(value, at, 65536):
        record = wire.mapping(item, at)
        index, validator, amount = (
            wire.quantity(wire.field(record, key, at), f"{at} {key}", 64)
            for key in ("index", "validatorIndex", "amount")
        )
        out.append(Withdrawal(index, validator, wire.address(record.get("address"), f"{at} address"), amount))
    return tuple(out)
