"""The drill: every fault against every check, and a run without any fault, in which nothing may be found."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from rollproof.errors import RollproofError
from rollproof.lab import scenario
from rollproof.lab.check import Check, Detection, Outside, Verify
from rollproof.lab.faults.effect import Effect, Expected
from rollproof.lab.faults.fault import Fault
from rollproof.lab.inspection import Inspect
from rollproof.lab.scenario import Scenario
from rollproof.lab.stack import Stack
from rollproof.types import Difference

CHECKS: Final[tuple[Callable[[], Check], ...]] = (Verify, Inspect)
LINGER: Final = 12  # steps after the last effect, two L1 blocks: what is late, or has a second act, still shows

Say = Callable[[str], None]


class Status(StrEnum):
    """What became of a scenario. ``NOT_COVERED``: no check of that kind exists; it is never shown as passed."""

    DETECTED = "detected"
    MISSED = "missed"
    NOT_COVERED = "not covered"
    FAILED = "failed to run"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one scenario.

    ``effect`` is the first thing that the fault did, ``detection`` what found it first, ``looked_at`` all subjects in
    which it was found. ``unnamed`` are places of any effect that no detection named, ``beside`` what detections named
    without cause, ``stray`` detections where the fault did nothing, ``alarms`` those in the run without a fault.
    ``heard`` is what other checks said where none covers the fault; nothing says whether they are right. ``steps`` is
    how many were run.
    """

    scenario: Scenario
    status: Status
    reason: str = ""
    effect: Effect | None = None
    detection: Detection | None = None
    looked_at: tuple[str, ...] = ()
    unnamed: tuple[Expected, ...] = ()
    beside: tuple[Difference, ...] = ()
    stray: tuple[Detection, ...] = ()
    alarms: tuple[Detection, ...] = ()
    heard: tuple[Detection, ...] = ()
    steps: int = 0
    control: tuple[str, str] = ("", "")  # how the run without a fault ended, see `_heads`

    @property
    def right_place(self) -> bool | None:
        """Whether all was named, and nothing else; None where nothing was detected."""
        return None if self.detection is None else not (self.unnamed or self.beside)

    @property
    def blocks(self) -> int | None:
        """Blocks that were made between the first effect and its detection."""
        if self.detection is None or self.effect is None:
            return None
        return self.detection.head - self.effect.number

    @property
    def seconds(self) -> int | None:
        """Simulated seconds from the first effect to its detection."""
        return None if self.detection is None or self.effect is None else self.detection.time - self.effect.time

    @property
    def wrong(self) -> bool:
        """Whether a check failed: missed what it covers, named another place, or spoke where nothing was wrong."""
        return bool(self.stray or self.alarms) or self.status is Status.MISSED or self.right_place is False

    def record(self) -> dict[str, Any]:
        """As plain values: dict, list, str, int, bool and None."""
        found, effect = self.detection, self.effect
        return {
            **self.scenario.record(),
            "steps": self.steps,
            "status": self.status.value,
            "reason": self.reason or None,
            "effect": None if effect is None else {
                "layer": effect.layer, "block": effect.number, "hash": "0x" + effect.hash.hex(), "time": effect.time,
                "expected": [str(each) for each in effect.expected],
            },
            "detection": None if found is None else _plain(found),
            "looked_at": list(self.looked_at),
            "blocks_to_detection": self.blocks,
            "seconds_to_detection": self.seconds,
            "right_place": self.right_place,
            "unnamed": [str(each) for each in self.unnamed],
            "beside": [f"{each.scope} {each.key}" for each in self.beside],
            "stray": [_plain(each) for each in self.stray],
            "false_alarms": [_plain(each) for each in self.alarms],
            "control": {"l1": self.control[0], "l2": self.control[1]},
            "heard": [_plain(each) for each in self.heard],
        }  # fmt: skip


def chosen(names: Sequence[str], family: str | None = None) -> list[Scenario]:
    """The scenarios of these names (all if none is named) and family. Raises Unsupported, Malformed."""
    return scenario.chosen(names, family, {make().id for make in CHECKS})


def drill(
    scenarios: Iterable[Scenario],
    seed: int = 0,
    say: Say | None = None,
    *,
    build: Callable[[int], Stack] = Stack,
    checks: Sequence[Callable[[], Check]] = CHECKS,
) -> Iterator[Result]:
    """Runs scenarios one by one, each on a lab of its own of the same seed; ``say`` is told what is going on.

    ``build`` makes the lab of a seed. The run without a fault comes first; what a check finds in it counts as a false
    alarm in every scenario that is as long.
    """
    listed = list(scenarios)
    tell = say or (lambda _: None)
    if not listed:
        return
    control: list[tuple[int, Detection]] = []
    known: set[bytes] = set()
    longest = max(each.steps for each in listed)
    tell(f"control: {longest} steps without a fault")
    broken, heads = "", ("", "")
    try:
        watched = _Watched(build(seed), checks)
        for step in range(1, longest + 1):
            control += [(step, each) for each in watched.step()]
        heads = _heads(watched.stack)
        known = _silent(watched.stack, [each for _, each in control])
    except Exception as error:  # noqa: BLE001 - as below
        broken = f"the run without a fault: {_why(error)}"
    for each in listed:
        if broken:
            yield Result(each, Status.FAILED, broken)
            continue
        tell(f"{each.id}: {each.title}")
        try:
            yield replace(_run(each, _Watched(build(seed), checks, known), control), control=heads)
        except Exception as error:  # noqa: BLE001 - a fault may break the lab itself; the others are still run
            yield Result(each, Status.FAILED, _why(error))


