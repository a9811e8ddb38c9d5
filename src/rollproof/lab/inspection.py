"""The check `inspect`: every new block of both chains, executed again with its trace, before every detector."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from rollproof.chain.claims import claims
from rollproof.chain.rpc import Limits
from rollproof.detect.inspection import Inspection, Options
from rollproof.detect.online import begin, inspect_served
from rollproof.detect.ordering.waiting import Waiting, passed_over
from rollproof.errors import RollproofError
from rollproof.lab.check import Detection, LabNode, NewBlocks, Outside
from rollproof.lab.pool_watch import PoolWatch
from rollproof.replay.run import Run
from rollproof.types import Difference, Finding, Outcome, Severity

SPEAKS: Final = Severity.MEDIUM  # below are facts: who arbitraged, what a flash loan was
_ONCE: Final = Limits(attempts=1)  # the lab's clock does not move while somebody waits
_RULES: Final = {"fifo": "first-come", "priority-fee": "priority-fee"}  # what a chain says of its own order
_NAME: Final = re.compile(r"0x(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")
_SHOWN: Final = 3


@dataclass
class Inspect:
    """What detectors find of `SPEAKS` and above, one detection for each block and detector.

    The block itself may hold: its outcome is that, and what was found stands in the differences. A block that could not
    be executed again is unknown.
    """

    id: ClassVar[str] = "inspect"

    _new: NewBlocks = field(default_factory=NewBlocks)
    _pools: dict[str, PoolWatch] = field(default_factory=dict)
    _runs: dict[str, Run] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)  # findings by id: what goes on from block to block is said once

    def look(self, outside: Outside) -> Iterator[Detection]:
        """Blocks that were not looked at yet, oldest first, and what the pool shows beside them."""
        stack = outside.stack
        for layer, chain in (("l1", stack.l1), ("l2", stack.l2)):
            blocks = self._new.of(layer, chain)
            if not blocks:
                continue
            head, provider = chain.head, LabNode(outside.nodes[layer])
            pool = self._pools.setdefault(layer, PoolWatch(provider))
            pending: Mapping[bytes, Waiting] | None = None
            try:
                pending = pool.look(head.number, head.timestamp, head.header.base_fee or 0, stack.time)
            except (RollproofError, OSError) as error:
                said = f"the pool was not seen: {error or type(error).__name__}"
                yield Detection(self.id, layer, head.number, head.number, stack.time, Outcome.UNKNOWN, said)
            rule = "priority-fee" if layer == "l1" else _RULES[stack.sequencer.ordering]
            options = Options(limits=_ONCE, config=chain.config, ordering=rule, pending=pending)
            unknown = outside.unknown(blocks)
            if unknown:
                numbers = range(unknown[0].number, head.number + 1)
                for found in self._inspected(layer, provider, numbers, options):
                    yield Detection(self.id, layer, found[0], head.number, stack.time, *found[1:])

    def _inspected(self, layer: str, provider: LabNode, numbers: range, options: Options) -> Iterator[_Found]:
        at = numbers.start
        try:
            if layer not in self._runs:
                self._runs[layer] = begin([provider], options)
            run = self._runs[layer]
            for served in claims(run.nodes, f"{numbers.start}:{numbers.stop}", ahead=1):
                found = inspect_served(served, run, options)
                if not found.looked:
                    yield at, Outcome.UNKNOWN, found.reason, ()
                elif found.executed is not None and options.pending is not None:
                    self._pools[layer].overtaken(passed_over(found.executed, options.pending))
                yield from self._named(at, found)
                at += 1
        except RollproofError as error:
            yield from ((number, Outcome.UNKNOWN, str(error), ()) for number in range(at, numbers.stop))

    def _named(self, number: int, found: Inspection) -> Iterator[_Found]:
        groups: dict[tuple[int, str], list[Finding]] = {}
        for each in found:
            if each.severity.rank >= SPEAKS.rank and each.id not in self._said:
                self._said.add(each.id)
                place = number if each.block is None else each.block
                groups.setdefault((place, each.detector), []).append(each)
        for (place, detector), findings in groups.items():
            shown = "; ".join(each.title for each in findings[:_SHOWN])
            more = f" and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
            sentence = f"{detector}, {findings[0].severity}: {shown}{more}"
            yield place, Outcome.HOLDS, sentence, differences(detector, findings)


_Found = tuple[int, Outcome, str, tuple[Difference, ...]]


def differences(detector: str, findings: Sequence[Finding]) -> tuple[Difference, ...]:
    """The detector, and every address and hash that its findings name, as places that a fault may expect."""
    severity = max(findings, key=lambda each: each.severity.rank).severity
    named = dict.fromkeys(name for each in findings for name in subjects(each))
    return (
        Difference("finding", detector, None, severity.value),
        *(Difference("subject", name, None, None) for name in named),
    )


def subjects(finding: Finding) -> Iterable[str]:
    """Addresses and hashes that a finding names, as 0x-hex, in its fields or in its words."""
    if finding.transaction is not None:
        yield f"0x{finding.transaction.hex()}"
    for each in (*finding.addresses, *(one.account for one in finding.slots)):
        yield f"0x{each.hex()}"
    for amount in finding.amounts:
        yield f"0x{amount.account.hex()}"
    for text in (finding.title, finding.subject, *finding.notes, str(dict(finding.counterfactual or {}))):
        yield from _NAME.findall(text)
