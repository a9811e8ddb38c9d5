"""One blockchain test: its chain of blocks, each judged on the path that a user's block takes."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

from conformance.fixtures import BlockchainTest, genesis_accounts, unhex
from conformance.network import chain_of
from rollproof import _core
from rollproof.chain.config import ChainConfig
from rollproof.errors import RollproofError
from rollproof.replay import execute
from rollproof.replay.header import decode_header, header_hash
from rollproof.replay.payload import from_block_rlp
from rollproof.replay.verify import verify_claim
from rollproof.types import Claim, Header, Outcome, Verdict


class Chain:
    """The chain a test builds: preimages of its newest state, and its newest header."""

    def __init__(self, test: BlockchainTest) -> None:
        self.config: ChainConfig = chain_of(test.network, test.config)
        self.preimages = _core.Preimages()
        root, values = _core.genesis(genesis_accounts(test.pre))
        assert root == unhex(test.genesis_block_header["stateRoot"]), "the pre-state has another root"
        self.preimages.add(values)
        genesis = _core.rlp_decode(unhex(test.genesis_rlp))
        self.head: Header = decode_header(_core.rlp_encode(genesis[0]), "genesis")
        assert self.head.state_root == root, "the genesis header has another state root"

    def judge(self, rlp: bytes) -> tuple[Claim | None, Verdict | RollproofError]:
        """The verdict on a block, or why it is no block."""
        try:
            claim = from_block_rlp(rlp, "block")
        except RollproofError as error:
            return None, error
        claim = replace(claim, chain_id=self.config.chain_id, parent=self.head)
        # The suite's bombs have 2**63 gas, which they lose at once by failing.
        with mock.patch.object(execute, "MAX_GAS", 2**64):
            return claim, verify_claim(claim, self.preimages, config=self.config, second_opinion="never")

    def extend(self, claim: Claim) -> None:
        """Puts a block that holds on top."""
        header = claim.header
        assert header is not None
        inputs = execute.Inputs(
            config=self.config,
            fork=self.config.require_fork_at(header.number, header.timestamp),
            env=header,
            parent=self.head,
            pre_state_root=self.head.state_root,
            transactions=claim.transactions,
            withdrawals=claim.withdrawals,
            block_hashes={},
            preimages=self.preimages,
        )
        listed = None
        if claim.withdrawals is not None:
            listed = [(each.index, each.validator_index, each.address, each.amount) for each in claim.withdrawals]
        done = _core.build_block(
            self.preimages,
            self.head.state_root,
            _core.Rules(**execute.arguments(inputs)),
            execute.environment(inputs),
            claim.transactions,
            listed,
        )
        assert isinstance(done, _core.Done)
        assert done.state_root == header.state_root
        self.head = header


def run(test: BlockchainTest) -> list[tuple[str, Verdict | RollproofError]]:
    """Judges every block; for each that the fixture says is invalid, (the exception it expects, what was found).

    Raises AssertionError where the fixture is contradicted.
    """
    chain, refused = Chain(test), []
    for index, block in enumerate(test.blocks):
        claim, found = chain.judge(unhex(block.rlp))
        outcome = found.outcome if isinstance(found, Verdict) else Outcome.UNKNOWN
        if block.expect_exception is not None:
            assert outcome is not Outcome.HOLDS, f"block {index}: holds, though {block.expect_exception}"
            refused.append((block.expect_exception, found))
        else:
            assert isinstance(found, Verdict), f"block {index}: {found}"
            assert outcome is Outcome.HOLDS, f"block {index}: {outcome}, {found.reason}, {found.differences}"
            assert claim is not None
            chain.extend(claim)
    assert header_hash(chain.head) == unhex(test.lastblockhash), "another last block"
    root, _ = _core.genesis(genesis_accounts(test.post_state))
    assert chain.head.state_root == root, "another post-state"
    return refused
