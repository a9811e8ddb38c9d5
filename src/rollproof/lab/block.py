"""What the lab's chains are made of: genesis accounts, blocks, and what building or calling gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollproof import _core
from rollproof.types import Header, Withdrawal

Log = tuple[bytes, list[bytes], bytes]  # address, topics, data
# address, nonce, balance in wei, code, [(slot, value)]; None keeps what is there.
Written = tuple[bytes, int | None, int | None, bytes | None, Sequence[tuple[int, int]]]


@dataclass(slots=True)
class Holder:
    """One account of the genesis state; ``balance`` in wei, ``storage`` by slot number."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    storage: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block: its header commits to everything else here but ``outcomes``."""

    header: Header
    hash: bytes
    transactions: tuple[bytes, ...] = ()
    hashes: tuple[bytes, ...] = ()
    withdrawals: tuple[Withdrawal, ...] | None = None
    receipts: tuple[bytes, ...] = ()  # consensus encodings
    outcomes: tuple[Mapping[str, Any], ...] = ()  # what the builder's own execution gave, see `_core.Done.outcomes`

    @property
    def number(self) -> int:
        return self.header.number

    @property
    def timestamp(self) -> int:
        return self.header.timestamp


@dataclass(frozen=True, slots=True)
class Built:
    """A block that is not part of the chain yet, and which of the given transactions it holds."""

    block: Block
    done: _core.Done
    included: list[int]
    refused: list[tuple[int, str, str]]  # index, kind, reason


@dataclass(frozen=True, slots=True)
class Call:
    """What a message call that no block holds gave; ``status`` 1 where it succeeded."""

    status: int
    output: bytes
    gas_used: int
    halt: str | None
    logs: Sequence[Log]
    trace: _core.Trace | None = None
