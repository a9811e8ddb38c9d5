"""The adapters that there are, by name, and which of them reads a contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from rollproof.errors import Unsupported
from rollproof.venue.lab_venue import LabVenue
from rollproof.venue.perp_v2 import PerpV2
from rollproof.venue.reader import Reader
from rollproof.venue.snapshot import Adapter

if TYPE_CHECKING:
    from rollproof.venue.rules.rules import Rules


class Detecting(Adapter, Protocol):
    """An adapter that knows its own venues."""

    def matches(self, reader: Reader, venue: bytes) -> bool:
        """Whether a contract answers as its venues do. Raises Missing, Retry where it could not be asked."""
        ...

    def rules_of(self, reader: Reader, venue: bytes) -> Rules:
        """The margin rules that the venue is set to. Raises as `Adapter.read`."""
        ...


NAMES: Final = (LabVenue.name, PerpV2.name)


def named(name: str, *, accounts: Sequence[bytes] | None = None, first_block: int = 0) -> Detecting:
    """The adapter of a name.

    ``accounts`` (20 bytes each) or the block that created the venue are for venues that keep no list of accounts.
    Raises Unsupported for a name that is not known, or accounts for a venue that lists its own.
    """
    if name == PerpV2.name:
        return PerpV2(accounts, first_block)
    if name != LabVenue.name:
        raise Unsupported(f"no adapter {name[:40]!r}: {', '.join(NAMES)}")
    if accounts is not None:
        raise Unsupported(f"the venue of adapter {name} lists its accounts itself: none can be named")
    return LabVenue()


def detect(reader: Reader, venue: bytes, *, accounts: Sequence[bytes] | None = None, first_block: int = 0) -> Detecting:
    """The adapter that reads a contract, found by asking it. Raises Unsupported where none does, Missing, Retry."""
    for adapter in (LabVenue(), PerpV2(accounts, first_block)):
        if adapter.matches(reader, venue):
            return named(adapter.name, accounts=accounts, first_block=first_block)
    raise Unsupported(f"0x{venue.hex()} at block {reader.number} is no venue of an adapter: {', '.join(NAMES)}")
