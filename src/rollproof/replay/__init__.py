"""Recompute blocks and compare with what is claimed: witness -> core -> verdict."""

from rollproof.replay.sample import sampled
from rollproof.replay.sources import expand, read
from rollproof.replay.verify import verify, verify_claim, verify_file

__all__ = ["expand", "read", "sampled", "verify", "verify_claim", "verify_file"]
