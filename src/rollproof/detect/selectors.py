"""The first four bytes of every call's data, without decoding the frames."""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

from rollproof.detect.execution import Execution


def selectors(execution: Execution) -> Iterator[tuple[int, bytes]]:
    """(frame row, selector) in order of entry; fewer than four bytes where a call has no more."""
    rows, trace = execution.frame_rows, execution.trace
    places = unpack_from(f"<{len(rows)}I", trace.column("frame_input_at"), 4 * rows.start)
    lengths = unpack_from(f"<{len(rows)}I", trace.column("frame_input_kept"), 4 * rows.start)
    data = trace.column("data")
    for row, at, length in zip(rows, places, lengths, strict=True):
        yield row, data[at : at + min(4, length)]
