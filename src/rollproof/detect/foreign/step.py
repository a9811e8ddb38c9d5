"""One record of a struct log, read as far as it is asked for."""

from __future__ import annotations

import re
from typing import Any, Final

from rollproof.detect.foreign import fields
from rollproof.errors import Malformed, Unsupported

_WORD: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{1,64}")
_HEX: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
_JUMPS: Final = ("RJUMP", "RJUMPI", "RJUMPV", "CALLF", "RETF", "JUMPF")  # EIP-4200, EIP-4750, EIP-6206
MAX_MEMORY: Final = 16 << 20  # bytes that one instruction takes of it


class Step:
    """One instruction about to run: the stack and the memory are those before it."""

    __slots__ = ("cost", "depth", "error", "gas", "op", "pc", "record", "where")

    def __init__(self, record: Any, where: str) -> None:
        if not isinstance(record, dict):
            raise Malformed(f"{where}: expected a JSON object")
        self.record, self.where = record, where
        op, error = record.get("op"), record.get("error")
        if not isinstance(op, str) or len(op) > 64 or not op.isprintable():
            raise Malformed(f"{where}: op is no name")
        self.op = op
        self.error = (
            fields.text(error, f"{where}: error", 4096) if isinstance(error, str) else "failed" if error else ""
        )
        self.depth = self._whole("depth", 16)
        self.pc = self._whole("pc", 32)
        self.gas = self._whole("gas", 64)
        self.cost = self._whole("gasCost", 64, absent=0)

    def _whole(self, key: str, bits: int, absent: int | None = None) -> int:
        value = self.record.get(key)
        if value is None and absent is not None:
            return absent
        if type(value) is int and 0 <= value < 1 << bits:
            return value
        return fields.number(value, f"{self.where}: {key}", bits)

    def follows(self, before: Step) -> bool:
        """Whether it can be the instruction behind another of its frame. Jumps by other means are not looked at."""
        op, pc = before.op, before.pc
        if op.startswith("PUSH"):
            return self.pc == pc + 1 + (int(op[4:]) if op[4:].isdigit() else 0)
        if op in ("JUMP", "JUMPI"):
            return self.pc == before.word(1) or (op == "JUMPI" and self.pc == pc + 1)
        return self.pc == pc + 1 or op in _JUMPS

    def word(self, place: int) -> int:
        """The stack's word at this place, 1 for the top. Raises Malformed where there is none."""
        stack = self.record.get("stack")
        if not isinstance(stack, list):
            if stack is None:
                raise Unsupported(f"{self.where}: no stack; ask the node with disableStack false")
            raise Malformed(f"{self.where}: stack is no list")
        if len(stack) < place or len(stack) > 1024:
            raise Malformed(f"{self.where}: {self.op} on a stack of {len(stack)} words")
        value = stack[-place]
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            raise Malformed(f"{self.where}: stack holds something that is no word")
        return int(value, 16)

    def address(self, place: int) -> bytes:
        """The low twenty bytes of a word of the stack."""
        return (self.word(place) & ((1 << 160) - 1)).to_bytes(20, "big")

    def memory(self, start: int, size: int) -> bytes | None:
        """So many bytes of memory, zeros behind what is shown; None where the source shows no memory."""
        if size > MAX_MEMORY or start > 1 << 32:
            raise Malformed(f"{self.where}: {self.op} takes {size} bytes of memory")
        shown = self.record.get("memory")
        if shown is None:
            return None
        if isinstance(shown, str):
            held = fields.data(shown if shown.startswith("0x") else f"0x{shown}", f"{self.where}: memory")
            return held[start : start + size].ljust(size, b"\0")
        if not isinstance(shown, list):
            raise Malformed(f"{self.where}: memory is no list")
        first, end = start // 32, -(-(start + size) // 32)
        parts = []
        for word in shown[first:end]:
            found = _HEX.fullmatch(word) if isinstance(word, str) else None
            if found is None:
                raise Malformed(f"{self.where}: memory holds something that is no word")
            parts.append(found.group(1))
        skipped = start - 32 * first
        return bytes.fromhex("".join(parts))[skipped : skipped + size].ljust(size, b"\0")
