"""Decisions by what a block's builder knows or chooses: its hash, its randomness, its time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rollproof.detect.authority import authority
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.parties import insiders, winners
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Taint, Test
from rollproof.replay.trace import Frame
from rollproof.types import Severity

# Numbers: flags are slow to work with, and there are many jumps.
_SIGNER, _BLOCK_HASH, _TIME = int(Taint.SIGNER), int(Taint.BLOCK_HASH), int(Taint.TIMESTAMP)
_HASHED_TIME = int(Taint.TIMESTAMP | Taint.HASH)
_OTHERS = int(Taint.HASH | Taint.BLOCK_HASH | Taint.STORAGE)


class _Decision(Detector):
    """Base: a jump decided by something of the block, in a contract that then paid who acts here."""

    needs = Shows.CALLS | Shows.STEPS
    trigger = Trigger.RANDOMNESS | Trigger.CLOCK
    severity = Severity.MEDIUM
    said: ClassVar[str]

    def decided(self, test: Test) -> bool:
        """Whether this is such a jump."""
        raise NotImplementedError

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        steps = evidence.steps
        if steps is None or evidence.success is False:
            return
        judged: set[bytes] = set()
        for test in steps.tests:
            if not self.decided(test) or evidence.reverted(test.frame):
                continue
            paths = authority(evidence)
            root = paths.frame(paths.root(test.frame))
            if root.target in judged or not any(each.sender == root.target for each in evidence.transfers):
                continue
            judged.add(root.target)
            paid = [] if root.target in insiders(evidence) else _won(evidence, root, test.order)
            if not paid:
                continue
            yield self.finding(
                evidence,
                f"0x{root.target.hex()} decided by {self.said}, and paid its caller",
                addresses=(root.target, root.caller),
                amounts=[amount for each in paid for amount in each.amounts],
                frames=(test.frame,),
                subject=root.target.hex(),
            )


class WeakRandomness(_Decision):
    """A draw made of what everybody can know before, or the builder can choose."""

    id = "weak-randomness"
    title = "Chance made of block values"
    what = (
        "A jump was decided by BLOCKHASH, PREVRANDAO, DIFFICULTY or COINBASE, or by a hash that the time or the "
        "block's number went into, and the contract then paid who acts in the transaction."
    )
    why = "A contract in the same block computes the same number first, and plays only when it wins."
    example = "SmartBillions, October 2017: the hash of a block older than 256 is zero; 400 ETH."
    references = ("https://swcregistry.io/docs/SWC-120/", "https://eips.ethereum.org/EIPS/eip-4399")
    said = "chance that was known before"

    def decided(self, test: Test) -> bool:
        taint = int(test.taint)
        return not taint & _SIGNER and (bool(taint & _BLOCK_HASH) or taint & _HASHED_TIME == _HASHED_TIME)


class TimestampDependence(_Decision):
    """A payment that hangs on the exact second of the block."""

    id = "timestamp-dependence"
    severity = Severity.LOW
    title = "Payment decided by the exact time of the block"
    what = (
        "A jump was decided by whether TIMESTAMP equals something (not by whether it is before or after), and the "
        "contract then paid who acts in the transaction."
    )
    why = "Who builds the block chooses its second."
    example = "SWC-116; Ethereum's roulettes of 2016 and 2017 paid where the time was divisible by 15."
    references = ("https://swcregistry.io/docs/SWC-116/",)
    said = "the exact second of the block"

    def decided(self, test: Test) -> bool:
        return test.equality and int(test.taint) & (_TIME | _OTHERS) == _TIME


def _won(execution: Execution, root: Frame, order: int) -> list[Transfer]:
    paid_to = winners(execution) | {root.caller}
    return [
        each
        for each in execution.transfers
        if each.sender == root.target
        and each.recipient in paid_to
        and each.order >= order
        and each.amount
        and execution.net.get((root.target, each.token), 0) < 0
    ]
