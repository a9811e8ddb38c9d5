"""The rollup node's namespace: what the L2 is on L1. Forms as op-node serves them, numbers as JSON numbers.

Source: op-node's JSON-RPC, "optimism" namespace; OP Stack specs, rollup node.
"""

from __future__ import annotations

from typing import Any, Final

from rollproof.chain.wire import to_data
from rollproof.errors import Missing
from rollproof.lab import sequencer
from rollproof.lab.block import Block
from rollproof.lab.node.error import not_found
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import FINALIZED_DEPTH, SAFE_DEPTH, Node
from rollproof.lab.node.params import Params
from rollproof.rollup.op_stack import l1_attributes, output_root, system_config

_NOTHING: Final = {"hash": to_data(bytes(32)), "number": 0}
_FORKS: Final = ("regolith", "canyon", "delta", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian")
SEQUENCING_WINDOW: Final = 3_600  # L1 blocks
CHANNEL_TIMEOUT: Final = 300  # L1 blocks, before Granite's 50


def output_at_block(node: Node, params: Params) -> dict[str, Any]:
    """``optimism_outputAtBlock``: the output root of an L2 block, and what it commits to."""
    number = params.quantity(0)
    block = node.chain.block(number)
    if block is None:
        raise not_found(f"L2 block {number}")
    output = output_root.of_block(block.header, block.hash)
    return {
        "version": to_data(bytes(32)),
        "outputRoot": to_data(output.root),
        "blockRef": l2_ref(node, block),
        "withdrawalStorageRoot": to_data(output.message_passer_storage_root),
        "stateRoot": to_data(output.state_root),
        "syncStatus": status(node),
    }


def sync_status(node: Node, _params: Params) -> dict[str, Any]:
    """``optimism_syncStatus``."""
    return status(node)


def status(node: Node) -> dict[str, Any]:
    """Where both layers are, as this node sees them: unsafe, safe and finalized L2, and the L1 they rest on."""
    l1 = node.stack_of().l1
    head = l1.head
    safe, finalized = (node.chain.block(number) for number in node.heads())
    unsafe_ref = l2_ref(node, node.chain.head)
    safe_ref, finalized_ref = (_NOTHING if each is None else l2_ref(node, each) for each in (safe, finalized))
    return {
        "current_l1": l1_ref(head),
        "current_l1_finalized": l1_ref(_below(l1.block(head.number - FINALIZED_DEPTH), l1.genesis)),
        "head_l1": l1_ref(head),
        "safe_l1": l1_ref(_below(l1.block(head.number - SAFE_DEPTH), l1.genesis)),
        "finalized_l1": l1_ref(_below(l1.block(head.number - FINALIZED_DEPTH), l1.genesis)),
        "unsafe_l2": unsafe_ref,
        "safe_l2": safe_ref,
        "finalized_l2": finalized_ref,
        "pending_safe_l2": safe_ref,
        "cross_unsafe_l2": unsafe_ref,
        "local_safe_l2": safe_ref,
    }


def _below(found: Block | None, genesis: Block) -> Block:
    return genesis if found is None else found


def l1_ref(block: Block) -> dict[str, Any]:
    """An L1 block as op-node refers to it."""
    return {
        "hash": to_data(block.hash),
        "number": block.number,
        "parentHash": to_data(block.header.parent_hash),
        "timestamp": block.timestamp,
    }


def l2_ref(node: Node, block: Block) -> dict[str, Any]:
    """An L2 block as op-node refers to it, with the L1 origin that its first transaction names."""
    number, digest, sequence = origin(node, block)
    return l1_ref(block) | {
        "l1origin": {"hash": to_data(digest), "number": number},
        "sequenceNumber": sequence,
    }


def origin(node: Node, block: Block) -> tuple[int, bytes, int]:
    """Number and hash of the L1 origin, and the block's place in its epoch. The genesis block's is the stack's."""
    if block.transactions:
        attributes = l1_attributes.from_deposit(block.transactions[0])
        return attributes.number, attributes.block_hash, attributes.sequence_number
    if block.number != 0:
        raise Missing(f"L2 block {block.number} has no L1 attributes")
    first, sequence = node.stack_of().sequencer.origins[0]
    return first.number, first.hash, sequence


def rollup_config(node: Node, _params: Params) -> dict[str, Any]:
    """``optimism_rollupConfig``: the rollup.json that a node of this chain would be started with."""
    stack = node.stack_of()
    number, digest, _ = origin(node, node.chain.genesis)
    config, rollup = node.chain.config, stack.rollup
    system = rollup.system_config
    found: dict[str, Any] = {
        "genesis": {
            "l1": {"hash": to_data(digest), "number": number},
            "l2": {"hash": to_data(node.chain.genesis.hash), "number": 0},
            "l2_time": node.chain.genesis.timestamp,
            "system_config": {
                "batcherAddr": to_data(system.batcher),
                "overhead": to_data(bytes(32)),
                "scalar": to_data(
                    system_config.encode_fee_scalars(system.base_fee_scalar, system.blob_base_fee_scalar)
                ),
                "gasLimit": system.gas_limit,
                "eip1559Params": to_data(
                    system.eip1559_denominator.to_bytes(4, "big") + system.eip1559_elasticity.to_bytes(4, "big")
                ),
                "operatorFeeParams": to_data(
                    bytes(20)
                    + system.operator_fee_scalar.to_bytes(4, "big")
                    + system.operator_fee_constant.to_bytes(8, "big")
                ),
                "minBaseFee": system.min_base_fee,
                "daFootprintGasScalar": system.da_footprint_gas_scalar,
            },
        },
        "block_time": sequencer.BLOCK_TIME,
        "max_sequencer_drift": sequencer.MAX_DRIFT,
        "seq_window_size": SEQUENCING_WINDOW,
        "channel_timeout": CHANNEL_TIMEOUT,
        "l1_chain_id": stack.l1.config.chain_id,
        "l2_chain_id": config.chain_id,
        "batch_inbox_address": to_data(rollup.inbox),
        "deposit_contract_address": to_data(rollup.portal),
        "l1_system_config_address": to_data(rollup.system_config_address),
        "chain_op_config": {
            "eip1559Elasticity": config.eip1559_elasticity,
            "eip1559Denominator": config.eip1559_denominator,
            "eip1559DenominatorCanyon": config.eip1559_denominator_canyon,
        },
    }
    return found | {f"{fork}_time": 0 for fork in _FORKS}


def version(node: Node, _params: Params) -> str:
    """``optimism_version``."""
    return node.client


METHODS: Final = {
    "optimism_outputAtBlock": Method(output_at_block, 1, 1),
    "optimism_syncStatus": Method(sync_status),
    "optimism_rollupConfig": Method(rollup_config),
    "optimism_version": Method(version),
}
