"""Withdrawals out of the lab's L2: proofs, delays, and what the portal refuses, in what order.

Messages are those of the OP Stack's OptimismPortal2 3.10.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.lab.deployments.rollup import BOND, GAME_CLOCK, GAME_FINALITY, PROOF_MATURITY
from rollproof.rollup.op_stack import deposit, dispute_game, output_root, portal
from rollproof.rollup.op_stack import withdrawal as withdrawals
from rollproof.rollup.op_stack.dispute_game import GameStatus
from rollproof.rollup.op_stack.withdrawal import Withdrawal
from unit.rollup_bed import CANNON, ETHER, PERMISSIONED, WRONG, Bed, balance


@pytest.fixture(scope="module")
def fresh() -> Bed:
    return Bed()


@pytest.fixture
def bed(fresh: Bed) -> Bed:
    return fresh.branch()


def test_a_withdrawal_comes_out_once_it_has_waited(bed: Bed) -> None:
    target = b"\xbb" * 20
    user = bed.stack.account("bridge-user-0", "l1").address
    bed.call("victim", bed["OptimismPortal"], "donateETH", value=10 * ETHER)
    withdrawal, block = bed.withdraw("bridge-user-0", 2 * ETHER, target)
    assert withdrawal == Withdrawal(withdrawals.versioned(0), user, target, 2 * ETHER, 100_000)
    assert bed.view("L2ToL1MessagePasser", "sentMessages", withdrawal.hash, layer="l2") is True
    unproven = "OptimismPortal: withdrawal has not been proven by proof submitter address yet"
    assert bed.check(withdrawal) == unproven
    game = bed.propose(block)
    bed.step(6)
    bed.prove(withdrawal, block)
    assert bed.view("OptimismPortal", "numProofSubmitters", withdrawal.hash) == 1
    assert bed.check(withdrawal) == "OptimismPortal: proven withdrawal has not matured yet"
    assert bed.check(withdrawal, "victim") == unproven
    bed.wait(PROOF_MATURITY + 12)
    assert bed.check(withdrawal) == "OptimismPortal: output proposal has not been validated"
    assert bed.resolve(game) is GameStatus.DEFENDER_WINS
    assert bed.check(withdrawal) == "OptimismPortal: output proposal in air-gap"
    bed.wait(GAME_FINALITY + 12)
    assert bed.check(withdrawal) is None
    receipt = bed.send("l1", "relayer", bed["OptimismPortal"], portal.finalize(withdrawal))
    assert portal.finalized_from_log(*receipt["logs"][-1][1:]) == (withdrawal.hash, True)
    assert balance(bed, "l1", target) == 2 * ETHER
    again = bed.refusal("relayer", bed["OptimismPortal"], portal.finalize(withdrawal))
    assert again == "OptimismPortal: withdrawal has already been finalized"
    # Its proof is another's too, but it has gone.
    external = portal.finalize(withdrawal, submitter=bed.stack.account("relayer", "l1").address)
    assert bed.refusal("victim", bed["OptimismPortal"], external) == again
    assert bed.view("AnchorStateRegistry", "anchors", CANNON) == (
        output_root.of_block(block.header, block.hash).root,
        block.number,
    )


def test_a_withdrawal_whose_call_fails_is_finalized_all_the_same(bed: Bed) -> None:
    withdrawal, block = bed.withdraw("bridge-user-0", 0, bed["SystemConfig"].address, b"\xff\xff\xff\xff")
    game = bed.propose(block)
    bed.step(6)
    bed.prove(withdrawal, block)
    bed.wait(max(PROOF_MATURITY, GAME_CLOCK) + 12)
    bed.resolve(game)
    bed.wait(GAME_FINALITY + 12)
    receipt = bed.send("l1", "relayer", bed["OptimismPortal"], portal.finalize(withdrawal))
    assert portal.finalized_from_log(*receipt["logs"][-1][1:]) == (withdrawal.hash, False)
    assert bed.view("OptimismPortal", "finalizedWithdrawals", withdrawal.hash) is True


def test_what_does_not_prove_a_withdrawal(bed: Bed) -> None:
    contract = bed["OptimismPortal"]
    for each in range(12):  # so that the trie has branches
        bed.withdraw(f"trader-{each}", 1, b"\xbb" * 20)
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    bed.propose(block)
    output = output_root.of_block(block.header, block.hash)
    nodes = withdrawals.prove(bed.stack.l2.state(block), withdrawal)
    assert len(nodes) > 1

    def refused(which: Withdrawal = withdrawal, proof: Sequence[bytes] = nodes, out: Any = output) -> str | None:
        return bed.refusal("relayer", contract, portal.prove(which, game_index=0, output=out, nodes=proof))

    assert refused() is None
    other = Withdrawal(withdrawal.nonce, withdrawal.sender, withdrawal.target, 3, withdrawal.gas_limit)
    shared = "MerkleTrie: path remainder must share all nibbles with key"
    assert refused(other) in (
        shared,
        "MerkleTrie: invalid large internal hash",
        "MerkleTrie: ran out of proof elements",
    )
    assert refused(proof=[]) == "MerkleTrie: ran out of proof elements"
    assert refused(proof=nodes[:-1]) == "MerkleTrie: ran out of proof elements"
    assert refused(proof=nodes[1:]) == "MerkleTrie: invalid root hash"
    assert refused(proof=[*nodes, nodes[-1]]) == "MerkleTrie: extra proof elements"
    assert refused(proof=[nodes[0], *nodes]) == "MerkleTrie: invalid large internal hash"
    wrong = output_root.Output(WRONG, output.message_passer_storage_root, output.block_hash)
    assert refused(out=wrong) == "OptimismPortal: invalid output root proof"
    to_portal = Withdrawal(withdrawal.nonce, withdrawal.sender, contract.address, 2, 1)
    assert refused(to_portal) == "OptimismPortal: you cannot send messages to the portal contract"


def test_no_damaged_proof_is_taken(bed: Bed) -> None:
    for each in range(6):
        bed.withdraw(f"trader-{each}", 1, b"\xbb" * 20)
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    bed.propose(block)
    output = output_root.of_block(block.header, block.hash)
    nodes = withdrawals.prove(bed.stack.l2.state(block), withdrawal)

    @given(st.data())
    @settings(max_examples=60, deadline=None, database=None)
    def damaged(data: st.DataObject) -> None:
        which = data.draw(st.integers(0, len(nodes) - 1))
        at = data.draw(st.integers(0, len(nodes[which]) - 1))
        flipped = data.draw(st.integers(1, 255))
        changed = bytearray(nodes[which])
        changed[at] ^= flipped
        proof = [*nodes[:which], bytes(changed), *nodes[which + 1 :]]
        calldata = portal.prove(withdrawal, game_index=0, output=output, nodes=proof)
        assert bed.refusal("relayer", bed["OptimismPortal"], calldata) is not None

    damaged()


def test_a_proof_of_the_second_of_its_game_never_counts(bed: Bed) -> None:
    # Two transactions of one L1 block have one time.
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    stack = bed.stack
    root = output_root.of_block(block.header, block.hash).root
    created = stack.send(
        "l1", "proposer", bed["DisputeGameFactory"].address,
        data=dispute_game.create(CANNON, root, block.number), value=BOND, tip=2 * 10**9, gas=3_000_000,
    )  # fmt: skip
    proven = stack.send(
        "l1", "relayer", bed["OptimismPortal"].address, data=bed.proof(withdrawal, block), gas=3_000_000
    )
    bed.wait(1)
    held = [stack.receipt("l1", each) for each in (created, proven)]
    assert [each and each["status"] for each in held] == [1, 1]
    bed.wait(PROOF_MATURITY + 12)
    assert bed.check(withdrawal) == ("OptimismPortal: withdrawal timestamp less than dispute game creation timestamp")


def test_the_guardian_pauses_withdrawals_and_not_deposits(bed: Bed) -> None:
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    bed.propose(block)
    config, contract = bed["SuperchainConfig"], bed["OptimismPortal"]
    pause = config.encode("pause", "because")
    assert bed.refusal("attacker", config, pause) == "SuperchainConfig: only guardian can pause"
    bed.call("guardian-1", config, "pause", "because")
    proof = bed.proof(withdrawal, block)
    assert bed.refusal("relayer", contract, proof) == "CallPaused()"
    assert bed.refusal("relayer", contract, portal.finalize(withdrawal)) == "CallPaused()"
    assert bed.refusal("victim", contract, deposit.calldata(b"\xaa" * 20, value=0, gas=21_000)) is None
    assert bed.refusal("attacker", config, config.encode("unpause")) == "SuperchainConfig: only guardian can unpause"
    bed.call("guardian-1", config, "unpause")
    assert bed.refusal("relayer", contract, proof) is None


def test_the_guardian_bars_a_game_and_retires_a_type(bed: Bed) -> None:
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    game = bed.propose(block)
    bed.step(6)
    bed.prove(withdrawal, block)
    bed.wait(max(PROOF_MATURITY, GAME_CLOCK) + 12)
    bed.resolve(game)
    bed.wait(GAME_FINALITY + 12)
    assert bed.check(withdrawal) is None
    contract = bed["OptimismPortal"]
    for function, argument in (("blacklistDisputeGame", game.address), ("setRespectedGameType", PERMISSIONED)):
        assert bed.refusal("attacker", contract, contract.encode(function, argument)) == "Unauthorized()"
    blacklisted = bed.branch()
    blacklisted.call("guardian-1", contract, "blacklistDisputeGame", game.address)
    assert blacklisted.check(withdrawal) == "OptimismPortal: dispute game has been blacklisted"
    bed.call("guardian-1", contract, "setRespectedGameType", PERMISSIONED)
    assert bed.check(withdrawal) == "OptimismPortal: invalid game type"
    assert bed.refusal("relayer", contract, bed.proof(withdrawal, block)) == "OptimismPortal: invalid game type"
    bed.call("guardian-1", contract, "setRespectedGameType", CANNON)
    assert bed.check(withdrawal) == "OptimismPortal: dispute game created before respected game type was updated"
