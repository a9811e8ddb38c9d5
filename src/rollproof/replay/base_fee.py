"""The base fee a block must have, from its parent (EIP-1559; OP Stack Canyon, Holocene and Jovian)."""

from __future__ import annotations

from rollproof.types import Header

INITIAL_BASE_FEE = 1_000_000_000  # wei, EIP-1559
LONDON_ELASTICITY = 2
LONDON_DENOMINATOR = 8


def next_base_fee(base_fee: int, gas_limit: int, gas_metered: int, denominator: int, elasticity: int) -> int:
    """EIP-1559's step, in wei: ``base_fee`` is the parent's, ``gas_metered`` what its block used.

    ``elasticity`` and ``denominator`` must not be zero. A parent whose target is zero (gas limit below the
    elasticity) cannot have spent gas, so its fee stays.
    """
    target = gas_limit // elasticity
    if gas_metered == target or target == 0:
        return base_fee
    if gas_metered > target:
        return base_fee + max(base_fee * (gas_metered - target) // target // denominator, 1)
    return max(base_fee - base_fee * (target - gas_metered) // target // denominator, 0)


def ethereum_base_fee(parent: Header) -> int:
    """The base fee after ``parent``; the first London block starts at 1 gwei."""
    if parent.base_fee is None:
        return INITIAL_BASE_FEE
    return next_base_fee(parent.base_fee, parent.gas_limit, parent.gas_used, LONDON_DENOMINATOR, LONDON_ELASTICITY)


def op_base_fee(parent: Header, denominator: int, elasticity: int, minimum: int | None, *, metered_da: bool) -> int:
    """The base fee after ``parent`` on the OP Stack.

    ``metered_da``: the parent is a Jovian block, whose blob gas used is its data availability footprint and counts
    where it exceeds the gas used. ``minimum`` (wei) is the parent's minimum base fee (jovian/exec-engine).
    """
    metered = max(parent.gas_used, parent.blob_gas_used or 0) if metered_da else parent.gas_used
    if parent.base_fee is None:
        return INITIAL_BASE_FEE
    fee = next_base_fee(parent.base_fee, parent.gas_limit, metered, denominator, elasticity)
    return fee if minimum is None else max(fee, minimum)
