"""View functions on a state root: the same answers as the chain's own, and what happens where nodes are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rollproof import _core
from rollproof.errors import Lying, Malformed, Missing, Unsupported
from rollproof.replay.execute import Inputs
from rollproof.venue import state_reader
from rollproof.venue.reader import Batching, Reader, Reverted
from rollproof.venue.state_reader import StateReader
from unit.venue_chain import FLAT, VenueChain
from unit.venue_model import ONE, USD


@pytest.fixture(scope="module")
def venue() -> VenueChain:
    made = VenueChain([FLAT])
    assert made.add_liquidity("provider", 1_000 * USD) is None
    for number in range(3):
        made.deposit(f"trader-{number}", (number + 1) * 100 * USD)
    assert made.trade("trader-0", 0, ONE // 10) is None
    return made


def inputs(venue: VenueChain, preimages: _core.Preimages | None = None) -> Inputs:
    found = venue.chain.inputs(venue.chain.head)
    return found if preimages is None else replace(found, preimages=preimages)


class Keeper:
    """Serves from all that the chain has; ``rounds`` are what it was asked."""

    def __init__(self, venue: VenueChain, root: bytes) -> None:
        self.state = _core.State(venue.chain.preimages, root)
        self.codes, self.rounds = venue.chain.preimages, list[_core.Needs]()

    def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
        self.rounds.append(needs)
        out = [node for address in needs.accounts for node in self.state.prove(address)]
        out += [node for address, slot in needs.slots for node in self.state.prove(address, slot)]
        return out + [self.codes.get(code) or b"" for _, code in needs.codes]


def calldata(venue: VenueChain) -> list[tuple[bytes, bytes]]:
    contract = venue.venue
    asked = [contract.encode("account", venue.address(f"trader-{number}")) for number in range(3)]
    return [(contract.address, data) for data in (*asked, contract.encode("pool"), contract.encode("market", 0))]


def test_it_answers_as_the_chain_does(venue: VenueChain) -> None:
    reader = StateReader(inputs(venue), venue.chain.head.header.state_root)
    assert isinstance(reader, Batching)
    asked: Reader = reader
    assert (asked.chain_id, asked.number) == (venue.chain.config.chain_id, venue.chain.head.number)
    assert asked.timestamp == venue.time
    expected = [venue.chain.call(to, data).output for to, data in calldata(venue)]
    assert [asked.call(to, data) for to, data in calldata(venue)] == expected
    assert reader.calls(calldata(venue) * 2) == expected * 2
    slot = venue.venue.slots["pool"]
    assert asked.storage(venue.venue.address, slot) == 1_000 * USD == venue.chain.storage(venue.venue.address, slot)
    assert (venue.venue.address, slot.to_bytes(32, "big")) in reader.read_by(*calldata(venue)[3])
    assert reader.has_code(venue.venue.address)
    assert not reader.has_code(venue.address("keeper"))
    assert not reader.has_code(b"\x77" * 20)


def test_a_revert_is_no_answer(venue: VenueChain) -> None:
    reader = StateReader(inputs(venue), venue.chain.head.header.state_root)
    with pytest.raises(Reverted):
        reader.call(venue.venue.address, venue.venue.encode("market", 9))
    [good, bad] = reader.calls([calldata(venue)[3], (venue.venue.address, venue.venue.encode("market", 9))])
    assert isinstance(good, bytes)
    assert isinstance(bad, Reverted)


def test_the_parents_state_is_seen_in_the_parents_time(venue: VenueChain) -> None:
    """The last block opened a position: before it, the trader has none, and the venue's clock is two seconds behind."""
    reader = StateReader.of_parent(inputs(venue))
    assert (reader.number, reader.timestamp) == (venue.chain.head.number - 1, venue.time - 2)
    data = venue.venue.encode("marketsOf", venue.address("trader-0"))
    assert venue.venue.decode("marketsOf", reader.call(venue.venue.address, data)) == (0, 0)
    after = StateReader(inputs(venue), venue.chain.head.header.state_root).call(venue.venue.address, data)
    assert venue.venue.decode("marketsOf", after) == (1, 0)


