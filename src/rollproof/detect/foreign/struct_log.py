"""geth's struct logs, one record an instruction: rows of calls, accesses and logs out of depth and stack.

Source: geth, debug_traceTransaction's default tracer, as geth, Erigon, Nethermind, Besu, Reth and anvil serve it: words
with or without 0x, memory and stack that may be switched off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rollproof.chain import wire
from rollproof.detect.foreign import fields
from rollproof.detect.foreign.calls import CREATES, KINDS
from rollproof.detect.foreign.known_slots import KnownSlots
from rollproof.detect.foreign.step import Step
from rollproof.detect.foreign.struct_frame import StructFrame, created_addresses, pushed_address
from rollproof.detect.foreign.writer import MAX_FRAMES_DEEP, Writer
from rollproof.detect.shows import Shows
from rollproof.errors import Malformed
from rollproof.replay.trace import Kind

_ENDS: Final = {"STOP": True, "RETURN": True, "SELFDESTRUCT": True, "SUICIDE": True, "REVERT": False, "INVALID": False}
_ACCESSES: Final = {"SLOAD": 0, "SSTORE": 1, "TLOAD": 2, "TSTORE": 3}
_NO_CHANGE: Final = (100, 200, 800, 2200)  # EIP-1283, EIP-2200, EIP-2929: an SSTORE of what the slot holds
_SET: Final = 20_000  # and of something where nothing was
MAX_ANSWER: Final = 1 << 16  # bytes of a precompile's answer that are read
MAX_BYTES: Final = 64 << 20  # of call data, return data and log data of one transaction
Put = Callable[[Writer], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """The transaction's fields as far as the source gives them."""

    sender: bytes | None = None
    to: bytes | None = None
    creates: bool = False
    created: bytes | None = None
    value: int = 0
    data: bytes | None = None
    gas: int = 0


def looks_like(value: Any) -> bool:
    """Whether an object is the default tracer's result."""
    return isinstance(value, dict) and isinstance(value.get("structLogs"), list)


