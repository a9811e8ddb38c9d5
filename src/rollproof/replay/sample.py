"""Which blocks are audited by a second machine although they hold: a seeded sample by block hash."""

from __future__ import annotations

import hashlib

_SPACE = 1 << 64


def sampled(block_hash: bytes, rate: float, seed: int = 0) -> bool:
    """Whether the block falls into the sample of share ``rate`` (0 to 1); the same answer on every machine."""
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"audit rate {rate} is not between 0 and 1")
    digest = hashlib.sha256(b"rollproof-audit" + seed.to_bytes(16, "big", signed=True) + block_hash).digest()
    return int.from_bytes(digest[:8], "big") < int(rate * _SPACE)
