"""The relayer: proves and finalizes on L1 what was withdrawn from L2, for everybody.

Source: OP Stack specification, withdrawals; fault proof, "OptimismPortal".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rollproof.errors import Stop
from rollproof.lab.block import Block
from rollproof.lab.contract import Contract
from rollproof.lab.receipts import bloom, decode
from rollproof.rollup.op_stack import dispute_game, output_root, portal
from rollproof.rollup.op_stack import withdrawal as withdrawals
from rollproof.rollup.op_stack.dispute_game import GameStatus
from rollproof.rollup.op_stack.predeploys import L2_TO_L1_MESSAGE_PASSER
from rollproof.rollup.op_stack.withdrawal import Withdrawal

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

MAX_GAMES: Final = 64  # the newest, that are looked through
MAX_OPEN: Final = 1_000  # withdrawals under way; further ones wait
AT_ONCE: Final = 20  # transactions in one L1 block
_PROVE_GAS: Final = 3_000_000
_FINALIZE_GAS: Final = 1_000_000  # beside what the message itself was promised
_MAX_GAS: Final = 2**24  # of a transaction, EIP-7825
_DONE: Final = "OptimismPortal: withdrawal has already been finalized"
# Reasons that no waiting cures: it has to be proven (again), against another game.
_UNPROVEN: Final = frozenset(
    {
        "OptimismPortal: withdrawal has not been proven by proof submitter address yet",
        "OptimismPortal: dispute game has been blacklisted",
        "OptimismPortal: invalid game type",
        "OptimismPortal: dispute game created before respected game type was updated",
        "OptimismPortal: withdrawal timestamp less than dispute game creation timestamp",
    }
)


@dataclass(slots=True)
class Open:
    """A withdrawal that is not finalized yet: the L2 block that holds it, and what was sent for it last."""

    withdrawal: Withdrawal
    number: int
    sent: bytes = b""


class Relayer:
    """``open`` are the withdrawals of safe L2 blocks that are not finalized, by hash, in the order they were made."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._game = Contract.load("FaultDisputeGame")
        self._portal = stack.deployed["OptimismPortal"].address
        self._bits = int.from_bytes(bloom([(L2_TO_L1_MESSAGE_PASSER, [withdrawals.TOPIC], b"")]), "big")
        self._read = stack.l2.genesis
        self._head = b""
        self._provable: list[tuple[int, Block]] | None = None  # what `_games` said about this L1 block
        self.open: dict[bytes, Open] = {}

    def act(self) -> None:
        """Once in each L1 block: reads what became safe, and takes every withdrawal as far as the portal lets it."""
        stack = self._stack
        if stack.halted("relayer") or stack.l1.head.hash == self._head:
            return
        self._head = stack.l1.head.hash
        self._scan()
        self._provable = None
        sent = 0
        for each in list(self.open.values()):
            if each.sent in stack.l1_pool:
                continue
            each.sent = self._advance(each)
            sent += bool(each.sent)
            if sent >= AT_ONCE:
                break

    # Reading the L2.

    def _scan(self) -> None:
        """Takes in the withdrawals of safe blocks; begins anew where the L2 was reorganised below them."""
        l2 = self._stack.l2
        if l2.block(self._read.number) is not self._read:
            self._read = l2.genesis
            self.open.clear()
        while self._read.number < self._stack.safe and len(self.open) < MAX_OPEN:
            block = l2.block(self._read.number + 1)
            if block is None:
                return
            self._read = block
            for made in self._made(block):
                # One that no transaction can hold is its maker's loss, and nobody else's.
                if made.gas_limit * 64 // 63 + _FINALIZE_GAS <= _MAX_GAS and made.target != self._portal:
                    self.open[made.hash] = Open(made, block.number)

    def _made(self, block: Block) -> list[Withdrawal]:
        if int.from_bytes(block.header.logs_bloom, "big") & self._bits != self._bits:
            return []
        found = []
        for receipt in block.receipts:
            for address, topics, data in decode(receipt).logs:
                if address == L2_TO_L1_MESSAGE_PASSER and topics and topics[0] == withdrawals.TOPIC:
                    try:
                        found.append(withdrawals.from_log(topics, data))
                    except Stop:  # a log that a fault altered: nothing can be proven with it
                        continue
        return found

    # On L1.

    def _advance(self, each: Open) -> bytes:
        """Sends what is due for a withdrawal; the transaction's hash, or nothing while it has to wait."""
        stack = self._stack
        contract, me = stack.deployed["OptimismPortal"], stack.account("relayer", "l1").address
        allowed = stack.l1.call(contract.address, portal.check_withdrawal(each.withdrawal.hash, me))
        if allowed.status == 1:
            gas = each.withdrawal.gas_limit * 64 // 63 + _FINALIZE_GAS
            return self._try(contract, portal.finalize(each.withdrawal), gas)
        reason = contract.reason(allowed.output)
        if reason == _DONE:
            del self.open[each.withdrawal.hash]
        elif reason in _UNPROVEN or self._lost(contract, each.withdrawal, me):
            if self._provable is None:
                self._provable = self._games()
            for index, block in self._provable:
                if block.number >= each.number:
                    return self._try(contract, self._proof(each.withdrawal, index, block), _PROVE_GAS)
        return b""

    def _try(self, contract: Contract, data: bytes, gas: int) -> bytes:
        """Sends what would succeed now: nothing while the portal is paused, or a game is younger than its block."""
        me = self._stack.account("relayer", "l1").address
        if self._stack.l1.call(contract.address, data, sender=me, gas=gas).status != 1:
            return b""
        return self._stack.send("l1", "relayer", contract.address, data=data, gas=gas)

    def _proof(self, withdrawal: Withdrawal, index: int, block: Block) -> bytes:
        nodes = withdrawals.prove(self._stack.l2.state(block), withdrawal)
        output = output_root.of_block(block.header, block.hash)
        return portal.prove(withdrawal, game_index=index, output=output, nodes=nodes)

    def _lost(self, contract: Contract, withdrawal: Withdrawal, submitter: bytes) -> bool:
        """Whether the game that it was proven against was lost."""
        game, _ = self._stack.view("l1", contract, "provenWithdrawals", withdrawal.hash, submitter)
        return bool(self._stack.view("l1", self._game.at(game), "status")[0] == GameStatus.CHALLENGER_WINS)

    def _games(self) -> list[tuple[int, Block]]:
        """(index, L2 block) of the games to prove against, oldest first: not lost, barred or retired, and about a root
        that the L2 chain has.
        """
        stack = self._stack
        contract, factory = stack.deployed["OptimismPortal"], stack.deployed["DisputeGameFactory"]
        [count] = stack.view("l1", factory, "gameCount")
        [respected] = stack.view("l1", contract, "respectedGameType")
        [since] = stack.view("l1", contract, "respectedGameTypeUpdatedAt")
        found = []
        for index in range(max(0, count - MAX_GAMES), count):
            game_type, created_at, address = stack.view("l1", factory, "gameAtIndex", index)
            if game_type != respected or created_at < since:
                continue
            if stack.view("l1", contract, "disputeGameBlacklist", address)[0]:
                continue
            game = self._game.at(address)
            if stack.view("l1", game, "status")[0] == GameStatus.CHALLENGER_WINS:
                continue
            block = stack.l2.block(dispute_game.l2_block(stack.view("l1", game, "extraData")[0]))
            if block is None:
                continue
            root = output_root.of_block(block.header, block.hash).root
            if stack.view("l1", game, "rootClaim")[0] == root:
                found.append((index, block))
        return found
