"""What an execution failure costs leveraged positions.

Called as ``rollproof.risk(positions, rules="gmx", scenario="base-2026-06")``, it prices a scenario: see `risk.request`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollproof.risk.result import Priced

__all__: list[str] = []


class _Risk(ModuleType):
    """A room that is named as its verb is."""

    def __call__(self, positions: Any, **options: Any) -> Priced:
        """See `request.risk`."""
        from rollproof.risk.request import risk

        return risk(positions, **options)


sys.modules[__name__].__class__ = _Risk
