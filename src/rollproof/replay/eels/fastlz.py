"""The size that FastLZ, level 1, makes of some bytes: Fjord's measure of what a transaction costs in a batch.

Source: OP Stack specs, fjord/exec-engine (the reference is Solady's LibZip). Only the length matters, so nothing is
written; the parse below must still choose exactly the reference's matches.
"""

from __future__ import annotations

from typing import Final

TABLE_BITS: Final = 13
MAX_DISTANCE: Final = (1 << 13) - 1
MAX_LITERALS: Final = 32
MAX_MATCH: Final = 262
TAIL: Final = 13  # no match begins in the last bytes ...
UNMATCHED: Final = 4  # ... nor reaches the very last


def _slot(window: int) -> int:
    """Where a window of three bytes is remembered: a multiplicative hash of 32 bits."""
    return (2654435769 * window & 0xFFFFFFFF) >> (32 - TABLE_BITS)


def _window(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 3], "little")


def _literals(count: int) -> int:
    """Runs of up to 32 literals, each with one byte in front."""
    return count + -(-count // MAX_LITERALS)


def _matched(length: int) -> int:
    """A match takes two bytes, from nine bytes on three; ``length`` counts from the third matched byte."""
    whole, rest = divmod(length, MAX_MATCH)
    return 3 * whole + (3 if rest >= 6 else 2)


def fastlz_size(data: bytes) -> int:
    """Length in bytes of ``data`` compressed by FastLZ level 1."""
    table = [0] * (1 << TABLE_BITS)
    size = anchor = 0
    position, limit, end = 2, len(data) - TAIL, len(data) - UNMATCHED
    while position < limit:
        window = _window(data, position)
        slot = _slot(window)
        seen, table[slot] = table[slot], position
        if position - seen > MAX_DISTANCE or window != _window(data, seen):
            position += 1
            continue
        size += _literals(position - anchor)
        # The byte that ends a match is passed over with it, unless the match ends with what may be matched.
        length, most = 0, end - (position + 3)
        while length < most and data[seen + 3 + length] == data[position + 3 + length]:
            length += 1
        length = min(length + 1, most)
        size += _matched(length - 1)
        position += length
        for skipped in (position, position + 1):
            table[_slot(_window(data, skipped))] = skipped
        position += 2
        anchor = position
    return size + _literals(len(data) - anchor)
