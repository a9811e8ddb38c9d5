"""The challenger: recomputes what games claim, counters what is wrong, ends games, and collects bonds.

Source: OP Stack specification, fault dispute game, honest challenger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rollproof import _core
from rollproof.lab.contract import Contract
from rollproof.rollup.op_stack import output_root
from rollproof.rollup.op_stack.dispute_game import GameStatus
from rollproof.types import Outcome

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

MAX_GAMES: Final = 64  # the newest, that are looked after
MAX_CLAIMS: Final = 64  # of one game
_GAS: Final = 1_000_000
_NOBODY: Final = bytes(20)


class Claim(NamedTuple):
    """A claim of a game, as its contract returns it; bonds in wei."""

    parent: int
    countered_by: bytes
    claimant: bytes
    bond: int
    claim: bytes
    position: int
    clock: int

    @property
    def depth(self) -> int:
        return self.position.bit_length() - 1


class Challenger:
    """Answers every claim on the wrong side of a game, to the bottom, where it adjudicates itself. It trusts no
    sequencer: what is right is what the honest follower has executed.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._game = Contract.load("FaultDisputeGame")
        self._sent: list[bytes] = []
        self._head = stack.l1.head
        self._ended: set[int] = set()  # games, by index in the factory, in which nothing is left to do

    def act(self) -> None:
        """Looks at every game once in each L1 block."""
        stack = self._stack
        if stack.halted("challenger") or stack.l1.head is self._head:
            return
        self._sent = [each for each in self._sent if each in stack.l1_pool]
        if self._sent:
            return
        if stack.l1.block(self._head.number) is not self._head:
            self._ended.clear()  # the L1 was reorganised
        self._head = stack.l1.head
        factory = stack.deployed["DisputeGameFactory"]
        [count] = stack.view("l1", factory, "gameCount")
        for index in range(max(0, count - MAX_GAMES), count):
            if index in self._ended:
                continue
            _, _, address = stack.view("l1", factory, "gameAtIndex", index)
            if self._look_after(self._game.at(address)):
                self._ended.add(index)

    def right(self, number: int, root: bytes) -> bool | None:
        """Whether ``root`` is that of L2 block ``number``; None where the follower cannot say."""
        stack = self._stack
        follower = stack.follower
        if follower.chain.head.number < number:
            follower.sync()
        block = follower.chain.block(number)
        if block is not None:
            return output_root.of_block(block.header, block.hash).root == root
        if any(refused.number <= number and verdict.outcome is Outcome.BROKEN for refused, verdict in follower.refused):
            return False  # nothing valid is there to claim
        return None

    def _look_after(self, game: Contract) -> bool:
        """Does what is due in a game; True once nothing is left."""
        if self._view(game, "status") != GameStatus.IN_PROGRESS:
            return not self._collect(game)
        count = min(self._view(game, "claimDataLen"), MAX_CLAIMS)
        claims = [Claim(*self._stack.view("l1", game, "claimData", index)) for index in range(count)]
        limit = self._view(game, "maxClockDuration")
        used = [self._view(game, "getChallengerDuration", index) for index in range(count)]
        if all(each == limit for each in used):
            self._resolve(game, count)
            return False
        right = self.right(self._view(game, "l2BlockNumber"), claims[0].claim)
        if right is None and used[0] * 2 >= limit:
            right = False  # nobody has seen that block, and time runs out
        if right is not None:
            for index, claim in enumerate(claims):
                if claim.depth % 2 == right and used[index] < limit:
                    self._counter(game, claims, index)
        return False

    def _counter(self, game: Contract, claims: list[Claim], index: int) -> None:
        """Answers a claim, unless that is done: by another claim, or at the bottom by its ruling."""
        claim = claims[index]
        if claim.depth == self._view(game, "maxGameDepth"):
            if claim.countered_by == _NOBODY:
                self._send(game, "step", index, True, b"", b"")
            return
        me = self._stack.account("challenger", "l1").address
        if any((each.parent, each.claimant) == (index, me) for each in claims):
            return
        # There is no execution trace to take the value of a claim from: any value says "no" as well.
        answer = _core.keccak256(b"countered" + claim.claim)
        bond = self._view(game, "getRequiredBond", claim.position << 1)
        self._send(game, "attack", claim.claim, index, answer, value=bond)

    def _resolve(self, game: Contract, count: int) -> None:
        """Settles claims from the bottom up, then the game."""
        for index in reversed(range(count)):
            if not self._view(game, "resolvedSubgames", index):
                self._send(game, "resolveClaim", index, 0)
        self._send(game, "resolve")

    def _collect(self, game: Contract) -> bool:
        """Has bonds paid out, its own and the proposer's; whether there were any."""
        recipients = {self._stack.account("challenger", "l1").address, self._view(game, "gameCreator")}
        owed = [each for each in sorted(recipients) if self._view(game, "credit", each)]
        for recipient in owed:
            self._send(game, "claimCredit", recipient)
        return bool(owed)

    def _send(self, game: Contract, function: str, *arguments: Any, value: int = 0) -> None:
        data = game.encode(function, *arguments)
        self._sent.append(self._stack.send("l1", "challenger", game.address, data=data, value=value, gas=_GAS))

    def _view(self, game: Contract, function: str, *arguments: Any) -> Any:
        return self._stack.view("l1", game, function, *arguments)[0]
