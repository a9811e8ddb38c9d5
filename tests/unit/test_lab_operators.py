"""Proposer, challenger, relayer and those who use the bridge, together on the lab's two chains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from rollproof.lab.actors.bridge_user import BridgeUser
from rollproof.lab.challenger import Challenger
from rollproof.lab.contract import Contract
from rollproof.lab.deployments import op_stack
from rollproof.lab.deployments.rollup import BOND, GAME_CLOCK, GAME_FINALITY, PROOF_MATURITY
from rollproof.lab.faults.fault import Fault
from rollproof.lab.proposer import Proposer
from rollproof.lab.relayer import Relayer
from rollproof.lab.stack import Stack
from rollproof.rollup.op_stack import dispute_game, output_root, portal
from rollproof.rollup.op_stack.dispute_game import GameStatus

EVERY = 15  # L2 blocks between proposals
WAY_OUT = (PROOF_MATURITY + GAME_CLOCK + GAME_FINALITY) // 2 + 60  # steps in which a withdrawal is through
PERMISSIONED = 1
ETHER = 10**18


@dataclass
class WrongRoot(Fault):
    """One block's root is claimed wrongly, ``wrong`` in its place."""

    number: int = EVERY
    wrong: bytes = b"\x66" * 32

    id: ClassVar[str] = "test-wrong-root"

    def output_root(self, stack: Stack, number: int, root: bytes) -> bytes:
        return self.wrong if number == self.number else root


@dataclass
class Halted(Fault):
    what: str = ""

    id: ClassVar[str] = "test-halted"

    def halts(self, stack: Stack, what: str) -> bool:
        return what == self.what


class Rollup:
    """A stack with its operators, and with somebody who withdraws."""

    def __init__(self, seed: int = 0) -> None:
        self.stack = Stack(seed)
        op_stack.bridge_token(self.stack)
        self.stack.run(8)
        self.proposer = Proposer(self.stack, every=EVERY)
        self.challenger, self.relayer = Challenger(self.stack), Relayer(self.stack)
        self.stack.operators += [self.proposer, self.challenger, self.relayer]

    def withdraw(self, value: int = ETHER) -> bytes:
        """From "victim", whose L1 account has it in the end; the transaction's hash."""
        passer, to = self.stack.deployed["L2ToL1MessagePasser"], self.stack.account("victim", "l1").address
        data = passer.encode("initiateWithdrawal", to, 100_000, b"")
        return self.stack.send("l2", "victim", passer.address, data=data, value=value)

    def games(self) -> list[tuple[Contract, int, bytes, GameStatus]]:
        """(game, L2 block, root, status) in the order of their creation."""
        factory, found = self.stack.deployed["DisputeGameFactory"], []
        for index in range(self.stack.view("l1", factory, "gameCount")[0]):
            address = self.stack.view("l1", factory, "gameAtIndex", index)[2]
            game = Contract.load("FaultDisputeGame").at(address)
            number, root, status = (self.ask(game, name) for name in ("l2BlockNumber", "rootClaim", "status"))
            found.append((game, number, root, GameStatus(status)))
        return found

    def ask(self, contract: Contract, function: str, *arguments: Any) -> Any:
        return self.stack.view("l1", contract, function, *arguments)[0]

    def root(self, number: int) -> bytes:
        block = self.stack.l2.block(number)
        assert block is not None
        return output_root.of_block(block.header, block.hash).root

    def finalized(self) -> Iterator[tuple[bytes, bool]]:
        """(withdrawal hash, whether its call succeeded), from L1's logs."""
        for number in range(self.stack.l1.head.number + 1):
            block = self.stack.l1.block(number)
            assert block is not None
            for outcome in block.outcomes:
                for address, topics, data in outcome["logs"]:
                    if address == self.stack.rollup.portal and topics[0] == portal.WITHDRAWAL_FINALIZED:
                        yield portal.finalized_from_log(topics, data)


@pytest.fixture
def rollup() -> Rollup:
    return Rollup()


