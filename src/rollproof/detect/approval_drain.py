"""Tokens are pulled by an allowance that their owner did not mean to give, or not for this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rollproof import _core
from rollproof.detect.authority import Authority, Standing, authority
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.parties import insiders, winners
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.steps import Taint
from rollproof.replay.trace import Frame
from rollproof.types import Amount, Confidence, Severity

APPROVAL = _core.keccak256(b"Approval(address,address,uint256)")  # EIP-20
MAX_ALLOWANCES = 16  # from one owner to one spender; further ones are not looked at
FEE = 10  # a loan's fee is at most this part of it
UNLIMITED = 1 << 255  # allowances from here on are meant to last for ever
_PULLS = frozenset(
    _core.keccak256(each)[:4]
    for each in (
        b"transferFrom(address,address,uint256)",
        b"safeTransferFrom(address,address,uint256)",
        b"safeTransferFrom(address,address,uint256,bytes)",
    )
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """An Approval event: ``frame`` is the token's frame that emitted it."""

    order: int
    frame: int
    token: bytes
    owner: bytes
    spender: bytes
    amount: int


class ApprovalDrain(Detector):
    """A contract was made to approve who called it; or somebody's allowance to a contract was used for another."""

    id = "approval-drain"
    severity = Severity.HIGH
    title = "Tokens pulled by an allowance that was not meant for it"
    what = (
        "Either a contract approved its own caller, whom nothing had checked, or what that caller brought along, and "
        "the allowance was then used; or a contract that others had approved pulled the tokens of an account that took "
        "no part, signed nothing and got nothing, for its caller."
    )
    why = "An allowance is as good as the tokens: who directs its use has them."
    example = (
        "SushiSwap's RouteProcessor2, April 2023: the route named a false pool, and users' allowances paid for it."
    )
    references = ("https://eips.ethereum.org/EIPS/eip-20",)
    needs = Shows.CALLS | Shows.LOGS
    trigger = Trigger.APPROVES | Trigger.PULLS | Trigger.TOKENS

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        told = Shows.INPUT in evidence.shows
        if evidence.success is False or (told and not evidence.flags & Trigger.PULLS):
            return
        pulls = [each for each in evidence.transfers if each.token is not None and _pulled(evidence, each)]
        if not pulls:
            return
        allowances = tuple(_allowances(evidence)) if evidence.flags & Trigger.APPROVES else ()
        used: set[int] = set()
        yield from self._approved(evidence, allowances, pulls, used)
        yield from self._misused(evidence, allowances, [each for each in pulls if each.order not in used])

    def _approved(
        self, execution: Execution, allowances: tuple[Allowance, ...], pulls: list[Transfer], used: set[int]
    ) -> Iterator[Judgement]:
        """A contract approved somebody who acts here, in a call by them; and they pulled."""
        members = insiders(execution)
        by: dict[tuple[bytes | None, bytes, bytes], list[Transfer]] = {}
        for each in pulls:
            by.setdefault((each.token, each.sender, execution.frame(each.frame).caller), []).append(each)
        tried: Counter[tuple[bytes | None, bytes, bytes]] = Counter()
        for given in allowances:
            key = (given.token, given.owner, given.spender)
            if key not in by or given.owner in members or not given.amount or tried[key] >= MAX_ALLOWANCES:
                continue
            tried[key] += 1
            frame = execution.frame(given.frame)
            owned = _within(execution, frame, given.owner)
            if owned is None or not (given.spender in members or given.spender in execution.created):
                continue
            paths = authority(execution)
            inside = paths.span(owned)
            taken = [each for each in by[key] if each.order > given.order and each.frame not in inside]
            if not taken:
                continue
            passage = paths.to_call(frame.row)
            free = passage.standing is Standing.OPEN
            if passage.standing is Standing.CHECKED:
                continue
            if passage.standing is Standing.MADE and not _led(execution, frame, given):
                continue
            brought = _brought(execution, given, members)
            if sum(each.amount for each in taken) <= brought + brought // FEE:
                continue  # a loan that is paid back
            used.update(each.order for each in taken)
            tried[key] = MAX_ALLOWANCES
            yield self.finding(
                execution,
                f"0x{given.owner.hex()} approved 0x{given.spender.hex()} at its own caller's word, who took the tokens",
                severity=Severity.HIGH if free or passage.standing is Standing.MADE else Severity.MEDIUM,
                confidence=Confidence.OBSERVED if passage.standing is not Standing.UNCLEAR else Confidence.POSSIBLE,
                addresses=(given.owner, given.spender, given.token),
                amounts=_amounts(taken),
                frames=(given.frame, *(each.frame for each in taken)),
                subject=f"{given.owner.hex()} {given.token.hex()}",
            )

    def _misused(
        self, execution: Execution, allowances: tuple[Allowance, ...], pulls: list[Transfer]
    ) -> Iterator[Judgement]:
        """A contract pulled from an account that took no part, for the gain of who acts here."""
        gainers = winners(execution)
        victims: dict[tuple[bytes, bytes], list[Transfer]] = {}
        for each in pulls:
            caller = execution.frame(each.frame).caller
            if each.sender in gainers or caller == each.sender:
                continue
            if each.recipient in gainers or _passed_on(execution, each, caller, gainers):
                victims.setdefault((caller, each.sender), []).append(each)
        paths: Authority | None = None
        for (spender, owner), taken in victims.items():
            paths = paths or authority(execution)
            given = [each for each in allowances if (each.owner, each.spender) == (owner, spender)]
            if _takes_part(paths, owner, spender, taken[0]) or (given and not paths.staged):
                continue
            if any(account == owner and amount > 0 for (account, _), amount in execution.net.items()):
                continue  # it got something for it
            passage = paths.to_call(taken[0].frame)
            step = paths.step(taken[0].frame)
            told = step is not None and Taint.CALLDATA in step.arguments
            direct = spender == execution.sender or not _by_contract(execution, taken[0])
            if direct and given and all(each.amount < UNLIMITED for each in given):
                continue
            if passage.standing is Standing.OPEN and not direct and not _stored(paths, taken[0], owner):
                severity = Severity.HIGH if told and passage.observed else Severity.MEDIUM
                confidence = Confidence.OBSERVED if told and passage.observed else Confidence.POSSIBLE
            elif spender in gainers and _unlimited(paths, taken[0]):
                # Who was approved took it himself: the account may have meant just that.
                severity, confidence = Severity.LOW, Confidence.POSSIBLE
            else:
                continue
            yield self.finding(
                execution,
                f"0x{spender.hex()} used what 0x{owner.hex()} had approved to it for somebody else",
                severity=severity,
                confidence=confidence,
                addresses=(owner, spender, passage.outsider),
                amounts=_amounts(taken),
                frames=tuple(each.frame for each in taken),
                subject=f"{owner.hex()} by {spender.hex()}",
            )


