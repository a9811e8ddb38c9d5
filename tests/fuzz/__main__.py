"""``python -m fuzz [--seconds N] [--seed N] [--keep DIR] [TARGET...]``, from the directory ``tests``.

Fuzzes the Python targets one after another and writes what the Rust targets begin with to rust/fuzz/corpus. Exit code 1
where something was found: the inputs are in DIR (build/fuzz).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fuzz import engine, seeds
from fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "blocks"


def main() -> int:
    """Runs the targets that were named, or all."""
    names = [target.name for target in TARGETS]
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=(__doc__ or "").splitlines()[2])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(names))
    parser.add_argument("--seconds", type=float, default=600.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--corpus-only", action="store_true", help="only write rust/fuzz/corpus")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(names):
        parser.error(f"no target {min(unknown)}: there are {', '.join(names)}")
    corpus = ROOT / "rust" / "fuzz" / "corpus"
    seeds.write(corpus, SHARED if SHARED.is_dir() else None)
    print(f"rust/fuzz/corpus: {seeds.describe(corpus)}", file=sys.stderr)
    found = 0
    for target in () if given.corpus_only else TARGETS:
        if given.targets and target.name not in given.targets:
            continue
        report = engine.fuzz(target, given.seconds, given.seed, directory=given.keep / target.name)
        print(
            f"{target.name}: {report.runs} inputs in {report.seconds:.0f} s, {report.lines} lines reached, "
            f"{len(report.findings)} findings",
            flush=True,
        )
        for place, (_, text) in report.findings.items():
            print(f"{target.name}: {place}\n{text}", file=sys.stderr)
        for path in engine.keep(report, given.keep / target.name):
            print(f"{target.name}: kept {path}", file=sys.stderr)
        found += len(report.findings)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