def test_what_is_missing_is_fetched_together(venue: VenueChain) -> None:
    root = venue.chain.head.header.state_root
    keeper, empty = Keeper(venue, root), _core.Preimages()
    reader = StateReader(inputs(venue, empty), root, [keeper])
    expected = [venue.chain.call(to, data).output for to, data in calldata(venue)]
    assert reader.calls(calldata(venue)) == expected
    together = len(keeper.rounds)
    one_by_one = Keeper(venue, root)
    reader = StateReader(inputs(venue, _core.Preimages()), root, [one_by_one])
    assert [reader.call(to, data) for to, data in calldata(venue)] == expected
    assert together < len(one_by_one.rounds)
    offline = StateReader(inputs(venue, empty), root)  # what was served was kept
    assert offline.calls(calldata(venue)) == expected


def test_without_a_source_it_is_missing_by_name(venue: VenueChain) -> None:
    root = venue.chain.head.header.state_root
    reader = StateReader(inputs(venue, _core.Preimages()), root)
    with pytest.raises(Missing, match="lacks"):
        reader.call(*calldata(venue)[0])
    assert all(isinstance(each, Missing) for each in reader.calls(calldata(venue)))
    with pytest.raises(Missing):
        reader.storage(venue.venue.address, 3)
    with pytest.raises(Missing):
        reader.has_code(venue.venue.address)
    assert reader.read_by(*calldata(venue)[0]) == frozenset()


def test_one_missing_account_does_not_hide_the_others(venue: VenueChain) -> None:
    root, who = venue.chain.head.header.state_root, venue.address("trader-2")
    place = _core.keccak256(who.rjust(32, b"\0") + venue.venue.slots["_accounts"].to_bytes(32, "big"))
    leaf = venue.chain.state().prove(venue.venue.address, place)[-1]
    left = _core.Preimages()
    left.add([each for each in venue.chain.preimages.values() if each != leaf])
    answers = StateReader(inputs(venue, left), root).calls(calldata(venue))
    assert [isinstance(each, Missing) for each in answers] == [False, False, True, False, False]


def test_the_second_source_is_asked_where_the_first_brings_nothing_new(venue: VenueChain) -> None:
    class Useless:
        def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
            return [b"nothing of it"]

    root = venue.chain.head.header.state_root
    keeper = Keeper(venue, root)
    reader = StateReader(inputs(venue, _core.Preimages()), root, [Useless(), keeper])
    assert reader.call(*calldata(venue)[3]) == venue.chain.call(*calldata(venue)[3]).output
    assert keeper.rounds
    useless = StateReader(inputs(venue, _core.Preimages()), root, [Useless()])
    with pytest.raises(Missing):
        useless.call(*calldata(venue)[3])


def test_a_source_that_lies_is_not_outvoted(venue: VenueChain) -> None:
    class Liar:
        def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
            raise Lying("its proof does not fit")

    root = venue.chain.head.header.state_root
    reader = StateReader(inputs(venue, _core.Preimages()), root, [Liar(), Keeper(venue, root)])
    with pytest.raises(Lying):
        reader.calls(calldata(venue))


def test_work_is_bounded(venue: VenueChain, monkeypatch: pytest.MonkeyPatch) -> None:
    root = venue.chain.head.header.state_root
    monkeypatch.setattr(state_reader, "ALL_GAS", 30_000)
    reader = StateReader(inputs(venue), root)
    with pytest.raises(Unsupported, match="gas"):
        reader.calls(calldata(venue))
    monkeypatch.setattr(state_reader, "MAX_ANSWER", 16)
    with pytest.raises(Malformed, match="bound"):
        StateReader(inputs(venue), root).call(*calldata(venue)[3])