def _allowances(execution: Execution) -> Iterator[Allowance]:
    for log in execution.logs:
        if len(log.topics) != 3 or log.topics[0] != APPROVAL or execution.reverted(log.frame):
            continue
        owner, spender = log.topics[1][12:], log.topics[2][12:]
        yield Allowance(log.order, log.frame, log.address, owner, spender, int.from_bytes(log.data[:32], "big"))


def _pulled(execution: Execution, each: Transfer) -> bool:
    frame = execution.frame(each.frame)
    while frame.parent is not None and execution.frame(frame.parent).target == frame.target:
        frame = execution.frame(frame.parent)
    return frame.input[:4] in _PULLS and frame.caller != each.sender and each.amount > 0


def _within(execution: Execution, frame: Frame, owner: bytes) -> int | None:
    """The row of the owner's own frame in which a token was told to approve, if it was the owner who told it."""
    for above in execution.ancestors(frame.row):
        if above.target == owner:
            return above.row
        if above.target != frame.target:
            return None
    return None


def _led(execution: Execution, frame: Frame, given: Allowance) -> bool:
    """Whether a new account approved out of code that an actor brought along: not its own, nor its creator's."""
    above = execution.frame(frame.parent) if frame.parent is not None else None
    if above is None or above.target != given.owner:
        return False
    return above.code in execution.created or above.code in insiders(execution)


def _brought(execution: Execution, given: Allowance, members: frozenset[bytes]) -> int:
    """What who acts here, or the spender, gave the owner of the token itself."""
    return sum(
        each.amount
        for each in execution.transfers
        if each.token == given.token
        and each.recipient == given.owner
        and (each.sender in members or each.sender == given.spender)
    )


def _passed_on(execution: Execution, pull: Transfer, spender: bytes, gainers: frozenset[bytes]) -> bool:
    """Whether a spender pulled for itself, and then paid somebody who acts here in the same token."""
    return pull.recipient == spender and any(
        (each.token, each.sender) == (pull.token, spender) and each.recipient in gainers and each.order > pull.order
        for each in execution.transfers
    )


def _by_contract(execution: Execution, pull: Transfer) -> bool:
    frame = execution.frame(pull.frame)
    return frame.parent is not None and execution.frame(frame.parent).target == frame.caller


def _unlimited(paths: Authority, pull: Transfer) -> bool:
    """Whether the token read an allowance there that is meant to last for ever."""
    return any(each.value >= UNLIMITED for each in paths.reads.get(paths.root(pull.frame), ()))


def _takes_part(paths: Authority, owner: bytes, spender: bytes, first: Transfer) -> bool:
    """Whether the account signed, is a caller or callee above the pull, or was asked or called before it."""
    execution = paths.execution
    if owner == execution.sender or any(
        owner in (each.caller, each.target) for each in execution.ancestors(first.frame)
    ):
        return True
    if paths.staged:  # whoever was played before had his own reasons
        return any((each.caller, each.target) == (owner, spender) for each in paths.frames if each.order < first.order)
    return any(owner in (each.caller, each.target) for each in paths.frames if each.order < first.order)


def _stored(paths: Authority, pull: Transfer, owner: bytes) -> bool:
    """Whether the spender read the account's name from its own storage: an order that was placed before."""
    frame = paths.frame(pull.frame)
    if frame.parent is None:
        return False
    reads = paths.reads.get(paths.root(frame.parent), ())
    return any(owner in each.value.to_bytes(32, "big") for each in reads if each.order < pull.order)


def _amounts(taken: list[Transfer]) -> tuple[Amount, ...]:
    sums: dict[tuple[bytes | None, bytes], int] = {}
    for each in taken:
        sums[each.token, each.sender] = sums.get((each.token, each.sender), 0) - each.amount
        sums[each.token, each.recipient] = sums.get((each.token, each.recipient), 0) + each.amount
    return tuple(Amount(token, account, amount) for (token, account), amount in sums.items())
