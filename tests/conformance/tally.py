"""What running fixtures gave, added up: by fork, with the name of every case that failed or was not run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from conformance import blockchain, state
from conformance.exceptions import explain
from conformance.fixtures import blockchain_tests, is_pointer, state_tests
from conformance.network import final
from rollproof import _core
from rollproof.errors import RollproofError

POINTER = "The archive has a Git LFS pointer in the file's place"
# What a case may raise: a contradiction, the core's own error, or one of ours. Anything else is a bug of the suite.
_FAILURES = (AssertionError, _core.CoreError, RollproofError, msgspec.DecodeError)


@dataclass
class Tally:
    """Counts of cases by network; names with reasons; refusals by (outcome, reason)."""

    passed: Counter[str] = field(default_factory=Counter)
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)  # case -> network, why
    skipped: dict[str, str] = field(default_factory=dict)  # file or case -> why
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    blocks: int = 0  # that hold

    def add(self, other: Tally) -> None:
        self.passed += other.passed
        self.failed |= other.failed
        self.skipped |= other.skipped
        self.refused += other.refused
        self.blocks += other.blocks

    def failures(self) -> str:
        """Every failed case with what went wrong, one a line."""
        return "\n".join(f"{name}: {why}" for name, (_, why) in self.failed.items())


def run_files(kind: str, root: Path, paths: Iterable[Path]) -> Tally:
    """Runs every case of some fixture files of a kind: "state", or "blockchain" and "benchmark"."""
    tally = Tally()
    for path in paths:
        name = path.relative_to(root).as_posix()
        if is_pointer(path):
            tally.skipped[name] = POINTER
        elif kind == "state":
            _states(tally, path)
        else:
            _chains(tally, path)
    return tally


def _states(tally: Tally, path: Path) -> None:
    for name, test in state_tests(path):
        for network, posts in test.post.items():
            for index, post in enumerate(posts):
                case = name if len(posts) == 1 else f"{name}[{index}]"
                if not final(network):
                    tally.skipped[case] = f"{network} is not final"
                    continue
                try:
                    refused = state.run(test, network, post)
                    if refused is not None:
                        tally.refused[explain(post.expect_exception or "", refused)] += 1
                    tally.passed[network] += 1
                except _FAILURES as error:
                    tally.failed[case] = network, str(error) or type(error).__name__


def _chains(tally: Tally, path: Path) -> None:
    for name, test in blockchain_tests(path):
        if not final(test.network):
            tally.skipped[name] = f"{test.network} is not final"
            continue
        try:
            refused = blockchain.run(test)
            explained = [explain(expected, found) for expected, found in refused]
        except _FAILURES as error:
            tally.failed[name] = test.network, str(error) or type(error).__name__
            continue
        tally.refused.update(explained)
        tally.blocks += len(test.blocks) - len(refused)
        tally.passed[test.network] += 1
