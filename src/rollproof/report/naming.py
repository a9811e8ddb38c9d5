"""How addresses, words and amounts are written for people: a label where there is one, else shortened hex."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from rollproof.report.text import visible
from rollproof.types import Finding, Suppressed, Unjudged

TRACE: Final = "trace"  # of an execution that names neither chain nor block

_ADDRESS: Final = re.compile(r"\b0x[0-9a-fA-F]{40}\b")
_DIGITS: Final = 18  # of one ether in wei


def short(value: bytes) -> str:
    """Hex with the middle left out; nothing is left out of what is short anyway."""
    text = value.hex()
    return "0x" + (text if len(text) <= 12 else f"{text[:6]}…{text[-4:]}")


def address(value: bytes, names: Mapping[bytes, str], *, full: bool = False) -> str:
    """A label with the address behind it, or the address alone; ``full``: with all its digits."""
    name = names.get(value)
    digits = "0x" + value.hex() if full else short(value)
    return digits if name is None else f"{visible(name)} ({digits})"


def labelled(text: str, names: Mapping[bytes, str]) -> str:
    """A sentence, safe to print, with labels for the addresses in it that have one."""
    return _ADDRESS.sub(lambda found: _known(found[0], names), visible(text))


def _known(digits: str, names: Mapping[bytes, str]) -> str:
    value = bytes.fromhex(digits[2:])
    return address(value, names) if value in names else digits


def word(value: int) -> str:
    """A storage value: small ones in decimal, large ones in hex with the middle left out."""
    if value < 1_000_000:
        return str(value)
    text = f"{value:x}"
    return "0x" + (text if len(text) <= 20 else f"{text[:8]}…{text[-8:]}")


def slot(value: bytes) -> str:
    """A slot's key: without leading zeros where it is a small number, else shortened."""
    number = int.from_bytes(value, "big")
    return hex(number) if number < 1 << 32 else short(value)


def ether(wei: int) -> str:
    """Wei as a decimal fraction of ether (10**18), exact, without trailing zeros."""
    sign, whole = ("-" if wei < 0 else ""), abs(wei)
    digits = f"{whole % 10**_DIGITS:0{_DIGITS}d}".rstrip("0")
    return f"{sign}{whole // 10**_DIGITS:,}{'.' + digits if digits else ''}"


def place(said: Finding | Suppressed | Unjudged) -> str:
    """Chain and block as ``chain:block``, with ``?`` for what a foreign trace does not say."""
    if said.chain_id is None and said.block is None:
        return TRACE
    return f"{'?' if said.chain_id is None else said.chain_id}:{'?' if said.block is None else said.block}"
