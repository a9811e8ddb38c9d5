"""Event traces: one execution a line, as a list of calls, accesses and logs in order. docs/traces.md has the format."""

from __future__ import annotations

from typing import Any, Final

from rollproof.chain import wire
from rollproof.detect.foreign import fields
from rollproof.detect.foreign.calls import CREATES, KINDS
from rollproof.detect.foreign.known_slots import KnownSlots
from rollproof.detect.foreign.recorded import RecordedBlock, RecordedTransaction
from rollproof.detect.foreign.writer import MAX_ROWS, Writer
from rollproof.detect.shows import Shows
from rollproof.errors import Malformed, Unsupported
from rollproof.replay.trace import Kind

_ACCESSES: Final = {"sload": 0, "sstore": 1, "tload": 2, "tstore": 3}
_LENGTHS: Final = {"enter": 7, "exit": 2, "leafcall": 5, "log": 4, "selfdestruct": 2, **dict.fromkeys(_ACCESSES, 3)}
_TOPICS_ONLY: Final = ("log0", "log1", "log2", "log3", "log4")
MAX_GAPS: Final = 8


def looks_like(value: Any) -> bool:
    """Whether an object is an event trace."""
    return isinstance(value, dict) and isinstance(value.get("events"), list)


def read(value: Any, where: str) -> RecordedBlock:
    """One execution. Keys that are not named in the format are labels of whoever keeps the traces.

    Raises Malformed naming the event, Unsupported for a kind of call that is not known.
    """
    record = wire.mapping(value, where)
    events = wire.sequence(wire.field(record, "events", where), f"{where}: events", MAX_ROWS)
    sender = None if record.get("from") is None else fields.address(record["from"], f"{where}: from")
    to = None if record.get("to") is None else fields.address(record["to"], f"{where}: to")
    if record.get("id") is not None:
        fields.text(record["id"], f"{where}: id", 1024)
    names = {}
    for key, name in wire.mapping(record.get("names") or {}, f"{where}: names").items():
        names[fields.address(key, f"{where}: names")] = fields.text(name, f"{where}: names")
    walk = _Walk(events, sender, to, where)
    walk.check()
    return RecordedBlock(
        where=where,
        shows=walk.shows,
        transactions=[RecordedTransaction(walk.write, sender=sender, to=to, success=walk.success)],
        gaps=walk.gaps,
        names=names,
    )


