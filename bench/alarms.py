"""How often detectors cry on traffic in which nobody is robbed: recorded blocks, and the lab without a fault.

``python -m bench alarms`` takes ALARM_BLOCKS L2 blocks of the lab (600) beside everything that was recorded, and writes
its section of docs/detection.md. It ends with an error where a high or critical finding is not argued for.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.timing import table
from rollproof.detect import registry
from rollproof.detect.inspect import inspect, inspect_claim, inspect_traces
from rollproof.detect.inspection import Inspection, Options
from rollproof.lab.stack import Stack
from rollproof.types import Finding, Severity

ROOT: Final = Path(__file__).resolve().parents[1]
DATA: Final = ROOT.parent / "shared" / "data"
DOCUMENT: Final = ROOT / "docs" / "detection.md"
BEGIN, END = "<!-- alarm rate: begin -->", "<!-- alarm rate: end -->"
BLOCKS: Final = int(os.environ.get("ALARM_BLOCKS", "600"))
CONFIDENCE: Final = 0.95
ALARMS: Final = (Severity.CRITICAL, Severity.HIGH)

# Findings of high or critical severity that are right, or that nobody could call wrong: (detector, transaction) -> why.
ARGUED: Final[dict[tuple[str, str], str]] = {}


@dataclass
class Tally:
    """One source of traffic. ``alarms`` are findings of high and critical severity that are no extraction of value by
    ordering, ``unseen`` what could not be looked at, by its reason, ``blind`` the detectors that its form shows too
    little for."""

    name: str
    blocks: int = 0
    transactions: int = 0
    second_pass: int = 0
    alarms: list[Finding] = field(default_factory=list)
    ordering: list[Finding] = field(default_factory=list)
    below: Counter[tuple[str, str]] = field(default_factory=Counter)  # severity, detector
    unseen: list[str] = field(default_factory=list)
    blind: set[str] = field(default_factory=set)

    def add(self, found: Inspection) -> None:
        self.blocks += 1
        if not found.looked:
            self.unseen.append(f"{found.source}: {found.reason}")
            return
        self.transactions += found.transactions
        self.second_pass += found.second_pass
        if found.executed is not None:
            shows = found.executed.shows
            self.blind |= {each.id for each in registry.detectors() if each.needs & ~shows}
        for each in found:
            if each.severity not in ALARMS:
                self.below[each.severity.value, each.detector] += 1
            elif each.detector in ordering():
                self.ordering.append(each)
            else:
                self.alarms.append(each)

    @property
    def unargued(self) -> list[Finding]:
        """Alarms for which nobody has given a reason."""
        return [each for each in self.alarms if (each.detector, (each.transaction or b"").hex()) not in ARGUED]


def ordering() -> frozenset[str]:
    """Ids of the detectors of unfair ordering: what they find on mainnet is extraction of value, and true."""
    return frozenset(each.id for each in registry.detectors() if ".ordering." in type(each).__module__)


def upper_bound(count: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """Clopper and Pearson's one-sided bound on a rate, after ``count`` of ``trials``; 1 where there were none.

    The rate at which no more than ``count`` would be seen with probability 1 - ``confidence``; with no event, nearly
    3 / trials. Source: Clopper and Pearson, Biometrika 26 (1934).
    """
    if not 0 <= count <= trials:
        raise ValueError(f"{count} of {trials}")
    if count == trials:
        return 1.0
    low, high = count / trials, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if _at_most(count, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(count: int, trials: int, rate: float) -> float:
    """The probability of ``count`` events or fewer (binomial)."""
    if rate in (0.0, 1.0):
        return 1.0 if rate == 0.0 else 0.0
    return sum(
        math.exp(
            math.lgamma(trials + 1) - math.lgamma(seen + 1) - math.lgamma(trials - seen + 1)
            + seen * math.log(rate) + (trials - seen) * math.log1p(-rate)
        )
        for seen in range(count + 1)
    )  # fmt: skip


def tallied(name: str, inspections: Iterable[Inspection]) -> Tally:
    """What came of some traffic."""
    tally = Tally(name)
    for each in inspections:
        tally.add(each)
    return tally


def recorded(pattern: str = "*") -> Tally:
    """The recorded blocks, executed again."""
    return tallied("recorded blocks, re-executed", inspect(sorted((DATA / "blocks").glob(f"{pattern}.json.gz"))))


def foreign() -> Iterator[Tally]:
    """Mainnet blocks that only other clients' traces show."""
    parts = ("block", "receipts", "calltrace", "difftrace")
    yield tallied(
        "mainnet 19299001, callTracer and prestateTracer",
        inspect_traces([DATA / "traced-blocks" / f"{part}.json.gz" for part in parts]),
    )
    yield tallied(
        "13 mainnet blocks, Parity call traces without logs",
        inspect_traces(sorted((DATA / "detection" / "mev-blocks").glob("*.json.gz"))),
    )


