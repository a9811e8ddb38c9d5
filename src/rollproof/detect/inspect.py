"""Inspect: a file of a block or a trace, or many of them, to what detectors say about each."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rollproof import _core
from rollproof.detect import broken_block, evidence, unattributed_change
from rollproof.detect.detector import Detector
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.inspection import Inspection, Options
from rollproof.detect.run import Report
from rollproof.detect.run import judge as judge_executions
from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.replay import disclosure, sources
from rollproof.replay.counterfactual import Counterfactual
from rollproof.replay.draft import Draft, Inconclusive
from rollproof.replay.execute import Inputs, Source
from rollproof.replay.judge import judge
from rollproof.replay.recorder import Recorder
from rollproof.types import Claim, Finding, Outcome

if TYPE_CHECKING:
    from rollproof.detect.foreign import Recording

T = TypeVar("T")

TRACES: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz")  # what is taken from a directory
TRACE_HINT: Final = "; other clients' traces need --trace"
BROKEN: Final = (
    "the block does not hold: what is judged is our own execution of it by the rules, see `rollproof verify`"
)


def inspect(
    source: sources.PathLike | Iterable[sources.PathLike], options: Options | None = None, **named: Any
) -> Iterator[Inspection]:
    """What detectors say about the blocks in witness and evidence files, in order: paths, globs, directories.

    ``named`` are `Options` by their names; ``jobs`` threads work at once. One bad file is one inspection with a
    reason. Raises Missing where there is nothing to inspect, and Unsupported for a detector that there is not.
    """
    options = prepared(options, named)
    yield from in_order(sources.expand(source), lambda path: inspect_file(path, options), options.jobs)


def inspect_traces(
    source: sources.PathLike | Iterable[sources.PathLike], options: Options | None = None, **named: Any
) -> Iterator[Inspection]:
    """The same of other clients' traces (docs/traces.md), one inspection for each block or execution recorded."""
    from rollproof.detect import foreign

    options = prepared(options, named)
    recordings = foreign.recordings(sources.expand(source, TRACES), protocols=options.tables)
    yield from in_order(recordings, lambda recording: inspect_recording(recording, options), options.jobs)


def inspect_file(path: Path, options: Options) -> Inspection:
    """The inspection of one file; one that cannot be read has a reason."""
    began = time.perf_counter()
    try:
        claim, preimages = sources.read(path)
    except RollproofError as error:
        hint = TRACE_HINT if isinstance(error, (Malformed, Unsupported)) and _looks_like_a_trace(path) else ""
        return Inspection(str(path), reason=one_line(error) + hint, seconds=time.perf_counter() - began)
    found = inspect_claim(replace(claim, source=str(path)), preimages, options)
    return replace(found, seconds=time.perf_counter() - began)


def _looks_like_a_trace(path: Path) -> bool:
    return "trace" in path.name.lower() or path.name.endswith((".jsonl", ".jsonl.gz"))


def inspect_claim(
    claim: Claim, preimages: _core.Preimages, options: Options, source: Source | None = None
) -> Inspection:
    """Executes a claimed block with its trace and judges it. Never raises for what a claim or a source may contain."""
    draft = Draft(claim, disclosure.without(source), inspect=options.followed)
    place = Inspection(claim.source, claim.chain_id, claim.number)
    try:
        outcome, reason, inputs = judge(draft, preimages, source, options.config, options.max_rounds)
        done = draft.done
        if outcome is Outcome.UNKNOWN or done is None or done.trace is None or inputs is None:
            said = draft.invalid.reason if draft.invalid is not None else "it could not be executed to its end"
            return replace(place, reason=one_line(reason or said))
        executed = executed_block(done, inputs, options, source)
        executed.source = claim.source
        found = judged(executed, options)
    except (Inconclusive, RollproofError, _core.CoreError) as error:
        return replace(place, reason=one_line(error))
    if outcome is Outcome.BROKEN:
        claim = disclosed(claim, source)
        found = found.noted(BROKEN).with_findings(of_verdict(draft, done, options))
    found = replace(found, stages={**done.stages, **found.stages})
    needed = preimages if outcome is Outcome.BROKEN else done.witness
    return evidence.of_block(found, claim, preimages, needed, options.evidence)


def disclosed(claim: Claim, source: Source | None) -> Claim:
    """The claim with what a node said of the block's results, so that its evidence shows the same differences."""
    if not isinstance(source, Recorder):
        return claim
    return replace(claim, receipts=source.seen_receipts, post_state=source.seen_post_state)


