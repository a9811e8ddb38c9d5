"""What a protocol table says: functions, events, accounts and slots that are known by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """A function and what calling it does. ``words``: argument by name -> where its word stands in the head."""

    selector: bytes
    signature: str
    action: str
    protocol: str
    words: Mapping[str, int]

    @property
    def name(self) -> str:
        """Without its parameters."""
        return self.signature.partition("(")[0]

    def word(self, data: bytes, argument: str) -> int | None:
        """An argument's word in call data; None where the table does not name it or the data is too short."""
        at = self.words.get(argument)
        if at is None or len(data) < 36 + 32 * at:
            return None
        return int.from_bytes(data[4 + 32 * at : 36 + 32 * at], "big")

    def address(self, data: bytes, argument: str) -> bytes | None:
        """The same as an address."""
        return _address(self.word(data, argument))


@dataclass(frozen=True, slots=True)
class Event:
    """An event and what it says. ``topics`` and ``words``: argument by name -> its topic, or its word of the data."""

    topic: bytes
    signature: str
    action: str
    protocol: str
    topics: Mapping[str, int]
    words: Mapping[str, int]
    indexed: int

    @property
    def name(self) -> str:
        """Without its parameters."""
        return self.signature.partition("(")[0]

    def word(self, topics: Sequence[bytes], data: bytes, argument: str) -> int | None:
        """An argument's word in a log; None where the table does not name it or the log is another's."""
        if len(topics) != self.indexed + 1:
            return None
        place = self.topics.get(argument)
        if place is not None:
            return int.from_bytes(topics[place], "big")
        at = self.words.get(argument)
        if at is None or len(data) < 32 + 32 * at:
            return None
        return int.from_bytes(data[32 * at : 32 + 32 * at], "big")

    def address(self, topics: Sequence[bytes], data: bytes, argument: str) -> bytes | None:
        """The same as an address."""
        return _address(self.word(topics, data, argument))


@dataclass(frozen=True, slots=True)
class Account:
    """An account that is known: ``kind`` is router, wrapper (a token that stands for wei), pools or other."""

    address: bytes
    name: str
    kind: str
    chain: int | None  # None: on every chain


@dataclass(frozen=True, slots=True)
class Slot:
    """A storage slot whose place a standard fixes."""

    slot: bytes
    name: str
    standard: str


def _address(word: int | None) -> bytes | None:
    return None if word is None or word >> 160 else word.to_bytes(20, "big")
