"""The rollup's configuration as L1's SystemConfig contract announces it, log by log.

Source: OP Stack specification, system config ("Batcher Hash", "Post-Ecotone Scalar Encoding", "System Config
Updates"); Holocene, Isthmus and Jovian, system config.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

from rollproof.chain import abi
from rollproof.errors import Malformed, Stop, Unsupported
from rollproof.rollup.op_stack.deposit import Log

TOPIC: Final = abi.topic("ConfigUpdate(uint256,uint8,bytes)")
DEFAULT_DA_FOOTPRINT_GAS_SCALAR: Final = 400  # Jovian, L1 attributes: what 0 stands for
MAX_UINT32: Final = 2**32 - 1


class Update(IntEnum):
    """What a ConfigUpdate changes."""

    BATCHER = 0
    FEE_SCALARS = 1
    GAS_LIMIT = 2
    UNSAFE_BLOCK_SIGNER = 3
    EIP_1559_PARAMS = 4
    OPERATOR_FEE_PARAMS = 5
    MIN_BASE_FEE = 6
    DA_FOOTPRINT_GAS_SCALAR = 7


@dataclass(frozen=True, slots=True)
class SystemConfig:
    """The configuration as of an L1 block, for chains from Ecotone on. Fees in wei; scalars as the contract has them.

    ``eip1559_denominator`` and ``eip1559_elasticity`` are 0 while the chain's own constants hold.
    """

    batcher_hash: bytes
    gas_limit: int
    base_fee_scalar: int = 0
    blob_base_fee_scalar: int = 0
    unsafe_block_signer: bytes = bytes(20)
    eip1559_denominator: int = 0
    eip1559_elasticity: int = 0
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0
    min_base_fee: int = 0
    da_footprint_gas_scalar: int = DEFAULT_DA_FOOTPRINT_GAS_SCALAR

    @property
    def batcher(self) -> bytes:
        """The account whose transactions to the inbox count. Raises Unsupported for a hash of another version."""
        if self.batcher_hash[0]:
            raise Unsupported(f"batcher hash of version {self.batcher_hash[0]}")
        return self.batcher_hash[12:]


def batcher_hash(address: bytes) -> bytes:
    """The batcher hash (version 0) of an account."""
    return address.rjust(32, b"\0")


def update(config: SystemConfig, topics: Sequence[bytes], data: bytes) -> SystemConfig:
    """The configuration after a log of the contract: as it was, where the log is no update or cannot be read."""
    try:
        return apply(config, topics, data)
    except Stop:
        return config  # "If a System Config Update cannot be parsed for any reason, it is not applied"


def after(config: SystemConfig, logs: Iterable[Log], *, contract: bytes) -> SystemConfig:
    """The configuration after an L1 block with these logs; ``contract`` is where the SystemConfig is."""
    for address, topics, data in logs:
        if address == contract:
            config = update(config, topics, data)
    return config


def apply(config: SystemConfig, topics: Sequence[bytes], data: bytes) -> SystemConfig:
    """As `update`, but says what is wrong: Malformed, or Unsupported for a version or type that is not known."""
    if len(topics) != 3 or topics[0] != TOPIC:
        raise Malformed("not a ConfigUpdate log")
    version, kind = (int.from_bytes(topic, "big") for topic in topics[1:])
    if version != 0:
        raise Unsupported(f"ConfigUpdate version {version}")
    if kind not in list(Update):
        raise Unsupported(f"ConfigUpdate type {kind}")
    [payload] = abi.decode(["bytes"], data)
    match Update(kind):
        case Update.BATCHER:
            [batcher] = _exactly(["bytes32"], payload)
            return replace(config, batcher_hash=batcher)
        case Update.FEE_SCALARS:
            _, scalar = _exactly(["uint256", "bytes32"], payload)  # the overhead means nothing any more
            base_fee, blob_base_fee = fee_scalars(scalar)
            return replace(config, base_fee_scalar=base_fee, blob_base_fee_scalar=blob_base_fee)
        case Update.GAS_LIMIT:
            [gas_limit] = _exactly(["uint64"], payload)
            return replace(config, gas_limit=gas_limit)
        case Update.UNSAFE_BLOCK_SIGNER:
            [signer] = _exactly(["address"], payload)
            return replace(config, unsafe_block_signer=signer)
        case Update.EIP_1559_PARAMS:
            denominator, elasticity = _halves(payload, 32, 32)
            return replace(config, eip1559_denominator=denominator, eip1559_elasticity=elasticity)
        case Update.OPERATOR_FEE_PARAMS:
            scalar_, constant = _halves(payload, 32, 64)
            return replace(config, operator_fee_scalar=scalar_, operator_fee_constant=constant)
        case Update.MIN_BASE_FEE:
            [fee] = _exactly(["uint64"], payload)
            return replace(config, min_base_fee=fee)
        case Update.DA_FOOTPRINT_GAS_SCALAR:
            [gas] = _exactly(["uint16"], payload)
            return replace(config, da_footprint_gas_scalar=gas or DEFAULT_DA_FOOTPRINT_GAS_SCALAR)


def fee_scalars(scalar: bytes) -> tuple[int, int]:
    """(base fee scalar, blob base fee scalar) of the versioned 32-byte scalar. Raises Malformed or Unsupported."""
    base_fee, blob_base_fee = int.from_bytes(scalar[28:], "big"), int.from_bytes(scalar[24:28], "big")
    if scalar[0] == 0:
        return (MAX_UINT32 if any(scalar[1:28]) else base_fee), 0
    if scalar[0] != 1:
        raise Unsupported(f"fee scalar of version {scalar[0]}")
    if any(scalar[1:24]):
        raise Malformed("fee scalar: the padding is not zero")
    return base_fee, blob_base_fee


def encode_fee_scalars(base_fee: int, blob_base_fee: int) -> bytes:
    """The 32-byte scalar, version 1."""
    return b"\x01" + bytes(23) + blob_base_fee.to_bytes(4, "big") + base_fee.to_bytes(4, "big")


def _exactly(types: Sequence[str], payload: bytes) -> tuple[Any, ...]:
    if len(payload) != 32 * len(types):
        raise Malformed(f"ConfigUpdate: a payload of {len(payload)} bytes")
    return abi.decode(types, payload)


def _halves(payload: bytes, upper: int, lower: int) -> tuple[int, int]:
    """Two integers packed into one word: the upper one stands above ``lower`` bits."""
    if len(payload) != 32:
        raise Malformed(f"ConfigUpdate: a payload of {len(payload)} bytes")
    word = int.from_bytes(payload, "big")
    if word >> upper + lower:
        raise Malformed("ConfigUpdate: a value is too large")
    return word >> lower, word & (1 << lower) - 1
