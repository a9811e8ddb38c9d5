"""Executions written by hand as call trees with logs, read as a foreign trace: for cases that no fixture has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rollproof.chain import abi
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.foreign.combine import group
from rollproof.detect.foreign.source import TraceFile

ZERO = bytes(20)
NUMBER = 1_000


def account(name: str) -> bytes:
    """An address that is its name."""
    return name.encode().rjust(20, b"\x01")[-20:]


def call(
    caller: bytes,
    to: bytes,
    *below: dict[str, Any],
    function: str = "",
    arguments: Sequence[Any] = (),
    value: int = 0,
    error: str = "",
    kind: str = "CALL",
    logs: Sequence[dict[str, Any]] = (),
    output: bytes = b"",
) -> dict[str, Any]:
    """One call with what it calls; its logs come after that."""
    data = b""
    if function:
        types = [each for each in function.partition("(")[2][:-1].split(",") if each]
        data = abi.selector(function) + abi.encode(types, arguments)
    found: dict[str, Any] = {
        "type": kind, "from": wire(caller), "to": wire(to), "value": hex(value), "gas": "0x10000", "gasUsed": "0x100",
        "input": wire(data), "output": wire(output), "calls": list(below),
        "logs": [{**each, "position": hex(len(below))} for each in logs],
    }  # fmt: skip
    if error:
        found["error"] = error
        found["logs"] = []
    return found


def log(
    emitter: bytes, event: str, indexed: Sequence[bytes | int] = (), words: Sequence[bytes | int] = ()
) -> dict[str, Any]:
    """A log; addresses and numbers are words."""
    topics = [abi.topic(event), *map(word, indexed)]
    return {
        "address": wire(emitter),
        "topics": [wire(each) for each in topics],
        "data": wire(b"".join(map(word, words))),
    }


def move(token: bytes, caller: bytes, sender: bytes, recipient: bytes, amount: int) -> dict[str, Any]:
    """A token's transfer: the caller's own, or of somebody who allowed it to."""
    said = log(token, "Transfer(address,address,uint256)", [sender, recipient], [amount])
    if caller == sender:
        function, arguments = "transfer(address,uint256)", [recipient, amount]
    else:
        function, arguments = "transferFrom(address,address,uint256)", [sender, recipient, amount]
    return call(caller, token, function=function, arguments=arguments, logs=[said], output=word(1))


def mint(token: bytes, recipient: bytes, amount: int) -> dict[str, Any]:
    """The log of a mint; with a zero recipient it would be a burn's."""
    return log(token, "Transfer(address,address,uint256)", [ZERO, recipient], [amount])


def burn(token: bytes, sender: bytes, amount: int) -> dict[str, Any]:
    """The log of a burn."""
    return log(token, "Transfer(address,address,uint256)", [sender, ZERO], [amount])


def told(*trees: dict[str, Any], logs: bool = True) -> ExecutedBlock:
    """A block of transactions with these outermost calls."""
    listed = []
    for at, tree in enumerate(trees):
        if not logs:
            _strip(tree)
        listed.append({"txHash": wire(word(at + 1)), "result": tree})
    [recording] = group([TraceFile("story.json", json.dumps(listed).encode())])
    return recording.read()


def one(tree: dict[str, Any], *, logs: bool = True) -> Execution:
    """The only transaction's execution."""
    [execution] = told(tree, logs=logs).executions
    return execution


def word(value: bytes | int) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


def wire(value: bytes) -> str:
    return f"0x{value.hex()}"


def _strip(tree: dict[str, Any]) -> None:
    waiting = [tree]
    while waiting:
        each = waiting.pop()
        each.pop("logs", None)
        waiting += each["calls"]
