"""Whether somebody was let through: what a contract had looked at before it did what its caller wanted.

An invocation is a call of a contract with the delegated calls below it that work on the same storage. Where there was a
second pass its guards decide. Without it, the storage that was read before, the signatures that were recovered and the
contracts that were asked are the evidence: they can show that nothing was looked at, but a comparison with an address
in the code itself cannot be seen, so that "nobody was checked" is then possible, not observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from rollproof import _core
from rollproof.detect.execution import Execution
from rollproof.detect.invocation import PLAIN, Invocations
from rollproof.detect.parties import insiders, staged
from rollproof.detect.shows import Shows
from rollproof.detect.steps import Call, Guard, Taint, Write
from rollproof.replay.trace import Access, Kind

IDENTITY = Guard.CALLER | Guard.ORIGIN | Guard.SIGNATURE | Guard.CALLER_SLOT | Guard.PROOF

MAPPINGS = 64  # places of mappings that are tried for "keyed by the caller"
MAX_LINKS = 64

_RECOVERS = frozenset({bytes(19) + b"\x01", bytes(18) + b"\x01\x00"})  # ecrecover; P-256 (RIP-7212, EIP-7951)
_IS_VALID_SIGNATURE = frozenset({bytes.fromhex("1626ba7e"), bytes.fromhex("20c13b0b")})  # ERC-1271, and its draft
# Questions about amounts: their answers say nothing about who asks.
_AMOUNTS = frozenset(
    _core.keccak256(each)[:4]
    for each in (b"balanceOf(address)", b"totalSupply()", b"allowance(address,address)", b"decimals()")
)


class Standing(Enum):
    """How an instruction came to be allowed."""

    CHECKED = "checked"  # the caller, a signature or a commitment was looked at
    MADE = "made"  # the contract was created in this transaction
    UNCLEAR = "unclear"  # something was read that may have been a check
    OPEN = "open"  # nothing was


@dataclass(frozen=True, slots=True)
class Passage:
    """Who was let through to an instruction. ``frame`` is the row of the invocation that did, ``observed``: the second
    pass followed it; otherwise it is what the order of storage accesses allows to say.
    """

    standing: Standing
    outsider: bytes
    frame: int
    observed: bool


class Authority(Invocations):
    """Who was let through to what in one execution."""

    def __init__(self, execution: Execution) -> None:
        super().__init__(execution)
        steps = execution.steps
        self._followed = steps is not None and steps.complete
        self._keys: dict[bytes, frozenset[bytes]] = {}

    @cached_property
    def _write_steps(self) -> dict[int, Write]:
        steps = self.execution.steps
        return {} if steps is None else {each.access: each for each in steps.writes}

    @cached_property
    def _call_steps(self) -> dict[int, Call]:
        steps = self.execution.steps
        return {} if steps is None else {each.frame: each for each in steps.calls}

    def step(self, frame: int) -> Call | None:
        """What the second pass saw of the call that a frame was entered by."""
        return self._call_steps.get(frame)

    def to_write(self, row: int) -> Passage:
        """Who was let through to a storage write, by the row of the access."""
        access = self.execution.trace.accesses[row]
        step = self._write_steps.get(row)
        return self._passage(self.root(access.frame), access.order, None if step is None else step.guards, 0)

    def to_call(self, row: int) -> Passage:
        """Who was let through to the call that a frame was entered by."""
        frame = self.frame(row)
        if frame.parent is None:
            return Passage(Standing.OPEN, frame.caller, row, True)
        step = self._call_steps.get(row)
        return self._passage(self.root(frame.parent), frame.order, None if step is None else step.guards, 0)

    def chosen(self, row: int) -> bool | None:
        """Whether the caller of a frame's caller chose what was called there; None where the source cannot show it."""
        frame = self.frame(row)
        if frame.parent is None:
            return True
        step = self._call_steps.get(row)
        if step is not None:
            return Taint.CALLDATA in step.target or Taint.CALLDATA in step.selector
        if Shows.INPUT not in self.execution.shows:
            return None
        above = self.frame(self.root(frame.parent))
        if len(frame.input) >= 4:
            return frame.input in above.input[4:]
        return frame.target in above.input[4:]

    def _passage(self, root: int, order: int, guards: Guard | None, depth: int) -> Passage:
        members = insiders(self.execution)
        for _ in range(MAX_LINKS):
            frame = self.frame(root)
            if self.made_by(frame.target, frame.caller):
                return Passage(Standing.MADE, frame.caller, root, True)
            observed = guards is not None and self._followed
            if guards is not None and observed:
                local = self._by_guards(root, order, guards, depth)
            else:
                local = self._by_order(root, order, depth)
                if local is Standing.OPEN and self._vouched(root, depth):
                    local = Standing.UNCLEAR
            itself = frame.caller == frame.target
            if itself and frame.parent is None:
                return Passage(Standing.CHECKED, frame.caller, root, True)  # an account with delegated code (EIP-7702)
            if not (local is Standing.CHECKED or itself) or frame.parent is None:
                return Passage(local, frame.caller, root, observed)
            above = self.root(frame.parent)
            if self.frame(above).target != frame.caller or frame.caller in members:
                # A test's impersonation, or a contract of those who act: it was checked itself.
                return Passage(Standing.CHECKED if local is Standing.CHECKED else local, frame.caller, root, observed)
            if not self._executes(root, itself):
                return Passage(Standing.CHECKED, frame.caller, root, observed)
            # It was checked, but who is behind it? Whoever had it make this call.
            step = self._call_steps.get(root)
            root, order, guards = above, frame.order, None if step is None else step.guards
        return Passage(Standing.UNCLEAR, self.frame(root).caller, root, False)

    def _vouched(self, root: int, depth: int) -> bool:
        """Whether a contract that nobody here made had itself looked at something before it made a call.

        Its address may stand in the code of what it called, where no storage access shows it.
        """
        frame = self.frame(root)
        if frame.parent is None or frame.caller in self._own():
            return False
        above = self.root(frame.parent)
        return self.frame(above).target == frame.caller and (
            self._by_order(above, frame.order, depth) is not Standing.OPEN
        )

    def _own(self) -> frozenset[bytes]:
        """Who certainly belongs to who acts: the sender, what was created here, a test harness."""
        return self.execution.kept("authority.own", _own)

    def _executes(self, row: int, itself: bool) -> bool:
        chosen = self.chosen(row)
        if chosen is not None:
            return chosen
        if itself:
            return True
        frame = self.frame(row)
        if frame.parent is None:
            return False
        # No call data: what also called back into its caller's contracts makes calls as it is told.
        members = insiders(self.execution) | self.execution.created
        above = self.root(frame.parent)
        return any(
            each.parent is not None and self.root(each.parent) == above and each.target in members
            for each in self.below(above)
            if each.kind is Kind.CALL
        )

    def _by_guards(self, root: int, order: int, guards: Guard, depth: int) -> Standing:
        identity = guards & IDENTITY
        if identity == Guard.CALLER_SLOT:  # what is stored for the caller may be what nobody was checked for before
            frame = self.frame(root)
            read = [
                each
                for each in self.reads.get(root, ())
                if each.order < order and each.value and self._keyed(each.slot, frame.caller)
            ]
            given = bool(read) and all(self._given(frame.target, each, frame.caller, depth) for each in read)
            return Standing.OPEN if given else Standing.CHECKED
        if identity:
            return Standing.CHECKED
        if guards & (Guard.STORAGE | Guard.RETURNED) and self._by_order(root, order, depth) is not Standing.OPEN:
            return Standing.UNCLEAR  # a stored commitment, perhaps
        return Standing.OPEN

    def _by_order(self, root: int, order: int, depth: int) -> Standing:
        frame = self.frame(root)
        caller, unclear = frame.caller, False
        own: set[bytes] = set()  # what the invocation wrote itself says nothing about its caller
        changed = {each.slot: each.order for _, each in reversed(self.writes.get(root, ()))}
        for access in self.reads.get(root, ()):
            if access.order > order:
                break
            if changed.get(access.slot, order) < access.order:
                own.add(access.slot)
                continue
            names = caller in access.value.to_bytes(32, "big")
            keyed = not names and bool(access.value) and self._keyed(access.slot, caller)
            if not names and not keyed:
                hashed = int.from_bytes(access.slot, "big") >= PLAIN
                unclear = unclear or (hashed and bool(access.value) and not self._code(frame.target, access.value))
                continue
            if not self._given(frame.target, access, caller, depth):
                return Standing.CHECKED
        asked = self._asked(root, order, caller)
        if asked is Standing.CHECKED:
            return asked
        if Shows.STORAGE not in self.execution.shows:
            return Standing.UNCLEAR
        return Standing.UNCLEAR if unclear or asked is Standing.UNCLEAR else Standing.OPEN

    def _code(self, context: bytes, value: int) -> bool:
        return value >> 160 == 0 and self.runs(context, value.to_bytes(20, "big"))

    def _keyed(self, slot: bytes, caller: bytes) -> bool:
        if self.shows_keys:
            for _ in range(8):  # a mapping of mappings
                found = self.entry(slot)
                if found is None:
                    return False
                key, slot = found
                if key[:12] == bytes(12) and key[12:] == caller:
                    return True
            return False
        keys = self._keys.get(caller)
        if keys is None:
            padded = bytes(12) + caller
            keys = frozenset(_core.keccak256(padded + place.to_bytes(32, "big")) for place in range(MAPPINGS))
            self._keys[caller] = keys
        return slot in keys

    def _given(self, context: bytes, access: Access, caller: bytes, depth: int) -> bool:
        """Whether the caller got what was read from an earlier call of this execution that nobody was checked in."""
        before = [each for each in self.written(context, access.slot) if each.order < access.order]
        if not before or depth >= 4:
            return False
        last = before[-1]
        root = self.root(last.frame)
        return (
            self.frame(root).caller == caller
            and self._passage(root, last.order, None, depth + 1).standing is Standing.OPEN
        )

    def _asked(self, root: int, order: int, caller: bytes) -> Standing:
        found = Standing.OPEN
        strangers = insiders(self.execution) | self.execution.created
        for each in self.below(root):
            if each.order > order:
                break
            if each.code in _RECOVERS or (each.input[:4] in _IS_VALID_SIGNATURE and each.success):
                return Standing.CHECKED
            if each.parent is None or self.root(each.parent) != root or each.target in strangers:
                continue
            if each.kind is Kind.STATICCALL and each.ran:
                for access in self.reads.get(each.row, ()):
                    if caller in access.value.to_bytes(32, "big"):
                        return Standing.CHECKED
                    if access.value and self._keyed(access.slot, caller):
                        return Standing.CHECKED
                    hashed = int.from_bytes(access.slot, "big") >= PLAIN
                    if access.value and hashed and each.input[:4] not in _AMOUNTS:
                        found = Standing.UNCLEAR
        return found


def authority(execution: Execution) -> Authority:
    """The invocations of an execution; made once."""
    return execution.kept("authority", Authority)


def _own(execution: Execution) -> frozenset[bytes]:
    harness = insiders(execution) if staged(execution) else frozenset()
    return frozenset(execution.created | harness | ({execution.sender} if execution.sender else set()))
