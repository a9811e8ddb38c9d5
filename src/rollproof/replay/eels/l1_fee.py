"""What an OP Stack transaction pays beside its gas: the L1 data fee, the operator fee, and its DA footprint.

Sources: OP Stack specs bedrock (exec-engine, "L1-Cost fees"), ecotone, fjord, isthmus and jovian; EIP-2028 prices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rollproof.replay.eels.fastlz import fastlz_size
from rollproof.replay.eels.op_fork import since

L1_BLOCK: Final = bytes.fromhex("4200000000000000000000000000000000000015")
MICRO: Final = 10**6

# Slots of the L1Block contract.
BASE_FEE_SLOT, OVERHEAD_SLOT, SCALAR_SLOT = 1, 5, 6
FEE_SCALARS_SLOT, BLOB_BASE_FEE_SLOT, OPERATOR_FEE_SLOT = 3, 7, 8

# Fjord's linear model of a transaction's compressed size, in millionths of a byte.
INTERCEPT: Final = -42_585_600
FASTLZ_COEFFICIENT: Final = 836_500
MIN_TRANSACTION_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class L1Values:
    """What the L1Block contract holds, in wei and millionths."""

    base_fee: int
    overhead: int = 0
    scalar: int = 0
    blob_base_fee: int = 0
    base_fee_scalar: int = 0
    blob_base_fee_scalar: int = 0
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0

    @classmethod
    def read(cls, slot: Callable[[int], int], fork: str) -> L1Values:
        """Reads the slots that ``fork`` uses; ``slot`` gives a slot's value."""
        if not since(fork, "ecotone"):
            return cls(slot(BASE_FEE_SLOT), slot(OVERHEAD_SLOT), slot(SCALAR_SLOT))
        blob_base_fee, packed = slot(BLOB_BASE_FEE_SLOT), slot(FEE_SCALARS_SLOT).to_bytes(32, "big")
        base_fee_scalar, blob_scalar = int.from_bytes(packed[16:20], "big"), int.from_bytes(packed[20:24], "big")
        if blob_base_fee == 0 and packed[16:24] == bytes(8):
            # The first Ecotone block: its L1 attributes are still Bedrock's, so its fee is too.
            old = cls(slot(BASE_FEE_SLOT), slot(OVERHEAD_SLOT), slot(SCALAR_SLOT))
        else:
            old = cls(slot(BASE_FEE_SLOT))
        operator = slot(OPERATOR_FEE_SLOT).to_bytes(32, "big") if since(fork, "isthmus") else bytes(32)
        return cls(
            base_fee=old.base_fee,
            overhead=old.overhead,
            scalar=old.scalar,
            blob_base_fee=blob_base_fee,
            base_fee_scalar=base_fee_scalar,
            blob_base_fee_scalar=blob_scalar,
            operator_fee_scalar=int.from_bytes(operator[20:24], "big"),
            operator_fee_constant=int.from_bytes(operator[24:32], "big"),
        )

    @property
    def bedrock(self) -> bool:
        """Whether the values are Bedrock's, because Ecotone's were not set yet."""
        return not (self.blob_base_fee or self.base_fee_scalar or self.blob_base_fee_scalar)


def l1_fee(transaction: bytes, values: L1Values, fork: str) -> int:
    """The L1 data fee of a signed transaction in its EIP-2718 encoding, in wei."""
    if not since(fork, "ecotone") or values.bedrock:
        gas = calldata_gas(transaction) + (0 if since(fork, "regolith") else 68 * 16)  # 68 bytes for the signature
        return (gas + values.overhead) * values.base_fee * values.scalar // MICRO
    # Gas is 16 a byte, so the scaled price is that of 16 bytes' share of the base fee and of the blob base fee.
    price = 16 * values.base_fee_scalar * values.base_fee + values.blob_base_fee_scalar * values.blob_base_fee
    if not since(fork, "fjord"):
        return calldata_gas(transaction) * price // (16 * MICRO)
    return estimated_size(transaction) * price // (MICRO * MICRO)


def operator_fee(gas: int, values: L1Values, fork: str) -> int:
    """The operator fee for ``gas`` units, in wei; none before Isthmus."""
    if not since(fork, "isthmus"):
        return 0
    if since(fork, "jovian"):
        return gas * values.operator_fee_scalar * 100 + values.operator_fee_constant
    return gas * values.operator_fee_scalar // MICRO + values.operator_fee_constant


def calldata_gas(data: bytes) -> int:
    """EIP-2028: 4 gas for a zero byte, 16 for another."""
    zeros = data.count(0)
    return 4 * zeros + 16 * (len(data) - zeros)


def estimated_size(transaction: bytes) -> int:
    """Fjord's estimate of a transaction's size in a compressed batch, in millionths of a byte."""
    return max(MIN_TRANSACTION_SIZE * MICRO, INTERCEPT + FASTLZ_COEFFICIENT * fastlz_size(transaction))


def da_size(transaction: bytes) -> int:
    """The estimate in whole bytes, as Jovian's footprint counts it."""
    return estimated_size(transaction) // MICRO
