"""The rollup's contracts on the lab's two chains, without operators: one transaction, and the blocks that hold it."""

from __future__ import annotations

import copy
from typing import Any

from rollproof.lab.block import Block
from rollproof.lab.contract import Contract
from rollproof.lab.deployments import op_stack
from rollproof.lab.deployments.rollup import BOND, GAME_CLOCK, GAME_FINALITY, PROOF_MATURITY
from rollproof.lab.stack import Stack
from rollproof.rollup.op_stack import dispute_game, output_root, portal
from rollproof.rollup.op_stack import withdrawal as withdrawals
from rollproof.rollup.op_stack.dispute_game import GameStatus
from rollproof.rollup.op_stack.predeploys import L2_TO_L1_MESSAGE_PASSER
from rollproof.rollup.op_stack.withdrawal import Withdrawal

ETHER = 10**18
CANNON, PERMISSIONED = 0, 1
WRONG = b"\x77" * 32


class Bed:
    """A stack without operators: one transaction of L1 or L2, and the blocks that hold it."""

    def __init__(self) -> None:
        self.stack = Stack()
        self.stack.operators.clear()
        while len(self.stack.l1_pool):
            self.step()

    def __getitem__(self, name: str) -> Contract:
        return self.stack.deployed[name]

    def branch(self) -> Bed:
        """One that goes on by itself from here."""
        twin = copy.copy(self)
        shared = (self.stack.l1.preimages, self.stack.l2.preimages)  # states by root: more of them do no harm
        twin.stack = copy.deepcopy(self.stack, {id(each): each for each in shared})
        return twin

    def step(self, steps: int = 1) -> None:
        self.stack.run(steps)

    def wait(self, seconds: int) -> None:
        """So long that the last L1 block is at least that much later."""
        until = self.stack.l1.head.timestamp + seconds
        while self.stack.l1.head.timestamp < until:
            self.step()

    def send(
        self, layer: Any, name: str, to: Contract | bytes, data: bytes = b"", *, value: int = 0, gas: int = 3_000_000
    ) -> dict[str, Any]:
        """The receipt, once a block holds it."""
        address = to.address if isinstance(to, Contract) else to
        hashed = self.stack.send(layer, name, address, data=data, value=value, gas=gas)
        while (receipt := self.stack.receipt(layer, hashed)) is None:
            self.step()
        return dict(receipt)

    def call(self, name: str, contract: Contract, function: str, *arguments: Any, value: int = 0) -> dict[str, Any]:
        """On L1, and it has to succeed."""
        receipt = self.send("l1", name, contract, contract.encode(function, *arguments), value=value)
        assert receipt["status"] == 1, contract.reason(receipt["output"])
        return receipt

    def refusal(
        self, name: str, contract: Contract, data: bytes, *, value: int = 0, said_by: Contract | None = None
    ) -> str | None:
        """Why L1 would refuse a call in its next block, in the words of ``said_by``; None where it would not."""
        sender = self.stack.account(name, "l1").address
        call = self.stack.l1.call(contract.address, data, sender=sender, value=value)
        return None if call.status else (said_by or contract).reason(call.output)

    def view(self, name: str, function: str, *arguments: Any, layer: Any = "l1") -> Any:
        """What a contract answers: the value, or the values where there are several."""
        found = self.stack.view(layer, self[name], function, *arguments)
        return found[0] if len(found) == 1 else found

    # Withdrawals and games.

    def withdraw(self, name: str, value: int, target: bytes, data: bytes = b"") -> tuple[Withdrawal, Block]:
        """Sent to the message passer; with the L2 block that holds it."""
        passer = self["L2ToL1MessagePasser"]
        receipt = self.send("l2", name, passer, passer.encode("initiateWithdrawal", target, 100_000, data), value=value)
        return self.passed(receipt)

    def passed(self, receipt: dict[str, Any]) -> tuple[Withdrawal, Block]:
        [log] = [each for each in receipt["logs"] if each[0] == L2_TO_L1_MESSAGE_PASSER]
        found = self.stack.l2.locate(receipt["hash"])
        assert found is not None
        return withdrawals.from_log(log[1], log[2]), found[0]

    def propose(self, block: Block, root: bytes | None = None, *, game_type: int = CANNON) -> Contract:
        """A game about an L2 block's output root, or about another root."""
        claimed = output_root.of_block(block.header, block.hash).root if root is None else root
        data = dispute_game.create(game_type, claimed, block.number)
        receipt = self.send("l1", "proposer", self["DisputeGameFactory"], data, value=BOND)
        assert receipt["status"] == 1, self["DisputeGameFactory"].reason(receipt["output"])
        made = dispute_game.created_from_log(receipt["logs"][-1][1])
        assert (made.game_type, made.root) == (game_type, claimed)
        return Contract.load("FaultDisputeGame").at(made.game)

    def proof(self, withdrawal: Withdrawal, block: Block, index: int = 0) -> bytes:
        nodes = withdrawals.prove(self.stack.l2.state(block), withdrawal)
        output = output_root.of_block(block.header, block.hash)
        return portal.prove(withdrawal, game_index=index, output=output, nodes=nodes)

    def prove(self, withdrawal: Withdrawal, block: Block) -> None:
        receipt = self.send("l1", "relayer", self["OptimismPortal"], self.proof(withdrawal, block))
        assert receipt["status"] == 1, self["OptimismPortal"].reason(receipt["output"])
        assert [log[1][0] for log in receipt["logs"]] == [portal.WITHDRAWAL_PROVEN, portal.WITHDRAWAL_PROVEN_BY]

    def status(self, game: Contract) -> GameStatus:
        return GameStatus(self.stack.view("l1", game, "status")[0])

    def resolve(self, game: Contract) -> GameStatus:
        """Once the clocks are out; only the root claim is left to settle."""
        self.call("relayer", game, "resolveClaim", 0, 0)
        receipt = self.call("relayer", game, "resolve")
        said = dispute_game.resolved_from_log(receipt["logs"][0][1])
        assert said == self.status(game)
        return said

    def check(self, withdrawal: Withdrawal, name: str = "relayer") -> str | None:
        submitter = self.stack.account(name, "l1").address
        return self.refusal(name, self["OptimismPortal"], portal.check_withdrawal(withdrawal.hash, submitter))