def lab(blocks: int, seed: int = 1) -> Tally:
    """Both chains of the lab without a fault, until the L2 has ``blocks``."""
    stack = Stack(seed)
    stack.populate()
    stack.run(max(0, blocks - stack.l2.head.number))
    return tallied(f"the lab without a fault, seed {seed}", _looked(stack))


def _looked(stack: Stack) -> Iterator[Inspection]:
    for chain in (stack.l1, stack.l2):
        options = Options(config=chain.config)
        for number in range(1, chain.head.number + 1):
            block = chain.block(number)
            assert block is not None
            yield inspect_claim(chain.claim(block), chain.preimages, options)


def shown(tallies: Sequence[Tally]) -> str:
    """The section of docs/detection.md."""
    rows = [_row(each.name, [each]) for each in tallies]
    rows.append(_row("all that every detector can judge", [each for each in tallies if not each.blind]))
    rows.append(_row("all", tallies))
    head = ("traffic", "blocks", "transactions", "detectors", "second pass", "high or critical", "bound per 1,000",
            "ordering")  # fmt: skip
    lines = [
        "Findings of high or critical severity on traffic in which nobody is robbed. *Bound*: what the rate is at",
        f"most, with {CONFIDENCE:.0%} confidence (Clopper and Pearson, one-sided). *Ordering*: such findings of",
        "sandwiches and their kin, which are true and counted apart. *Detectors*: how many the form of the data shows",
        "enough for; the others say `unknown`.",
        "",
        table(head, rows),
    ]
    alarms = [finding for each in tallies for finding in each.alarms]
    if alarms:
        lines += ["", *(f"- {_line(each)}" for each in alarms)]
    kinds: Counter[tuple[str, str]] = Counter()
    for each in tallies:
        kinds.update(each.below)
    if kinds:
        order = [severity.value for severity in Severity]
        said = [f"{name} {count} ({severity})" for (severity, name), count in sorted(
            kinds.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0][1])
        )]  # fmt: skip
        lines += ["", f"Below that: {', '.join(said)}."]
    unseen = [reason for each in tallies for reason in each.unseen]
    if unseen:
        lines += ["", "Not looked at:", "", *(f"- {reason}" for reason in unseen)]
    return "\n".join(lines)


def _row(name: str, tallies: Sequence[Tally]) -> tuple[str, ...]:
    blocks, transactions = sum(each.blocks for each in tallies), sum(each.transactions for each in tallies)
    alarms, again = sum(len(each.alarms) for each in tallies), sum(each.second_pass for each in tallies)
    bound = f"{1000 * upper_bound(alarms, transactions):.2f}" if transactions else "-"
    share = f"{again / transactions:.1%}" if transactions else "-"
    known = len(registry.detectors())
    able = min((known - len(each.blind) for each in tallies), default=0)
    ordered = sum(len(each.ordering) for each in tallies)
    return name, str(blocks), str(transactions), f"{able} of {known}", share, str(alarms), bound, str(ordered)


def _line(finding: Finding) -> str:
    place = (finding.transaction or b"").hex()
    argued = ARGUED.get((finding.detector, place), "not argued for")
    return f"`{finding.detector}`, {finding.severity.value}, 0x{place}: {finding.title}: {argued}"


def write(section: str, document: Path = DOCUMENT) -> None:
    """Puts a section between its two marks. Raises ValueError where the document has none."""
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document.name} has no marks {BEGIN} and {END}")
    document.write_text(f"{before}{begin}\n{section}\n{end}{after}", encoding="utf-8")


def run() -> str:
    if not DATA.is_dir():
        raise SystemExit("bench: no recorded blocks in ../shared/data")
    tallies = [recorded(), *foreign(), lab(BLOCKS)]
    section = shown(tallies)
    if DOCUMENT.is_file() and BEGIN in DOCUMENT.read_text(encoding="utf-8"):
        write(section)
    wrong = [finding for each in tallies for finding in each.unargued]
    if wrong:
        print(section)
        raise SystemExit(f"bench: {len(wrong)} findings of high or critical severity are not argued for")
    return section
