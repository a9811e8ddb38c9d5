"""One venue under the state that a block claims and under the one that its transactions make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rollproof.errors import Malformed, Missing, RollproofError, Unsupported
from rollproof.replay.both_states import BothStates
from rollproof.replay.execute import Source
from rollproof.types import Outcome, Verdict
from rollproof.venue.adapters import detect
from rollproof.venue.holdings import Holdings, holdings_of
from rollproof.venue.snapshot import Adapter, Snapshot
from rollproof.venue.state_reader import StateReader

MAX_CANDIDATES: Final = 512  # contracts that are asked whether they are a venue


@dataclass(frozen=True, slots=True)
class Revaluation:
    """A venue three times: before the block, as the block claims it, and as its transactions make it.

    Where ``reason`` is not empty nothing was revalued, and it says why. ``before`` is None where no position differs,
    or the parent's state could not be read, which a note says. ``assumes`` and ``notes`` are one line each. ``adapter``
    names what read it. ``lacking``: somebody who has more of these states could tell more.
    """

    verdict: Verdict
    before: Snapshot | None = None
    claimed: Snapshot | None = None
    computed: Snapshot | None = None
    holdings: Holdings = field(default_factory=Holdings)
    adapter: str = ""
    assumes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    lacking: bool = False


def revalue(
    states: BothStates,
    *,
    venue: bytes | None = None,
    adapter: Adapter | None = None,
    source: Source | None = None,
    claimed_source: Source | None = None,
) -> Revaluation:
    """Reads the venue at ``venue``, or the only known one that the block touches, under both states.

    ``adapter`` is found by asking the contract, where none is given. Never raises for what evidence or a source may
    contain.
    """
    verdict = states.verdict
    if states.reason or states.inputs is None or states.computed is None or states.claimed is None:
        return Revaluation(verdict, reason=states.reason or "the claimed state is not known", lacking=True)
    parents = () if source is None else (source,)
    computed = StateReader(states.inputs, states.computed, parents)
    more = () if claimed_source is None else (claimed_source,)
    claimed = StateReader(states.inputs, states.claimed, (*parents, *more))
    try:
        found, read_by = _found(states, computed, venue, adapter)
        right, wrong = read_by.read(computed, found), read_by.read(claimed, found)
        if right.collateral != wrong.collateral:
            raise Unsupported(f"venue 0x{found.hex()}: the claimed state settles it in another token")
        holdings = holdings_of(states, claimed, computed, right, wrong)
    except RollproofError as error:
        hint = "" if source is not None else "; give --rpc-url to fetch what the evidence lacks"
        said = " ".join(str(error).split()) + (hint if isinstance(error, Missing) else "")
        return Revaluation(verdict, reason=said, lacking=isinstance(error, Missing))
    before, notes = _before(StateReader.of_parent(states.inputs, parents), read_by, right, wrong)
    notes += [f"the states also differ, nobody served in what: {each}" for each in holdings.opaque]
    unread = any((each.unread or each.unlisted) for each in (right, wrong)) or bool(holdings.unread)
    return Revaluation(
        verdict, before, wrong, right, holdings, read_by.name,
        assumes=tuple(dict.fromkeys((*right.assumes, *wrong.assumes))),
        notes=(*notes, *_outside(verdict)), lacking=unread or bool(notes),
    )  # fmt: skip


def _before(
    reader: StateReader, adapter: Adapter, right: Snapshot, wrong: Snapshot
) -> tuple[Snapshot | None, list[str]]:
    """The venue in the parent's state, where it takes that to see which of the two states closed a position."""
    if _sizes(right) == _sizes(wrong):
        return None, []
    try:
        before = adapter.read(reader, right.venue)
    except RollproofError as error:
        return None, [f"the state before the block was not read ({error}): liquidations done in it are not known"]
    left = len(before.unread)
    said = f"{left} accounts were not read before the block: liquidations of theirs in it are not known"
    return before, [said] if left else []


def _sizes(snapshot: Snapshot) -> dict[tuple[bytes, str], int]:
    return {(each.address, at.market): at.size for each in snapshot.accounts for at in each.positions}


def _found(
    states: BothStates, reader: StateReader, venue: bytes | None, adapter: Adapter | None
) -> tuple[bytes, Adapter]:
    """The venue and what reads it. Raises Unsupported, Missing."""
    if venue is not None:
        return venue, adapter or detect(reader, venue)
    known: dict[bytes, Adapter] = {}
    refused: RollproofError | None = None
    candidates = sorted({*states.touched, *states.named})
    for address in candidates[:MAX_CANDIDATES]:
        try:
            if reader.has_code(address):
                known[address] = detect(reader, address)
        except Unsupported:
            continue
        except (Missing, Malformed) as error:
            refused = refused or error
    if adapter is not None:
        known = {address: each for address, each in known.items() if each.name == adapter.name}
    if len(known) > 1:
        raise Unsupported(f"several venues are touched, name one with --venue: {_listed(known)}")
    if not known:
        said = "no contract that the block touches is a known venue"
        if refused is not None:
            raise Missing(f"{said}, as far as they could be asked ({refused}): name one with --venue")
        left = len(candidates) - MAX_CANDIDATES
        raise Unsupported(f"{said}{f' ({left} more were not asked)' if left > 0 else ''}: name one with --venue")
    [(found, read_by)] = known.items()
    return found, read_by


def _outside(verdict: Verdict) -> Iterable[str]:
    """What else is wrong with the block that no state of the venue shows."""
    if verdict.outcome is not Outcome.BROKEN:
        return
    wrong = {each.key for each in verdict.differences if each.scope == "header"}
    if "withdrawals_root" in wrong:
        yield "withdrawals_root is wrong too: withdrawals that nobody made may be proven on L1; they are not counted"
    if "receipts_root" in wrong:
        yield "receipts are wrong too: who follows the venue by its events sees what did not happen"


def _listed(addresses: Iterable[bytes]) -> str:
    return ", ".join(f"0x{address.hex()}" for address in addresses)