class StructLog:
    """One transaction's rows, ready to be written, with what they show and where they fall short."""

    def __init__(self, record: Any, sent: Sent, where: str) -> None:
        record = wire.mapping(record, where)
        self.where = where
        self.steps = wire.sequence(record.get("structLogs"), f"{where}: structLogs", 4_000_000)
        failed = record.get("failed", False)
        if not isinstance(failed, bool):
            raise Malformed(f"{where}: failed is not a boolean")
        self.success = not failed
        self.gaps: list[str] = []
        self.unknown_before = 0
        self._memory = self._input = True
        self._rows: list[Put] = []
        self._bytes = self._at = 0
        self._known = KnownSlots()
        self._frames: list[StructFrame] = []
        self._waiting: StructFrame | None = None  # a call whose first step, or whose result, comes next
        self._created = created_addresses(self.steps, where)
        self.root = self._root(sent)
        self._walk()
        if not self.steps:
            self._empty(record, sent)

    @property
    def shows(self) -> Shows:
        """What it turned out to show."""
        found = Shows.CALLS | Shows.ETHER | Shows.GAS | Shows.TOPICS | Shows.STORAGE | Shows.VALUES | Shows.TRANSIENT
        if self._memory:
            found |= Shows.LOGS | Shows.OUTPUT | Shows.HASHES
        if self._memory and self._input:
            found |= Shows.INPUT | Shows.SELECTOR
        return found

    def write(self, writer: Writer) -> None:
        """Its rows."""
        for put in self._rows:
            put(writer)

    def _root(self, sent: Sent) -> StructFrame:
        to = sent.created if sent.creates else sent.to
        first = Step(self.steps[0], f"{self.where}: step 0") if self.steps else None
        if to is None:
            to = pushed_address(self.steps, "ADDRESS", "CALLER", self.where)
        sender = sent.sender or pushed_address(self.steps, "CALLER", None, self.where)
        if sent.data is None:
            self._input = False
        if to is None:
            self.gaps.append("it does not say which contract the transaction calls")
        return StructFrame(
            kind=Kind.CREATE if sent.creates else Kind.CALL,
            caller=sender or fields.ZERO,
            target=to or fields.ZERO,
            code=to or fields.ZERO,
            value=sent.value,
            data=sent.data or b"",
            gas=sent.gas or (first.gas if first else 0),
            success=self.success,
        )

    def _walk(self) -> None:
        self._push(self.root)
        for at in range(len(self.steps)):
            step = Step(self.steps[at], f"{self.where}: step {at}")
            self._arrive(step)
            frame = self._frames[-1]
            if frame.last is not None and step.gas > frame.last.gas:
                raise Malformed(f"{step.where}: gas rises inside a call, from {frame.last.gas} to {step.gas}")
            if frame.last is None:
                if step.pc:
                    raise Malformed(f"{step.where}: a call begins at pc {step.pc}")
                frame.gas = step.gas  # what it was given, with the stipend and after EIP-150
            elif not step.follows(frame.last):
                raise Malformed(f"{step.where}: pc {step.pc} cannot follow {frame.last.op} at pc {frame.last.pc}")
            frame.last, self._at = step, at
            after = self.steps[at + 1] if at + 1 < len(self.steps) else None
            if not step.error:
                self._do(step, frame, after)
        self._finish()

    def _arrive(self, step: Step) -> None:
        """Brings the open frames to the step's depth."""
        depth, waiting = len(self._frames), self._waiting
        if step.depth == depth + 1 and waiting is not None:
            self._push(waiting)
        elif step.depth == depth - 1 and depth > 1:
            self._pop(step)  # a call that still waits ended its own frame: it had no gas to call
        elif step.depth == depth:
            if waiting is not None:
                self._leaf(waiting, step)
            elif self._ended(self._frames[-1]):
                raise Malformed(f"{step.where}: an instruction after the call's end")
        else:
            raise Malformed(f"{step.where}: depth {step.depth} follows depth {depth}")
        self._waiting = None

    def _ended(self, frame: StructFrame) -> bool:
        return frame.last is not None and (bool(frame.last.error) or frame.last.op in _ENDS)

    def _push(self, frame: StructFrame) -> None:
        if len(self._frames) == MAX_FRAMES_DEEP:
            raise Malformed(f"{self.where}: calls nest deeper than {MAX_FRAMES_DEEP}")
        self._frames.append(frame)
        self._known.enter()
        self._rows.append(frame.enter)

    def _pop(self, step: Step) -> None:
        frame = self._frames.pop()
        success = self._result(frame, step)
        said = None if frame.last is None or frame.last.error else _ENDS.get(frame.last.op)
        failed = frame.last is not None and bool(frame.last.error)
        creates = frame.kind in CREATES
        if success and (failed or said is None or not said):
            raise Malformed(f"{step.where}: the call before it succeeded, but its last instruction does not end it so")
        if not success and said and not creates:
            raise Malformed(f"{step.where}: the call before it failed, but its last instruction ends it well")
        frame.success = success
        self._known.leave(success=success)
        self._rows.append(frame.leave)

    def _leaf(self, frame: StructFrame, step: Step) -> None:
        frame.success = self._result(frame, step)
        frame.ran = frame.kind in CREATES
        frame.gas = 0
        if frame.kind not in CREATES:
            frame.output = self._answer(frame, step)
        self._rows += [frame.enter, frame.leave]

    def _answer(self, frame: StructFrame, step: Step) -> bytes:
        """What a precompile left: in the caller's memory, where the node does not show it by itself."""
        shown = step.record.get("returnData")
        if shown is not None:
            return fields.data(shown, f"{step.where}: returnData")
        at, size = frame.answer
        found = step.memory(at, size) if frame.success and 0 < size <= MAX_ANSWER else None
        return found or b""

    def _result(self, frame: StructFrame, step: Step) -> bool:
        """What the call instruction left on its caller's stack."""
        if frame.kind in CREATES:
            return any(step.address(1))
        flag = step.word(1)
        if flag > 1:
            raise Malformed(f"{step.where}: a call's result is {flag}")
        return bool(flag)

    def _do(self, step: Step, frame: StructFrame, after: Any) -> None:
        op = step.op
        if op in _ACCESSES:
            self._access(step, frame, _ACCESSES[op], after)
        elif op in KINDS:
            self._waiting = self._call(step, frame, KINDS[op])
        elif op in ("RETURN", "REVERT"):
            frame.output = self._slice(step, 1, 2)
        elif op in ("SELFDESTRUCT", "SUICIDE"):
            beneficiary = step.address(1)
            self._rows.append(lambda writer: writer.selfdestruct(beneficiary, 0))
        elif op in ("KECCAK256", "SHA3"):
            self._hash(step, after)
        elif op[:3] == "LOG" and op[3:] in ("0", "1", "2", "3", "4"):
            topics = [step.word(3 + at).to_bytes(32, "big") for at in range(int(op[3:]))]
            target, body = frame.target, self._slice(step, 1, 2)
            self._rows.append(lambda writer: writer.log(target, topics, body))

    def _access(self, step: Step, frame: StructFrame, kind: int, after: Any) -> None:
        slot, transient = step.word(1).to_bytes(32, "big"), kind > 1
        before = self._known.value(frame.target, slot, transient=transient)
        if kind in (0, 2):
            if after is None or not isinstance(after, dict) or after.get("depth") != step.depth:
                return  # the instruction did not complete
            value = Step(after, step.where).word(1)
            if before is not None and before != value:
                self._gap(f"{step.where}: slot 0x{slot.hex()} reads another value than it was left with")
            before = value
        else:
            value = step.word(2)
            if before is None:
                before = value if step.cost in _NO_CHANGE else 0 if step.cost >= _SET else None
            if before is None:
                self.unknown_before += 1
                before = 0
        self._known.set(frame.target, slot, value, transient=transient, read=kind in (0, 2))
        pc = step.pc
        self._rows.append(lambda writer: writer.access(kind, slot, value, before, pc))

    def _hash(self, step: Step, after: Any) -> None:
        """A mapping entry's place is the hash of two words."""
        if step.word(2) != 64 or not isinstance(after, dict) or after.get("depth") != step.depth:
            return
        words = self._slice(step, 1, 2)
        if words:
            key, base = words[:32], words[32:]
            result = Step(after, step.where).word(1).to_bytes(32, "big")
            self._rows.append(lambda writer: writer.hashed(key, base, result))

    def _empty(self, record: dict[str, Any], sent: Sent) -> None:
        """No step: an account without code was called, if no more gas went than the data takes (EIP-2028, EIP-7623)."""
        used = fields.optional(record.get("gas"), f"{self.where}: gas", 64)
        zeros = (sent.data or b"").count(0)
        if used is None or sent.creates or used > 21_000 + 10 * zeros + 40 * (len(sent.data or b"") - zeros):
            self.gaps.append("it has no steps; what the transaction did is not shown")

    def _gap(self, text: str) -> None:
        if len(self.gaps) < 8:
            self.gaps.append(text)

    def _call(self, step: Step, frame: StructFrame, kind: Kind) -> StructFrame:
        if kind in CREATES:
            data, made = self._slice(step, 2, 3), self._created.get(self._at, fields.ZERO)
            return StructFrame(kind, frame.target, made, made, step.word(1), data, step.gas)
        code = step.address(2)
        at = 4 if kind in (Kind.CALL, Kind.CALLCODE) else 3
        data = self._slice(step, at, at + 1)
        if kind is Kind.CALL:
            caller, target, value = frame.target, code, step.word(3)
        elif kind is Kind.CALLCODE:
            caller, target, value = frame.target, frame.target, step.word(3)
        elif kind is Kind.DELEGATECALL:
            caller, target, value = frame.caller, frame.target, frame.value
        else:
            caller, target, value = frame.target, code, 0
        answer = (step.word(at + 2), step.word(at + 3))
        return StructFrame(kind, caller, target, code, value, data, min(step.word(1), step.gas), answer=answer)

    def _slice(self, step: Step, start: int, length: int) -> bytes:
        size = step.word(length)
        if not size:
            return b""
        found = step.memory(step.word(start), size)
        if found is None:
            self._memory = False
            return b""
        self._bytes += len(found)
        if self._bytes > MAX_BYTES:
            raise Malformed(f"{step.where}: more than {MAX_BYTES} bytes of call and log data")
        return found

    def _finish(self) -> None:
        root = self.root
        last = self._frames[-1].last
        if len(self._frames) > 1 or (self.steps and self.success and not self._ended(root)):
            self.gaps.append(f"it ends at step {len(self.steps)}, before the execution does")
        elif last is not None:
            said = None if last.error else _ENDS.get(last.op)
            if self.success and not said:
                raise Malformed(f"{self.where}: it says that the transaction succeeded; its last instruction failed")
            if not self.success and said and root.kind not in CREATES:
                raise Malformed(f"{self.where}: it says that the transaction failed; its last instruction ends it well")
        if self._waiting is not None and len(self._frames) == 1 and not self.success:
            self._waiting = None
        for frame in reversed(self._frames):
            self._rows.append(frame.leave)
