"""Runs every fixture and writes docs/conformance.md: ``make conformance``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from conformance import report, worst_case, zkevm
from conformance.fixtures import files, unpacked
from conformance.groups import DIRECTORIES, GROUPS, Group, files_of, group_id
from conformance.tally import Tally, run_files

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"


def _run(shared: Path, group: Group) -> Tally:
    root, paths = files_of(shared, group)
    return run_files(group[0], root, paths)


def main() -> int:
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    jobs = parser.parse_args().jobs
    if not SHARED.is_dir():
        sys.stderr.write("conformance: no fixtures: ../shared/data is not there\n")
        return 2
    began = time.monotonic()
    for kind in DIRECTORIES:  # once, before the workers ask for it
        unpacked(SHARED, kind)
    tallies = {kind: Tally() for kind in DIRECTORIES}
    with ProcessPoolExecutor(jobs) as pool:
        for group, tally in zip(GROUPS, pool.map(partial(_run, SHARED), GROUPS), strict=True):
            tallies[group[0]].add(tally)
            sys.stderr.write(f"{time.monotonic() - began:6.0f} s  {group_id(group)}: {len(tally.failed)} failed\n")
    seen = [zkevm.look(path) for path in files(unpacked(SHARED, "zkevm"))]
    draft = [verdict for each in seen for verdict in each.verdicts]
    heavy = [worst_case.judge(path) for path in files(SHARED / "worst-case")]
    written = report.render(tallies, sum(each.tests for each in seen), draft, heavy)
    (ROOT / "docs" / "conformance.md").write_text(written)
    for tally in tallies.values():
        sys.stdout.write(tally.failures())
    failed = sum(len(tally.failed) for tally in tallies.values())
    sys.stderr.write(f"{failed} failed; {time.monotonic() - began:.0f} s\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
