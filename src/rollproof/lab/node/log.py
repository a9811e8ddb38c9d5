"""Logs as nodes show them, and the filters that choose some of them. Source: execution-apis, "Log" and "Filter"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from rollproof import _core
from rollproof.chain import wire
from rollproof.chain.wire import to_data, to_quantity
from rollproof.errors import Malformed
from rollproof.lab import receipts
from rollproof.lab.block import Block, Log

MAX_ADDRESSES: Final = 1_000
MAX_ALTERNATIVES: Final = 1_000  # for one topic's place
MAX_ASKED: Final = 16  # of a bloom: reading the logs is cheaper than more


@dataclass(frozen=True, slots=True)
class Filter:
    """Which logs: of any of the addresses (none: of all), with one of each place's topics (empty: any)."""

    addresses: frozenset[bytes] = frozenset()
    topics: tuple[frozenset[bytes], ...] = ()

    def takes(self, log: Log) -> bool:
        address, topics, _ = log
        if self.addresses and address not in self.addresses:
            return False
        if len(topics) < len(self.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, topics, strict=False))

    def may_be_in(self, bloom: bytes) -> bool:
        """Whether the header's bloom leaves room for such a log; of long lists it is not asked."""
        bits = int.from_bytes(bloom, "big")
        groups = [group for group in (self.addresses, *self.topics) if 0 < len(group) <= MAX_ASKED]
        return all(any(bits & mask == mask for mask in map(_mask, group)) for group in groups)


@lru_cache(maxsize=4096)
def _mask(item: bytes) -> int:
    """The three bits that an address or topic sets (yellow paper, section 4.4.1)."""
    digest = _core.keccak256(item)
    return sum({1 << (int.from_bytes(digest[at : at + 2], "big") & 2047) for at in (0, 2, 4)})


def read_filter(record: dict[str, Any], what: str) -> Filter:
    """The address and topics of a filter object. Raises Malformed."""
    given = record.get("address")
    listed = [] if given is None else [given] if isinstance(given, str) else given
    addresses = wire.sequence(listed, f"{what}: address", MAX_ADDRESSES)
    topics = record.get("topics")
    places = [] if topics is None else wire.sequence(topics, f"{what}: topics", 4)
    return Filter(
        frozenset(wire.address(each, f"{what}: address") for each in addresses),
        tuple(_alternatives(each, f"{what}: topics") for each in places),
    )


def _alternatives(value: Any, what: str) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    listed = [value] if isinstance(value, str) else wire.sequence(value, what, MAX_ALTERNATIVES)
    if None in listed:  # any topic will do
        return frozenset()
    return frozenset(wire.hash32(each, what) for each in listed)


def in_block(block: Block) -> Iterator[tuple[int, int, Log]]:
    """(transaction index, log index in the block, log) of every log that the block's receipts hold."""
    at = 0
    for index, encoded in enumerate(block.receipts):
        for each in receipts.decode(encoded).logs:
            yield index, at, each
            at += 1


def chosen(block: Block, wanted: Filter, *, removed: bool = False) -> Iterator[dict[str, Any]]:
    """The block's logs that a filter takes."""
    if wanted.may_be_in(block.header.logs_bloom):
        for index, at, each in in_block(block):
            if wanted.takes(each):
                yield shown(block, index, at, each, removed=removed)


def shown(block: Block, index: int, at: int, log: Log, *, removed: bool = False) -> dict[str, Any]:
    """A log with its place; ``removed`` where a reorganisation took it back."""
    address, topics, data = log
    return {
        "address": to_data(address),
        "topics": [to_data(each) for each in topics],
        "data": to_data(data),
        "blockHash": to_data(block.hash),
        "blockNumber": to_quantity(block.number),
        "blockTimestamp": to_quantity(block.timestamp),
        "transactionHash": to_data(block.hashes[index]),
        "transactionIndex": to_quantity(index),
        "logIndex": to_quantity(at),
        "removed": removed,
    }


def known_keys(record: dict[str, Any], known: frozenset[str], what: str) -> None:
    """Raises Malformed for a key that is not known, by its name."""
    for key in record:
        if key not in known:
            raise Malformed(f"{what}: {wire.short(key)} is not known")
