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
        """See `request.risk`. Raises ImportError, naming the extra, where what it computes with is not installed."""
        try:
            from rollproof.risk.request import risk
        except ModuleNotFoundError as error:
            raise ImportError(
                f"rollproof.risk needs the extra: pip install 'rollproof[risk]' (no {error.name})"
            ) from error

        return risk(positions, **options)


sys.modules[__name__].__class__ = _Risk
