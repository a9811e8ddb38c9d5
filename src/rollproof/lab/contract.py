"""A compiled contract of the lab: its code, and calls and logs by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from rollproof.chain import abi
from rollproof.errors import Malformed, Missing

_ERROR: Final = abi.selector("Error(string)")
_PANIC: Final = abi.selector("Panic(uint256)")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One function or error: its selector, what goes in and what comes out."""

    signature: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Event:
    signature: str
    parameters: tuple[tuple[str, str, bool], ...]  # name, type, indexed


@dataclass(frozen=True)
class Contract:
    """A contract, and where it is once `at` has said so. ``bytecode`` creates it, ``runtime`` is what it leaves.

    ``runtime`` has zeros where the constructor puts ``immutables``. ``slots`` has the slot of every state variable by
    its name; variables that share a slot are told apart by ``storage``, as the compiler gives it.
    """

    name: str
    bytecode: bytes
    runtime: bytes
    immutables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    storage: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    slots: Mapping[str, int] = field(default_factory=dict, repr=False)
    constructor: tuple[str, ...] = ()
    functions: Mapping[str, tuple[_Entry, ...]] = field(default_factory=dict, repr=False)
    events: Mapping[str, _Event] = field(default_factory=dict, repr=False)
    errors: Mapping[bytes, _Entry] = field(default_factory=dict, repr=False)
    deployed_at: bytes | None = None

    @classmethod
    def load(cls, name: str) -> Contract:
        """The artifact of this name. Raises Missing where there is none."""
        return _load(name)

    @classmethod
    def from_artifact(cls, artifact: Mapping[str, Any]) -> Contract:
        """From the keys name, abi, bytecode, runtime, immutables and storage. Raises Malformed."""
        name = artifact.get("name")
        items = artifact.get("abi")
        if not isinstance(name, str) or not isinstance(items, list):
            raise Malformed(f"artifact {str(name)[:60]}: no name or no ABI")
        functions: dict[str, tuple[_Entry, ...]] = {}
        events: dict[str, _Event] = {}
        errors: dict[bytes, _Entry] = {}
        constructor: tuple[str, ...] = ()
        for item in items:
            kind = item.get("type")
            if kind == "constructor":
                constructor = abi.types_of(item.get("inputs", []))
            elif kind in ("function", "error"):
                inputs, outputs = abi.types_of(item.get("inputs", [])), abi.types_of(item.get("outputs", []))
                entry = _Entry(abi.function(item), inputs, outputs)
                if kind == "error":
                    errors[abi.selector(entry.signature)] = entry
                else:
                    functions[item["name"]] = (*functions.get(item["name"], ()), entry)
            elif kind == "event":
                types = abi.types_of(item["inputs"])
                events[item["name"]] = _Event(
                    abi.function(item),
                    tuple(
                        (each.get("name") or f"argument{index}", types[index], bool(each.get("indexed")))
                        for index, each in enumerate(item["inputs"])
                    ),
                )
        storage = _storage(artifact.get("storage"))
        return cls(
            name=name,
            bytecode=_code(artifact.get("bytecode"), name),
            runtime=_code(artifact.get("runtime"), name),
            immutables=artifact.get("immutables") or {},
            storage=storage,
            slots={str(each["label"]): int(each["slot"]) for each in storage},
            constructor=constructor,
            functions=functions,
            events=events,
            errors=errors,
        )

    def at(self, address: bytes) -> Contract:
        """The same contract, standing at an address (20 bytes)."""
        if len(address) != 20:
            raise ValueError(f"{self.name}: an address has 20 bytes")
        return replace(self, deployed_at=address)

    @property
    def address(self) -> bytes:
        """Raises Missing before `at` has said where it is."""
        if self.deployed_at is None:
            raise Missing(f"{self.name} has no address yet")
        return self.deployed_at

    def deployment(self, *arguments: Any) -> bytes:
        """Init code with the constructor's arguments. Raises ValueError where they do not fit."""
        if not self.bytecode:
            raise ValueError(f"{self.name} cannot be created")
        return self.bytecode + abi.encode(self.constructor, arguments)

    def encode(self, function: str, *arguments: Any) -> bytes:
        """Calldata. ``function`` is a name, or a signature where a name has several: "balanceOf(address)".

        Raises ValueError for arguments that do not fit, Missing for a function that is not there.
        """
        entry = self._function(function, len(arguments))
        return abi.selector(entry.signature) + abi.encode(entry.inputs, arguments)

    def decode(self, function: str, output: bytes) -> tuple[Any, ...]:
        """What a function returned. Raises Malformed."""
        return abi.decode(self._function(function, None).outputs, output)

    def arguments(self, function: str, calldata: bytes) -> tuple[Any, ...]:
        """What a function was called with. Raises Malformed, also where another function was called."""
        entry = self._function(function, None)
        if calldata[:4] != abi.selector(entry.signature):
            raise Malformed(f"calldata 0x{calldata[:4].hex()} does not call {self.name}.{function}")
        return abi.decode(entry.inputs, calldata[4:])

    def topic(self, event: str) -> bytes:
        """The first topic of an event's logs."""
        return abi.topic(self._event(event).signature)

    def event(self, name: str, log: tuple[bytes, Sequence[bytes], bytes]) -> dict[str, Any] | None:
        """A log's parameters by name; None where it is another event, or of another contract once this has an address.

        An indexed parameter that does not fit into a topic is the hash that stands there. Raises Malformed.
        """
        address, topics, data = log
        event = self._event(name)
        if (self.deployed_at is not None and address != self.deployed_at) or not topics:
            return None
        if topics[0] != abi.topic(event.signature):
            return None
        indexed = [(label, kind) for label, kind, is_indexed in event.parameters if is_indexed]
        plain = [(label, kind) for label, kind, is_indexed in event.parameters if not is_indexed]
        if len(topics) != len(indexed) + 1:
            raise Malformed(f"a log of {self.name}.{name} has {len(topics)} topics")
        found = dict(zip([label for label, _ in plain], abi.decode([kind for _, kind in plain], data), strict=True))
        for (label, kind), topic in zip(indexed, topics[1:], strict=True):
            found[label] = topic if _hashed(kind) else abi.decode([kind], topic)[0]
        return {label: found[label] for label, _, _ in event.parameters}

    def reason(self, output: bytes) -> str:
        """Why a call reverted, in the contract's own words: a message, a named error with its values, or hex."""
        try:
            if output[:4] == _ERROR:
                return str(abi.decode(["string"], output[4:])[0])
            if output[:4] == _PANIC:
                return f"Panic(0x{abi.decode(['uint256'], output[4:])[0]:02x})"
            if output[:4] in self.errors:
                entry = self.errors[output[:4]]
                values = abi.decode(entry.inputs, output[4:])
                shown = ", ".join(f"0x{each.hex()}" if isinstance(each, bytes) else str(each) for each in values)
                return f"{entry.signature.partition('(')[0]}({shown})"
        except Malformed:
            pass
        return f"0x{output[:256].hex()}"

    def _function(self, name: str, count: int | None) -> _Entry:
        plain, bracket, _ = name.partition("(")
        there = [each for each in self.functions.get(plain, ()) if not bracket or each.signature == name]
        if len(there) > 1 and count is not None:
            there = [each for each in there if len(each.inputs) == count]
        if not there:
            raise Missing(f"{self.name} has no function {name[:80]}")
        if len(there) > 1:
            raise ValueError(f"{self.name}.{plain} is several: {', '.join(each.signature for each in there)}")
        return there[0]

    def _event(self, name: str) -> _Event:
        if name not in self.events:
            raise Missing(f"{self.name} has no event {name[:80]}")
        return self.events[name]


@lru_cache(maxsize=256)
def _load(name: str) -> Contract:
    path = resources.files("rollproof.lab") / "artifacts" / f"{name}.json"
    if not name.isidentifier() or not path.is_file():
        raise Missing(f"no artifact of a contract {name[:80]!r}")
    return Contract.from_artifact(json.loads(path.read_text(encoding="utf-8")))


def _code(text: Any, name: str) -> bytes:
    """Code in hex, with or without 0x. Raises Malformed, also for code with a library's address left open."""
    try:
        return bytes.fromhex(str(text or "").removeprefix("0x"))
    except ValueError:
        raise Malformed(f"artifact {name[:60]}: the code is not hex, or a library is not linked") from None


def _storage(layout: Any) -> tuple[Mapping[str, Any], ...]:
    """The compiler's storageLayout, or its list alone."""
    return tuple(layout.get("storage") or () if isinstance(layout, Mapping) else layout or ())


def _hashed(kind: str) -> bool:
    return kind in ("bytes", "string") or kind[-1] in ")]"
