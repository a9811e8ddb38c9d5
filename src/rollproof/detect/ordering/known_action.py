"""Transactions that do what the protocol tables have a word for: liquidate, or change a price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.shows import Shows


def that(block: ExecutedBlock, action: str) -> Sequence[Execution]:
    """Transactions of a block that call such a function themselves, or in which such an event was emitted and stayed.

    Where the source has no logs, calls below the transaction's own count, too.
    """
    key = "ordering.known", action
    if key not in block.kept:
        block.kept[key] = list(_that(block, action))
    found: Sequence[Execution] = block.kept[key]
    return found


def _that(block: ExecutedBlock, action: str) -> Iterator[Execution]:
    if not block.executions:
        return
    known = block.executions[0].protocols
    topics, selectors = known.topics(action), known.selectors(action)
    logged = Shows.TOPICS in block.shows
    emitting = set(_emitting(block, topics)) if logged else set()
    for execution in block.executions:
        if execution.success is False:
            continue
        root = execution.root
        called = root is not None and root.input[:4] in selectors
        if (
            called
            or (execution.index in emitting and _emits(execution, topics))
            or (not logged and _calls(execution, selectors))
        ):
            yield execution


def _emitting(block: ExecutedBlock, topics: frozenset[bytes]) -> Iterator[int]:
    """Transactions in whose topics one of these words stands; most have none, and no log of them is decoded."""
    counts, column = block.trace.column("log_topic_count"), block.trace.column("log_topics")
    if not any(topic in column for topic in topics):
        return
    row = at = 0
    for execution in block.executions:
        rows = execution.log_rows
        at += sum(counts[row : rows.start])
        behind = at + sum(counts[rows.start : rows.stop])
        here = column[32 * at : 32 * behind]
        if any(topic in here for topic in topics):
            yield execution.index
        row, at = rows.stop, behind


def _emits(execution: Execution, topics: frozenset[bytes]) -> bool:
    return any(log.topics and log.topics[0] in topics and not execution.reverted(log.frame) for log in execution.logs)


def _calls(execution: Execution, selectors: frozenset[bytes]) -> bool:
    return any(frame.input[:4] in selectors and not execution.reverted(frame.row) for frame in execution.frames)
