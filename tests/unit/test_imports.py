"""Imports go one way through the rooms of the house (docs/architecture.md), also inside functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rollproof

SOURCE = Path(rollproof.__file__).parent

# Rooms in the same row do not import each other. `lab` is only for the command line and the tests.
ROWS = (
    ("_core", "errors"),
    ("types",),
    ("chain",),
    ("replay", "rollup"),
    ("detect", "venue"),
    ("risk",),
    ("guard", "exit"),
    ("store",),
    ("watch", "report"),
    ("web", "cli"),
    ("__main__",),
)
ROW = {room: row for row, rooms in enumerate(ROWS) for room in rooms}
VOCABULARY = {"errors", "types"}
# Imports by a computed name, looked at by a person: modules of EELS by fork.
COMPUTED = {"replay/eels/machine.py"}


def allowed(room: str, imported: str) -> bool:
    """Whether a file of ``room`` may import ``imported``, both names of rooms."""
    if room == imported:
        return True
    if room == "__init__":
        return imported in ROW and imported not in ("web", "cli", "__main__")
    if imported == "?":
        return False
    if imported == "__init__":
        return room in ("cli", "__main__")
    if imported == "lab":
        return room == "cli"
    if imported == "_core":
        return room not in VOCABULARY
    if room == "lab":
        return ROW[imported] < ROW["watch"]
    if room == "report":  # shows values: whatever made them is not its business
        return imported in VOCABULARY
    return ROW[imported] < ROW[room]


def rooms_imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """``(line, room)`` of every import of ours in ``source``, a module of the dotted ``package``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            dotted = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__"):
            dotted = [beginning(node.args[0]) if node.args else ""]
            if not dotted[0]:
                yield node.lineno, "?"  # a computed name could be anything
        else:
            continue
        for path in (name.split(".") for name in dotted):
            if path[0] == "rollproof":
                yield node.lineno, path[1] if len(path) > 1 and is_room(path[1]) else "__init__"


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def beginning(name: ast.expr) -> str:
    """The constant text that a name begins with, "" where there is none."""
    if isinstance(name, ast.JoinedStr):
        name = name.values[0]
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""


def is_room(name: str) -> bool:
    return name in ROW or name == "lab"


def room_of(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def package_of(path: Path) -> str:
    return ".".join(("rollproof", *path.relative_to(SOURCE).parent.parts))


def test_every_room_is_known() -> None:
    found = {room_of(path) for path in SOURCE.rglob("*.py")}
    assert found - {"__init__", "lab"} <= ROW.keys()


def test_imports_go_one_way() -> None:
    files = sorted(SOURCE.rglob("*.py"))
    assert len(files) > 10
    wrong = [
        f"{path.relative_to(SOURCE)}:{line} imports {imported}"
        for path in files
        for line, imported in rooms_imported(path.read_text(encoding="utf-8"), package_of(path))
        if not allowed(room_of(path), imported)
        and not (imported == "?" and path.relative_to(SOURCE).as_posix() in COMPUTED)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("types", "from rollproof.chain import rpc"),
        ("types", "from rollproof import _core"),
        ("errors", "import rollproof.types"),
        ("chain", "def f():\n    from rollproof.replay import verify"),
        ("chain", "from ..replay.verify import verify"),
        ("chain", "import rollproof"),
        ("replay", "from rollproof import verify"),
        ("replay", "from rollproof.rollup import op_stack"),
        ("replay", "import importlib\nimportlib.import_module('rollproof.cli')"),
        ("replay", "import importlib\nimportlib.import_module(name)"),
        ("replay", "import importlib\nimportlib.import_module(f'{name}.cli')"),
        ("report", "from rollproof.replay.verify import verify"),
        ("store", "import rollproof.lab.chain"),
        ("lab", "from rollproof import cli"),
    ],
)
def test_a_wrong_import_is_seen(room: str, source: str) -> None:
    assert [imported for _, imported in rooms_imported(source, f"rollproof.{room}") if not allowed(room, imported)]


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("types", "from rollproof import errors"),
        ("chain", "from rollproof import _core\nfrom rollproof.types import Claim\nfrom . import rpc"),
        ("replay", "from rollproof.chain.config import load"),
        ("cli", "from rollproof.lab import chain\nfrom rollproof import replay"),
        ("lab", "from rollproof.replay import header"),
        ("replay", "import importlib\nimportlib.import_module(f'ethereum.forks.{name}')"),
    ],
)
def test_a_right_import_passes(room: str, source: str) -> None:
    assert not [imported for _, imported in rooms_imported(source, f"rollproof.{room}") if not allowed(room, imported)]