def failed(stack: Stack) -> list[str]:
    """Transactions that are in blocks and failed."""
    chains = (stack.l1, stack.l2)
    blocks = [chain.block(number) for chain in chains for number in range(chain.head.number + 1)]
    return [each["hash"].hex() for block in blocks if block for each in block.outcomes if not each["status"]]


def test_what_is_withdrawn_comes_out(rollup: Rollup) -> None:
    stack = rollup.stack
    victim = stack.account("victim", "l1").address
    before = stack.l1.account(victim)[1]
    rollup.withdraw()
    stack.run(WAY_OUT)
    assert stack.l1.account(victim)[1] == before + ETHER
    assert [success for _, success in rollup.finalized()] == [True]
    assert rollup.relayer.open == {}
    assert failed(stack) == []
    games = rollup.games()
    assert [number for _, number, _, _ in games] == list(range(EVERY, EVERY * len(games) + 1, EVERY))
    assert all(root == rollup.root(number) for _, number, root, _ in games)
    assert games[0][3] is GameStatus.DEFENDER_WINS
    assert games[-1][3] is GameStatus.IN_PROGRESS
    # Bonds of games that are over are back.
    assert stack.l1.account(games[0][0].address)[1] == 0
    assert stack.l1.account(games[-1][0].address)[1] == BOND


def test_what_is_not_safe_yet_is_not_proposed(rollup: Rollup) -> None:
    stack = rollup.stack
    stack.inject(halted := Halted(what="batcher"))
    stack.run(3 * EVERY)
    assert rollup.games() == []
    assert stack.l2.head.number > 2 * EVERY
    stack.lift(halted)
    stack.run(EVERY)
    assert rollup.games()
    assert all(number <= stack.safe for _, number, _, _ in rollup.games())


def test_a_wrong_root_is_countered_and_what_was_withdrawn_goes_by_the_next(rollup: Rollup) -> None:
    stack = rollup.stack
    stack.inject(WrongRoot())
    rollup.withdraw()
    stack.run(WAY_OUT + EVERY)
    games = rollup.games()
    assert [root for _, _, root, _ in games[:2]] == [b"\x66" * 32, rollup.root(2 * EVERY)]
    assert [status for _, _, _, status in games[:2]] == [GameStatus.CHALLENGER_WINS, GameStatus.DEFENDER_WINS]
    assert [success for _, success in rollup.finalized()] == [True]
    assert failed(stack) == []


def test_a_wrong_root_that_is_defended_falls_at_the_bottom(rollup: Rollup) -> None:
    stack = rollup.stack
    stack.inject(WrongRoot())
    while not rollup.games():
        stack.step()
    stack.inject(Halted(what="proposer"))
    game = rollup.games()[0][0]
    answered = 0
    for _ in range(GAME_CLOCK * 3):
        stack.step()
        count = rollup.ask(game, "claimDataLen")
        last = stack.view("l1", game, "claimData", count - 1)
        if last[2] == stack.account("challenger", "l1").address and answered < count:
            answered = count
            bond = rollup.ask(game, "getRequiredBond", last[5] << 1)
            data = game.encode("attack", last[4], count - 1, bytes([count]) * 32)
            stack.send("l1", "proposer", game.address, data=data, value=bond)
    assert rollup.ask(game, "claimDataLen") == rollup.ask(game, "maxGameDepth") + 1 == 5
    assert rollup.games()[0][3] is GameStatus.CHALLENGER_WINS
    assert stack.l1.account(game.address)[1] == 0


