"""Deposits: transactions that L1 makes on L2.

Source: OP Stack specification, deposits ("The Deposited Transaction Type", "Source hash computation",
"User-Deposited Transactions", "Address Aliasing"); guaranteed gas market.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.errors import Malformed, Unsupported
from rollproof.rollup.op_stack import rlp

TYPE: Final = 0x7E
EVENT: Final = "TransactionDeposited(address,address,uint256,bytes)"
TOPIC: Final = abi.topic(EVENT)
MAX_DATA: Final = 120_000  # bytes of calldata that the portal takes
BASE_GAS: Final = 21_000
GAS_PER_BYTE: Final = 40  # of calldata, as the specification has it; portals up to 3.10.0 ask for 16
Log = tuple[bytes, Sequence[bytes], bytes]  # address, topics, data
_MAX_ENCODED: Final = 16 * 1024 * 1024
_ALIAS: Final = 0x1111000000000000000000000000000000001111
_USER, _L1_ATTRIBUTES, _UPGRADE = 0, 1, 2  # domains of source hashes


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposited transaction (type 0x7e). ``to`` None creates a contract; ``mint`` and ``value`` in wei."""

    source_hash: bytes
    sender: bytes
    to: bytes | None
    mint: int
    value: int
    gas: int
    is_system: bool = False
    data: bytes = b""

    def encode(self) -> bytes:
        """The raw transaction, as it stands in an L2 block."""
        fields = [self.source_hash, self.sender, self.to or b"", *map(rlp.integer, (self.mint, self.value, self.gas))]
        return bytes([TYPE]) + _core.rlp_encode([*fields, b"\x01" if self.is_system else b"", self.data])

    @property
    def hash(self) -> bytes:
        """The L2 transaction's hash."""
        return _core.keccak256(self.encode())


def decode(raw: bytes) -> Deposit:
    """A deposit from its raw transaction. Raises Malformed where it is none, or not encoded as it has to be."""
    if raw[:1] != bytes([TYPE]) or len(raw) > _MAX_ENCODED:
        raise Malformed("not a deposit transaction")
    what = "deposit transaction"
    fields = rlp.fields(raw[1:], 8, what)
    source_hash, sender, to, mint, value, gas, system, data = (rlp.string(each, what) for each in fields)
    if len(source_hash) != 32 or len(sender) != 20 or len(to) not in (0, 20) or system not in (b"", b"\x01"):
        raise Malformed("deposit transaction: a field has the wrong length")
    return Deposit(
        source_hash, sender, to or None, rlp.number(mint, what), rlp.number(value, what), rlp.number(gas, what, 64),
        bool(system), data,
    )  # fmt: skip


def from_log(topics: Sequence[bytes], data: bytes, *, block_hash: bytes, log_index: int) -> Deposit:
    """The L2 transaction that a TransactionDeposited log of the portal makes.

    ``log_index`` counts all logs of the L1 block ``block_hash``. Raises Malformed for what is no such log, Unsupported
    for a version that is not known.
    """
    if len(topics) != 4 or topics[0] != TOPIC:
        raise Malformed("not a TransactionDeposited log")
    version = int.from_bytes(topics[3], "big")
    if version != 0:
        raise Unsupported(f"TransactionDeposited version {version}")
    [opaque] = abi.decode(["bytes"], data)
    if len(opaque) < 73:
        raise Malformed(f"TransactionDeposited: {len(opaque)} bytes of opaque data, fewer than 73")
    return Deposit(
        source_hash=user_source_hash(block_hash, log_index),
        sender=_address(topics[1]),
        to=None if opaque[72] else _address(topics[2]),
        mint=int.from_bytes(opaque[:32], "big"),
        value=int.from_bytes(opaque[32:64], "big"),
        gas=int.from_bytes(opaque[64:72], "big"),
        data=opaque[73:],
    )


def in_block(logs: Iterable[Log], *, portal: bytes, block_hash: bytes) -> list[Deposit]:
    """The deposits that an L1 block makes: ``logs`` are all of the block's, in order. Raises as `from_log` does."""
    return [
        from_log(topics, data, block_hash=block_hash, log_index=index)
        for index, (address, topics, data) in enumerate(logs)
        if address == portal and topics and topics[0] == TOPIC
    ]


def user_source_hash(block_hash: bytes, log_index: int) -> bytes:
    """Of a user's deposit: the L1 block, and the log's index among all of the block's."""
    return _source_hash(_USER, block_hash + log_index.to_bytes(32, "big"))


def l1_attributes_source_hash(block_hash: bytes, sequence_number: int) -> bytes:
    """Of the L1 attributes: the L1 origin, and how many L2 blocks with this origin came before."""
    return _source_hash(_L1_ATTRIBUTES, block_hash + sequence_number.to_bytes(32, "big"))


def upgrade_source_hash(intent: str) -> bytes:
    """Of a network upgrade's transaction: "Ecotone: L1 Block Deployment"."""
    return _source_hash(_UPGRADE, intent.encode())


def alias(address: bytes) -> bytes:
    """The L2 sender of an L1 contract's deposit. An account without code deposits under its own address."""
    return ((int.from_bytes(address, "big") + _ALIAS) % 2**160).to_bytes(20, "big")


def unalias(address: bytes) -> bytes:
    """The L1 contract behind an aliased sender."""
    return ((int.from_bytes(address, "big") - _ALIAS) % 2**160).to_bytes(20, "big")


def minimum_gas(length: int, per_byte: int = GAS_PER_BYTE) -> int:
    """The least gas limit that the portal takes for ``length`` bytes of data."""
    return BASE_GAS + per_byte * length


def calldata(to: bytes | None, *, value: int, gas: int, data: bytes = b"") -> bytes:
    """A call of the portal's depositTransaction. ``value`` (wei) is spent on L2; what the L1 call carries is minted.

    Raises ValueError where the portal would refuse it whoever sends it.
    """
    if len(data) > MAX_DATA:
        raise ValueError(f"a deposit of {len(data)} bytes of data, more than {MAX_DATA}")
    if gas < minimum_gas(len(data), 16):
        raise ValueError(f"a deposit of {len(data)} bytes of data needs more than {gas} gas")
    types = ["address", "uint256", "uint64", "bool", "bytes"]
    selector = abi.selector(f"depositTransaction({','.join(types)})")
    return selector + abi.encode(types, [to or bytes(20), value, gas, to is None, data])


def _source_hash(domain: int, identity: bytes) -> bytes:
    return _core.keccak256(domain.to_bytes(32, "big") + _core.keccak256(identity))


def _address(topic: bytes) -> bytes:
    if len(topic) != 32 or any(topic[:12]):
        raise Malformed("TransactionDeposited: a topic is no address")
    return topic[12:]
