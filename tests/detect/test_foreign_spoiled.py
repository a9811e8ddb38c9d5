"""Recorded answers with something changed at random: read, or refused with an error that names the file."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from detect.recorded import load, scene
from rollproof.detect.foreign.combine import group
from rollproof.detect.foreign.source import TraceFile
from rollproof.errors import RollproofError

ATTACK = scene().names.index("attack")
VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2**64, 2**256, "", "0x", "0x0", "0x1", "0x" + "f" * 40, "0x" + "f" * 64,
    "0x" + "f" * 65, "zz", "\x1b[0m", "CALL", "DELEGATECALL", "CREATE", "STATICCALL", "SELFDESTRUCT", "REVERT",
    "create", "suicide", [], {}, [[]], {"type": "CALL"}, "Out of gas",
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything inside."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        for key, below in each.items() if isinstance(each, dict) else enumerate(each):
            yield each, key
            if isinstance(below, (dict, list)):
                waiting.append(below)


def spoil(value: Any, chance: random.Random) -> None:
    """One change: a value replaced or gone, an item twice, two items or two values the other way round."""
    known = list(places(value))
    container, key = chance.choice(known)
    what = chance.randrange(5)
    if what == 0:
        container[key] = copy.deepcopy(chance.choice(VALUES))
    elif what == 1:
        del container[key]
    elif what == 2 and isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif what == 3 and isinstance(container, list) and len(container) > 1:
        other = chance.randrange(len(container))
        container[key], container[other] = container[other], container[key]
    else:
        other_container, other_key = chance.choice(known)
        container[key] = copy.deepcopy(other_container[other_key])


def struct() -> dict[str, Any]:
    """The first steps of one transaction, and what goes around them."""
    result = load("struct")[ATTACK]["result"]
    result["structLogs"] = result["structLogs"][:400]
    return {"transaction": load("block")["transactions"][ATTACK], "result": result}


DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "calls": lambda: {"calls": load("calls")},
    "parity": lambda: {"parity": load("parity")},
    "struct": lambda: {"struct": struct()},
    "together": lambda: {name: load(name) for name in ("calls", "receipts", "block", "difference")},
    "prestate": lambda: {"calls": load("calls"), "prestate": load("prestate")},
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_spoiled_is_read_or_refused_by_name(name: str, seed: int) -> None:
    chance = random.Random(f"{name} {seed}")
    documents = DOCUMENTS[name]()
    for _ in range(40):
        given = copy.deepcopy(documents)
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            spoil(given[chance.choice(list(given))], chance)
        files = [TraceFile(f"{each}.json", json.dumps(value).encode()) for each, value in given.items()]
        for recording in group(files):
            try:
                recording.read()
            except RollproofError as error:
                said = str(error)
                assert any(file.name in said for file in files), said
                assert said.isprintable(), said
