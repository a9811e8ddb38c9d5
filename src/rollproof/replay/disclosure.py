"""What a source believes came out of a block, asked for only where a result differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from rollproof import _core

Slots = Mapping[bytes, Iterable[bytes]]


@runtime_checkable
class Disclosing(Protocol):
    """A source with results of its own. ``compliant`` is False where its state roots break consensus rules."""

    @property
    def compliant(self) -> bool: ...

    @property
    def exempt(self) -> Mapping[str, str]:
        """Header results that say nothing about execution, and why."""
        ...

    def receipts(self) -> Sequence[Mapping[str, Any]] | None:
        """As ``Claim.receipts``; None where they are not served."""
        ...

    def post_state(self, accounts: Iterable[bytes], slots: Slots) -> Mapping[bytes, Mapping[str, Any]]:
        """As ``Claim.post_state``, proven against the claimed state root."""
        ...

    def read_values(self, accounts: Iterable[bytes], slots: Slots, *, after: bool) -> Mapping[bytes, Any]:
        """Unproven nonce, balance, code and storage by account."""
        ...


def without(source: object) -> dict[str, str]:
    """Header results that are not to be compared because the source breaks consensus rules, and why."""
    return dict(source.exempt) if isinstance(source, Disclosing) else {}


def rules_agreed(source: object) -> bool:
    """Whether the source's own configuration was compared with ours and says the same."""
    return bool(getattr(source, "rules_agreed", False))


def receipts(source: object) -> Sequence[Mapping[str, Any]] | None:
    """The source's receipts, where it has any."""
    return source.receipts() if isinstance(source, Disclosing) else None


def touched(done: _core.Done) -> dict[bytes, set[bytes]]:
    """Every account and slot that the block read or wrote."""
    found: dict[bytes, set[bytes]] = {address: set(slots) for address, slots in done.touched}
    for address, _, _, slots in done.changes:
        found.setdefault(address, set()).update(slot for slot, _, _ in slots)
    return found


def post_state(source: object, done: _core.Done) -> Mapping[bytes, Mapping[str, Any]] | None:
    """The source's values of every account and slot that the block read or wrote. Raises what the source raises."""
    if not isinstance(source, Disclosing):
        return None
    wanted = touched(done)
    if source.compliant:
        return source.post_state(list(wanted), wanted)
    return {
        address: {
            "nonce": values.nonce,
            "balance": values.balance,
            "code_hash": _core.keccak256(values.code),
            "storage": values.storage,
        }
        for address, values in source.read_values(list(wanted), wanted, after=True).items()
    }
