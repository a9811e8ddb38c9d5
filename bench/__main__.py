"""``make bench``: every section, or those named; prints Markdown, as docs/performance.md has it."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

from bench import (
    alarms,
    anvil,
    building,
    control,
    detection,
    eels,
    inspector,
    recursion,
    risk_book,
    risk_cascade,
    risk_tail,
    stages,
    throughput,
)

SECTIONS = {
    "inspector": ("What noting costs", inspector.run),
    "stages": ("Where the time of verify goes", stages.run),
    "throughput": ("Blocks a second, and memory", throughput.run),
    "anvil": ("Against anvil's tracers", anvil.run),
    "eels": ("Against EELS", eels.run),
    "building": ("Building blocks against anvil", building.run),
    "control": ("The lab without a fault", control.run),
    "detection": ("What detectors cost", detection.run),
    "recursion": ("Very many frames", recursion.run),
    "risk_tail": ("The tail of a failure's loss", risk_tail.run),
    "risk_cascade": ("The stepped cascade", risk_cascade.run),
    "risk_book": ("A price from start to end", risk_book.run),
    "alarms": ("Alarms where nobody is robbed", alarms.run),
}


def machine() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown CPU",
    )
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False).stdout.split()[1:2]
    return (
        f"{model}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, rustc {' '.join(rustc) or 'unknown'}, {time.strftime('%Y-%m-%d')}"
    )


def main() -> None:
    names = sys.argv[1:] or list(SECTIONS)
    for name in names:
        if name not in SECTIONS:
            raise SystemExit(f"bench: no section {name!r}; there are {', '.join(SECTIONS)}")
    print(machine())
    for name in names:
        title, run = SECTIONS[name]
        print(f"\n## {title}\n\n{run()}", flush=True)


main()
