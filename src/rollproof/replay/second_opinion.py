"""A second opinion: the same block on a virtual machine written by other people (EELS).

The first machine (the Rust core, on revm) and this one share neither EVM nor trie, RLP or keccak; only libsecp256k1
recovers signatures for both (docs/second-opinion.md). Where both contradict a claim the accusation is confirmed; where
they contradict each other nobody is accused.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from typing import Any, Protocol

from rollproof.errors import Missing, Unsupported
from rollproof.replay.eels.opinion import Executed, ExhaustedError, Inputs, Invalid, Opinion
from rollproof.types import Difference, Header

__all__ = ["INSTALL", "Executed", "Inputs", "Invalid", "Opinion", "available", "compare", "contradicts", "reexecute"]

MAX_SECONDS = 900.0
EELS_VERSION = "2.20."  # its private interfaces are used, so another version is another machine
INSTALL = "the second opinion needs EELS: pip install 'rollproof[eels]'"


class Done(Protocol):
    """What compare reads of the first machine's result (``_core.Done``)."""

    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    gas_used: int
    blob_gas_used: int
    withdrawals_root: bytes | None
    requests_hash: bytes | None
    outcomes: list[dict[str, Any]]


ROOTS = (
    "state_root",
    "receipts_root",
    "transactions_root",
    "logs_bloom",
    "gas_used",
    "blob_gas_used",
    "withdrawals_root",
    "requests_hash",
)


def available() -> bool:
    """Whether the extra ``rollproof[eels]`` is installed; ``INSTALL`` says how to install it."""
    try:
        return metadata.version("ethereum-execution").startswith(EELS_VERSION)
    except metadata.PackageNotFoundError:
        return False


def reexecute(claim_inputs: Inputs, *, seconds: float = MAX_SECONDS) -> Opinion:
    """Executes one block with EELS, at about 0.5 to 2 million gas a second.

    It gives up after ``seconds`` (looked at where a call begins and at jumps), or where a transaction could take the
    block above 2 billion gas. What stands in the way is part of the answer (``invalid``, ``missing``, ``failed``).
    Raises Missing where EELS is not installed, and Unsupported for a family or fork that it cannot run, by name.
    """
    if not available():
        raise Missing(INSTALL)
    with _deep_recursion:
        opinion, took = _execute(claim_inputs, seconds)
    return replace(opinion, seconds=took)


class _DeepRecursion:
    """Raises Python's recursion limit, which is the whole process's, only while some thread executes a block.

    EELS and what it imports leave it raised, where a deeply nested hostile document could overflow the C stack.
    """

    DEPTH = 16 * 1024  # 1024 nested calls of the virtual machine, with room

    def __init__(self) -> None:
        self._lock, self._active, self._usual = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._active:
                self._usual = sys.getrecursionlimit()
                sys.setrecursionlimit(max(self._usual, self.DEPTH))
            self._active += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._active -= 1
            if not self._active:
                sys.setrecursionlimit(self._usual)


_deep_recursion = _DeepRecursion()


def _execute(claim_inputs: Inputs, seconds: float) -> tuple[Opinion, float]:
    from rollproof.replay.eels import ethereum, op_stack
    from rollproof.replay.eels.preimages import AbsentPreimageError, FalsePreimageError

    families: dict[str, Callable[[Inputs, float], Opinion]] = {"ethereum": ethereum.execute, "op": op_stack.execute}
    execute = families.get(claim_inputs.family)
    if execute is None:
        raise Unsupported(f"no second machine for rule family {claim_inputs.family}")
    began = time.perf_counter()
    try:
        opinion = execute(claim_inputs, time.monotonic() + seconds)
    except ethereum.InvalidBlockError as error:
        opinion = Opinion(invalid=error.invalid)
    except AbsentPreimageError as error:
        opinion = Opinion(missing=str(error))
    except (FalsePreimageError, ExhaustedError) as error:
        opinion = Opinion(failed=str(error))
    except Unsupported:
        raise
    except Exception as error:  # noqa: BLE001  a defect of this machine must not read as one of the block
        opinion = Opinion(failed=f"EELS stopped on {type(error).__name__}: {str(error)[:200]}".splitlines()[0])
    return opinion, time.perf_counter() - began


def compare(done: Done, opinion: Opinion) -> tuple[Difference, ...]:
    """Where the two machines differ: ``claimed`` is the first machine's value, ``computed`` EELS's.

    Transaction by transaction, then the block's roots. Raises Missing where EELS did not reach the end of the block.
    """
    _require_computed(opinion)
    found = [
        difference
        for index in range(max(len(done.outcomes), len(opinion.transactions)))
        for difference in _transaction(index, done.outcomes, opinion.transactions)
    ]
    mine = {name: getattr(done, name) for name in ROOTS}
    return (*found, *_fields(mine, opinion))


def contradicts(header: Header | Mapping[str, Any], opinion: Opinion) -> tuple[Difference, ...]:
    """Where the claimed header (or the fields of it that are known, by name) differs from what EELS computed.

    Raises Missing where EELS did not reach the end of the block.
    """
    _require_computed(opinion)
    known = header if isinstance(header, Mapping) else {name: getattr(header, name) for name in ROOTS}
    return tuple(_fields({name: known[name] for name in ROOTS if known.get(name) is not None}, opinion))


def _require_computed(opinion: Opinion) -> None:
    if opinion.invalid is not None:
        raise Missing(f"the second machine computed nothing to compare: invalid, {opinion.invalid.reason}")
    if not opinion.computed:
        raise Missing(f"the second machine computed nothing to compare: {opinion.missing or opinion.failed}")


def _fields(first: Mapping[str, Any], opinion: Opinion) -> list[Difference]:
    return [
        Difference("header", name, _wire(value), _wire(getattr(opinion, name)))
        for name, value in first.items()
        if value != getattr(opinion, name)
    ]


def _transaction(index: int, first: Sequence[Mapping[str, Any]], second: Sequence[Executed]) -> list[Difference]:
    key = f"transactions[{index}]"
    if index >= len(first) or index >= len(second):
        return [Difference("transaction", key, _there(index < len(first)), _there(index < len(second)))]
    outcome, executed = first[index], second[index]
    pairs: list[tuple[str, Any, Any]] = [
        ("status", outcome.get("status"), executed.status),
        ("gas_used", outcome["gas_used"], executed.gas_used),
        ("cumulative_gas_used", outcome["cumulative_gas_used"], executed.cumulative_gas_used),
    ]
    logs = [(bytes(address), tuple(map(bytes, topics)), bytes(data)) for address, topics, data in outcome["logs"]]
    for position in range(max(len(logs), len(executed.logs))):
        mine = logs[position] if position < len(logs) else None
        other = executed.logs[position] if position < len(executed.logs) else None
        pairs.append((f"logs[{position}]", mine, other))
    # A receipt before Byzantium has a state root in place of the status.
    return [
        Difference("transaction", f"{key}.{name}", _wire(mine), _wire(other))
        for name, mine, other in pairs
        if mine != other and not (name == "status" and mine is None)
    ]


def _there(present: bool) -> str | None:
    return "present" if present else None


def _wire(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        address, topics, data = value
        return " ".join([_wire(address) or "", *(_wire(topic) or "" for topic in topics), _wire(data) or ""])
    return f"0x{value.hex()}" if isinstance(value, bytes) else hex(value)
