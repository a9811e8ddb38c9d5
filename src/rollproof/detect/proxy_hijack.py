"""Somebody gets an account to run other code on its storage: behind a proxy, or in a delegated call."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.authority import Authority, Standing, authority
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.parties import insiders
from rollproof.detect.privilege import ADMIN, CODE
from rollproof.detect.proposal import PROPOSED, UPGRADES, creations, proposals, short
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Taint
from rollproof.detect.takeover import Loss, Takeover, takeovers
from rollproof.replay.trace import Frame, Kind
from rollproof.types import Amount, Confidence, Severity, SlotChange


class ProxyHijack(Detector):
    """The code that runs on an account's storage was changed, or brought along, by somebody who was not checked."""

    id = "proxy-hijack"
    severity = Severity.HIGH
    title = "An account runs code that a stranger chose"
    what = (
        "The slot that says which code an account runs (EIP-1967, EIP-1822, or a slot that its proxy was seen to read "
        "for it), or the proxy's admin, was changed without a check of the caller, or from within a delegated call and "
        "unannounced; or the account made a delegated call of code that its caller brought along. Low: a "
        "proposal to a governor would change the code."
    )
    why = "Whose code runs on an account's storage owns what the account holds."
    example = (
        "Bybit, February 2025: a signed delegated call wrote slot 0 of a Safe; 401,347 ETH went out by its new code."
    )
    references = (
        "https://eips.ethereum.org/EIPS/eip-1967",
        "https://eips.ethereum.org/EIPS/eip-1822",
        "https://swcregistry.io/docs/SWC-112/",
    )
    scope = "block"
    needs = Shows.CALLS | Shows.STORAGE | Shows.VALUES
    trigger = Trigger.WRITES | Trigger.DELEGATES

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        hijacked: set[bytes] = set()
        for taken in takeovers(evidence):
            if taken.privilege.what in (CODE, ADMIN):
                for found in self._changed(taken):
                    hijacked.add(taken.context)
                    yield found
        proposed = PROPOSED in evidence.trace.column("log_topics")
        for execution in evidence.executions:
            if proposed:
                yield from self._proposed(execution)
            if execution.flags & Trigger.DELEGATES and execution.success is not False:
                yield from self._brought(execution, hijacked)

    def _changed(self, taken: Takeover) -> Iterator[Judgement]:
        privilege, passage = taken.privilege, taken.passage
        place = f"0x{privilege.context.hex()}"
        what = "admin" if privilege.what == ADMIN else "code"
        confidence = Confidence.OBSERVED
        unannounced = what == "code" and not privilege.announced and not privilege.first and _foreign_writer(taken)
        if passage.standing is Standing.OPEN and passage.outsider != privilege.context:
            title = f"the {what} of {place} was changed for 0x{passage.outsider.hex()}, who was not checked"
            if privilege.first:
                severity = Severity.MEDIUM if taken.losses else Severity.LOW
                confidence = Confidence.POSSIBLE
            elif taken.losses:
                severity = Severity.HIGH
            else:
                severity = Severity.MEDIUM
                confidence = Confidence.OBSERVED if passage.observed else Confidence.POSSIBLE
        elif unannounced:
            title = f"the code of {place} was replaced from within a delegated call, and nothing announced it"
            severity = Severity.HIGH if taken.losses else Severity.MEDIUM
        elif what == "code" and any(_emptied(loss, taken) for loss in taken.losses):
            title = f"the new code of {place} paid out what it holds as soon as it was there"
            severity = Severity.MEDIUM
        else:
            return
        access = privilege.access
        slot = SlotChange(privilege.context, access.slot, access.before, access.value)
        named = () if privilege.named is None else (privilege.named,)
        yield self.finding(
            taken.execution,
            title,
            severity=severity,
            confidence=confidence,
            addresses=(privilege.context, *named, passage.outsider),
            amounts=[each for loss in taken.losses for each in loss.amounts(privilege.context)],
            frames=(passage.frame, access.frame),
            slots=(slot,),
            subject=f"{privilege.context.hex()} {access.slot.hex()}",
        )
        for loss in taken.losses:
            if loss.execution is not taken.execution:
                yield self.finding(
                    loss.execution,
                    f"{place} paid by code that was put there for 0x{passage.outsider.hex()}",
                    severity=severity if privilege.first else Severity.HIGH,
                    confidence=confidence if privilege.first else Confidence.OBSERVED,
                    addresses=(privilege.context, *named),
                    amounts=loss.amounts(privilege.context),
                    slots=(slot,),
                    subject=f"{privilege.context.hex()} loss",
                )

    def _proposed(self, execution: Execution) -> Iterator[Judgement]:
        """In good time: a vote may put code behind a proxy that its proposer wrote (Tornado Cash, May 2023)."""
        for proposal in proposals(execution):
            for action in proposal.actions:
                if action.data[:4] not in UPGRADES or len(action.data) < 36:
                    continue
                code = action.data[16:36]
                own = code in creations(execution, proposal.proposer)
                yield self.finding(
                    execution,
                    f"proposal {short(proposal.number)} puts the code of 0x{code.hex()}"
                    + (", which the proposer created," if own else "")
                    + f" behind 0x{action.target.hex()}",
                    severity=Severity.LOW,
                    confidence=Confidence.POSSIBLE,
                    addresses=(proposal.governor, action.target, code, proposal.proposer),
                    frames=(proposal.frame,),
                    subject=f"{proposal.governor.hex()} {proposal.number} {action.target.hex()}",
                )

    def _brought(self, execution: Execution, hijacked: set[bytes]) -> Iterator[Judgement]:
        rows = [row for row in _delegated(execution) if not execution.reverted(row)]
        if not rows:
            return
        members = insiders(execution)
        paths: Authority | None = None
        seen: set[tuple[bytes, bytes]] = set()
        for frame in map(execution.frame, rows):
            if frame.target in members or frame.target in hijacked:
                continue
            paths = paths or authority(execution)
            if (frame.target, frame.code) in seen or not _chosen(paths, frame):
                continue
            seen.add((frame.target, frame.code))
            passage = paths.to_call(frame.row)
            if passage.standing not in (Standing.OPEN, Standing.UNCLEAR):
                continue
            lost = _lost(execution, paths, frame)
            sure = passage.standing is Standing.OPEN and passage.observed
            inside = paths.span(frame.row)
            wrote = any(access.frame in inside for _, access in paths.writes.get(paths.root(frame.row), ()))
            if not lost and not (wrote and passage.standing is Standing.OPEN):
                continue
            if lost and passage.standing is Standing.OPEN:
                severity, confidence = Severity.HIGH, Confidence.OBSERVED
            else:
                severity = Severity.MEDIUM
                confidence = Confidence.OBSERVED if sure else Confidence.POSSIBLE
            yield self.finding(
                execution,
                f"0x{frame.target.hex()} ran the code of 0x{frame.code.hex()}, which its caller brought along",
                severity=severity,
                confidence=confidence,
                addresses=(frame.target, frame.code, passage.outsider),
                amounts=lost,
                frames=(passage.frame, frame.row),
                subject=f"{frame.target.hex()} ran {frame.code.hex()}",
            )


