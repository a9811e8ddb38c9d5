"""What a command loads before it does anything: names, help and verdicts need nothing that computes prices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from risk.consequence_bed import B, Bed
from rollproof.lab import genesis
from rollproof.replay import evidence
from rollproof.risk import preset, recommend, shipped
from rollproof.venue import positions
from rollproof.venue.rules import registry
from unit.venue_model import USD

HEAVY = ("numpy", "scipy", "numba", "polars", "matplotlib", "ray")
EXTRA = (*HEAVY, "ethereum", "ethereum-execution")  # and the second machine
ROOT = Path(__file__).resolve().parents[2]

# Runs the command line and says on its last line which of HEAVY were loaded. What is blocked is not installed.
RUN = """
import sys
heavy, blocked = sys.argv[1].split(","), sys.argv[2].split(",")

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in blocked else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        found = getattr(self.finder, name)
        if name == "find_distributions":
            return lambda context: [] if context.name in blocked else found(context)
        return found

sys.meta_path[:] = map(Without, sys.meta_path)
sys.argv[:] = ["rollproof", *sys.argv[3:]]
from rollproof.cli import main
code = 0
try:
    main()
except SystemExit as stopped:
    code = stopped.code
print("loaded:", *(name for name in heavy if name in sys.modules))
raise SystemExit(code)
"""


def run(*arguments: str, blocked: tuple[str, ...] = ()) -> tuple[int, str, list[str], str]:
    """Exit code, what was printed, which of HEAVY were loaded, and the talk."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, ",".join(HEAVY), ",".join(blocked), *arguments],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
    )  # fmt: skip
    out, _, loaded = done.stdout.rpartition("loaded:")
    return done.returncode, out, loaded.split(), done.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("risk", "--help"), ("verify", "--help")])
def test_help_loads_nothing_that_computes(arguments: tuple[str, ...]) -> None:
    code, out, loaded, _ = run(*arguments)
    assert (code, loaded) == (0, [])
    assert "rollproof" in out.lower()


def test_names_are_listed_without_the_extra() -> None:
    code, out, loaded, _ = run("risk", "--list", blocked=HEAVY)
    assert (code, loaded) == (0, [])
    listed = {line.split()[0] for line in out.splitlines() if line.startswith("  ")}
    assert {*preset.names(), *registry.FAMILIES, *recommend.NAMES, "lab", "perp-v2"} == listed


def test_titles_are_those_of_the_presets() -> None:
    assert {name: shipped.title(name) for name in shipped.names()} == {
        name: preset.load(name).title for name in preset.names()
    }


@pytest.mark.parametrize("name", recommend.NAMES)
def test_every_setting_that_is_listed_has_a_recommender(name: str) -> None:
    assert callable(recommend.named(name))


def test_the_shapes_of_recommend_are_there() -> None:
    assert recommend.Question.__module__ == "rollproof.risk.recommend.question"
    assert recommend.Recommendation.__module__ == "rollproof.risk.recommend.result"
    with pytest.raises(AttributeError, match="Answer"):
        recommend.Answer  # noqa: B018


def test_a_block_is_verified_without_the_extra(shared_data: Path) -> None:
    file = min(shared_data.glob("blocks/**/*.json.gz"), key=lambda each: each.stat().st_size)
    code, out, loaded, talk = run("verify", str(file), "--json", blocked=HEAVY)
    assert (code, loaded) == (0, []), talk
    assert '"verdict":"holds"' in out


def test_prices_without_the_extra_say_what_to_install(tmp_path: Path) -> None:
    file = tmp_path / "positions.csv"
    file.write_text("account,asset,size,entry_price\n")
    code, out, _, talk = run("risk", str(file), "--rules", "gmx", blocked=HEAVY)
    assert (code, out) == (2, "")
    assert "pip install 'rollproof[risk]'" in talk


def test_from_a_verdict_to_money_without_the_extra(tmp_path: Path) -> None:
    bed = Bed()
    block = bed.lie([(bed.account(B), bed.value(bed.account(B)) + 5_000 * USD)])
    evidence.write(tmp_path / "gift.evidence", bed.claim(block), bed.venue.chain.preimages)
    config = genesis.write_configs(tmp_path)["l2"]
    file = str(tmp_path / "gift.evidence")
    code, out, loaded, talk = run("risk", "--evidence", file, "--config", str(config), blocked=EXTRA)
    assert (code, loaded) == (1, []), talk
    assert f"0x{bed.who(B).hex()}" in out
    assert "+5,000" in out


@pytest.mark.slow
def test_a_price_loads_no_figures_and_no_cluster(tmp_path: Path) -> None:
    file = tmp_path / "positions.csv"
    positions.to_frame(positions.example()).write_csv(file)
    code, _, loaded, talk = run("risk", str(file), "--rules", "gmx", "--paths", "1024", "--cascade-paths", "0", "-q")
    assert code == 0, talk
    assert not {"matplotlib", "ray"} & set(loaded)


# No directory that Numba tries can be written; then the terminal layer's tables are used.
NO_CACHE = """
from numba.core import caching

def refuse(self):
    raise PermissionError(13, "read-only")

for locator in (caching.InTreeCacheLocator, caching.UserWideCacheLocator):
    locator.ensure_cache_path = refuse
import numpy as np
from rollproof.risk import compilation
from rollproof.risk.table import Hinges, table_of
said = []
table = table_of(Hinges(np.zeros(1, np.int64), np.full(1, 90.0), np.ones(1), np.ones(1, bool)), 1)
for _ in range(2):
    with compilation.announced(lambda: said.append("compiles")):
        print(table.loss(np.full((1, 1), 80.0))[0, 0], len(said))
"""


def test_kernels_work_where_nothing_can_be_kept_and_say_that_they_compile(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NO_CACHE], capture_output=True, text=True, cwd=ROOT,
        env={**environment, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.split("\n")[:2] == ["10.0 1", "10.0 1"], done.stderr
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_kernels_that_were_kept_are_not_announced(tmp_path: Path) -> None:
    code = NO_CACHE[NO_CACHE.index("import numpy") :]
    first, second = (
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        )
        for _ in range(2)
    )  # fmt: skip
    assert (first.stdout.split(), second.stdout.split()) == (["10.0", "1"] * 2, ["10.0", "0"] * 2), second.stderr
