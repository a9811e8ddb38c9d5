"""The first transaction of every L2 block: what the L2 knows about its L1 origin, and the fee parameters.

Source: OP Stack specification, deposits ("L1 Attributes Deposited Transaction"); Ecotone, Isthmus and Jovian,
L1 attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rollproof.chain import abi
from rollproof.errors import Malformed, Unsupported
from rollproof.rollup.op_stack import deposit as deposits
from rollproof.rollup.op_stack.predeploys import L1_ATTRIBUTES_DEPOSITOR, L1_BLOCK

FORMS: Final = ("bedrock", "ecotone", "isthmus", "jovian")
GAS: Final = 1_000_000  # from Regolith on
_GAS_BEDROCK: Final = 150_000_000
_BEDROCK: Final = ("uint64", "uint64", "uint256", "bytes32", "uint64", "bytes32", "uint256", "uint256")
_SELECTORS: Final = {
    "bedrock": abi.selector(f"setL1BlockValues({','.join(_BEDROCK)})"),
    **{form: abi.selector(f"setL1BlockValues{form.capitalize()}()") for form in FORMS[1:]},
}
# Packed: field, bytes. Each form adds to the one before it.
_ECOTONE: Final = (
    ("base_fee_scalar", 4), ("blob_base_fee_scalar", 4), ("sequence_number", 8), ("timestamp", 8), ("number", 8),
    ("base_fee", 32), ("blob_base_fee", 32), ("block_hash", 32), ("batcher_hash", 32),
)  # fmt: skip
_ISTHMUS: Final = (*_ECOTONE, ("operator_fee_scalar", 4), ("operator_fee_constant", 8))
_JOVIAN: Final = (*_ISTHMUS, ("da_footprint_gas_scalar", 2))
_PACKED: Final = {"ecotone": _ECOTONE, "isthmus": _ISTHMUS, "jovian": _JOVIAN}


@dataclass(frozen=True, slots=True)
class L1Attributes:
    """The L1 origin (number, timestamp, base fees in wei per gas, hash), the L2 block's place in its epoch, and the
    system configuration. What a form does not carry is 0: ``overhead`` and ``scalar`` are Bedrock's only.
    """

    number: int
    timestamp: int
    base_fee: int
    block_hash: bytes
    sequence_number: int
    batcher_hash: bytes
    blob_base_fee: int = 0
    base_fee_scalar: int = 0
    blob_base_fee_scalar: int = 0
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0
    da_footprint_gas_scalar: int = 0
    overhead: int = 0
    scalar: int = 0


def encode(attributes: L1Attributes, form: str = "jovian") -> bytes:
    """The calldata of one of `FORMS`. Raises ValueError for a value that has no place in it or does not fit."""
    carried = {"number", "timestamp", "base_fee", "block_hash", "sequence_number", "batcher_hash"}
    carried |= {"overhead", "scalar"} if form == "bedrock" else {name for name, _ in _packed(form)}
    for name in L1Attributes.__slots__:
        if name not in carried and getattr(attributes, name):
            raise ValueError(f"L1 attributes: {name} has no place in {form}")
    if form == "bedrock":
        a = attributes
        values = (a.number, a.timestamp, a.base_fee, a.block_hash, a.sequence_number, a.batcher_hash)
        return _SELECTORS[form] + abi.encode(_BEDROCK, (*values, a.overhead, a.scalar))
    return _SELECTORS[form] + b"".join(_field(name, getattr(attributes, name), size) for name, size in _packed(form))


def form_of(calldata: bytes) -> str:
    """Which of `FORMS` this calldata has. Raises Unsupported for another function."""
    for form, selector in _SELECTORS.items():
        if calldata[:4] == selector:
            return form
    raise Unsupported(f"L1 attributes of the form 0x{calldata[:4].hex()}")


def decode(calldata: bytes) -> L1Attributes:
    """The attributes from their calldata, of any form. Raises Unsupported for another form, Malformed otherwise."""
    form = form_of(calldata)
    if form == "bedrock":
        if len(calldata) != 4 + 32 * len(_BEDROCK):
            raise Malformed(f"L1 attributes of {len(calldata)} bytes")
        number, timestamp, base_fee, block_hash, sequence, batcher, overhead, scalar = abi.decode(
            _BEDROCK, calldata[4:]
        )
        return L1Attributes(
            number, timestamp, base_fee, block_hash, sequence, batcher, overhead=overhead, scalar=scalar
        )
    packed = _packed(form)
    if len(calldata) != 4 + sum(size for _, size in packed):
        raise Malformed(f"L1 attributes ({form}) of {len(calldata)} bytes")
    found: dict[str, bytes] = {}
    at = 4
    for name, size in packed:
        found[name] = calldata[at : at + size]
        at += size
    hashes = {name: found.pop(name) for name in ("block_hash", "batcher_hash")}
    return L1Attributes(**hashes, **{name: int.from_bytes(raw, "big") for name, raw in found.items()})  # type: ignore[arg-type]


def deposit(attributes: L1Attributes, form: str = "jovian", *, regolith: bool = True) -> bytes:
    """The raw transaction that stands first in the L2 block."""
    return deposits.Deposit(
        source_hash=deposits.l1_attributes_source_hash(attributes.block_hash, attributes.sequence_number),
        sender=L1_ATTRIBUTES_DEPOSITOR,
        to=L1_BLOCK,
        mint=0,
        value=0,
        gas=GAS if regolith else _GAS_BEDROCK,
        is_system=not regolith,
        data=encode(attributes, form),
    ).encode()


def from_deposit(raw: bytes) -> L1Attributes:
    """The attributes that an L2 block's first transaction carries.

    Raises Malformed where it is not the transaction that the attributes it carries would have.
    """
    found = deposits.decode(raw)
    attributes = decode(found.data)
    if raw not in (deposit(attributes, form_of(found.data), regolith=each) for each in (True, False)):
        raise Malformed("the first transaction is not the L1 attributes' deposit")
    return attributes


def _packed(form: str) -> tuple[tuple[str, int], ...]:
    if form not in _PACKED:
        raise Unsupported(f"L1 attributes of the form {form[:40]!r}; there are {', '.join(FORMS)}")
    return _PACKED[form]


def _field(name: str, value: int | bytes, size: int) -> bytes:
    if isinstance(value, bytes):
        if len(value) != size:
            raise ValueError(f"L1 attributes: {name} has {len(value)} bytes")
        return value
    if not 0 <= value < 1 << 8 * size:
        raise ValueError(f"L1 attributes: {name} is {value}")
    return value.to_bytes(size, "big")
