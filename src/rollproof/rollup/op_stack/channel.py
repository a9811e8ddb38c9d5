"""Channels: batches after each other, compressed.

Source: OP Stack specification, derivation ("Channel Format"); Fjord, derivation ("Brotli Channel Compression");
RFC 1950, RFC 1951.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rollproof import _core
from rollproof.errors import Malformed, Unsupported

MAX_RLP_BYTES: Final = 10_000_000  # MAX_RLP_BYTES_PER_CHANNEL, decompressed
MAX_RLP_BYTES_FJORD: Final = 100_000_000
BROTLI: Final = 1
_STORED: Final = 65_535  # bytes of a stored block
_STEP: Final = 65_536


@dataclass(frozen=True, slots=True)
class Content:
    """What a channel holds: encoded batches in order, and why no more could be read ("" where it ends well)."""

    batches: tuple[bytes, ...]
    ended: str = ""


def compress(batches: Sequence[bytes]) -> bytes:
    """A channel of encoded batches, in zlib's format but stored: not made smaller.

    What zlib makes of the same bytes differs between its builds, and whoever publishes this must make the same bytes
    everywhere.
    """
    data = b"".join(_core.rlp_encode(each) for each in batches)
    pieces = [data[at : at + _STORED] for at in range(0, len(data), _STORED)] or [b""]
    blocks = []
    for number, piece in enumerate(pieces):
        length = len(piece).to_bytes(2, "little")
        inverted = bytes(each ^ 0xFF for each in length)
        blocks.append(bytes([number == len(pieces) - 1]) + length + inverted + piece)
    return b"\x78\x01" + b"".join(blocks) + zlib.adler32(data).to_bytes(4, "big")


def read(data: bytes, *, fjord: bool = True) -> Content:
    """The batches of a channel, up to where the compressed stream, the bound or the RLP ends.

    Batches before damage count, as derivation reads them one by one; what comes after the bound does not. A stream
    that is flushed but not finished is whole: batchers publish such.

    Raises Unsupported for brotli (Fjord), which is not read yet, and Malformed for what is no channel at all.
    """
    if not data:
        raise Malformed("channel without data")
    if data[0] & 0x0F not in (8, 15):
        if fjord and data[0] == BROTLI:
            raise Unsupported("channel compressed with brotli")
        raise Malformed(f"channel compressed by an unknown method (0x{data[0]:02x})")
    limit = MAX_RLP_BYTES_FJORD if fjord else MAX_RLP_BYTES
    stream, damage = _inflate(data, limit)
    batches = []
    at = 0
    while at < len(stream):
        begin, end = _string(stream, at)
        if end > len(stream) or begin < 0:
            damage = damage or (f"more than {limit} bytes" if len(stream) == limit else f"no batch at byte {at}")
            break
        batches.append(stream[begin:end])
        at = end
    return Content(tuple(batches), damage)


def _inflate(data: bytes, limit: int) -> tuple[bytes, str]:
    """What the stream holds, at most ``limit`` bytes, and what is wrong with it."""
    stream = zlib.decompressobj()
    found: list[bytes] = []
    size = 0
    for at in range(0, len(data), _STEP):
        before, piece = stream.copy(), data[at : at + _STEP]
        try:
            out = stream.decompress(piece, limit - size) if size < limit else b""
        except zlib.error as error:
            # Byte by byte, so that what comes before the damage is not lost with it.
            for byte in piece:
                try:
                    found.append(before.decompress(bytes([byte])))
                except zlib.error:
                    break
            return b"".join(found)[:limit], f"the compressed stream is damaged: {error}"
        found.append(out)
        size += len(out)
        if stream.eof or size >= limit:
            break
    return b"".join(found), ""


def _string(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the RLP string at ``at`` begins and ends; begin -1 for what is no canonical string."""
    prefix = data[at]
    if prefix < 0x80:
        return at, at + 1
    if prefix < 0xB8:
        end = at + 1 + prefix - 0x80
        alone = prefix == 0x81 and at + 1 < len(data) and data[at + 1] < 0x80
        return (-1 if alone else at + 1), end
    if prefix < 0xC0:
        size = prefix - 0xB7
        raw = data[at + 1 : at + 1 + size]
        length = int.from_bytes(raw, "big")
        wrong = raw[:1] == b"\0" or (len(raw) == size and length < 56)
        return (-1 if wrong or len(raw) < size else at + 1 + size), at + 1 + size + length
    return -1, at
