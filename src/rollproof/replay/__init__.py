"""Recompute blocks and compare with what is claimed: witness -> core -> verdict.

Called as ``rollproof.replay(source, order=[...])``, it runs a block in another order: see `replay.counterfactual`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rollproof.replay.sample import sampled
from rollproof.replay.sources import expand, read
from rollproof.replay.verify import verify, verify_claim, verify_file

if TYPE_CHECKING:
    from rollproof.replay.replayed import Replay

__all__ = ["expand", "read", "sampled", "verify", "verify_claim", "verify_file"]


class _Replay(ModuleType):
    """A room that is named as its verb is."""

    def __call__(self, source: Any, order: Sequence[int], **options: Any) -> Replay:
        """See `reorder.replay`."""
        from rollproof.replay.reorder import replay

        return replay(source, order, **options)


sys.modules[__name__].__class__ = _Replay
