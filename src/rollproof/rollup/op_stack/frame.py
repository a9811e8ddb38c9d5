"""Frames: the pieces of channels that a batcher transaction carries.

Source: OP Stack specification, derivation ("Batcher Transaction Format", "Frame Format").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rollproof.errors import Malformed, Unsupported

OVERHEAD: Final = 23  # bytes of a frame besides its data
MAX_DATA: Final = 1_000_000  # bytes of one frame's data
MAX_FRAMES: Final = 2**16  # of one channel: the number has 16 bits
DERIVATION: Final = 0  # version byte: frames follow
ALT_DA: Final = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """A piece of a channel; ``channel`` is its 16-byte id, ``number`` the place in it."""

    channel: bytes
    number: int
    data: bytes
    is_last: bool

    def encode(self) -> bytes:
        """Raises ValueError where a field has no place in the format."""
        if len(self.channel) != 16 or not 0 <= self.number < MAX_FRAMES or len(self.data) > MAX_DATA:
            raise ValueError(f"frame {self.number} of {len(self.data)} bytes, channel id of {len(self.channel)}")
        head = self.channel + self.number.to_bytes(2, "big") + len(self.data).to_bytes(4, "big")
        return head + self.data + bytes([self.is_last])


def encode(frames: Sequence[Frame]) -> bytes:
    """A batcher transaction's calldata, or the data of its blobs."""
    return bytes([DERIVATION]) + b"".join(each.encode() for each in frames)


def decode(data: bytes) -> list[Frame]:
    """The frames of a batcher transaction: all of them, or none.

    Raises Malformed where one does not parse, there is none, or the version is unknown (derivation ignores the whole
    transaction); Unsupported for a commitment to data that is elsewhere (alt-DA).
    """
    if not data:
        raise Malformed("batcher transaction without data")
    if data[0] == ALT_DA:
        raise Unsupported("batcher transaction with an alt-DA commitment (version 1)")
    if data[0] != DERIVATION:
        raise Malformed(f"batcher transaction of version {data[0]}")
    frames: list[Frame] = []
    at = 1
    while at < len(data):
        head = data[at : at + 22]
        length = int.from_bytes(head[18:], "big")
        end = at + 22 + length
        if len(head) < 22 or length > MAX_DATA or end >= len(data):
            raise Malformed(f"frame {len(frames)} of a batcher transaction: cut short, or above {MAX_DATA} bytes")
        if data[end] > 1:
            raise Malformed(f"frame {len(frames)} of a batcher transaction: is_last is {data[end]}")
        frames.append(Frame(head[:16], int.from_bytes(head[16:18], "big"), data[at + 22 : end], data[end] == 1))
        at = end + 1
    if not frames:
        raise Malformed("batcher transaction without frames")
    return frames


def split(channel: bytes, data: bytes, size: int) -> list[Frame]:
    """A closed channel in frames of at most ``size`` bytes with their overhead. Raises ValueError for too many."""
    room = min(size - OVERHEAD, MAX_DATA)
    if room <= 0:
        raise ValueError(f"frames of {size} bytes have no room for data")
    pieces = [data[at : at + room] for at in range(0, len(data), room)] or [b""]
    if len(pieces) > MAX_FRAMES:
        raise ValueError(f"a channel of {len(pieces)} frames, more than {MAX_FRAMES}")
    return [Frame(channel, number, piece, number == len(pieces) - 1) for number, piece in enumerate(pieces)]
