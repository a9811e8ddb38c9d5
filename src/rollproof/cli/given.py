"""What `rollproof inspect` was given, read strictly: what goes together, severities, hashes, raw transactions."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import typer

from rollproof.errors import Malformed
from rollproof.types import Severity

MAX_PENDING: Final = 1 << 23  # characters of a file of raw transactions


def usage(
    files: list[str] | None,
    rpc_url: list[str] | None,
    urls: list[str],
    tx: str | None,
    block: str | None,
    pending: list[str] | None,
    *,
    trace: bool,
) -> None:
    """Raises BadParameter for what does not go together."""
    if files:
        if rpc_url or block or pending:
            raise typer.BadParameter("--rpc-url, --block and --pending do not go with files")
        if not all(files):
            raise typer.BadParameter("an empty file name")
        return
    if trace:
        raise typer.BadParameter("--trace says what FILE... are: give some")
    if not (tx or block or pending) or (tx and (block or pending)):
        raise typer.BadParameter("give FILE..., or --tx, --block or --pending with --rpc-url")
    if not urls:
        raise typer.BadParameter("no node: give --rpc-url or set ETH_RPC_URL")


def severity(text: str) -> Severity | None:
    """A severity, or None for never. Raises BadParameter."""
    if text == "never":
        return None
    try:
        return Severity(text)
    except ValueError:
        known = ", ".join(each.value for each in Severity)
        raise typer.BadParameter(f"--fail-on is one of {known}, never") from None


def listed(values: list[str] | None) -> Iterator[str]:
    """The parts of comma-separated values."""
    for value in values or ():
        yield from (part.strip() for part in value.split(",") if part.strip())


def transaction_hash(text: str) -> bytes:
    """32 bytes from hex. Raises BadParameter."""
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 32:
        raise typer.BadParameter("--tx is a transaction's hash: 0x and 64 hex digits")
    return found


def raw(given: Iterable[str]) -> Iterator[bytes]:
    """Raw transactions: hex, or files with one hex string a line; - is stdin."""
    for each in given:
        if each.startswith("0x"):
            yield _unhex(each, "--pending")
            continue
        if each == "-":
            text, name = sys.stdin.read(MAX_PENDING + 1), "stdin"
        else:
            with Path(each).open(encoding="ascii", errors="replace") as file:
                text, name = file.read(MAX_PENDING + 1), Path(each).name
        if len(text) > MAX_PENDING:
            raise Malformed(f"{name}: more than {MAX_PENDING} characters")
        lines = [line.strip().strip('"') for line in text.splitlines() if line.strip()]
        if not lines:
            raise Malformed(f"{name}: no transaction")
        for number, line in enumerate(lines, 1):
            yield _unhex(line, f"{name}: line {number}")


def _unhex(text: str, what: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise Malformed(f"{what}: not a raw transaction in hex") from None
