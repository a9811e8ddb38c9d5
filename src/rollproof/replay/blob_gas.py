"""Blob gas: excess carried from the parent and the price it sets (EIP-4844, EIP-7691, EIP-7892, EIP-7918)."""

from __future__ import annotations

from rollproof.errors import Malformed
from rollproof.types import Header

GAS_PER_BLOB = 131_072
BLOB_BASE_COST = 8_192  # gas, EIP-7918
_MAX_EXPONENT = 512  # e**512 is beyond 2**738


def blob_base_fee(excess: int, fraction: int) -> int:
    """EIP-4844's ``fake_exponential(1, excess, fraction)`` in wei. Raises Malformed beyond 2**738 wei."""
    # The series' cost grows with the excess, and a header from outside may claim 2**64 - 1.
    if excess > fraction * _MAX_EXPONENT:
        raise Malformed(f"excess blob gas {excess} gives a price no account could pay")
    total, term, step = 0, fraction, 1
    while term > 0:
        total += term
        term = term * excess // (fraction * step)
        step += 1
    return total // fraction


def excess_blob_gas(parent: Header, blob: tuple[int, int, int], *, reserve_price: bool) -> int:
    """Excess blob gas after ``parent``; ``blob`` is (target, maximum, update fraction) of the block's own fork.

    ``reserve_price``: EIP-7918 (Osaka) keeps the excess from falling while blobs cost less than the execution gas
    their inclusion is worth. The first Cancun block starts at zero.
    """
    if parent.excess_blob_gas is None or parent.blob_gas_used is None:
        return 0
    target, maximum, fraction = blob
    excess, used = parent.excess_blob_gas, parent.blob_gas_used
    if excess + used < target * GAS_PER_BLOB:
        return 0
    if reserve_price:
        reserve = BLOB_BASE_COST * (parent.base_fee or 0)
        # Beyond the exponent's bound the price exceeds any reserve: base fees end at 2**256.
        if excess <= fraction * _MAX_EXPONENT and reserve > GAS_PER_BLOB * blob_base_fee(excess, fraction):
            return excess + used * (maximum - target) // maximum
    return excess + used - target * GAS_PER_BLOB
