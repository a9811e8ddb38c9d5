"""Who has how many of a venue's collateral tokens outside it, under the claimed and under the computed state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rollproof._core import keccak256
from rollproof.errors import RollproofError, Unsupported
from rollproof.replay.apart import apart
from rollproof.replay.both_states import BothStates
from rollproof.venue.snapshot import Snapshot
from rollproof.venue.state_reader import StateReader
from rollproof.venue.token import BALANCE_OF, TOTAL_SUPPLY
from rollproof.venue.view import ask_all

MAX_HOLDERS: Final = 250_000  # accounts whose tokens are counted


@dataclass(frozen=True, slots=True)
class Holdings:
    """Collateral tokens outside the venue: of its accounts and of whoever the block names. Base units.

    ``unexplained`` are keccak-256 hashes of slots of the token's contract that differ and are nobody's balance of those
    asked, nor the supply; ``unread`` has those whose balance could not be read, with why. ``opaque``: where else the
    states differ, and nobody served in what.
    """

    claimed: Mapping[bytes, int] = field(default_factory=dict)
    computed: Mapping[bytes, int] = field(default_factory=dict)
    unexplained: tuple[bytes, ...] = ()
    unread: Mapping[bytes, str] = field(default_factory=dict)
    opaque: tuple[str, ...] = ()


def holdings_of(
    states: BothStates, claimed: StateReader, computed: StateReader, right: Snapshot, wrong: Snapshot
) -> Holdings:
    """Of one venue's token. Raises Unsupported for more accounts than the bound, and what a source raises."""
    token, venue = right.collateral.address, right.venue
    named = {*states.touched, *states.named, *_named(states)}
    members = {each.address for snapshot in (right, wrong) for each in snapshot.accounts}
    holders = sorted((named | members | {*right.unread, *wrong.unread}) - {venue})
    if len(holders) > MAX_HOLDERS:
        raise Unsupported(f"{len(holders)} accounts to look at; {MAX_HOLDERS} is the bound")
    amounts: list[dict[bytes, int]] = [{}, {}]
    unread: dict[bytes, str] = {}
    explained: set[tuple[bytes, bytes]] = set()
    for at, reader in enumerate((claimed, computed)):
        answers = ask_all(reader, [(token, BALANCE_OF, (holder,)) for holder in holders])
        for holder, answer in zip(holders, answers, strict=True):
            if isinstance(answer, RollproofError):
                unread.setdefault(holder, str(answer))
            else:
                amounts[at][holder] = answer
        asked = [TOTAL_SUPPLY.encode(), *(BALANCE_OF.encode(holder) for holder in (venue, *holders))]
        for data in asked:
            explained |= reader.read_by(token, data)
    for holder in unread:  # a difference needs both
        for known in amounts:
            known.pop(holder, None)
    wallets = {holder: why for holder, why in unread.items() if holder in members or holder in states.named}
    known_slots = {keccak256(slot) for address, slot in explained if address == token}
    differ = apart(states)
    left = tuple(sorted(differ.slots.get(keccak256(token), set()) - known_slots))
    # Where every differing slot is known and somebody's, what could not be read is the same in both.
    return Holdings(amounts[0], amounts[1], left, wallets if left or differ.opaque else {}, differ.opaque)


def _named(states: BothStates) -> set[bytes]:
    """Whom the block's transactions and logs name: senders, receivers, and addresses among the topics."""
    found: set[bytes] = set()
    for outcome in states.outcomes:
        found |= {each for each in (outcome["sender"], outcome["to"]) if each is not None}
        for _, topics, _ in outcome["logs"]:
            found |= {topic[12:] for topic in topics[1:] if topic[:12] == bytes(12) and any(topic[12:28])}
    return found
