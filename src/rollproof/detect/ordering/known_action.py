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
    emitted = Shows.TOPICS in block.shows
    # One search through all topics of the block: most blocks have none of them.
    column = block.trace.column("log_topics") if emitted else b""
    somewhere = any(topic in column for topic in topics)
    for execution in block.executions:
        if execution.success is False:
            continue
        root = execution.root
        if (
            (root is not None and root.input[:4] in selectors)
            or (somewhere and _emits(execution, topics))
            or (
                not emitted
                and any(
                    frame.input[:4] in selectors and not execution.reverted(frame.row) for frame in execution.frames
                )
            )
        ):
            yield execution


def _emits(execution: Execution, topics: frozenset[bytes]) -> bool:
    return any(log.topics and log.topics[0] in topics and not execution.reverted(log.frame) for log in execution.logs)