def exit_code(results: Iterable[Result]) -> int:
    """1 where a covered scenario was not found at the right place, or an alarm was false; else 2 where one did not run,
    or no check covers any; else 0."""
    listed = list(results)
    if any(each.wrong for each in listed):
        return 1
    looked = any(each.scenario.covered for each in listed)
    return 2 if not looked or any(each.status is Status.FAILED for each in listed) else 0


def _why(error: Exception) -> str:
    """A named error as it says itself; of another one, also where it came from."""
    if isinstance(error, RollproofError):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {where.name}: {str(error)[:200]}"


class _Watched:
    """A lab and the checks that look at it after every step."""

    def __init__(self, stack: Stack, checks: Sequence[Callable[[], Check]], known: Collection[bytes] = ()) -> None:
        self.stack, self.steps = stack, 0
        populate = getattr(stack, "populate", None)
        if populate is not None:
            populate()
        self._outside = Outside.of(stack, known)
        self._checks = [make() for make in checks]

    def step(self) -> list[Detection]:
        self.stack.step()
        self.stack.follower.sync()
        self.steps += 1
        return [found for check in self._checks for found in check.look(self._outside)]


def _run(wanted: Scenario, watched: _Watched, control: Sequence[tuple[int, Detection]]) -> Result:
    found: list[Detection] = []
    for _ in range(wanted.warm_up):
        found += watched.step()
    fault = watched.stack.inject(wanted.make())
    last = 0  # step of the last effect
    known = 0
    while watched.steps < wanted.steps:
        found += watched.step()
        if len(fault.effects) > known:
            known, last = len(fault.effects), watched.steps
        if known and watched.steps >= last + LINGER:
            break
    alarms = tuple(each for steps, each in control if steps <= watched.steps)
    return _judged(wanted, fault, found, alarms, watched.steps)


def _judged(
    wanted: Scenario, fault: Fault, found: Sequence[Detection], alarms: tuple[Detection, ...], steps: int
) -> Result:
    """What the fault declares, held against what was found."""
    places = {(each.layer, each.number) for each in fault.effects}
    stray = tuple(each for each in found if (each.layer, each.number) not in places)
    first = fault.effects[0] if fault.effects else None
    if first is None:
        said = f"the fault had no effect in {wanted.after} steps"
        return Result(wanted, Status.FAILED, said, stray=stray, alarms=alarms, steps=steps)
    if not wanted.covered:
        # A fault of another kind is nothing to re-execution; whether what it finds is right, no declaration says.
        return Result(wanted, Status.NOT_COVERED, effect=first, alarms=alarms, heard=tuple(found), steps=steps)
    earliest: Detection | None = None
    unnamed: list[Expected] = []
    beside: list[Difference] = []
    looked_at: set[str] = set()
    for effect in fault.effects:
        about = [
            each
            for each in found
            if (each.check, each.layer, each.number) == (wanted.check, effect.layer, effect.number)
        ]
        right = [each for each in about if each.outcome is effect.outcome]
        if not right:
            heard = f"; {wanted.check} says {about[0].outcome.value}: {about[0].sentence}" if about else ""
            said = f"{effect.layer} block {effect.number}: nothing is found {effect.outcome.value}{heard}"
            return Result(wanted, Status.MISSED, said, first, stray=stray, alarms=alarms, steps=steps)
        best = min(right, key=lambda each: len(effect.unnamed(each.sentence, each.differences)))
        unnamed += effect.unnamed(best.sentence, best.differences)
        beside += [one for each in right for one in effect.beside(each.differences)]
        looked_at |= {each.subject for each in right}
        earliest = earliest or best
    return Result(
        wanted, Status.DETECTED, "", first, earliest, tuple(sorted(looked_at)), tuple(unnamed), tuple(beside), stray,
        alarms, steps=steps,
    )  # fmt: skip


def _silent(stack: Stack, found: Sequence[Detection]) -> set[bytes]:
    """Hashes of the blocks about which nothing was said: until a fault is there, the same lab makes the same ones."""
    told = {(each.layer, each.number) for each in found}
    return {
        block.hash
        for layer, chain in (("l1", stack.l1), ("l2", stack.l2))
        for number in range(chain.head.number + 1)
        if (layer, number) not in told and (block := chain.block(number)) is not None
    }


def _heads(stack: Stack) -> tuple[str, str]:
    """Number and hash of both heads: the same on every machine for the same seed."""
    l1, l2 = stack.l1.head, stack.l2.head
    return f"block {l1.number} 0x{l1.hash.hex()}", f"block {l2.number} 0x{l2.hash.hex()}"


def _plain(found: Detection) -> dict[str, Any]:
    return {
        "check": found.check,
        "layer": found.layer,
        "block": found.number,
        "head": found.head,
        "time": found.time,
        "subject": found.subject,
        "outcome": found.outcome.value,
        "sentence": found.sentence,
        "differences": [
            {"scope": each.scope, "key": each.key, "claimed": each.claimed, "computed": each.computed}
            for each in found.differences
        ],
    }
