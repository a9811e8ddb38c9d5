"""Files of claims: which there are, and reading one whatever its format."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from rollproof import _core
from rollproof.errors import Malformed, Missing
from rollproof.replay import evidence
from rollproof.replay.record import MAX_COMPRESSED, read_record
from rollproof.types import Claim

SUFFIXES = (".json.gz", ".json", ".evidence", ".zst")  # what is taken from a directory
IGNORED = frozenset({"manifest.json"})

PathLike = str | os.PathLike[str]


def expand(sources: PathLike | Iterable[PathLike], suffixes: tuple[str, ...] = SUFFIXES) -> Iterator[Path]:
    """Paths of a path, glob or directory (not below it), or of several; sorted within each, each path once.

    ``suffixes`` are what is taken from a directory. A single path need not exist: reading it will say so. Raises
    Missing naming a glob or a directory in which there is nothing to verify.
    """
    given = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    seen: set[Path] = set()
    for each in given:
        path = Path(each)
        found: list[Path]
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.name.endswith(suffixes) and p.name not in IGNORED)
            if not found:
                raise Missing(f"{path.name}: no witness or evidence file in this directory")
        elif not path.exists() and glob.has_magic(os.fspath(each)):
            found = sorted(map(Path, glob.glob(os.fspath(each))))
            if not found:
                raise Missing(f"{os.fspath(each)}: matches no file")
        else:
            found = [path]
        for one in found:
            if one not in seen:
                seen.add(one)
                yield one


def read(path: Path) -> tuple[Claim, _core.Preimages]:
    """The claim in a file, and its preimages hashed. Raises Missing, Malformed or Unsupported naming the file."""
    try:
        with path.open("rb") as file:
            data = file.read(max(MAX_COMPRESSED, evidence.MAX_COMPRESSED) + 1)
    except FileNotFoundError:
        raise Missing(f"{path.name}: no such file") from None
    except OSError as error:
        raise Missing(f"{path.name}: cannot be read ({error.strerror or type(error).__name__})") from None
    if data.startswith(evidence.ZSTD_MAGIC):
        return evidence.loads(data, path.name)
    if not data:
        raise Malformed(f"{path.name}: empty")
    claim, values = read_record(data, path.name)
    preimages = _core.Preimages()
    preimages.add(values)
    return claim, preimages
