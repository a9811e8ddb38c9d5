"""What came of inspecting one block or one trace, and how to inspect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from rollproof.chain.rpc import Limits
from rollproof.chain.schedule import ChainConfig
from rollproof.detect import broken_block, registry, unattributed_change
from rollproof.detect.call_tree import MAX_DEPTH, MAX_ROWS, CallTree
from rollproof.detect.detector import Detector
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.errors import Missing, Unsupported
from rollproof.replay.verify import MAX_ROUNDS
from rollproof.types import Finding, Suppressed, Unjudged

if TYPE_CHECKING:
    from rollproof.detect.ordering.waiting import Waiting
    from rollproof.detect.protocols import Protocols


@dataclass(frozen=True)
class Options:
    """How to inspect. ``only`` and ``exclude`` are detector ids or patterns of them (``reentrancy*``).

    ``protocols`` is a file of tables that extend the built-in ones, ``evidence`` a directory for evidence files,
    ``ordering`` the rule by which the chain says it orders (`priority-fee`, `first-come`), ``pending`` what was seen in
    the pool beside the blocks. ``counterfactual`` allows detectors to execute a block again in another order.
    ``followed`` is for which transactions the expensive second pass is run: those that the first one ``picked``,
    ``all``, or none (``first``). ``say`` is told, once, in one line each, what nodes serve.
    """

    jobs: int = 1
    config: ChainConfig | None = None
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    protocols: Path | None = None
    ordering: str | None = None
    pending: Mapping[bytes, Waiting] | None = None
    counterfactual: bool = True
    followed: Literal["first", "picked", "all"] = "picked"
    evidence: Path | None = None
    limits: Limits = field(default_factory=Limits)
    max_rounds: int = MAX_ROUNDS
    seed: int = 0
    say: Callable[[str], None] | None = None

    @cached_property
    def detectors(self) -> tuple[Detector, ...]:
        """Those that were chosen. Raises Unsupported naming an id or pattern that is none."""
        return chosen(registry.detectors(), self.only, self.exclude, (broken_block.ID, unattributed_change.ID))

    def wants(self, name: str) -> bool:
        """Whether a detector of this id is chosen."""
        return _matches(name, self.only or ("*",)) and not _matches(name, self.exclude)

    @cached_property
    def tables(self) -> Protocols | None:
        """The user's own tables. Raises OSError, Malformed and Unsupported as the file has it."""
        if self.protocols is None:
            return None
        from rollproof.detect import protocols

        return protocols.default().extended(self.protocols)


class _Named(Protocol):
    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=_Named)


def chosen(
    there: Sequence[N], only: Sequence[str], exclude: Sequence[str] = (), also: Sequence[str] = ()
) -> tuple[N, ...]:
    """Those whose id matches ``only`` (all where it is empty) and not ``exclude``.

    Raises Unsupported for an id or a pattern that matches neither one of them nor one of ``also``.
    """
    ids = [*(each.id for each in there), *also]
    for pattern in (*only, *exclude):
        if not any(fnmatchcase(name, pattern) for name in ids):
            raise Unsupported(unknown(pattern, ids))
    return tuple(each for each in there if _matches(each.id, only or ("*",)) and not _matches(each.id, exclude))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def unknown(name: str, ids: Sequence[str]) -> str:
    """What to say about an id that there is not, with the ones that are spelled like it."""
    near = get_close_matches(name[:100], ids, n=3, cutoff=0.6)
    return f"no detector {name[:100]!r}" + (f": did you mean {' or '.join(near)}?" if near else "")


