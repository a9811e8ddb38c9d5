"""One state test: its transaction alone on its state, through ``_core.run_transactions``."""

from __future__ import annotations

from conformance.fixtures import StatePost, StateTest, genesis_accounts, unhex
from conformance.network import FORKS, chain_of
from rollproof import _core
from rollproof.chain.fork import ENABLED


def block_hash(number: int) -> bytes:
    """State tests have no chain: BLOCKHASH of a number is keccak-256 of its decimal digits, by their convention."""
    return _core.keccak256(str(number).encode())


def logs_hash(done: _core.Done) -> bytes:
    """keccak-256 of the RLP list of all logs."""
    logs = [log for outcome in done.outcomes for log in outcome["logs"]]
    return _core.keccak256(_core.rlp_encode([[address, list(topics), data] for address, topics, data in logs]))


def environment(test: StateTest, number: int) -> _core.Env:
    env = test.env
    fee, excess, random = env.current_base_fee, env.current_excess_blob_gas, env.current_random
    return _core.Env(
        number=number,
        timestamp=int(env.current_timestamp, 16),
        gas_limit=int(env.current_gas_limit, 16),
        beneficiary=unhex(env.current_coinbase),
        parent_hash=block_hash(number - 1) if number else bytes(32),
        difficulty=int(env.current_difficulty, 16),
        prev_randao=unhex(random) if random is not None else bytes(32),
        base_fee=int(fee, 16) if fee is not None else None,
        excess_blob_gas=int(excess, 16) if excess is not None else None,
        block_hashes={each: block_hash(each) for each in range(max(0, number - 256), number)},
    )


def run(test: StateTest, network: str, post: StatePost) -> _core.Invalid | None:
    """Runs a state test under one fork; what the core says of a transaction that the fixture says is invalid.

    Raises AssertionError where the fixture is contradicted.
    """
    chain = chain_of(network, test.config)
    number, time = int(test.env.current_number, 16), int(test.env.current_timestamp, 16)
    rules = _core.Rules(
        family="ethereum",
        chain_id=chain.chain_id,
        fork=ENABLED["ethereum", FORKS[network]],
        blob=chain.blob_schedule(number, time),
    )
    root, values = _core.genesis(genesis_accounts(test.pre))
    preimages = _core.Preimages()
    preimages.add(values)
    result = _core.run_transactions(preimages, root, rules, environment(test, number), [unhex(post.txbytes)])
    if post.expect_exception is not None:
        assert isinstance(result, _core.Invalid), f"{result!r}, though {post.expect_exception}"
        assert result.transaction == 0
        assert root == unhex(post.hash), "the pre-state has another root"
        return result
    assert isinstance(result, _core.Done), repr(result)
    assert logs_hash(result) == unhex(post.logs), "other logs"
    assert result.state_root == unhex(post.hash), f"state root 0x{result.state_root.hex()}, not {post.hash}"
    return None
