"""Contracts that ended themselves for somebody whom they never compared with anything."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.live_write import invocation
from rollproof.detect.parties import staged
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Guard, SelfdestructStep, Taint
from rollproof.replay.trace import Frame, Kind, Selfdestruct
from rollproof.types import Amount, Confidence, Severity

_ADDRESS = (1 << 160) - 1
_DUST = 10**15  # wei: less than this pays for no attack
_ASKED = Guard.CALLER | Guard.ORIGIN | Guard.SIGNATURE | Guard.CALLER_SLOT | Guard.PROOF | Guard.RETURNED
_CHOSEN = Taint.CALLDATA | Taint.CALLER | Taint.ORIGIN


class UnprotectedSelfdestruct(Detector):
    """SELFDESTRUCT of an account by a caller that no stored value was compared with."""

    id = "selfdestruct"
    severity = Severity.HIGH
    title = "A contract ended itself for a stranger"
    what = (
        "SELFDESTRUCT ran on an account that this transaction did not create, and who calls had decided nothing "
        "before; or, without the second pass, nothing that the call read from storage is the caller or belongs to it."
    )
    why = "Its ether goes to whom the caller names and, before Cancun (EIP-6780), its code and storage go too."
    example = "Parity's library, November 2017: anybody could become owner of it and end it, 514,000 ether are frozen."
    references = ("https://swcregistry.io/docs/SWC-106", "https://eips.ethereum.org/EIPS/eip-6780")
    needs = Shows.CALLS | Shows.STORAGE | Shows.VALUES
    trigger = Trigger.SELFDESTRUCTS

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """Every live SELFDESTRUCT of an account that is older than the transaction."""
        for row in evidence.selfdestructs:
            frame = evidence.frame(row.frame)
            entry = evidence.frame(invocation(evidence, row.frame).start)
            if evidence.reverted(row.frame) or _own(evidence, frame.target, entry.caller):
                continue
            delegated = frame.code != frame.target
            step = _followed(evidence, row.frame)
            if step is not None:
                if not step.guards & _ASKED:
                    yield self._unasked(evidence, row, frame, entry, chosen=bool(step.beneficiary & _CHOSEN))
                continue
            if _knows(evidence, entry, row):
                continue
            callers = {entry.caller, evidence.sender} | {each.target for each in evidence.ancestors(entry.row)}
            if row.beneficiary not in callers and not delegated:
                yield self.unjudged(
                    evidence, f"who may end 0x{frame.target.hex()} is not in its storage: it may stand in its code"
                )
                continue
            yield self.finding(
                evidence,
                f"A contract ended itself{', by code of another,' if delegated else ''} for a caller that nothing it "
                "read from storage names",
                severity=Severity.MEDIUM if row.value or delegated else Severity.LOW,
                confidence=Confidence.POSSIBLE,
                addresses=(frame.target, entry.caller, row.beneficiary),
                amounts=(Amount(None, frame.target, -row.value), Amount(None, row.beneficiary, row.value))
                if row.value
                else (),
                frames=(entry.row, frame.row),
                notes=("who may end it can also stand in its code, which storage does not show",),
                subject=f"0x{frame.target.hex()}",
            )

    def _unasked(
        self, execution: Execution, row: Selfdestruct, frame: Frame, entry: Frame, *, chosen: bool
    ) -> Judgement:
        """With the second pass: nobody was asked who he is. ``chosen``: the caller named who gets the ether."""
        lost = row.value > 0 and row.beneficiary != frame.target
        return self.finding(
            execution,
            "A contract ended itself without asking who calls"
            + (f", and left {row.value} wei to whom the caller chose" if lost and chosen else ""),
            severity=_severity(row.value if lost else 0, chosen=chosen),
            confidence=Confidence.OBSERVED if lost and chosen else Confidence.POSSIBLE,
            addresses=(frame.target, entry.caller, row.beneficiary),
            amounts=(Amount(None, frame.target, -row.value), Amount(None, row.beneficiary, row.value)) if lost else (),
            frames=(entry.row, frame.row),
            subject=f"0x{frame.target.hex()}",
        )


def _severity(lost: int, *, chosen: bool) -> Severity:
    """By the wei that went to whom the caller named; a contract that is gone is harm by itself."""
    if not chosen or 0 < lost < _DUST:
        return Severity.LOW
    return Severity.HIGH if lost else Severity.MEDIUM


def _followed(execution: Execution, row: int) -> SelfdestructStep | None:
    """What the second pass saw of the SELFDESTRUCT that ended a frame."""
    steps = execution.steps
    return None if steps is None else next((each for each in steps.selfdestructs if each.frame == row), None)


def _made_here(execution: Execution, account: bytes) -> bool:
    """Whether a frame of this transaction is the account's creation: short-lived contracts end in their constructor."""
    return _maker(execution, account) is not None


def _maker(execution: Execution, account: bytes) -> bytes | None:
    """Who created an account in this transaction."""
    frames = (each for each in execution.frames if each.kind in (Kind.CREATE, Kind.CREATE2))
    return next((each.caller for each in frames if each.target == account), None)


def _own(execution: Execution, account: bytes, caller: bytes) -> bool:
    """Whether it is the transaction's own contract; in a test that plays everybody, its maker's own alone."""
    if staged(execution):
        return _maker(execution, account) in (caller, account)
    return account in execution.created or _made_here(execution, account)


def _knows(execution: Execution, entry: Frame, row: Selfdestruct) -> bool:
    """Whether the call read a word that holds the caller's address, or that is stored under it, before it ended."""
    trace, caller = execution.trace, int.from_bytes(entry.caller, "big")
    own = range(entry.row, row.frame + 1)
    fresh: set[tuple[bytes, bytes]] = set()  # what this transaction wrote: who makes himself owner is none
    keyed = _keyed_by(execution, entry.caller)
    for at in execution.access_rows:
        access = trace.accesses[at]
        if access.order > row.order:
            break
        context = trace.frames[access.frame].target
        if access.write:
            if trace.frames[access.frame].kind not in (Kind.CREATE, Kind.CREATE2):  # a constructor may name anybody
                fresh.add((context, access.slot))
        elif access.frame in own and context == entry.target and (context, access.slot) not in fresh:
            shifts = (0, 8, 16, 96)
            if any(access.value >> shift & _ADDRESS == caller for shift in shifts):
                return True
            if access.slot in keyed and access.value:
                return True
    return False


def _keyed_by(execution: Execution, account: bytes) -> set[bytes]:
    """Mapping places that belong to an account: keccak256(account . base)."""
    keys, results = execution.trace.column("hash_key"), execution.trace.column("hash_result")
    wanted, found, at = account.rjust(32, b"\0"), set(), 0
    at = keys.find(wanted)
    while at >= 0:
        if at % 32 == 0:
            found.add(results[at : at + 32])
        at = keys.find(wanted, at + 1)
    return found
