"""Output roots in dispute: who proposes, moves, adjudicates, resolves and is paid."""

from __future__ import annotations

from typing import Any

import pytest

from rollproof.lab.contract import Contract
from rollproof.lab.deployments.rollup import BOND, GAME_CLOCK
from rollproof.replay.header import encode_header
from rollproof.rollup.op_stack import dispute_game, output_root
from rollproof.rollup.op_stack.dispute_game import GameStatus
from rollproof.types import Header
from unit.rollup_bed import CANNON, PERMISSIONED, WRONG, Bed, balance


@pytest.fixture(scope="module")
def fresh() -> Bed:
    return Bed()


@pytest.fixture
def bed(fresh: Bed) -> Bed:
    return fresh.branch()


def test_the_factory_makes_one_game_for_a_claim(bed: Bed) -> None:
    bed.step(4)
    block = bed.stack.l2.head
    factory = bed["DisputeGameFactory"]
    data = dispute_game.create(CANNON, WRONG, block.number)
    assert bed.refusal("proposer", factory, data, value=BOND - 1) == "IncorrectBondAmount()"
    unknown = dispute_game.create(42, WRONG, block.number)
    assert bed.refusal("proposer", factory, unknown) == "NoImplementation(42)"
    game = bed.propose(block, WRONG)
    again = bed.refusal("proposer", factory, data, value=BOND)
    assert again == f"GameAlreadyExists(0x{dispute_game.identity(CANNON, WRONG, block.number).hex()})"
    created_at = bed.stack.l1.head.timestamp
    assert bed.view("DisputeGameFactory", "gameCount") == 1
    assert bed.view("DisputeGameFactory", "gameAtIndex", 0) == (CANNON, created_at, game.address)
    extra = dispute_game.extra_data(block.number)
    assert bed.view("DisputeGameFactory", "games", CANNON, WRONG, extra) == (game.address, created_at)
    parent = bed.stack.l1.head.header.parent_hash
    expected: dict[str, Any] = {
        "rootClaim": WRONG, "l2BlockNumber": block.number, "gameType": CANNON, "l1Head": parent, "extraData": extra,
        "gameCreator": bed.stack.account("proposer", "l1").address, "createdAt": created_at, "resolvedAt": 0,
    }  # fmt: skip
    assert {name: bed.stack.view("l1", game, name)[0] for name in expected} == expected
    assert bed.refusal("attacker", game, game.encode("initialize")) == "AlreadyInitialized()"
    behind = dispute_game.create(CANNON, WRONG, 0)  # not after the anchor
    refused = bed.refusal("proposer", factory, behind, value=BOND, said_by=game)
    assert refused == f"UnexpectedRootClaim(0x{WRONG.hex()})"


def test_latest_games_are_found_newest_first(bed: Bed) -> None:
    bed.step(8)
    blocks = [bed.stack.l2.block(number) for number in range(1, 5)]
    games = [
        bed.propose(block, game_type=PERMISSIONED if index == 2 else CANNON)
        for index, block in enumerate(blocks)
        if block is not None
    ]
    found = bed.view("DisputeGameFactory", "findLatestGames", CANNON, 3, 2)
    assert [each[0] for each in found] == [3, 1]
    assert found[0][1][-20:] == games[3].address
    assert int.from_bytes(found[1][4], "big") == 2
    assert [each[0] for each in bed.view("DisputeGameFactory", "findLatestGames", CANNON, 3, 10)] == [3, 1, 0]
    assert [each[0] for each in bed.view("DisputeGameFactory", "findLatestGames", PERMISSIONED, 3, 10)] == [2]
    assert bed.view("DisputeGameFactory", "findLatestGames", CANNON, 4, 10) == ()


def test_a_wrong_root_falls_to_a_challenge_that_nobody_counters(bed: Bed) -> None:
    bed.step(4)
    game = bed.propose(bed.stack.l2.head, WRONG)
    [bond] = bed.stack.view("l1", game, "getRequiredBond", 2)
    assert bond == 2 * BOND
    attack = game.encode("attack", WRONG, 0, b"\x01" * 32)
    assert bed.refusal("challenger", game, attack, value=bond - 1) == "IncorrectBondAmount()"
    assert bed.refusal("challenger", game, game.encode("attack", b"\x02" * 32, 0, b"\x01" * 32), value=bond) == (
        "InvalidDisputedClaimIndex()"
    )
    assert bed.refusal("challenger", game, game.encode("defend", WRONG, 0, b"\x01" * 32), value=bond) == (
        "CannotDefendRootClaim()"
    )
    receipt = bed.send("l1", "challenger", game, attack, value=bond)
    assert receipt["status"] == 1
    assert receipt["logs"][0][1][0] == dispute_game.MOVE
    assert bed.refusal("challenger", game, attack, value=bond) == "ClaimAlreadyExists()"
    assert bed.refusal("victim", game, game.encode("resolveClaim", 1, 0)) == "ClockNotExpired()"
    bed.wait(2 * GAME_CLOCK)
    assert bed.refusal("victim", game, game.encode("resolveClaim", 0, 0)) == "OutOfOrderResolution()"
    assert bed.refusal("victim", game, game.encode("resolve")) == "OutOfOrderResolution()"
    late = game.encode("attack", b"\x01" * 32, 1, b"\x03" * 32)
    assert bed.refusal("proposer", game, late, value=2 * bond) == "ClockTimeExceeded()"
    bed.call("victim", game, "resolveClaim", 1, 0)
    assert bed.refusal("victim", game, game.encode("resolveClaim", 1, 0)) == "ClaimAlreadyResolved()"
    assert bed.resolve(game) is GameStatus.CHALLENGER_WINS
    assert bed.refusal("victim", game, game.encode("resolve")) == "GameNotInProgress()"
    challenger = bed.stack.account("challenger", "l1").address
    assert bed.stack.view("l1", game, "credit", challenger) == (3 * BOND,)  # its own bond and the proposer's
    before = balance(bed, "l1", challenger)
    bed.call("victim", game, "claimCredit", challenger)
    assert balance(bed, "l1", challenger) == before + 3 * BOND
    assert balance(bed, "l1", game.address) == 0
    assert bed.refusal("victim", game, game.encode("claimCredit", challenger)) == "NoCreditToClaim()"
    assert bed.view("AnchorStateRegistry", "anchors", CANNON)[1] == 0