def test_a_right_root_is_defended_by_the_challenger(rollup: Rollup) -> None:
    stack = rollup.stack
    while not rollup.games():
        stack.step()
    game, _, root, _ = rollup.games()[0]
    bond = rollup.ask(game, "getRequiredBond", 2)
    stack.send("l1", "attacker", game.address, data=game.encode("attack", root, 0, b"\x01" * 32), value=bond)
    stack.run(GAME_CLOCK * 3 // 2)
    assert rollup.ask(game, "claimDataLen") == 3
    assert rollup.games()[0][3] is GameStatus.DEFENDER_WINS
    assert rollup.ask(game, "credit", stack.account("attacker", "l1").address) == 0


def test_without_a_challenger_a_wrong_root_wins(rollup: Rollup) -> None:
    stack = rollup.stack
    stack.inject(WrongRoot())
    stack.inject(Halted(what="challenger"))
    stack.run(2 * EVERY + GAME_CLOCK)
    game, _, _, status = rollup.games()[0]
    assert status is GameStatus.IN_PROGRESS
    for function, arguments in (("resolveClaim", (0, 0)), ("resolve", ())):
        stack.send("l1", "bystander", game.address, data=game.encode(function, *arguments))
    stack.run(8)
    assert rollup.games()[0][3] is GameStatus.DEFENDER_WINS


def test_a_root_of_a_block_that_an_honest_node_refuses_is_countered(rollup: Rollup) -> None:
    stack = rollup.stack

    class Minted(Fault):
        def sealed(self, stack: Stack, layer: str, built: Any, block: Any) -> Any:
            if layer == "l2" and block.number == EVERY - 2:
                block = stack.l2.reseal(block, accounts=[(b"\xee" * 20, None, ETHER, None, [])])
            return block

    stack.inject(Minted())
    stack.run(2 * EVERY + GAME_CLOCK)
    _, number, root, status = rollup.games()[0]
    assert (number, root) == (EVERY, rollup.root(EVERY))  # the sequencer's own chain says so
    assert status is GameStatus.CHALLENGER_WINS
    assert [block.number for block, _ in stack.follower.refused] == [EVERY - 2]


def test_proposals_that_l1_loses_are_made_again(rollup: Rollup) -> None:
    stack = rollup.stack
    while not rollup.games():
        stack.step()
    created = stack.l1.head.hashes
    stack.l1_builder.reorganise(1, lose=frozenset(created))
    assert rollup.games() == []
    stack.run(EVERY * 2)
    games = rollup.games()
    assert games
    assert all(root == rollup.root(number) for _, number, root, _ in games)


def test_when_the_respected_type_changes_withdrawals_are_proven_again(rollup: Rollup) -> None:
    stack = rollup.stack
    rollup.withdraw()
    stack.run(WAY_OUT // 2)
    contract = stack.deployed["OptimismPortal"]
    [withdrawal] = rollup.relayer.open
    assert rollup.ask(contract, "numProofSubmitters", withdrawal) == 1
    data = contract.encode("setRespectedGameType", PERMISSIONED)
    stack.send("l1", "guardian-1", contract.address, data=data)
    stack.run(WAY_OUT)
    assert [success for _, success in rollup.finalized()] == [True]
    types = {rollup.ask(game, "gameType") for game, _, _, _ in rollup.games()}
    assert types == {0, PERMISSIONED}
    assert rollup.ask(contract, "numProofSubmitters", withdrawal) == 2


def test_bridge_users_lose_nothing(rollup: Rollup) -> None:
    stack = rollup.stack
    stack.actors += [BridgeUser(number) for number in range(4)]
    stack.run(300)
    stack.actors.clear()
    stack.run(WAY_OUT)
    done = dict(rollup.finalized())
    assert len(done) > 4
    assert all(done.values())
    assert failed(stack) == []
    token, twin = stack.deployed["BridgeToken"], stack.deployed["L2BridgeToken"]
    locked = rollup.ask(stack.deployed["L1StandardBridge"], "deposits", token.address, twin.address)
    assert stack.view("l2", twin, "totalSupply") == (locked,)
    assert locked > 0


def test_the_same_seed_makes_the_same_chains() -> None:
    heads = []
    for seed in (3, 3, 4):
        rollup = Rollup(seed)
        rollup.stack.actors += [BridgeUser(number) for number in range(4)]
        rollup.stack.run(150)
        heads.append((rollup.stack.l1.head.hash, rollup.stack.l2.head.hash))
    assert heads[0] == heads[1] != heads[2]


def test_a_game_s_identity_is_the_factory_s(rollup: Rollup) -> None:
    factory = rollup.stack.deployed["DisputeGameFactory"]
    said = rollup.ask(factory, "getGameUUID", 7, b"\x01" * 32, dispute_game.extra_data(9))
    assert said == dispute_game.identity(7, b"\x01" * 32, 9)
