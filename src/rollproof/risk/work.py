"""Independent work items over threads, processes or a Ray cluster, with the same results from each.

An item carries all that its result depends on, its random seed among it, so results never depend on who computes it,
beside whom, or in what order; they come back in the order of the items. Items should take tens of milliseconds or more.

Threads are the default: the engine's kernels release the interpreter's lock. Processes are started afresh (not forked,
which is not safe beside threads), so a script that uses them needs ``if __name__ == "__main__"``. Ray is an optional
extra (``rollproof[ray]``) for many machines: a cluster that is already connected to is used and left as it is, an
address in ``RAY_ADDRESS`` is connected to, else one is started on this machine and shut down again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from typing import Any, TypeAlias, TypeVar

from rollproof.errors import Missing, Retry, Unsupported
from rollproof.risk.pool import processes, sent

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress: TypeAlias = Callable[[int, int], None]  # items done, items in all

Stages: TypeAlias = Callable[[str, int, int], None]  # what is computed, items done, items in all


def stage(stages: Stages | None, what: str) -> Progress | None:
    """The progress of one stage of several, told by its name."""
    return None if stages is None else lambda done, total: stages(what, done, total)


class Engine(StrEnum):
    """Who computes."""

    THREADS = "threads"
    PROCESSES = "processes"
    RAY = "ray"


def run(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    engine: Engine | str = Engine.THREADS,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """``function`` of each item, in their order, by ``workers`` (all cores if not given).

    For processes and Ray the function and the items have to be picklable; the function is sent once to each worker.
    Inside a block of `kept`, its workers are used.
    An item's error is raised as it is, after items not yet begun are dropped; so is KeyboardInterrupt.
    Raises Unsupported for an engine that is not known, Missing for Ray where it is not installed.
    """
    chosen = _engine(engine)
    count = min(_count(workers), max(len(items), 1))
    if chosen is Engine.RAY:
        return _by_ray(function, items, count, progress)
    if chosen is Engine.PROCESSES:
        with processes(count) as pool, sent(function) as shipped:
            return _gathered(pool, shipped, items, progress)
    if count == 1:
        return [_told(function(item), done, items, progress) for done, item in enumerate(items, 1)]
    with ThreadPoolExecutor(count) as pool:
        return _gathered(pool, function, items, progress)


@contextmanager
def kept(engine: Engine | str, workers: int | None = None) -> Iterator[None]:
    """Processes, or a Ray cluster of this machine, that are started once for all that `run` does in this block.

    Nothing for threads, or where they are kept already. Raises as `run`.
    """
    chosen, count = _engine(engine), _count(workers)
    if chosen is Engine.THREADS:
        yield
    elif chosen is Engine.PROCESSES:
        with processes(count):
            yield
    else:
        with _ray(count):
            yield


def _engine(name: Engine | str) -> Engine:
    try:
        return Engine(name)
    except ValueError:
        raise Unsupported(f"engine {name!r}; there are {', '.join(Engine)}") from None


def _count(workers: int | None) -> int:
    count = workers or os.cpu_count() or 1
    if count < 1:
        raise ValueError(f"{workers} workers")
    return count


def _told(result: Result, done: int, items: Sequence[Item], progress: Progress | None) -> Result:
    if progress:
        progress(done, len(items))
    return result


def _gathered(
    pool: Executor, function: Callable[[Item], Result], items: Sequence[Item], progress: Progress | None
) -> list[Result]:
    waiting: set[Future[Result]] = set()
    try:
        futures = [pool.submit(function, item) for item in items]
        waiting = set(futures)
        while waiting:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                future.result()
            if progress:
                progress(len(futures) - len(waiting), len(futures))
        return [future.result() for future in futures]
    finally:
        for each in waiting:
            each.cancel()


def _by_ray(
    function: Callable[[Item], Result], items: Sequence[Item], count: int, progress: Progress | None
) -> list[Result]:
    with _ray(count) as ray:
        task = ray.remote(_applied)
        held = ray.put(function)
        references = [task.remote(held, item) for item in items]
        waiting = references
        try:
            while waiting:
                ended, waiting = ray.wait(waiting, num_returns=1)
                try:
                    ray.get(ended)
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from None
                if progress:
                    progress(len(references) - len(waiting), len(references))
            return list(ray.get(references))
        finally:
            for each in waiting:
                ray.cancel(each)


def _applied(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)


_AUTHENTICATION = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_TOKEN = secrets.token_hex(32)  # of clusters that this process starts: nobody else's work runs on them


@contextmanager
def _ray(count: int) -> Iterator[Any]:
    """Ray, connected; what was started here is shut down again, and the environment is as it was."""
    if find_spec("ray") is None:
        raise Missing("engine 'ray' needs the extra: pip install 'rollproof[ray]'")
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    local = "RAY_ADDRESS" not in os.environ
    if local and not any(name in os.environ for name in _AUTHENTICATION):
        settings["RAY_AUTH_TOKEN"] = _TOKEN  # else Ray writes one into the home directory
    before = {name: os.environ.get(name) for name in (*settings, *_AUTHENTICATION)}
    os.environ.update(settings)
    try:
        import ray

        if ray.is_initialized():
            yield ray
            return
        wanted: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
        try:
            ray.init(**wanted | ({"num_cpus": count, "include_dashboard": False} if local else {}))
        except Exception as error:  # noqa: BLE001 Ray raises just that where a node does not start in time
            raise Retry(f"engine ray did not start: {str(error)[:120] or type(error).__name__}") from None
        try:
            yield ray
        finally:
            ray.shutdown()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
