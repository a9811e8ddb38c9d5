"""What `rollproof risk` prices: books with their rules and state, from a file or from a chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from rollproof.chain import wire
from rollproof.chain.claims import answering, connect
from rollproof.errors import Unsupported
from rollproof.venue import adapters, positions
from rollproof.venue.book import Book
from rollproof.venue.node_reader import NodeReader
from rollproof.venue.rules import registry
from rollproof.venue.rules.rules import Rules
from rollproof.venue.snapshot_book import book_of
from rollproof.venue.state import VenueState


@dataclass(frozen=True, slots=True)
class Stake:
    """One venue. ``notes`` say what is assumed or missing."""

    book: Book
    rules: Rules
    state: VenueState
    notes: tuple[str, ...] = ()


def from_file(
    path: Path,
    *,
    venue: str | None,
    rules: str | None,
    quote: str,
    prices: Mapping[str, float],
    insurance_fund: float,
    pool: float | None,
) -> list[Stake]:
    """Every venue of a file, or one of them. Raises as `positions.read_all` and `registry.load`."""
    if rules is None:
        raise typer.BadParameter(f"--rules says how the positions are margined: {', '.join(registry.FAMILIES)}")
    loaded = registry.load(rules)
    if venue is not None:
        books = [positions.read(path, quote=quote, prices=prices, venue=venue)]
    else:
        books = list(positions.read_all(path, quote=quote, prices=prices).values())
    if unknown := sorted(set(prices) - {asset for book in books for asset in book.assets}):
        raise typer.BadParameter(f"--price: no asset {unknown[0][:40]!r} in the positions")
    fund = {"insurance_fund": insurance_fund, "pool": float("inf") if pool is None else pool}
    return [Stake(book, loaded, VenueState.of(book, **fund)) for book in books]


def from_chain(
    urls: Sequence[str],
    address: str,
    *,
    block: str,
    adapter: str | None,
    accounts: Sequence[str],
    rules: str | None,
) -> list[Stake]:
    """One venue as a node has it: the answers are the node's own and are not proven.

    Raises Unsupported where no adapter knows the contract, and as `NodeReader` and the adapter do.
    """
    contract = wire.address(address, "--venue")
    nodes, _, _ = answering(connect(urls))
    reader = NodeReader.at(nodes[0], int(block) if block.isdigit() else block)
    listed = [wire.address(each, "--accounts") for each in accounts] or None
    if adapter is None:
        reads = adapters.detect(reader, contract, accounts=listed)
    else:
        reads = adapters.named(adapter, accounts=listed)
    snapshot = reads.read(reader, contract)
    book, state = book_of(snapshot, reads.name)
    loaded = registry.load(rules) if rules is not None else reads.rules_of(reader, contract)
    notes = [
        f"positions are what {nodes[0].label} says of block {reader.number}; nothing of it was proven",
        *((f"accounts may be missing: {snapshot.unlisted}",) if snapshot.unlisted else ()),
        *snapshot.assumes,
    ]
    return [Stake(book, loaded, state, tuple(notes))]


def refuse_mixed(stakes: Sequence[Stake], network: Path | None) -> None:
    """Raises Unsupported for what only one venue at a time can be asked."""
    if network is not None and len(stakes) != 1:
        raise Unsupported("--network starts from one venue's loss: choose it with --venue")
