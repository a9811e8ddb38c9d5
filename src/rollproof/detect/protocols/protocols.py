"""Protocol tables compiled to look-ups by selector, topic, address and slot."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from rollproof.detect.protocols.entry import Account, Event, Function, Slot
from rollproof.detect.protocols.table import MAX_TABLE, Entry, parse
from rollproof.errors import Missing


class Protocols:
    """What the tables know. Where several functions share a selector, or events a topic, the first is given."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: tuple[Entry, ...] = tuple(entries)
        self.functions: dict[bytes, Function] = {}
        self.events: dict[bytes, Event] = {}
        self.accounts: dict[bytes, Account] = {}
        self.slots: dict[bytes, Slot] = {}
        for each in self.entries:
            if isinstance(each, Function):
                self.functions.setdefault(each.selector, each)
            elif isinstance(each, Event):
                self.events.setdefault(each.topic, each)
            elif isinstance(each, Account):
                self.accounts.setdefault(each.address, each)
            else:
                self.slots.setdefault(each.slot, each)

    def __repr__(self) -> str:
        return (
            f"<Protocols: {len(self.functions)} functions, {len(self.events)} events, {len(self.accounts)} accounts, "
            f"{len(self.slots)} slots>"
        )

    def extended(self, path: Path) -> Protocols:
        """These and a file's, whose entries win. Raises Missing, Malformed or Unsupported naming file and entry."""
        try:
            with path.open("rb") as file:
                data = file.read(MAX_TABLE + 1)
        except OSError as error:
            raise Missing(f"{path.name}: cannot be read ({error.strerror or type(error).__name__})") from None
        return Protocols((*parse(data, path.name), *self.entries))

    def function(self, data: bytes) -> Function | None:
        """The function that call data names."""
        return self.functions.get(data[:4])

    def event(self, topics: tuple[bytes, ...]) -> Event | None:
        """The event that a log's first topic names."""
        return self.events.get(topics[0]) if topics else None

    def selectors(self, *actions: str) -> frozenset[bytes]:
        """Of functions that do one of these."""
        return frozenset(each.selector for each in self.functions.values() if each.action in actions)

    def topics(self, *actions: str) -> frozenset[bytes]:
        """Of events that say one of these."""
        return frozenset(each.topic for each in self.events.values() if each.action in actions)

    def of_kind(self, kind: str) -> frozenset[bytes]:
        """Accounts of a kind."""
        return frozenset(each.address for each in self.accounts.values() if each.kind == kind)

    @cached_property
    def routers(self) -> frozenset[bytes]:
        """Contracts that trade for whoever calls them."""
        return self.of_kind("router")

    @cached_property
    def wrappers(self) -> frozenset[bytes]:
        """Tokens that stand for wei."""
        return self.of_kind("wrapper")

    @cached_property
    def swap_selectors(self) -> frozenset[bytes]:
        """Of pools' own swaps."""
        return self.selectors("swap")

    @cached_property
    def liquidation_selectors(self) -> frozenset[bytes]:
        """Of liquidations."""
        return self.selectors("liquidate")

    @cached_property
    def liquidation_topics(self) -> frozenset[bytes]:
        """Of liquidations' events."""
        return self.topics("liquidate")