def of_verdict(draft: Draft, done: _core.Done, options: Options) -> Iterator[Finding]:
    """What is wrong with a block that is broken, and what of its claimed state no transaction explains."""
    verdict = draft.verdict(Outcome.BROKEN)
    found = broken_block.broken_block(verdict)
    if found is not None and options.wants(broken_block.ID):
        yield found
    if options.wants(unattributed_change.ID):
        touched = {address: {slot for slot, _, _ in slots} for address, _, _, slots in done.changes}
        yield from unattributed_change.unattributed_changes(verdict, touched)


def inspect_recording(recording: Recording, options: Options, chain_id: int | None = None) -> Inspection:
    """The inspection of one foreign recording. Never raises for what it may contain.

    ``chain_id`` is where it was recorded, for one that does not say so.
    """
    try:
        executed = recording.read()
        if executed.chain_id is None and chain_id is not None:
            executed.chain_id = chain_id
            for each in executed.executions:
                each.chain_id = chain_id
        found = judged(executed, options)
    except (RollproofError, _core.CoreError) as error:
        return Inspection(recording.source, reason=one_line(error))
    return evidence.of_recording(found, recording, options.evidence)


def executed_block(
    done: _core.Done, inputs: Inputs, options: Options, source: Source | None = None, *, pending: bool = False
) -> ExecutedBlock:
    """What a re-execution left, as checks see it. ``pending``: it is of no block. Raises as `source.executed_block`."""
    from rollproof.detect import source as own

    env = inputs.env
    again = None
    if options.counterfactual and not pending:
        again = Counterfactual(inputs, source, max_rounds=options.max_rounds)
    return own.executed_block(
        done,
        chain_id=inputs.config.chain_id,
        number=None if pending else env.number,
        timestamp=env.timestamp,
        base_fee=env.base_fee,
        beneficiary=env.beneficiary,
        gas_limit=env.gas_limit,
        family=inputs.config.family,
        transactions=inputs.transactions,
        counterfactual=again,
        pending=options.pending,
        ordering=options.ordering,
        protocols=options.tables,
        steps=options.followed != "first",
    )


def judged(executed: ExecutedBlock, options: Options) -> Inspection:
    """What the chosen detectors say about executions; one that fails has not judged, and the others have."""
    began = time.perf_counter()
    try:
        report = judge_executions(executed, options.detectors)
    except Exception:  # noqa: BLE001, a detector may be anybody's; whose fault it was shows one by one
        report = _one_by_one(executed, options.detectors)
    took = time.perf_counter() - began
    return Inspection(
        executed.source,
        executed.chain_id,
        executed.number,
        findings=tuple(report.findings),
        suppressed=tuple(report.suppressed),
        unjudged=tuple(report.unjudged),
        transactions=report.transactions,
        second_pass=report.second_pass,
        seconds=took,
        stages={"detect": took},
        executed=executed,
    )


def _one_by_one(executed: ExecutedBlock, detectors: Sequence[Detector]) -> Report:
    whole = judge_executions(executed, ())
    for detector in detectors:
        try:
            found = judge_executions(executed, (detector,))
        except (RollproofError, _core.CoreError) as error:
            whole.unjudged.append(detector.unjudged(executed, one_line(error)))
        except Exception as error:  # noqa: BLE001
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"the detector failed: {type(error).__name__} in {Path(where.filename).name}:{where.lineno}"
            whole.unjudged.append(detector.unjudged(executed, said))
        else:
            whole.findings += found.findings
            whole.suppressed += found.suppressed
            whole.unjudged += found.unjudged
    whole.findings.sort(key=lambda each: -each.severity.rank)
    return whole


def prepared(options: Options | None, named: Mapping[str, Any]) -> Options:
    """The options; what is wrong with them is raised now, not once for every file. See `Options.detectors`, ``tables``.

    Raises TypeError for a name that is no option.
    """
    made = replace(options or Options(), **named)
    if made.jobs < 1:
        raise ValueError("jobs must be at least 1")
    _ = made.detectors, made.tables
    return made


def one_line(error: object) -> str:
    """An error's message on one line, or its class where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def in_order(items: Iterable[T], one: Callable[[T], Inspection], jobs: int) -> Iterator[Inspection]:
    """``one`` of each item, in order; ``jobs`` at once, on a bounded number of them read ahead."""
    if jobs == 1:
        yield from map(one, items)
        return
    stop = threading.Event()

    def unless_stopped(item: T) -> Inspection | None:
        return None if stop.is_set() else one(item)

    with ThreadPoolExecutor(jobs, thread_name_prefix="inspect") as pool:
        running: deque[Future[Inspection | None]] = deque()

        def oldest() -> Iterator[Inspection]:
            found = running.popleft().result()
            if found is not None:
                yield found

        try:
            for item in items:
                running.append(pool.submit(unless_stopped, item))
                if len(running) > jobs:
                    yield from oldest()
            while running:
                yield from oldest()
        finally:
            stop.set()  # a consumer that stops early does not wait for what is queued
