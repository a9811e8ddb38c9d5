"""The way back: output roots, dispute games, and withdrawals that are forged, late, or barred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.errors import Malformed, Unsupported
from rollproof.lab.faults.fault import register
from rollproof.lab.faults.link import ETHER, Link, contract, send_as
from rollproof.lab.faults.liveness import Halt
from rollproof.rollup.op_stack import portal as portals
from rollproof.rollup.op_stack import withdrawal as withdrawals
from rollproof.rollup.op_stack.dispute_game import GameType
from rollproof.rollup.op_stack.output_root import Output
from rollproof.rollup.op_stack.predeploys import L2_TO_L1_MESSAGE_PASSER
from rollproof.types import Outcome

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Built
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Stack

MAX_GAMES: Final = 64  # the newest of the factory, that are looked through
INITIATE: Final = abi.selector("initiateWithdrawal(address,uint256,bytes)")


@register
@dataclass
class WrongOutputRoot(Link):
    """The proposer claims a root on L1 that is not that of the L2 block.

    ``repeat``: every proposal from now on, not only the first. Shows: a game of the factory whose root claim is not
    the output root of the L2 block that its extra data names, recomputed from that block's header.
    """

    repeat: bool = False

    id: ClassVar[str] = "wrong-output-root"
    title: ClassVar[str] = "The proposer claims an output root that the L2 does not have."

    def output_root(self, stack: Stack, number: int, root: bytes) -> bytes:
        block = stack.l2.block(number)
        told = any(effect.number == number for effect in self.effects)
        if block is None or (self.effects and not self.repeat and not told):
            return root
        wrong = _core.keccak256(b"wrong output root" + root)
        self.declare(stack, "l2", block, wrong)
        return wrong


@register
@dataclass
class ProposalsStop(Halt):
    """Nobody proposes output roots for ``steps`` steps (0: until lifted): what leaves the L2 cannot be proven.

    OP Mainnet, August 2024, fell back to one permissioned proposer for weeks; where only that one may propose, users
    wait for it. Shows: no DisputeGameCreated log in L1 blocks whose number goes up, while the L2 goes on.
    """

    id: ClassVar[str] = "proposals-stop"
    family: ClassVar[str] = "link"
    check: ClassVar[str] = "link"
    title: ClassVar[str] = "No more output roots are proposed on L1."

    def halts(self, stack: Stack, what: str) -> bool:
        if what != "proposer" or self.over:
            return False
        if not self.effects:
            self.declare(stack, "l2", stack.account("proposer", "l1").address)
        return True


@register
@dataclass
class WithdrawalDelayed(Halt):
    """Withdrawals are neither proven nor finalized for ``steps`` steps (0: until lifted), although they could be.

    ``provoke`` withdraws 1 ETH from "bystander". Shows: a MessagePassed log below the block of a game that is there,
    and no WithdrawalProven log of its hash; or a proven one that is past its delays and has no WithdrawalFinalized log.
    """

    provoke: bool = True

    id: ClassVar[str] = "withdrawal-delayed"
    family: ClassVar[str] = "link"
    check: ClassVar[str] = "link"
    title: ClassVar[str] = "Withdrawals that are due are not relayed to L1."

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.provoke:
            withdraw(stack, "bystander", ETHER)

    def halts(self, stack: Stack, what: str) -> bool:
        if what != "relayer" or self.over:
            return False
        if not self.effects:
            self.declare(stack, "l2", stack.account("relayer", "l1").address)
        return True


@register
@dataclass
class ForgedWithdrawal(Link):
    """A withdrawal that no L2 block holds is made provable, and the account "attacker" takes ``value`` wei with it.

    ``by``: output-root (the next proposed root commits to a message passer's trie with the forged message in it, and to
    the real block) or state (the sequencer writes the message into a block's state, so that every root after it has
    it; re-execution finds that one, too). The attacker proves it against the game, and finalizes it when the portal
    lets it. ``unopposed``: the challenger does nothing meanwhile; otherwise the game is lost in time. Shows: a
    WithdrawalProven log of a hash that no MessagePassed log on the L2 has; with output-root, a game whose root is not
    the block's.
    """

    by: str = "output-root"
    value: int = 100 * ETHER
    unopposed: bool = False

    id: ClassVar[str] = "forged-withdrawal"
    title: ClassVar[str] = "A withdrawal that never was made on L2 is proven on L1."

    _WAYS: ClassVar[tuple[str, ...]] = ("output-root", "state")

    def __post_init__(self) -> None:
        self.withdrawal: withdrawals.Withdrawal | None = None
        self._outputs: dict[bytes, tuple[Output, bytes]] = {}  # by root: what it commits to, and the state's root
        self._planted = False
        self._prove = self._finalize = b""

    def start(self, stack: Stack) -> None:
        if self.by not in self._WAYS:
            raise Unsupported(f"{self.id}: no way {self.by[:40]!r}; there are {', '.join(self._WAYS)}")
        if not 0 < self.value < 2**128:
            raise Malformed(f"{self.id}: a value of {self.value} wei")
        for name in ("OptimismPortal", "DisputeGameFactory"):
            contract(stack, self.id, name)
        # A nonce far above those that the message passer hands out, so that no real message is like it.
        self.withdrawal = withdrawals.Withdrawal(
            nonce=withdrawals.versioned(2**200 + stack.l2.head.number),
            sender=stack.account("attacker", "l2").address,
            target=stack.account("attacker", "l1").address,
            value=self.value,
            gas_limit=100_000,
        )

    def halts(self, stack: Stack, what: str) -> bool:
        return self.unopposed and what == "challenger"

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        if layer != "l2" or self.by != "state" or self._planted or self.withdrawal is None:
            return block
        self._planted = True
        slot = int.from_bytes(self.withdrawal.slot, "big")
        sealed = stack.l2.reseal(block, accounts=[(L2_TO_L1_MESSAGE_PASSER, None, None, None, [(slot, 1)])])
        self.declare(stack, "l2", sealed, self.withdrawal.hash, outcome=Outcome.BROKEN)
        return sealed

    def output_root(self, stack: Stack, number: int, root: bytes) -> bytes:
        block = stack.l2.block(number)
        if block is None or self.withdrawal is None:
            return root
        state_root = block.header.state_root
        if self.by == "output-root":
            if self._outputs and number not in {effect.number for effect in self.effects}:
                return root
            slot = int.from_bytes(self.withdrawal.slot, "big")
            written = (L2_TO_L1_MESSAGE_PASSER, None, None, None, [(slot, 1)])
            state_root = _core.write_state(stack.l2.preimages, state_root, [written])
        state = _core.State(stack.l2.preimages, state_root)
        passer = state.account(L2_TO_L1_MESSAGE_PASSER)
        if passer is None or state.storage(L2_TO_L1_MESSAGE_PASSER, self.withdrawal.slot) != 1:
            return root
        output = Output(state_root, passer[2], block.hash)
        self._outputs[output.root] = (output, state_root)
        if self.by == "output-root":
            self.declare(stack, "l2", block, output.root, self.withdrawal.hash)
        return output.root

    def before_step(self, stack: Stack) -> None:
        if self.withdrawal is None:
            return
        portal = stack.deployed["OptimismPortal"]
        if not self._prove:
            self._submit(stack, portal, self.withdrawal)
        elif not self._finalize and stack.l1.locate(self._prove) is not None:
            attacker = stack.account("attacker", "l1").address
            allowed = stack.l1.call(portal.address, portals.check_withdrawal(self.withdrawal.hash, attacker))
            if allowed.status == 1:
                data = portals.finalize(self.withdrawal)
                self._finalize = stack.send("l1", "attacker", portal.address, data=data)

    def _submit(self, stack: Stack, portal: Contract, withdrawal: withdrawals.Withdrawal) -> None:
        for index, root, _ in games(stack) if self._outputs else ():
            if root in self._outputs:
                output, state_root = self._outputs[root]
                nodes = withdrawals.prove(_core.State(stack.l2.preimages, state_root), withdrawal)
                data = portals.prove(withdrawal, game_index=index, output=output, nodes=nodes)
                # In the second of a game's creation it could be proven, but never finalized.
                attacker = stack.account("attacker", "l1").address
                if stack.l1.call(portal.address, data, sender=attacker).status == 1:
                    self._prove = stack.send("l1", "attacker", portal.address, data=data, gas=5_000_000)
                return


@dataclass
class Guardian(Link):
    """Base: the guardian does one thing on L1, and another when the fault is lifted."""

    def __post_init__(self) -> None:
        self._sent = b""

    def act(self, stack: Stack, name: str, function: str, *arguments: object) -> None:
        """The guardian calls a contract."""
        called = contract(stack, self.id, name)
        [guardian] = stack.view("l1", contract(stack, self.id, "SuperchainConfig"), "guardian")
        self._sent = send_as(stack, self.id, guardian, called.address, called.encode(function, *arguments))

    def after_step(self, stack: Stack) -> None:
        found = stack.l1.locate(self._sent)
        if found is not None and not self.effects:
            self.declare(stack, "l1", found[0], *self.subjects(stack))

    def subjects(self, stack: Stack) -> list[bytes]:
        """What it was done to."""
        return [self._sent]


@register
@dataclass
class PortalPaused(Guardian):
    """The guardian pauses withdrawals; deposits go on. Lifting it unpauses.

    Shows: a Paused log of the SuperchainConfig; proving and finalizing revert with CallPaused.
    """

    identifier: str = "drill"

    id: ClassVar[str] = "portal-paused"
    title: ClassVar[str] = "The guardian pauses withdrawals."

    def start(self, stack: Stack) -> None:
        self.act(stack, "SuperchainConfig", "pause", self.identifier)

    def stop(self, stack: Stack) -> None:
        self.act(stack, "SuperchainConfig", "unpause")


@register
@dataclass
class GameBlacklisted(Guardian):
    """The guardian blacklists the newest dispute game, and what was proven against it has to be proven again.

    Waits for a game where there is none. It cannot be undone: lifting it only ends the waiting. Shows: a
    DisputeGameBlacklisted log of the portal; `checkWithdrawal` of what was proven against the game reverts with
    "OptimismPortal: dispute game has been blacklisted".
    """

    id: ClassVar[str] = "game-blacklisted"
    title: ClassVar[str] = "The guardian blacklists a dispute game that withdrawals were proven against."

    def __post_init__(self) -> None:
        super().__post_init__()
        self.game = b""

    def start(self, stack: Stack) -> None:
        for name in ("OptimismPortal", "DisputeGameFactory", "SuperchainConfig"):
            contract(stack, self.id, name)

    def before_step(self, stack: Stack) -> None:
        if not self._sent and (found := games(stack)):
            self.game = found[0][2]
            self.act(stack, "OptimismPortal", "blacklistDisputeGame", self.game)

    def subjects(self, stack: Stack) -> list[bytes]:
        return [self.game]


@register
@dataclass
class GamesRetired(Guardian):
    """The guardian makes the portal respect games of another type: all that there are count no more.

    ``to``: the new type's number, by default that of permissioned games (OP Mainnet, August 2024). Lifting it sets the
    old type, but games from before stay retired, since the time of the change counts. Shows: a RespectedGameTypeSet
    log; `checkWithdrawal` of what was proven reverts with "OptimismPortal: invalid game type", later with
    "OptimismPortal: dispute game created before respected game type was updated".
    """

    to: int = int(GameType.PERMISSIONED_CANNON)

    id: ClassVar[str] = "games-retired"
    title: ClassVar[str] = "The guardian retires all dispute games by another respected type."

    def __post_init__(self) -> None:
        super().__post_init__()
        self._old = 0

    def start(self, stack: Stack) -> None:
        [self._old] = stack.view("l1", contract(stack, self.id, "OptimismPortal"), "respectedGameType")
        if not 0 <= self.to < 2**32 or self.to == self._old:
            raise Malformed(f"{self.id}: type {self.to}, {self._old} is respected now")
        self.act(stack, "OptimismPortal", "setRespectedGameType", self.to)

    def stop(self, stack: Stack) -> None:
        self.act(stack, "OptimismPortal", "setRespectedGameType", self._old)


def games(stack: Stack) -> list[tuple[int, bytes, bytes]]:
    """(index in the factory, root claim, address) of the newest games, newest first."""
    factory = stack.deployed["DisputeGameFactory"]
    [count] = stack.view("l1", factory, "gameCount")
    found = []
    for index in range(count - 1, max(-1, count - 1 - MAX_GAMES), -1):
        _, _, address = stack.view("l1", factory, "gameAtIndex", index)
        call = stack.l1.call(address, _core.keccak256(b"rootClaim()")[:4])
        found.append((index, call.output[:32], address))
    return found


def withdraw(stack: Stack, name: str, value: int) -> bytes:
    """Sends a withdrawal of ``value`` wei to the sender's L1 account; returns the L2 transaction's hash."""
    to = stack.account(name, "l1").address
    data = INITIATE + abi.encode(["address", "uint256", "bytes"], [to, 100_000, b""])
    return stack.send("l2", name, L2_TO_L1_MESSAGE_PASSER, data=data, value=value, gas=200_000)
