"""Executions as other clients' tracers show them, read into the same columns as our own re-execution.

Formats are recognised by content; docs/traces.md names them and what each can show. A source that does not show a thing
lacks its `Shows` flag; where it should have shown a thing and does not (it is cut short), the block's ``gaps`` say so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.foreign import combine
from rollproof.detect.foreign.combine import Recording
from rollproof.detect.protocols import Protocols

__all__ = ["Recording", "read", "recordings"]

PathLike = str | os.PathLike[str]


def recordings(paths: Iterable[PathLike], *, protocols: Protocols | None = None) -> Iterator[Recording]:
    """What the files record, one block or one execution each.

    Files about the same transactions (calls, state differences, receipts, a block) become one recording. One that
    cannot be read raises from `Recording.read`, not here.
    """
    yield from combine.recordings(map(Path, paths), protocols)


def read(*paths: PathLike, protocols: Protocols | None = None) -> list[ExecutedBlock]:
    """Every recording of the files. Raises Missing, Malformed or Unsupported naming file and place."""
    return [each.read() for each in recordings(paths, protocols=protocols)]
