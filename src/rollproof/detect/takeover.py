"""Writes that change who may do what, who was let through to them, and what was lost by it afterwards in the block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from rollproof.detect.authority import Authority, Passage, Standing, authority
from rollproof.detect.execution import ExecutedBlock, Execution, Transfer
from rollproof.detect.privilege import ACCOUNT, CODE, Privilege, privileges
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Access, Kind
from rollproof.types import Amount

MAX_PRIVILEGES = 128  # of one execution


@dataclass(slots=True)
class Loss:
    """What an account paid in one execution after it was taken over, by token (None: wei), and to whom."""

    execution: Execution
    paid: dict[tuple[bytes | None, bytes], int] = field(default_factory=dict)
    destroyed: bool = False

    def __bool__(self) -> bool:
        return bool(self.paid) or self.destroyed

    def amounts(self, account: bytes) -> tuple[Amount, ...]:
        """What the account lost and who gained it."""
        lost: dict[bytes | None, int] = {}
        for (token, _), amount in self.paid.items():
            lost[token] = lost.get(token, 0) + amount
        gained = tuple(Amount(token, to, amount) for (token, to), amount in self.paid.items())
        return tuple(Amount(token, account, -amount) for token, amount in lost.items()) + gained


@dataclass(frozen=True, slots=True)
class Takeover:
    """One privilege that changed hands in ``execution``. ``losses`` are in the same or later executions of the block.

    ``used``: whom the write names came back, was compared with it, and was let through.
    """

    execution: Execution
    privilege: Privilege
    passage: Passage
    losses: tuple[Loss, ...]
    used: bool

    @property
    def context(self) -> bytes:
        """The account whose privilege it is."""
        return self.privilege.context


def takeovers(block: ExecutedBlock) -> tuple[Takeover, ...]:
    """Every change of a privilege in the block, allowed or not, in order; made once."""
    if "takeovers" not in block.kept:
        cut: list[Execution] = []
        block.kept["takeovers.cut"] = cut
        block.kept["takeovers"] = tuple(_takeovers(block, cut))
    found: tuple[Takeover, ...] = block.kept["takeovers"]
    return found


def unjudged(block: ExecutedBlock) -> list[Execution]:
    """Executions that change more privileges than are looked at; after `takeovers`."""
    found: list[Execution] = block.kept["takeovers.cut"]
    return found


def _takeovers(block: ExecutedBlock, cut: list[Execution]) -> Iterator[Takeover]:
    for at, execution in enumerate(block.executions):
        if not _worth(execution):
            continue
        paths = authority(execution)
        last: dict[tuple[bytes, bytes], Privilege] = {}
        for privilege in privileges(execution):
            last[privilege.context, privilege.access.slot] = privilege
        if len(last) > MAX_PRIVILEGES:
            cut.append(execution)
        for privilege in islice(last.values(), MAX_PRIVILEGES):
            passage = paths.to_write(privilege.row)
            if passage.standing is Standing.MADE:
                continue
            by = {privilege.named, passage.outsider} - {None, privilege.context}
            code = privilege.named if privilege.what == CODE else None
            found: list[Loss] = []
            if passage.standing is not Standing.CHECKED or code is not None:
                found.append(_loss(execution, privilege.context, by, code, privilege.access.order))
                found += [
                    _loss(later, privilege.context, by, code, -1)
                    for later in block.executions[at + 1 :]
                    if later.flags & (Trigger.ETHER | Trigger.TOKENS | Trigger.SELFDESTRUCTS)
                ]
            # Only where nothing else says that it is a privilege does it matter whether it was used as one.
            used = plain(privilege) and any(_used(execution, each, privilege) for each in block.executions[at:])
            yield Takeover(execution, privilege, passage, tuple(filter(None, found)), used)


def _worth(execution: Execution) -> bool:
    if execution.success is False:
        return False
    if execution.flags & Trigger.PRIVILEGED:
        return True
    # Other clients' traces are few and have no second pass: all of their writes are looked at.
    return Shows.STEPS not in execution.shows and bool(execution.flags & Trigger.WRITES)


@dataclass(frozen=True, slots=True)
class _Payment:
    """What one account paid or got; who had called it above that, and what code had run on its storage."""

    transfer: Transfer
    sign: int
    callers: frozenset[bytes]
    codes: frozenset[bytes]


def _loss(execution: Execution, account: bytes, by: set[bytes | None], code: bytes | None, order: int) -> Loss:
    loss = Loss(execution)
    since: dict[bytes | None, int] = {}
    for each in execution.kept(("payments", account), lambda one: _payments(one, account)):
        moved = each.transfer
        if moved.order <= order:
            continue
        since[moved.token] = since.get(moved.token, 0) + each.sign * moved.amount
        if each.sign < 0 and (not each.callers.isdisjoint(by) or code in each.codes):
            key = (moved.token, moved.recipient)
            loss.paid[key] = loss.paid.get(key, 0) + moved.amount
    # What came in after it and went out again only passed through.
    loss.paid = {key: amount for key, amount in loss.paid.items() if since[key[0]] < 0}
    loss.destroyed = any(
        each.order > order and execution.frame(each.frame).target == account and not execution.reverted(each.frame)
        for each in execution.selfdestructs
    )
    return loss


def _payments(execution: Execution, account: bytes) -> tuple[_Payment, ...]:
    found: list[_Payment] = []
    for each in execution.transfers:
        sign = (each.recipient == account) - (each.sender == account)
        if not sign or not each.amount or each.item is not None:
            continue
        callers: set[bytes] = set()
        codes: set[bytes] = set()
        if sign < 0:
            own = execution.frame(each.frame)
            if own.target == each.token:
                callers.add(own.caller)  # or somebody moves it by an allowance
            for frame in (own, *execution.ancestors(each.frame)):
                if frame.target == account:
                    codes.add(frame.code)
                    if frame.kind is not Kind.DELEGATECALL:
                        callers.add(frame.caller)
        found.append(_Payment(each, sign, frozenset(callers), frozenset(codes)))
    return tuple(found)


def _used(taken: Execution, execution: Execution, privilege: Privilege) -> bool:
    if execution.success is False or privilege.named is None or not execution.access_rows:
        return False
    rows = execution.frame_rows
    if execution.trace.column("frame_caller").find(privilege.named, 20 * rows.start, 20 * rows.stop) < 0:
        return False
    paths: Authority = authority(execution)
    start = privilege.access.order if execution.trace.accesses[privilege.row].frame in execution.frame_rows else -1
    for access in paths.read(privilege.context, privilege.access.slot):
        root = paths.root(access.frame)
        if access.order < start or paths.frame(root).caller != privilege.named or execution.reverted(root):
            continue
        if privilege.named not in access.value.to_bytes(32, "big"):
            continue
        if _acted(execution, paths, root, access.order) or _other_code(taken, privilege, execution, paths, access):
            return True
    return False


def _other_code(taken: Execution, privilege: Privilege, execution: Execution, paths: Authority, access: Access) -> bool:
    """Whether other code than what wrote the name went by it, and wrote: one contract's place is another's owner."""
    root = paths.root(access.frame)
    if execution.frame(access.frame).code == taken.frame(privilege.access.frame).code:
        return False
    return any(each.order > access.order for _, each in paths.writes.get(root, ()))


def _acted(execution: Execution, paths: Authority, root: int, order: int) -> bool:
    """Whether a call had its account pay, be destroyed, or run other code that wrote, after an order."""
    account = paths.frame(root).target
    below = paths.span(root)
    if any(each.sender == account and each.order > order and each.frame in below for each in execution.transfers):
        return True
    if any(paths.root(each.frame) == root and each.order > order for each in execution.selfdestructs):
        return True
    return any(each.kind is Kind.DELEGATECALL and each.order > order for each in paths.below(root)) and any(
        access.order > order for _, access in paths.writes.get(root, ())
    )


def plain(privilege: Privilege) -> bool:
    """Whether nothing but the value itself says that a write gives a privilege."""
    return privilege.what == ACCOUNT
