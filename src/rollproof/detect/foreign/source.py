"""A trace file: bounded, decompressed where it is gzip, and its JSON documents one by one."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rollproof.detect.foreign import strict_json
from rollproof.errors import Malformed, Missing

MAX_FILE: Final = 64 << 20  # bytes of a file, compressed or not...
MAX_TEXT: Final = 256 << 20  # ...and decompressed; plain text may be as long
GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON document of a file, and where it stands: ``NAME`` or ``NAME:LINE``."""

    where: str
    text: bytes

    def value(self) -> Any:
        """What it says. Raises Malformed."""
        return strict_json.parse(self.text, self.where)


@dataclass(frozen=True, slots=True)
class TraceFile:
    """A file's text, decompressed."""

    name: str
    text: bytes

    def documents(self) -> Iterator[Document]:
        """The whole, or every line where the first line is a document of its own. Blank lines are passed over."""
        if not self._by_line():
            yield Document(self.name, self.text)
            return
        for number, line in enumerate(io.BytesIO(self.text), 1):
            if line.strip():
                yield Document(f"{self.name}:{number}", line)

    def _by_line(self) -> bool:
        text = self.text.lstrip()
        end = text.find(b"\n")
        rest = text[end + 1 : end + 4096].lstrip() if end >= 0 else b""
        return rest[:1] in (b"{", b"[") and text[:end].rstrip().endswith((b"}", b"]"))


def load(path: Path) -> TraceFile:
    """A file's text. Raises Missing where it cannot be read, Malformed where it is too large, empty or bad gzip."""
    name = "".join(each if each.isprintable() else "?" for each in path.name)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TEXT + 1)
    except FileNotFoundError:
        raise Missing(f"{name}: no such file") from None
    except OSError as error:
        raise Missing(f"{name}: cannot be read ({error.strerror or type(error).__name__})") from None
    if data.startswith(GZIP):
        if len(data) > MAX_FILE:
            raise Malformed(f"{name}: more than {MAX_FILE} bytes compressed")
        data = _inflate(data, name)
    if len(data) > MAX_TEXT:
        raise Malformed(f"{name}: more than {MAX_TEXT} bytes")
    if not data.strip():
        raise Malformed(f"{name}: empty")
    return TraceFile(name, data)


def _inflate(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return file.read(MAX_TEXT + 1)
    except (EOFError, OSError, zlib.error):
        raise Malformed(f"{name}: its gzip stream is broken or cut short") from None