def _delegated(execution: Execution) -> Iterator[int]:
    """Rows of delegated calls of code that who acts here may have brought along; by columns, for most have none."""
    steps = execution.steps
    if steps is not None:
        told = int(Taint.CALLDATA)
        for call in steps.calls:
            if int(call.target) & told and execution.frame(call.frame).kind is Kind.DELEGATECALL:
                yield call.frame
        return
    theirs = set(execution.created)
    if execution.root is not None:
        theirs |= {execution.root.target, execution.root.caller}
    if Shows.STATE not in execution.shows:
        theirs |= insiders(execution)
    kinds, codes = execution.trace.column("frame_kind"), execution.trace.column("frame_code")
    targets = execution.trace.column("frame_target")
    row = kinds.find(Kind.DELEGATECALL, execution.frame_rows.start, execution.frame_rows.stop)
    while row >= 0:
        code = codes[20 * row : 20 * row + 20]
        if code in theirs and code != targets[20 * row : 20 * row + 20]:
            yield row
        row = kinds.find(Kind.DELEGATECALL, row + 1, execution.frame_rows.stop)


def _chosen(paths: Authority, frame: Frame) -> bool:
    """Whether the code is neither what the account has stored nor what it passes every call on to."""
    if paths.step(frame.row) is not None:
        return True
    if frame.parent is None or frame.input[:4] == paths.frame(frame.parent).input[:4]:
        return False
    reads = paths.reads.get(paths.root(frame.row), ())
    return not any(frame.code in each.value.to_bytes(32, "big") for each in reads if each.order < frame.order)


def _foreign_writer(taken: Takeover) -> bool:
    """Whether the write was made by code that is neither the account's own nor the code behind it."""
    frame = taken.execution.frame(taken.privilege.access.frame)
    old = taken.privilege.access.before.to_bytes(32, "big")
    return frame.code != frame.target and frame.code not in old


def _emptied(loss: Loss, taken: Takeover) -> bool:
    """Whether the account paid wei or tokens, in the execution of the change, that went to one account alone."""
    return loss.execution is taken.execution and (loss.destroyed or len({to for _, to in loss.paid}) == 1)


def _lost(execution: Execution, paths: Authority, frame: Frame) -> tuple[Amount, ...]:
    """What an account paid inside a delegated call of foreign code, or was destroyed with."""
    inside = paths.span(frame.row)
    lost: dict[tuple[bytes | None, bytes], int] = {}
    for each in execution.transfers:
        if each.sender == frame.target and each.frame in inside and each.amount and each.item is None:
            lost[each.token, each.recipient] = lost.get((each.token, each.recipient), 0) + each.amount
    return tuple(
        amount
        for (token, to), paid in lost.items()
        for amount in (Amount(token, frame.target, -paid), Amount(token, to, paid))
    )
