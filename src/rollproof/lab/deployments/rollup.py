"""The rollup's own contracts: on L1 by transactions, on L2 as predeploys of the genesis state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollproof.lab import bytecode, genesis
from rollproof.lab.block import Holder
from rollproof.rollup.op_stack import predeploys
from rollproof.rollup.op_stack.derivation import batch_inbox
from rollproof.rollup.op_stack.system_config import SystemConfig, batcher_hash

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack


@dataclass(frozen=True)
class Rollup:
    """Where the rollup's contracts are on L1, and its configuration as of the L2's genesis."""

    portal: bytes
    system_config_address: bytes
    system_config: SystemConfig
    inbox: bytes

    def predeploys(self) -> dict[bytes, Holder]:
        """Accounts of the L2's genesis state."""
        return {
            predeploys.L1_BLOCK: Holder(nonce=1, code=bytecode.L1_BLOCK),
            predeploys.L2_TO_L1_MESSAGE_PASSER: Holder(nonce=1, code=bytecode.MESSAGE_PASSER),
        }


def deploy(stack: Stack) -> Rollup:
    """Builds the L1 blocks that hold the contracts."""
    batcher = stack.account("batcher", "l1").address
    config = SystemConfig(
        batcher_hash=batcher_hash(batcher),
        gas_limit=genesis.L2_GAS_LIMIT,
        base_fee_scalar=5_227,
        blob_base_fee_scalar=1_014_213,
        operator_fee_scalar=1_000,
        operator_fee_constant=500,
    )
    for _ in range(3):
        stack.time += 12
        stack.l1_builder.build()
    return Rollup(bytes(20), bytes(20), config, batch_inbox(genesis.L2_CHAIN_ID))
