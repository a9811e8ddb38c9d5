"""Verify: a claim, a file or many of them, to verdicts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from rollproof import _core
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Missing, RollproofError
from rollproof.replay import confirm, disclosure, execute, sources
from rollproof.replay.draft import Draft, Inconclusive
from rollproof.replay.execute import Source
from rollproof.replay.judge import judge
from rollproof.replay.sample import sampled
from rollproof.replay.second_opinion import available
from rollproof.replay.trace import Trace
from rollproof.types import Claim, Outcome, Verdict

MAX_ROUNDS = 64
AUDIT_RATE = 0.01

SecondOpinion = Literal["auto", "always", "never"]


def verify_claim(
    claim: Claim,
    preimages: Sequence[bytes] | _core.Preimages,
    *,
    source: Source | None = None,
    config: ChainConfig | None = None,
    max_rounds: int = MAX_ROUNDS,
    second_opinion: SecondOpinion = "auto",
    audit_rate: float = AUDIT_RATE,
    seed: int = 0,
) -> Verdict:
    """Re-execute one claimed block and say what is wrong. Never raises for what a claim or a source may contain.

    ``source`` serves what execution cannot read, within ``max_rounds``; offline that ends as `unknown`. ``config`` is
    the caller's own chain configuration and is trusted; without it the built-in one counts, then the claim's.
    ``second_opinion``: ``auto`` asks EELS on every `broken` and on a share ``audit_rate`` (0 to 1) of what holds,
    where it is installed; ``always`` asks on every judged block and raises Missing where it is not installed.
    """
    if second_opinion == "always":
        confirm.require()
    draft = Draft(claim, disclosure.without(source))
    try:
        if not isinstance(preimages, _core.Preimages):
            served, preimages = preimages, _core.Preimages()
            preimages.add(served)
        outcome, reason, inputs = judge(draft, preimages, source, config, max_rounds)
        confirmed, opinion = None, None
        if _asked(draft, outcome, second_opinion, audit_rate, seed):
            outcome, withdrawn, confirmed, opinion = confirm.confirm(draft, outcome, inputs)
            reason = withdrawn or reason
        elif outcome is Outcome.BROKEN:
            confirmed = False
        return draft.verdict(outcome, reason, confirmed=confirmed, second_opinion=opinion, rpc=spent(source))
    except (Inconclusive, RollproofError, _core.CoreError) as error:
        draft.rules, draft.executed, draft.disclosed = (), [], []
        return draft.verdict(Outcome.UNKNOWN, str(error), rpc=spent(source))


def _asked(draft: Draft, outcome: Outcome, mode: SecondOpinion, rate: float, seed: int) -> bool:
    if outcome is Outcome.UNKNOWN or mode == "never" or not available():
        return False
    if mode == "always" or outcome is Outcome.BROKEN:
        return True
    return sampled(draft.computed_hash or b"", rate, seed)


def spent(source: object) -> dict[str, Any] | None:
    """What asking a source has cost: calls, megabytes, seconds; None for one that does not count."""
    usage = getattr(source, "usage", None)
    if usage is None:
        return None
    megabytes = (usage.sent + usage.received) / 1e6
    return {"calls": usage.calls, "megabytes": round(megabytes, 6), "seconds": round(usage.seconds, 6)}


def verify_file(path: Path, **options: Any) -> Verdict:
    """The verdict on one file; one that cannot be read is `unknown` with a one-line reason. Options: `verify_claim`."""
    began = time.perf_counter()
    try:
        claim, preimages = sources.read(path)
    except RollproofError as error:
        took = time.perf_counter() - began
        return Verdict(None, None, Outcome.UNKNOWN, " ".join(str(error).split()), source=str(path), seconds=took)
    read = time.perf_counter() - began
    verdict = verify_claim(claim, preimages, **options)
    return replace(verdict, source=str(path), seconds=verdict.seconds + read, stages={"read": read, **verdict.stages})


def trace(path: sources.PathLike, *, config: ChainConfig | None = None) -> Trace:
    """What the block in one witness or evidence file did: calls, storage accesses, logs, in order.

    The trace is of our own execution, whether or not it agrees with the claim: see `verify` for that. Raises
    Malformed, Unsupported and Missing as the file has it, and Missing where the block cannot be run to its end.
    """
    claim, preimages = sources.read(Path(path))
    try:
        _, _, inputs = judge(Draft(claim), preimages, None, config, 1)
        result = None if inputs is None else execute.run(inputs, None, 1, trace=True)
    except (Inconclusive, _core.CoreError) as error:
        raise Missing(f"{Path(path).name}: {error}") from None
    if not isinstance(result, _core.Done) or result.trace is None:
        said = result.reason if isinstance(result, _core.Invalid) else getattr(result, "first", "it could not be run")
        raise Missing(f"{Path(path).name}: no trace of the block: {said}")
    return Trace(result.trace)


def verify(
    source: sources.PathLike | Iterable[sources.PathLike],
    *,
    jobs: int = 1,
    config: ChainConfig | None = None,
    second_opinion: SecondOpinion = "auto",
    audit_rate: float = AUDIT_RATE,
    seed: int = 0,
) -> Iterator[Verdict]:
    """Verdicts on witness and evidence files, in order: paths, globs, directories.

    ``jobs`` threads work at once (the core releases the GIL) on a bounded number of files read ahead, so memory does
    not grow with their number. One bad file is one `unknown` verdict. Raises Missing where there is nothing to verify.
    """
    if jobs < 1:
        raise ValueError("jobs must be at least 1")
    if second_opinion == "always":
        confirm.require()
    options = {"config": config, "second_opinion": second_opinion, "audit_rate": audit_rate, "seed": seed}
    paths = sources.expand(source)
    if jobs == 1:
        yield from (verify_file(path, **options) for path in paths)
        return
    stop = threading.Event()

    def one(path: Path) -> Verdict | None:
        return None if stop.is_set() else verify_file(path, **options)

    with ThreadPoolExecutor(jobs, thread_name_prefix="verify") as pool:
        running: deque[Future[Verdict | None]] = deque()
        try:
            for path in paths:
                running.append(pool.submit(one, path))
                if len(running) > jobs:
                    verdict = running.popleft().result()
                    if verdict is not None:
                        yield verdict
            while running:
                verdict = running.popleft().result()
                if verdict is not None:
                    yield verdict
        finally:
            stop.set()  # a consumer that stops early does not wait for what is queued
