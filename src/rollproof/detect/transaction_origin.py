"""A contract trusts who signed the transaction, not who calls: whoever gets its owner to sign anything acts as he."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.authority import authority
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.invocation import PLAIN
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Taint
from rollproof.replay.trace import Frame
from rollproof.types import Confidence, Severity

# Compared with who calls, or with what the caller says, it is no question of who may.
_ORIGIN, _NOT_STORED = int(Taint.ORIGIN), int(Taint.ORIGIN | Taint.CALLER | Taint.CALLDATA)


class TransactionOrigin(Detector):
    """A contract let a stranger's contract through because of who had signed the transaction."""

    id = "transaction-origin"
    severity = Severity.MEDIUM
    title = "Access granted by tx.origin"
    what = (
        "A contract compared ORIGIN with what it has stored, was called by another contract than that account, went "
        "on, and paid somebody else. Without a second pass: it read a plain slot that names the signer, who was "
        "not its caller, and nothing that names the caller."
    )
    why = "A signer who is lured into any call at all is taken for the caller of everything below it."
    example = "SWC-115's wallet: an attack contract that the owner pays calls transfer in his name."
    references = ("https://swcregistry.io/docs/SWC-115/",)
    needs = Shows.CALLS | Shows.SENDER
    trigger = Trigger.ETHER | Trigger.TOKENS

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        if evidence.success is False or len(evidence.frame_rows) < 2:
            return
        steps = evidence.steps
        if steps is None and (Shows.STEPS in evidence.shows or Shows.VALUES not in evidence.shows):
            return  # the first pass saw no reason to look closer
        seen: set[bytes] = set()
        if steps is not None:
            for test in steps.tests:
                if not test.equality or int(test.taint) & _NOT_STORED != _ORIGIN:
                    continue
                paths = authority(evidence)
                root = paths.frame(paths.root(test.frame))
                if root.caller == evidence.sender or root.target in seen or evidence.reverted(root.row):
                    continue
                paid = _paid(evidence, root, {evidence.sender or b""})
                if paid or paths.writes.get(root.row):
                    seen.add(root.target)
                    yield self._finding(evidence, root, paid, Confidence.OBSERVED)
            return
        yield from self._by_order(evidence, seen)

    def _by_order(self, execution: Execution, seen: set[bytes]) -> Iterator[Judgement]:
        paths = authority(execution)
        for row, reads in paths.reads.items():
            root = paths.frame(row)
            if root.parent is None or root.target in seen or execution.reverted(row):
                continue
            signers = _signers(execution, root) - {root.caller, root.target}
            if not signers:
                continue
            words = [
                (int.from_bytes(each.slot, "big") < PLAIN, each.value.to_bytes(32, "big"), each.order) for each in reads
            ]
            if any(root.caller in word for _, word, _ in words):
                continue
            named = {who for who in signers for plain, word, _ in words if plain and who in word}
            paid = _paid(execution, root, signers) if named else []
            if paid:
                seen.add(root.target)
                yield self._finding(execution, root, paid, Confidence.POSSIBLE)

    def _finding(self, execution: Execution, root: Frame, paid: list[Transfer], confidence: Confidence) -> Judgement:
        return self.finding(
            execution,
            f"0x{root.target.hex()} let 0x{root.caller.hex()} through for who had signed the transaction",
            severity=Severity.MEDIUM if paid else Severity.LOW,
            confidence=confidence if paid else Confidence.POSSIBLE,
            addresses=(root.target, root.caller),
            amounts=[amount for each in paid for amount in each.amounts],
            frames=(root.row,),
            subject=root.target.hex(),
        )


def _signers(execution: Execution, root: Frame) -> set[bytes]:
    """The sender; in a test harness's trace, whom it impersonated above."""
    found = {execution.sender} if execution.sender is not None else set()
    for frame in execution.ancestors(root.row):
        if frame.parent is not None and execution.frame(frame.parent).target != frame.caller:
            found.add(frame.caller)
    return found


def _paid(execution: Execution, root: Frame, signers: set[bytes]) -> list[Transfer]:
    """What the account paid in that call, and not to who signed."""
    rows = authority(execution).span(root.row)
    # Where it was made in the transaction, or by a test that plays everybody, what it got before is no gain.
    played = root.target in execution.created or authority(execution).staged
    return [
        each
        for each in execution.transfers
        if each.sender == root.target
        and each.frame in rows
        and each.amount
        and each.recipient not in signers
        and (played or execution.net.get((root.target, each.token), 0) < 0)
    ]
