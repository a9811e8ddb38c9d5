"""What contracts held in wei before each transaction of a block: the state below the block, and what moved since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollproof.detect.execution import Execution


class EtherHeld:
    """One block's. ``before``: account -> wei below the block, of the accounts that the block changed."""

    def __init__(self, before: Mapping[bytes, int], executions: Sequence[Execution]) -> None:
        self._before, self._executions = before, executions
        # Fees are in no transfer: of who pays or gets them nothing is said.
        self._unsaid = {each.sender for each in executions}

    @classmethod
    def of_changes(cls, changes: Iterable[tuple[Any, ...]], executions: Sequence[Execution]) -> EtherHeld:
        """From what the core says a block changed (`_core.Done.changes`)."""
        return cls({change[0]: change[1][1] if change[1] else 0 for change in changes}, executions)

    def at(self, index: int, account: bytes) -> int | None:
        """What an account held when the transaction at an index began; None where it is not known."""
        before = self._before.get(account)
        if before is None or account in self._unsaid:
            return None
        earlier = (each for each in self._executions if each.index < index)
        held = before + sum(each.net.get((account, None), 0) for each in earlier)
        return held if held >= 0 else None
