"""What an L2 transaction pays for its place on L1, as receipts show it and as the pool asks for it.

Source: OP Stack specs, fjord/exec-engine ("L1-Cost"), isthmus and jovian/exec-engine (operator fee, DA footprint).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rollproof.chain.wire import to_quantity
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.lab.node.transaction import DEPOSIT, kind
from rollproof.replay.eels.l1_fee import L1_BLOCK, MICRO, L1Values, da_size, estimated_size, l1_fee, operator_fee

_DA_FOOTPRINT_SLOT = 8  # packed above the operator fee's scalar and constant (Jovian)


@dataclass(frozen=True, slots=True)
class L1Cost:
    """The prices that a block's L1 attributes set; amounts in wei."""

    fork: str
    values: L1Values
    da_footprint_scalar: int

    @classmethod
    def at(cls, chain: Chain, block: Block) -> L1Cost:
        """As the L1Block contract holds them after the block, and so for all but its first transaction."""
        fork = chain.config.require_fork_at(block.number, block.timestamp)
        state = chain.state(block)

        def slot(number: int) -> int:
            return state.storage(L1_BLOCK, number.to_bytes(32, "big"))

        scalar = slot(_DA_FOOTPRINT_SLOT) >> 96 & 0xFFFF
        name = fork.runs_as or fork.name
        return cls(name, L1Values.read(slot, name), scalar)

    def due(self, raw: bytes, gas: int) -> int:
        """The L1 data fee, and the operator fee for this much gas."""
        return l1_fee(raw, self.values, self.fork) + operator_fee(gas, self.values, self.fork)

    def fields(self, raw: bytes) -> dict[str, Any]:
        """A receipt's fields of this transaction; of a deposit none, it pays on L1."""
        if kind(raw) == DEPOSIT:
            return {}
        values = self.values
        found = {
            "l1GasPrice": values.base_fee,
            "l1GasUsed": 16 * estimated_size(raw) // MICRO,
            "l1Fee": l1_fee(raw, values, self.fork),
            "l1BlobBaseFee": values.blob_base_fee,
            "l1BaseFeeScalar": values.base_fee_scalar,
            "l1BlobBaseFeeScalar": values.blob_base_fee_scalar,
        }
        if values.operator_fee_scalar or values.operator_fee_constant:
            found["operatorFeeScalar"] = values.operator_fee_scalar
            found["operatorFeeConstant"] = values.operator_fee_constant
        if self.fork == "jovian":
            found["daFootprintGasScalar"] = self.da_footprint_scalar
            found["blobGasUsed"] = self.da_footprint_scalar * da_size(raw)
        return {name: to_quantity(value) for name, value in found.items()}
