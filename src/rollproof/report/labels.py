"""Names of addresses that a user gives: CSV, JSON or TOML, bounded, with control characters made visible."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rollproof.errors import Malformed
from rollproof.report.text import visible

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_ENTRIES: Final = 500_000
LONGEST: Final = 64  # characters of a name that are kept
DEEPEST: Final = 8  # levels of JSON; labels take three

_STRINGS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS: Final = re.compile(r"[\[\]{}]")

Labels = Mapping[bytes, str]


def read(path: Path) -> dict[bytes, str]:
    """Address -> name, from a file whose suffix says what it is.

    CSV: ``address,name`` with or without that heading, further columns are not read. JSON and TOML: an object of names
    by address, at the top or under ``labels``; JSON also a list of objects with ``address`` and ``name``. A later
    entry counts. Raises OSError, and Malformed naming the file and the entry.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    what = path.name
    if len(data) > MAX_BYTES:
        raise Malformed(f"{what}: more than {MAX_BYTES} bytes of labels")
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed(f"{what}: not UTF-8") from None
    return collect(_entries(content, path.suffix.lower(), what), what)


def collect(entries: Iterable[tuple[Any, Any]], what: str) -> dict[bytes, str]:
    """Address -> name of pairs as they were written. Raises Malformed naming ``what`` and the pair."""
    found: dict[bytes, str] = {}
    for number, (address, name) in enumerate(entries, 1):
        if number > MAX_ENTRIES:
            raise Malformed(f"{what}: more than {MAX_ENTRIES} labels")
        if not isinstance(name, str) or not name.strip():
            raise Malformed(f"{what}: entry {number}: the name is not text")
        found[_address(address, f"{what}: entry {number}")] = shown(name)
    return found


def shown(name: str) -> str:
    """A name as it may be printed: one line, no control characters, at most ``LONGEST`` characters."""
    made = visible(name.strip())
    return made if len(made) <= LONGEST else made[: LONGEST - 1] + "…"


def _entries(content: str, suffix: str, what: str) -> Iterator[tuple[Any, Any]]:
    if suffix == ".csv":
        return _rows(content, what)
    if suffix not in (".json", ".toml"):
        raise Malformed(f"{what}: labels are .csv, .json or .toml files")
    if suffix == ".json" and _deeper(content, DEEPEST):
        raise Malformed(f"{what}: not JSON of labels (nested deeper than {DEEPEST})")
    try:
        document = json.loads(content) if suffix == ".json" else tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{what}: not {suffix[1:].upper()} ({str(error)[:80] or 'nested too deep'})") from None
    if isinstance(document, dict) and isinstance(document.get("labels"), (dict, list)):
        document = document["labels"]
    if isinstance(document, dict):
        return iter(document.items())
    if isinstance(document, list):
        return _objects(document, what)
    raise Malformed(f"{what}: expected names by address")


def _deeper(content: str, depth: int) -> bool:
    """Whether JSON nests deeper. A decoder finds out on the stack, and may end the process there."""
    level = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", content)):
        level += 1 if bracket in "[{" else -1
        if level > depth:
            return True
    return False


def _rows(content: str, what: str) -> Iterator[tuple[Any, Any]]:
    try:
        for number, row in enumerate(csv.reader(io.StringIO(content), strict=True), 1):
            if not row or row[0].lstrip().startswith("#") or (number == 1 and row[0].strip().lower() == "address"):
                continue
            if len(row) < 2:
                raise Malformed(f"{what}: line {number}: expected address,name")
            yield row[0].strip(), row[1]
    except csv.Error as error:
        raise Malformed(f"{what}: not CSV ({str(error)[:80]})") from None


def _objects(document: list[Any], what: str) -> Iterator[tuple[Any, Any]]:
    for number, item in enumerate(document, 1):
        if not isinstance(item, dict):
            raise Malformed(f"{what}: entry {number}: expected an object with address and name")
        yield item.get("address"), item.get("name")


def _address(value: Any, what: str) -> bytes:
    if isinstance(value, str) and len(value) == 42 and value[:2] in ("0x", "0X"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise Malformed(f"{what}: {visible(str(value)[:60])!r} is not an address (0x and 40 hex digits)")
