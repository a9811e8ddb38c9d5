"""docs/conformance.md from what running the fixtures gave. Nothing in its figures is written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from conformance.network import FORKS, split
from conformance.tally import POINTER, Tally
from rollproof.types import Outcome, Verdict

_TITLES = {"state": "State tests", "blockchain": "Blockchain tests", "benchmark": "Benchmark blocks"}
_HEAD = """\
# Conformance

The Execution Spec Tests v5.4.0, as far as the archives in `../shared/data/conformance` hold them, through Rollproof's
own core. `PYTHONPATH=tests .venv/bin/python -m conformance` runs them and writes this file. `make test` runs the same
cases (`tests/conformance`) and fails on any difference: under five minutes on two cores.

- A **blockchain test** is a chain of blocks on a given state. Each block's RLP is read as `rollproof verify --payload`
  reads it and judged by `verify_claim`, the path of every user's block. A valid block has to hold, and the last hash
  and the whole post-state have to be the fixture's. An invalid block has to be refused for the reason that the fixture
  names: the header field that is wrong, or the kind of the defect (`tests/conformance/exceptions.py` has the names).
  `verify` runs no block that could take more than 10 billion gas; that bound is lifted here, because some
  transactions of the suite have 2^63 gas, which they lose at once by failing.
- A **state test** is one transaction on a given state, run by `_core.run_transactions`: block execution without what
  surrounds transactions. State root and logs have to be the fixture's; an invalid transaction has to be refused for
  the reason that the fixture names.

The state before is built by `_core.genesis` and has to have the fixture's root.
"""
_WITNESSED = """\
## Blocks with a witness

- `eest-zkevm`: {tests} tests of the Amsterdam draft. {unknown} of {draft} blocks end as `unknown`, naming the fork; the
  nodes and codes of every witness are read. A header of the draft has fields that no final fork has: as a header it is
  refused.
- `../shared/data/worst-case`: {held} of {heavy} gas-heavy Prague blocks hold from their witness alone.
"""
_TAIL = """\
## Not in the fixtures

- Tangerine Whistle, Spurious Dragon, Constantinople without Petersburg, the difficulty bombs (Muir, Arrow and Gray
  Glacier) and blob-parameter forks after BPO4 have no fixtures in these archives. For the first two, the fixtures of
  their neighbours are run under their rules on both machines, which have to agree
  (`tests/unit/test_eels_conformance.py`). What stands for the others is in docs/chains.md.
- No block of these fixtures has ommers. Rollproof answers `unknown` for one that has.
- Fixtures of proof-of-work forks carry no proof of work; Rollproof does not recompute it and says so in `not_checked`.
- The fixtures of EIP-7934 (a block's largest size) are only in files that are skipped above.
- The OP Stack has no such fixtures.

## Where revm departs from the rules

EIP-7610 (no contract creation at an address that holds storage): revm looks at nonce and code only. The core adds the
rule (`rust/src/machine.rs`), so that no test is excepted for it.
"""


def _cases(tally: Tally) -> tuple[Counter[str], Counter[str]]:
    return tally.passed, Counter(network for network, _ in tally.failed.values())


def _order(network: str) -> tuple[int, int]:
    before, after, _ = split(network)
    return list(FORKS).index(before), list(FORKS).index(after)


def _summary(tallies: Mapping[str, Tally]) -> list[str]:
    lines = ["## Results", "", "| | passed | failed | skipped (files) |", "|---|---:|---:|---:|"]
    for kind, title in _TITLES.items():
        tally = tallies[kind]
        lines.append(f"| {title} | {tally.passed.total()} | {len(tally.failed)} | {len(tally.skipped)} |")
    return lines


def _by_network(tallies: Mapping[str, Tally]) -> list[str]:
    results = {kind: _cases(tallies[kind]) for kind in _TITLES}
    networks = {network for passed, failed in results.values() for network in (*passed, *failed)}
    lines = ["", "Passed / failed, by fork:", "", f"| fork | {' | '.join(_TITLES.values())} |", "|---|---:|---:|---:|"]
    for network in sorted(networks, key=_order):
        cells = [f"{passed[network]} / {failed[network]}" for passed, failed in results.values()]
        lines.append(f"| {network} | {' | '.join('' if cell == '0 / 0' else cell for cell in cells)} |")
    held = sum(tally.blocks for tally in tallies.values())
    return [*lines, "", f"Valid blocks that hold: {held}."]


def _failed(tallies: Mapping[str, Tally]) -> list[str]:
    names = [f"- `{name}` ({network})" for tally in tallies.values() for name, (network, _) in tally.failed.items()]
    return ["", "## Failed", "", *(sorted(names) or ["None."])]


def _skipped(tallies: Mapping[str, Tally]) -> list[str]:
    lines = ["", "## Skipped", "", f"{POINTER}, so that its cases are not there:", ""]
    for kind, title in _TITLES.items():
        lines += [f"- {title}: `{name}`" for name, why in sorted(tallies[kind].skipped.items()) if why == POINTER]
    others = [(name, why) for tally in tallies.values() for name, why in tally.skipped.items() if why != POINTER]
    return [*lines, *(f"- `{name}`: {why}" for name, why in sorted(others))]


_UNKNOWN = {
    "not-a-block": "a header field is no 64-bit integer: there can be no such header, so there is nothing to judge",
    "self-inconsistent": """the withdrawals given are not those that the header commits to, and nothing shows which of
  the two is the chain's: a source that contradicts itself is a broken source""",
}


def _refused(tallies: Mapping[str, Tally]) -> list[str]:
    lines = ["", "## Invalid blocks and transactions", "", "Every one is refused for its own reason.", ""]
    lines += ["| verdict on the block | reason | blocks | state tests |", "|---|---|---:|---:|"]
    blocks = tallies["blockchain"].refused + tallies["benchmark"].refused
    states = {reason: count for (_, reason), count in tallies["state"].refused.items()}
    for (outcome, reason), count in sorted(blocks.items()):
        lines.append(f"| `{outcome}` | {reason} | {count} | {states.pop(reason, '')} |")
    lines += [f"| | {reason} | | {count} |" for reason, count in sorted(states.items())]
    lines += ["", "Why some are `unknown`:", ""]
    return [*lines, *(f"- {reason}: {_UNKNOWN[reason]}." for outcome, reason in sorted(blocks) if outcome == "unknown")]


def render(tallies: Mapping[str, Tally], tests: int, draft: Sequence[Verdict], heavy: Sequence[Verdict]) -> str:
    """The whole document."""
    unknown = sum(verdict.outcome is Outcome.UNKNOWN and "fork Amsterdam" in verdict.reason for verdict in draft)
    held = sum(verdict.outcome is Outcome.HOLDS for verdict in heavy)
    lines = [*_summary(tallies), *_by_network(tallies), *_failed(tallies), *_skipped(tallies), *_refused(tallies)]
    witnessed = _WITNESSED.format(tests=tests, unknown=unknown, draft=len(draft), held=held, heavy=len(heavy))
    return "\n".join([_HEAD, *lines, "", witnessed, _TAIL])
