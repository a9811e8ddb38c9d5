"""The fixtures in parts that take seconds each: a directory, or one of several equal shares of a large one."""

from __future__ import annotations

from pathlib import Path

from conformance.fixtures import files, unpacked

# Top directory -> shares.
_TESTS = {
    "cancun": 6, "prague": 3, "static": 8, "osaka": 1, "frontier": 1, "homestead": 1, "byzantium": 1,
    "constantinople": 1, "istanbul": 1, "berlin": 1, "london": 1, "paris": 1, "shanghai": 1,
}  # fmt: skip
# The slowest first, so that no worker is left alone with one at the end.
DIRECTORIES = {"benchmark": {"benchmark": 8}, "blockchain": _TESTS, "state": _TESTS}
_TOP = {
    "state": "eest-v5.4.0/state_tests",
    "blockchain": "eest-v5.4.0/blockchain_tests",
    "benchmark": "eest-benchmark/benchmark/blockchain_tests",
}

Group = tuple[str, str, int]  # kind, directory, share
GROUPS: tuple[Group, ...] = tuple(
    (kind, directory, share)
    for kind, directories in DIRECTORIES.items()
    for directory, shares in directories.items()
    for share in range(shares)
)


def group_id(group: Group) -> str:
    kind, directory, share = group
    return f"{kind}-{directory}" + (f"-{share}" if DIRECTORIES[kind][directory] > 1 else "")


def top(shared: Path, kind: str) -> Path:
    """The directory whose subdirectories the groups are."""
    return unpacked(shared, kind) / _TOP[kind]


def files_of(shared: Path, group: Group) -> tuple[Path, list[Path]]:
    """The directory that names are relative to, and the group's files: each share has small and large ones."""
    kind, directory, share = group
    root = top(shared, kind)
    listed = sorted(files(root / directory), key=lambda path: (path.stat().st_size, path))
    return root, listed[share :: DIRECTORIES[kind][directory]]
