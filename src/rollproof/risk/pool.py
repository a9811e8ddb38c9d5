"""Worker processes that are started once and then given one function after another.

A process that starts imports all that it computes with, which takes seconds; a price calls `risk.work.run` two dozen
times.
"""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_kept: Executor | None = None  # by this process
_function: tuple[str, Callable[[Any], Any]] | None = None  # of a worker: where it was read, and what it is


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """Those that are kept already; else ``count`` new ones, kept until the end of the block."""
    global _kept  # noqa: PLW0603 a process has one
    if _kept is not None:
        yield _kept
        return
    with ProcessPoolExecutor(count, get_context("spawn"), initializer=_wait_for_parent) as pool:
        _kept = pool
        try:
            yield pool
        finally:
            _kept = None


@contextmanager
def sent(function: Callable[[Item], Result]) -> Iterator[Callable[[Item], Result]]:
    """``function`` for the processes: they read it once each, however large what it holds is."""
    with tempfile.NamedTemporaryFile(prefix="rollproof-") as file:  # for this user alone
        pickle.dump(function, file, protocol=pickle.HIGHEST_PROTOCOL)
        file.flush()
        yield partial(_call, file.name)


def _wait_for_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and drops what has not begun
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed tells nobody, and its workers would wait for ever."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _call(path: str, item: Any) -> Any:
    global _function  # noqa: PLW0603
    if _function is None or _function[0] != path:
        _function = path, pickle.loads(Path(path).read_bytes())  # noqa: S301 the parent wrote it
    return _function[1](item)
