"""Where compiled kernels are kept, and that the first run compiles them.

Numba keeps what it compiled beside the package, else in the user's cache, else where ``NUMBA_CACHE_DIR`` says. Where
none can be written (a container without a home), it would refuse; here kernels are then compiled anew by each process.
All kernels take ``njit`` from this module, so that this is settled before the first one.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from numba import config, njit
from numba.core import event

__all__ = ["announced", "njit"]


class _Once(event.Listener):
    def __init__(self, say: Callable[[], None]) -> None:
        self.say: Callable[[], None] | None = say

    def on_start(self, _: object) -> None:
        say, self.say = self.say, None
        if say is not None:
            say()

    def on_end(self, _: object) -> None:
        pass


@contextmanager
def announced(say: Callable[[], None] | None) -> Iterator[None]:
    """Calls ``say`` when the first kernel has to be compiled, and not at all where all were compiled before."""
    if say is None:
        yield
        return
    with event.install_listener("numba:compile", _Once(say)):
        yield


def _probe() -> None:
    """Asked to be kept, and never called."""


def _settle() -> None:
    try:
        njit(cache=True)(_probe)
    except RuntimeError:
        room = tempfile.mkdtemp(prefix="rollproof-")
        atexit.register(shutil.rmtree, room, ignore_errors=True)
        setattr(config, "CACHE_DIR", room)  # noqa: B010  not in the type of what is read from the environment


_settle()
