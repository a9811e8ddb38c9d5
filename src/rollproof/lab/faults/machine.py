"""A sequencer that runs another fork's rules: every result fits the others, and none of them is the schedule's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from rollproof.errors import Unsupported
from rollproof.lab.faults.effect import Effect, Expected
from rollproof.lab.faults.fault import register
from rollproof.lab.faults.lie import L1_FEE_VAULT, MESSAGE_PASSER, OPERATOR_FEE_VAULT, Lie
from rollproof.lab.faults.sealing import Ordinary
from rollproof.replay.eels.l1_fee import BASE_FEE_SLOT, L1_BLOCK
from rollproof.replay.eels.op_fork import since
from rollproof.replay.header import EMPTY_ROOT

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Built
    from rollproof.lab.stack import Stack

FORKS: Final = ("ecotone", "fjord", "granite", "holocene", "isthmus")
_HISTORY: Final = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")  # EIP-2935
_HISTORY_LENGTH: Final = 8191


@register
@dataclass
class WrongVm(Ordinary):
    """The sequencer runs the rules of ``fork`` (ecotone, fjord, granite, holocene, isthmus) in place of Jovian's.

    Isthmus, the default, does not count the DA footprint, so the header's blob gas is wrong in every block with a
    signed transaction; where there is an operator fee, so are its vault and who pays it (OP Stack specification,
    Jovian). Earlier ones keep no history of block hashes and no storage root of the message passer in the header
    (Isthmus), and Ecotone's L1 fee is another (Fjord); what else differs then depends on the transactions.
    """

    fork: str = "isthmus"
    layer: str = field(default="l2", init=False)

    id: ClassVar[str] = "wrong-vm"
    title: ClassVar[str] = "The sequencer runs the rules of another fork."

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.fork not in FORKS:
            raise Unsupported(f"{self.id}: no fork {self.fork[:40]!r}; there are {', '.join(FORKS)}")

    def rules(self, stack: Stack, layer: str) -> str | None:
        return self.fork if layer == self.layer and self.due(stack.l2.head.number + 1) else None

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        if layer == self.layer and self.due(block.number):
            expected = self._expected(Lie(stack.l2, block))
            if expected:
                exact = since(self.fork, "isthmus")
                effect = Effect(layer, block.number, block.hash, stack.time, tuple(expected), exact=exact)
                self.declare(stack, effect)
        return block

    def _expected(self, lie: Lie) -> list[Expected]:
        """What is another under these rules than under Jovian's, by the specification of the forks between."""
        signed, number = lie.signed(), lie.block.number
        found, state = [], []
        if signed:
            found.append(Expected.header("blob_gas_used"))
        for index in signed:
            gas = lie.block.outcomes[index]["gas_used"]
            if lie.operator_fee(gas) != lie.operator_fee(gas, self.fork):
                state.append(Expected.account(lie.transaction(index)["sender"], "balance"))
                state.append(Expected.account(OPERATOR_FEE_VAULT, "balance"))
        if not since(self.fork, "isthmus"):
            state.append(Expected.slot(_HISTORY, (number - 1) % _HISTORY_LENGTH))
            if lie.chain.account(MESSAGE_PASSER, lie.block)[2] != EMPTY_ROOT:
                found.append(Expected.header("withdrawals_root"))
        if signed and not since(self.fork, "fjord") and lie.chain.storage(L1_BLOCK, BASE_FEE_SLOT, lie.block):
            state.append(Expected.account(L1_FEE_VAULT, "balance"))
        if state:
            found.append(Expected.header("state_root"))
        return [*found, *dict.fromkeys(state)]
