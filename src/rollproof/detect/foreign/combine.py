"""Documents to recordings: which belong together, and what they say in common.

Call trees, state differences, receipts and a block about the same transactions are one recording. Where they contradict
each other the recording is refused: a source that does not agree with itself shows nothing.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.foreign.assemble import assemble
from rollproof.detect.foreign.from_parts import recorded
from rollproof.detect.foreign.part import Form, Part, recognised
from rollproof.detect.foreign.source import Document, TraceFile, load
from rollproof.detect.protocols import Protocols
from rollproof.errors import RollproofError

_HELD = (Form.CALLS, Form.DIFF, Form.RECEIPTS, Form.BLOCK, Form.STRUCT, Form.PARITY)
SUFFIX = ".trace.jsonl.gz"


@dataclass(frozen=True)
class Recording:
    """One block or one execution that somebody else recorded. ``source`` names files and lines."""

    source: str
    documents: tuple[Document, ...]
    _read: Callable[[], ExecutedBlock]

    def read(self) -> ExecutedBlock:
        """What it shows. Raises Malformed, Unsupported or Missing naming file and place."""
        return self._read()

    def save(self, directory: Path, name: str) -> Path:
        """Writes its documents, unchanged but for line breaks, a line each; reading that file gives the same."""
        path = directory / f"{name}{SUFFIX}"
        lines = [each.text.translate(_NO_BREAKS).strip() + b"\n" for each in self.documents]
        path.write_bytes(gzip.compress(b"".join(lines), mtime=0))
        return path


_NO_BREAKS = bytes.maketrans(b"\r\n", b"  ")  # JSON's strings hold none


def group(files: Iterable[TraceFile], protocols: Protocols | None = None) -> Iterator[Recording]:
    """The recordings of files that are at hand; see `recordings`."""
    held: list[Part] = []
    for file in files:
        yield from _of_file(file, held, protocols)
    for parts in grouped(held):
        yield _recording(parts, protocols)


def recordings(paths: Iterable[Path], protocols: Protocols | None) -> Iterator[Recording]:
    """Recordings in the order of the files; those that may belong together come last."""
    held: list[Part] = []
    for path in paths:
        try:
            file = load(path)
        except RollproofError as error:
            yield _failing(path.name, (), error)
            continue
        yield from _of_file(file, held, protocols)
    for parts in grouped(held):
        yield _recording(parts, protocols)


def _of_file(file: TraceFile, held: list[Part], protocols: Protocols | None) -> Iterator[Recording]:
    for document in file.documents():
        try:
            part = recognised(document, document.value())
        except RollproofError as error:
            yield _failing(document.where, (document,), error)
            continue
        if part.form in _HELD:
            held.append(part)
        else:
            yield _recording([part], protocols)


def _recording(parts: Sequence[Part], protocols: Protocols | None) -> Recording:
    documents = tuple(part.document for part in parts)
    where = " + ".join(part.where for part in parts)
    return Recording(where, documents, lambda: assemble(recorded(parts, where), protocols))


def _failing(where: str, documents: tuple[Document, ...], error: RollproofError) -> Recording:
    def fail() -> ExecutedBlock:
        raise error

    return Recording(where, documents, fail)


def grouped(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts that name a transaction in common; those that name none join where nothing else can be meant.

    Two records of one transaction in different formats are two recordings, each with what stands around it.
    """
    groups: list[list[Part]] = []
    owner: dict[bytes, list[Part]] = {}
    unnamed: list[Part] = []
    for part in parts:
        if not part.hashes:
            unnamed.append(part)
            continue
        found = list({id(owner[each]): owner[each] for each in part.hashes if each in owner}.values())
        group = found[0] if found else []
        if not found:
            groups.append(group)
        for other in found[1:]:
            group += other
            groups = [each for each in groups if each is not other]
        group.append(part)
        for each in group:
            owner.update(dict.fromkeys(each.hashes, group))
    forms = [part.form for part in parts]
    if len(groups) <= 1 and len(set(forms)) == len(forms) > 1:
        groups, unnamed = [[*(groups[0] if groups else []), *unnamed]], []
    return [each for group in groups for each in _by_form(group)] + [[part] for part in unnamed]


def _by_form(group: list[Part]) -> list[list[Part]]:
    forms = list(dict.fromkeys(part.form for part in group if part.form.executes))
    if len(forms) <= 1:
        return [group]
    return [[part for part in group if part.form is form or not part.form.executes] for form in forms]