class _Walk:
    """One pass that checks and finds what the trace shows, and one that writes."""

    def __init__(self, events: list[Any], sender: bytes | None, to: bytes | None, where: str) -> None:
        self.events, self.where = events, where
        self.sender, self.to = sender, to
        self.shows = Shows.CALLS | Shows.SELECTOR | Shows.ETHER | Shows.STORAGE | Shows.VALUES | Shows.TRANSIENT
        self.shows |= Shows.LOGS | Shows.TOPICS
        if sender is not None:
            self.shows |= Shows.SENDER
        self.gaps: list[str] = []
        self.success: bool | None = None
        first = events[0] if events else None
        self.inside = not (isinstance(first, list) and first[:1] == ["enter"])  # starts inside the target

    def check(self) -> None:
        """Raises Malformed or Unsupported for the first event that cannot be; finds shows, gaps and success."""
        if self.inside and self.to is None:
            raise Malformed(f"{self.where}: its first event is not enter, and it does not say what is called")
        depth, unsaid, unread = int(self.inside), 0, 0
        unknown: dict[str, int] = {}
        for at, event in enumerate(self.events):
            what = f"{self.where}: event {at}"
            name = _name(event, what)
            if name not in _LENGTHS and name not in _TOPICS_ONLY:
                unknown[name] = unknown.get(name, 0) + 1
            elif name == "enter":
                if depth == 0 and at:
                    raise Malformed(f"{what}: a second outermost call")
                depth += 1
            elif name == "exit":
                depth -= 1
                if depth < 0 or (depth == 0 and self.inside and at != len(self.events) - 1):
                    raise Malformed(f"{what}: a call ends that did not begin")
                outcome = _outcome(event[1], what)
                unsaid += outcome is None
                if depth == 0:
                    self.success = outcome
            elif depth == 0:
                raise Malformed(f"{what}: it stands outside any call")
            elif name in _ACCESSES:
                unread += event[2] is None
            elif name == "leafcall":
                unsaid += event[4] is None
            elif name in _TOPICS_ONLY:
                self.shows &= ~Shows.LOGS
        if depth > int(self.inside):
            self.gaps.append(f"the trace ends inside {depth - int(self.inside)} open calls")
        if unsaid:
            self.gaps.append(f"{unsaid} calls do not say whether they succeeded; they are taken to have")
        if unread:
            self.shows &= ~Shows.VALUES
        for name, count in list(unknown.items())[:MAX_GAPS]:
            self.gaps.append(f"{count} events are of a kind that is not known: {name}")

    def write(self, writer: Writer) -> None:
        """Its rows."""
        contexts: list[tuple[bytes, bytes, int]] = []  # target, caller, value
        known = KnownSlots()
        if self.inside and self.to is not None:
            self._enter(writer, contexts, known, Kind.CALL, self.sender or fields.ZERO, self.to, self.to, 0, b"")
        for at, event in enumerate(self.events):
            name = event[0]
            if name in _ACCESSES:
                kind, what = _ACCESSES[name], f"{self.where}: event {at}"
                slot = fields.padded(event[1], f"{what}: slot", 32)
                shown = fields.optional(event[2], f"{what}: value")
                target = contexts[-1][0]
                before = known.value(target, slot, transient=kind > 1)
                value = (before or 0) if shown is None else shown
                if kind in (0, 2) and before is not None and value != before and len(self.gaps) < MAX_GAPS:
                    self.gaps.append(f"event {at}: slot 0x{slot.hex()} reads another value than it was left with")
                writer.access(kind, slot, value, value if kind in (0, 2) else before or 0, None)
                if shown is not None or kind in (1, 3):
                    known.set(target, slot, value, transient=kind > 1, read=kind in (0, 2))
            else:
                self._other(writer, contexts, known, event, f"{self.where}: event {at}")
        while contexts:
            _leave(writer, contexts, known, success=True)

    def _other(
        self, writer: Writer, contexts: list[tuple[bytes, bytes, int]], known: KnownSlots, event: list[Any], what: str
    ) -> None:
        name = event[0]
        if name == "enter":
            kind, code, target, value, caller, selector = self._frame(event, contexts, what)
            self._enter(writer, contexts, known, kind, caller, target, code, value, selector)
        elif name == "exit":
            _leave(writer, contexts, known, success=event[1] != 0)
        elif name == "leafcall":
            kind = _kind(event[1], what)
            to = fields.address(event[2], f"{what}: to")
            here, value = contexts[-1][0], fields.number(event[3], f"{what}: value")
            caller, target = (contexts[-1][1], here) if kind is Kind.DELEGATECALL else (here, to)
            target = here if kind is Kind.CALLCODE else target
            writer.enter(kind, caller, target, to, value=value)
            writer.leave(success=_outcome(event[4], what) is not False, ran=False)
        elif name == "selfdestruct":
            writer.selfdestruct(fields.address(event[1], f"{what}: beneficiary"), 0)
        elif name == "log":
            address = fields.address(event[1], f"{what}: address")
            topics = [
                fields.padded(each, f"{what}: topic", 32) for each in wire.sequence(event[2], f"{what}: topics", 4)
            ]
            writer.log(address, topics, fields.data(event[3], f"{what}: data"))
        elif name in _TOPICS_ONLY:
            writer.log(contexts[-1][0], _only_topics(event, what), b"")

    def _frame(
        self, event: list[Any], contexts: list[tuple[bytes, bytes, int]], what: str
    ) -> tuple[Kind, bytes, bytes, int, bytes, bytes]:
        kind = _kind(event[1], what)
        code = fields.ZERO if event[2] is None else fields.address(event[2], f"{what}: code address")
        target = code if event[3] is None else fields.address(event[3], f"{what}: storage address")
        value = fields.optional(event[4], f"{what}: value") or 0
        selector = b"" if event[5] is None else fields.padded(event[5], f"{what}: selector", 4)
        if event[6] is not None:
            caller = fields.address(event[6], f"{what}: caller")
        elif not contexts:
            caller = self.sender or fields.ZERO
        else:
            caller = contexts[-1][1] if kind is Kind.DELEGATECALL else contexts[-1][0]
        if contexts and kind in (Kind.DELEGATECALL, Kind.CALLCODE) and target != contexts[-1][0]:
            raise Malformed(f"{what}: a delegate call on the storage of another account")
        return kind, code, target, value, caller, b"" if kind in CREATES else selector

    def _enter(
        self,
        writer: Writer,
        contexts: list[tuple[bytes, bytes, int]],
        known: KnownSlots,
        kind: Kind,
        caller: bytes,
        target: bytes,
        code: bytes,
        value: int,
        data: bytes,
    ) -> None:
        writer.enter(kind, caller, target, code, value=value, data=data)
        contexts.append((target, caller, value))
        known.enter()


def _leave(writer: Writer, contexts: list[tuple[bytes, bytes, int]], known: KnownSlots, *, success: bool) -> None:
    writer.leave(success=success)
    contexts.pop()
    known.leave(success=success)


def _name(event: Any, what: str) -> str:
    if not isinstance(event, list) or not event or not isinstance(event[0], str):
        raise Malformed(f"{what}: expected a list that begins with a name")
    name = event[0]
    if name in _TOPICS_ONLY:
        return name
    if name not in _LENGTHS:
        return fields.text(name, f"{what}: name", 32)
    if len(event) != _LENGTHS[name]:
        raise Malformed(f"{what}: {name} has {len(event)} parts, not {_LENGTHS[name]}")
    return name


def _only_topics(event: list[Any], what: str) -> list[bytes]:
    found = []
    for each in event[1:5]:
        listed = each if isinstance(each, list) else [each]
        found += [fields.padded(one, f"{what}: topic", 32) for one in listed if one is not None]
    return found[:4]


def _kind(value: Any, what: str) -> Kind:
    name = fields.text(value, f"{what}: kind", 32)
    if name not in KINDS:
        raise Unsupported(f"{what}: {name} is not known")
    return KINDS[name]


def _outcome(value: Any, what: str) -> bool | None:
    if value is None or isinstance(value, bool) or value in (0, 1):
        return None if value is None else bool(value)
    raise Malformed(f"{what}: expected 1, 0 or null")