@dataclass(frozen=True)
class Inspection:
    """What came of one block or trace. ``reason`` says why it could not be looked at; it is not clean then.

    ``notes`` say what the findings rest on beyond the detectors. ``second_pass`` is how many of the ``transactions``
    the expensive pass was run for, ``executed`` what was judged: the executions with their traces.
    """

    source: str
    chain_id: int | None = None
    number: int | None = None
    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()
    transactions: int = 0
    second_pass: int = 0
    seconds: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    rpc: Mapping[str, Any] | None = None
    executed: ExecutedBlock | None = field(default=None, repr=False, compare=False)

    def __iter__(self) -> Iterator[Finding]:
        """Its findings, the most severe first."""
        return iter(self.findings)

    def __repr__(self) -> str:
        place = self.source if self.chain_id is None else f"{self.chain_id}:{self.number}"
        said = self.reason if not self.looked else f"{len(self.findings)} findings"
        return f"<Inspection {place} {said}>"

    @property
    def looked(self) -> bool:
        """Whether it could be looked at."""
        return not self.reason

    def __contains__(self, transaction: object) -> bool:
        there = self.executed.executions if self.executed is not None else ()
        return any(each.transaction == transaction for each in there)

    @property
    def gaps(self) -> tuple[str, ...]:
        """What the source should have shown and does not: it is cut short there."""
        return () if self.executed is None else tuple(self.executed.gaps)

    def noted(self, *lines: str) -> Inspection:
        """The same with more notes on what it rests on; each finding has them too, since findings travel alone."""
        findings = tuple(replace(each, notes=(*each.notes, *lines)) for each in self.findings)
        return replace(self, notes=(*lines, *self.notes), findings=findings)

    def with_findings(self, more: Iterable[Finding]) -> Inspection:
        """The same with more findings, the most severe first."""
        found = sorted((*more, *self.findings), key=lambda each: -each.severity.rank)
        return replace(self, findings=tuple(found))

    def about(self, transaction: bytes) -> Inspection:
        """What of it is about one transaction: findings that are of it, or that name it."""
        name = transaction.hex()
        if self.looked and transaction not in self:
            return replace(self, findings=(), reason=f"transaction 0x{name} was not executed here")

        def names(finding: Finding) -> bool:
            said = (finding.subject, *finding.notes, str(finding.counterfactual or ""))
            return finding.transaction == transaction or any(name in text for text in said)

        return replace(
            self,
            findings=tuple(filter(names, self.findings)),
            suppressed=tuple(each for each in self.suppressed if each.transaction in (None, transaction)),
            unjudged=tuple(each for each in self.unjudged if each.transaction in (None, transaction)),
        )

    @property
    def names(self) -> dict[bytes, str]:
        """Accounts that the protocol tables know on this chain, and those that a foreign trace names."""
        found: dict[bytes, str] = {}
        for each in self.executed.executions[:1] if self.executed is not None else ():
            known = each.protocols.accounts.values()
            found.update({one.address: one.name for one in known if one.chain in (None, self.chain_id)})
        for each in self.executed.executions if self.executed is not None else ():
            found.update(each.names)
        return found

    @property
    def marks(self) -> dict[int, list[str]]:
        """Frame row -> the findings that rest on it."""
        found: dict[int, list[str]] = {}
        for finding in self.findings:
            for row in finding.frames:
                found.setdefault(row, []).append(f"{finding.detector} ({finding.severity.value})")
        return found

    def tree(
        self,
        transaction: bytes | None = None,
        *,
        names: Mapping[bytes, str] | None = None,
        max_depth: int = MAX_DEPTH,
        max_rows: int = MAX_ROWS,
        reads: bool = True,
    ) -> CallTree:
        """The call tree of one transaction, by hash, or of the only one. Raises Missing as `execution`."""
        known = {**self.names, **(names or {})}
        return CallTree(self.execution(transaction), max_depth, max_rows, reads, self.marks, known)

    def execution(self, transaction: bytes | None = None) -> Execution:
        """One transaction's execution, by hash; the only one where there is one. Raises Missing."""
        there = self.executed.executions if self.executed is not None else ()
        for each in there:
            if each.transaction == transaction or (transaction is None and len(there) == 1):
                return each
        named = "one transaction" if transaction is None else f"transaction 0x{transaction.hex()}"
        raise Missing(f"{self.source}: {named} was not executed here: {self.reason or f'there are {len(there)}'}")