def balance(bed: Bed, layer: str, address: bytes) -> int:
    return bed.stack.chain(layer).account(address)[1]


def bridged(bed: Bed) -> None:
    op_stack.bridge_token(bed.stack)
    while len(bed.stack.l1_pool) or len(bed.stack.l2_pool):
        bed.step()


def relay(bed: Bed, withdrawal: Withdrawal, block: Block, *, gas: int = 3_000_000) -> dict[str, Any]:
    """Proves and finalizes, with all the waiting."""
    game = bed.propose(block)
    bed.step(6)
    index = bed.view("DisputeGameFactory", "gameCount") - 1
    receipt = bed.send("l1", "relayer", bed["OptimismPortal"], bed.proof(withdrawal, block, index))
    assert receipt["status"] == 1, bed["OptimismPortal"].reason(receipt["output"])
    bed.wait(max(PROOF_MATURITY, GAME_CLOCK) + 12)
    bed.resolve(game)
    bed.wait(GAME_FINALITY + 12)
    receipt = bed.send("l1", "relayer", bed["OptimismPortal"], portal.finalize(withdrawal), gas=gas)
    assert receipt["status"] == 1, bed["OptimismPortal"].reason(receipt["output"])
    return receipt


def events(bed: Bed, name: str, event: str, receipt: dict[str, Any]) -> list[dict[str, Any]]:
    found = [bed[name].event(event, log) for log in receipt["logs"]]
    return [each for each in found if each is not None]
