"""The Rust core on the second machine's inputs, so that tests can hold the two against each other."""

from __future__ import annotations

from rollproof import _core
from rollproof.replay.second_opinion import Inputs


def first_machine(inputs: Inputs) -> _core.Done | _core.Invalid | _core.Needs:
    """Executes the block on the core."""
    preimages = _core.Preimages()
    preimages.add(list(inputs.preimages.values()))
    rules = _core.Rules(
        family=inputs.family,
        chain_id=inputs.chain_id,
        fork=inputs.fork,
        blob=inputs.blob,
        block_reward=inputs.block_reward,
        dao=inputs.dao,
        create2_deployer=inputs.create2_deployer,
        deposit_contract=inputs.deposit_contract,
    )
    env = _core.Env(
        number=inputs.number,
        timestamp=inputs.timestamp,
        gas_limit=inputs.gas_limit,
        beneficiary=inputs.beneficiary,
        parent_hash=inputs.parent_hash,
        difficulty=inputs.difficulty,
        prev_randao=inputs.prev_randao,
        base_fee=inputs.base_fee,
        excess_blob_gas=inputs.excess_blob_gas,
        parent_beacon_block_root=inputs.parent_beacon_block_root,
        block_hashes=dict(inputs.block_hashes),
    )
    return _core.run_block(preimages, inputs.parent_state_root, rules, env, inputs.transactions, inputs.withdrawals)