def test_a_right_root_survives_a_challenge_that_is_countered(bed: Bed) -> None:
    bed.step(4)
    block = bed.stack.l2.head
    root = output_root.of_block(block.header, block.hash).root
    game = bed.propose(block)
    claims = [root, b"\x01" * 32, b"\x02" * 32]
    for index, name in enumerate(("attacker", "proposer")):
        [bond] = bed.stack.view("l1", game, "getRequiredBond", 2 << index)
        bed.call(name, game, "attack", claims[index], index, claims[index + 1], value=bond)
    assert bed.stack.view("l1", game, "claimDataLen") == (3,)
    bed.wait(2 * GAME_CLOCK)
    for index in (2, 1):
        bed.call("victim", game, "resolveClaim", index, 0)
    assert bed.resolve(game) is GameStatus.DEFENDER_WINS
    assert bed.view("AnchorStateRegistry", "anchors", CANNON) == (root, block.number)
    proposer = bed.stack.account("proposer", "l1").address
    assert bed.stack.view("l1", game, "credit", proposer) == (7 * BOND,)


def test_at_the_bottom_the_adjudicator_decides(bed: Bed) -> None:
    bed.step(4)
    game = bed.propose(bed.stack.l2.head, WRONG)
    claims = [WRONG, *(bytes([each]) * 32 for each in range(1, 6))]
    for index, name in enumerate(("challenger", "proposer", "challenger", "proposer")):
        [bond] = bed.stack.view("l1", game, "getRequiredBond", 2 << index)
        bed.call(name, game, "attack", claims[index], index, claims[index + 1], value=bond)
    [deepest] = bed.stack.view("l1", game, "maxGameDepth")
    assert deepest == 4
    beyond = game.encode("attack", claims[4], 4, claims[5])
    assert bed.refusal("challenger", game, beyond) == "GameDepthExceeded()"
    assert bed.refusal("attacker", game, game.encode("step", 4, True, b"", b"")) == "BadAuth()"
    assert bed.refusal("challenger", game, game.encode("step", 3, True, b"", b"")) == "InvalidParent()"
    bed.call("challenger", game, "step", 4, True, b"", b"")
    assert bed.refusal("challenger", game, game.encode("step", 4, True, b"", b"")) == "DuplicateStep()"
    bed.wait(2 * GAME_CLOCK)
    for index in (4, 3, 2, 1):
        bed.call("victim", game, "resolveClaim", index, 0)
    assert bed.resolve(game) is GameStatus.CHALLENGER_WINS
    held = balance(bed, "l1", game.address)
    challenger = bed.stack.account("challenger", "l1").address
    assert bed.stack.view("l1", game, "credit", challenger) == (held,) == ((1 + 2 + 4 + 8 + 16) * BOND,)


def test_a_root_of_another_block_falls_to_its_header(bed: Bed) -> None:
    bed.step(6)
    block, other = bed.stack.l2.block(3), bed.stack.l2.block(5)
    assert block is not None
    assert other is not None
    root = output_root.of_block(block.header, block.hash)
    game = bed.propose(other, root.root)  # the root of block 3, said of block 5

    def challenge(header: Header, output: Any = root) -> bytes:
        return game.encode("challengeRootL2Block", output.proof, encode_header(header))

    assert bed.refusal("victim", game, challenge(other.header)) == "InvalidHeaderRLP()"
    wrong = output_root.of_block(other.header, other.hash)
    assert bed.refusal("victim", game, challenge(block.header, wrong)) == "InvalidOutputRootProof()"
    honest = bed.propose(block)
    fitting = honest.encode("challengeRootL2Block", root.proof, encode_header(block.header))
    assert bed.refusal("victim", honest, fitting) == "BlockNumberMatches()"
    receipt = bed.send("l1", "victim", game, challenge(block.header))
    assert receipt["status"] == 1
    bed.wait(2 * GAME_CLOCK)
    assert bed.resolve(game) is GameStatus.CHALLENGER_WINS
    victim = bed.stack.account("victim", "l1").address
    assert bed.stack.view("l1", game, "credit", victim) == (BOND,)


def test_only_the_proposer_proposes_in_a_permissioned_game(bed: Bed) -> None:
    bed.step(4)
    factory, number = bed["DisputeGameFactory"], bed.stack.l2.head.number
    data = dispute_game.create(PERMISSIONED, WRONG, number)
    rules = Contract.load("PermissionedDisputeGame")
    assert bed.refusal("victim", factory, data, value=BOND, said_by=rules) == "BadAuth()"
    game = bed.propose(bed.stack.l2.head, WRONG, game_type=PERMISSIONED)
    attack = game.encode("attack", WRONG, 0, b"\x01" * 32)
    assert bed.refusal("victim", game, attack, value=2 * BOND) == "BadAuth()"
    assert bed.refusal("challenger", game, attack, value=2 * BOND) is None
