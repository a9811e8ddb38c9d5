"""The evidence file, format ``rollproof-evidence/1``: one block's claim with everything needed to recompute it.

One zstd frame around: the magic line, u32 length and JSON of the claim, u32 count and one u32 length per preimage, the
preimages one after another (all integers little-endian). The core reads the last two parts without per-item work here.
Layout and bounds: docs/evidence.md.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rollproof import _core
from rollproof.errors import Malformed
from rollproof.replay import json_input
from rollproof.replay.claim_json import from_record, to_record
from rollproof.types import Claim

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports import zstd
else:
    from compression import zstd

MAGIC = b"rollproof-evidence/1\n"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_COMPRESSED = 512 * 1024 * 1024
MAX_CONTENT = 2 * 1024 * 1024 * 1024
MAX_CLAIM = 256 * 1024 * 1024
MAX_PREIMAGES = 10_000_000
LEVEL = 3
_WINDOW_LOG = 27  # a frame may not ask for more than 128 MiB of window


def dumps(claim: Claim, preimages: Iterable[bytes] | _core.Preimages) -> bytes:
    """The evidence file's bytes; the same for the same claim and set of preimages, in whatever order they come.

    Raises Malformed when a bound is exceeded, so that nothing is written that could not be read.
    """
    values = preimages.values() if isinstance(preimages, _core.Preimages) else preimages
    ordered = sorted(set(values))
    text = json.dumps(to_record(claim), separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode()
    lengths = b"".join(len(value).to_bytes(4, "little") for value in ordered)
    content = b"".join(
        (MAGIC, len(text).to_bytes(4, "little"), text, len(ordered).to_bytes(4, "little"), lengths, *ordered)
    )
    if len(ordered) > MAX_PREIMAGES or len(text) > MAX_CLAIM or len(content) > MAX_CONTENT:
        raise Malformed("the evidence is larger than the format allows")
    return zstd.compress(content, level=LEVEL)


def loads(data: bytes, what: str = "evidence") -> tuple[Claim, _core.Preimages]:
    """Read an evidence file's bytes. Raises Malformed naming the part that is wrong, or Unsupported an unknown key."""
    content = memoryview(inflate(data, what))
    if bytes(content[: len(MAGIC)]) != MAGIC:
        raise Malformed(f"{what}: not a {MAGIC.decode().strip()} file")
    at = len(MAGIC)

    def take(size: int, part: str) -> memoryview:
        nonlocal at
        if size > len(content) - at:
            raise Malformed(f"{what}: {part} is truncated")
        at += size
        return content[at - size : at]

    size = int.from_bytes(take(4, "claim length"), "little")
    if size > MAX_CLAIM:
        raise Malformed(f"{what}: claim of {size} bytes; {MAX_CLAIM} is the bound")
    claim = from_record(json_input.parse(bytes(take(size, "claim")), f"{what}: claim"), f"{what}: claim")
    count = int.from_bytes(take(4, "preimage count"), "little")
    if count > MAX_PREIMAGES:
        raise Malformed(f"{what}: {count} preimages; {MAX_PREIMAGES} is the bound")
    lengths = bytes(take(4 * count, "preimage lengths"))
    preimages = _core.Preimages()
    try:
        preimages.add_packed(bytes(content[at:]), lengths)
    except _core.CoreError as error:
        raise Malformed(f"{what}: preimages: {error}") from None
    return claim, preimages


def inflate(data: bytes, what: str) -> bytes:
    if len(data) > MAX_COMPRESSED:
        raise Malformed(f"{what}: {len(data)} bytes; {MAX_COMPRESSED} is the bound")
    stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
    try:
        content = stream.decompress(data, MAX_CONTENT + 1)
    except (zstd.ZstdError, MemoryError) as error:
        raise Malformed(f"{what}: zstd: {str(error)[:80] or 'out of memory'}") from None
    if len(content) > MAX_CONTENT:
        raise Malformed(f"{what}: more than {MAX_CONTENT} bytes when decompressed")
    if not stream.eof:
        raise Malformed(f"{what}: zstd frame is truncated")
    if stream.unused_data:
        raise Malformed(f"{what}: {len(stream.unused_data)} bytes after the zstd frame")
    return content


def write(path: str | os.PathLike[str], claim: Claim, preimages: Iterable[bytes] | _core.Preimages) -> int:
    """Write an evidence file, whole or not at all; returns its size in bytes. Raises OSError and Malformed."""
    target = Path(path)
    data = dumps(claim, preimages)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return len(data)


def read(path: str | os.PathLike[str]) -> tuple[Claim, _core.Preimages]:
    """Read an evidence file. Raises OSError, Malformed and Unsupported."""
    source = Path(path)
    with source.open("rb") as file:
        data = file.read(MAX_COMPRESSED + 1)
    return loads(data, source.name)
