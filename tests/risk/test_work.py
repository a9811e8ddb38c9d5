"""Work items over threads, processes and Ray: the same results, in order, whoever computes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from functools import partial
from operator import truediv

import numpy as np
import pytest

from rollproof.errors import Missing, Unsupported
from rollproof.risk import work
from rollproof.risk.terminal.sobol import points
from rollproof.risk.work import Engine, run

SEEDS = np.random.SeedSequence(5).spawn(6)
EXPECTED = [points(4, 3, seed) for seed in SEEDS]


@pytest.mark.parametrize(
    ("engine", "workers"),
    [
        ("threads", 1),
        ("threads", 2),
        ("threads", 5),
        pytest.param("processes", 2, marks=pytest.mark.slow),
        pytest.param("ray", 2, marks=pytest.mark.slow),
    ],
)
def test_the_same_bits_whoever_computes(
    engine: str, workers: int, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    if engine == "ray":
        pytest.importorskip("ray")
        monkeypatch.setenv("HOME", str(tmp_path))
    told = list[tuple[int, int]]()
    got = run(partial(points, 4, 3), SEEDS, engine, workers, lambda *progress: told.append(progress))
    assert all(np.array_equal(one, other) for one, other in zip(got, EXPECTED, strict=True))
    assert told[-1] == (6, 6)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    if engine == "ray":
        import ray

        assert not ray.is_initialized()
        assert not list(os.scandir(str(tmp_path))), "nothing is written into the home directory"
        assert "RAY_AUTH_TOKEN" not in os.environ


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_an_item_s_error_is_the_caller_s(engine: str) -> None:
    with pytest.raises(ZeroDivisionError):
        run(partial(truediv, 1.0), [1.0, 0.0, 2.0], engine, 2)


def test_no_items_are_no_results() -> None:
    assert run(abs, [], Engine.THREADS, 4) == []


def test_an_interrupt_drops_what_has_not_begun() -> None:
    begun = list[int]()
    held = threading.Event()

    def item(number: int) -> int:
        begun.append(number)
        held.wait(0.05)
        return number

    def interrupted(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(item, range(200), Engine.THREADS, 2, interrupted)
    assert len(begun) < 20


def test_processes_are_not_left_behind_by_an_interrupt() -> None:
    """The script interrupts itself as soon as its first item is done, and has to end at once, with no child."""
    script = """
        import time
        from functools import partial
        from rollproof.risk.work import run

        def stop(done, of):
            raise KeyboardInterrupt

        if __name__ == "__main__":
            try:
                run(time.sleep, [0.01] * 2 + [0.3] * 200, "processes", 2, stop)
            except KeyboardInterrupt:
                print("stopped")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="'dask'; there are threads, processes, ray"):
        run(abs, [1], "dask")


def test_ray_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "find_spec", lambda name: None)
    with pytest.raises(Missing, match=r"rollproof\[ray\]"):
        run(abs, [1], Engine.RAY)
