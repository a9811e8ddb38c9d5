"""What a reader hands over: transactions that can write their rows, and what is known around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rollproof.detect.foreign.writer import Writer
from rollproof.detect.shows import Shows


@dataclass(slots=True)
class RecordedTransaction:
    """One transaction: ``write`` puts its rows, ``index`` is its place in the block (None: in the order read)."""

    write: Callable[[Writer], None]
    hash: bytes | None = None
    index: int | None = None
    sender: bytes | None = None
    to: bytes | None = None
    success: bool | None = None
    gas_used: int | None = None


@dataclass(slots=True)
class RecordedBlock:
    """A block's transactions, or one execution. ``gaps``: what the source should have shown and does not."""

    where: str
    shows: Shows
    transactions: Sequence[RecordedTransaction]
    chain_id: int | None = None
    number: int | None = None
    hash: bytes | None = None
    timestamp: int | None = None
    base_fee: int | None = None
    beneficiary: bytes | None = None
    gas_limit: int | None = None
    gaps: list[str] = field(default_factory=list)
    names: Mapping[bytes, str] = field(default_factory=dict)
    digest: bytes | None = None  # of the whole recording, where it names no transaction
