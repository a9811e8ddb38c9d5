"""Values carried from block to block: what changed in between, what is asked for, and what is dropped at the bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from rollproof import _core
from rollproof.chain.header import EMPTY_CODE, EMPTY_ROOT, Sealed
from rollproof.chain.pinned import Values
from rollproof.chain.witness import NodeSource
from rollproof.errors import Missing
from rollproof.replay import carried
from rollproof.replay.carried import Carried

ALICE, TOKEN = b"\xa1" * 20, b"\x70" * 20
SLOT = bytes(31) + b"\x07"


def sealed(number: int) -> Sealed:
    return Sealed(number.to_bytes(32, "big"), cast("Any", None))


class Chain:
    """The states after blocks, as a node gives them; stands for the source of each block."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states: dict[int, dict[bytes, Values]] = {}
        self.asked: list[tuple[int, list[bytes]]] = []
        chain = self

        class Pinned:
            def __init__(self, node: Any, block: Sealed) -> None:
                self.number = int.from_bytes(block.hash, "big")

            def values(self, accounts: Mapping[bytes, list[bytes]], slots: Any) -> dict[bytes, Values]:
                chain.asked.append((self.number, sorted(accounts)))
                if self.number not in chain.states:
                    raise Missing("node: pruned")
                return {address: chain.states[self.number][address] for address in accounts}

        monkeypatch.setattr(carried, "Pinned", Pinned)

    def source(self, number: int) -> NodeSource:
        class Source:
            def __init__(self) -> None:
                self.parent, self.sealed = sealed(number - 1), sealed(number)

            def ask(self, read: Any) -> Any:
                return read(None)

        return cast("NodeSource", Source())


def values(balance: int = 0, **slots: int) -> Values:
    return Values(0, balance, b"", {SLOT: slots["slot"]} if slots else {})


class Done:
    """A run that read ``touched`` and left the balances and the slot given."""

    def __init__(self, touched: dict[bytes, list[bytes]], balances: dict[bytes, int], slot: int | None = None) -> None:
        self.touched = list(touched.items())
        self.changes: list[Any] = [
            (address, None, (0, balance, EMPTY_ROOT, EMPTY_CODE), []) for address, balance in balances.items()
        ]
        if slot is not None:
            account = (0, 0, EMPTY_ROOT, EMPTY_CODE)
            self.changes.append((TOKEN, account, account, [(SLOT, 0, slot)]))


def follow(
    chain: Chain, held: Carried, number: int, before: dict[bytes, Values], done: Done, destroys: bool = False
) -> tuple[list[str], list[str]]:
    found, notes = held.follow(chain.source(number), before, cast("_core.Done", done), destroys=destroys)
    return [f"{d.key} {d.claimed} {d.computed}" for d in found], notes


def test_a_value_that_a_block_left_is_what_the_next_one_starts_from(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, held = Chain(monkeypatch), Carried()
    before = {ALICE: values(5), TOKEN: values(slot=1)}
    assert follow(chain, held, 1, before, Done({ALICE: [], TOKEN: [SLOT]}, {ALICE: 6}, slot=2)) == ([], [])
    again = {ALICE: values(6), TOKEN: values(slot=2)}
    assert follow(chain, held, 2, again, Done({ALICE: [], TOKEN: [SLOT]}, {})) == ([], [])
    assert chain.asked == []
    wrong = {ALICE: values(60), TOKEN: values(slot=9)}
    found, _ = follow(chain, held, 3, wrong, Done({ALICE: [], TOKEN: [SLOT]}, {}))
    assert found == [
        f"0x{TOKEN.hex()}[0x{SLOT.hex()}] 0x{9:064x} 0x{2:064x}",
        f"0x{ALICE.hex()}.balance 60 6",
    ]
    assert follow(chain, held, 4, wrong, Done({ALICE: [], TOKEN: [SLOT]}, {})) == ([], [])  # said once


def test_what_is_touched_for_the_first_time_is_read_as_before_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, held = Chain(monkeypatch), Carried()
    chain.states[0] = {ALICE: values(5), TOKEN: values(slot=1)}
    follow(chain, held, 1, {ALICE: values(5)}, Done({ALICE: []}, {}))
    found, notes = follow(chain, held, 2, {TOKEN: values(slot=4)}, Done({TOKEN: [SLOT]}, {}))
    assert found == [f"0x{TOKEN.hex()}[0x{SLOT.hex()}] 0x{4:064x} 0x{1:064x}"]
    assert notes == []
    assert chain.asked == [(0, [TOKEN])]


def test_what_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, held = Chain(monkeypatch), Carried()
    follow(chain, held, 1, {ALICE: values(5)}, Done({ALICE: []}, {}))
    found, notes = follow(chain, held, 2, {TOKEN: values(slot=4)}, Done({TOKEN: [SLOT]}, {}))
    assert (found, notes) == ([], ["changes between blocks: node: pruned"])


def test_a_contract_that_may_have_been_destroyed_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, held = Chain(monkeypatch), Carried()
    before = {TOKEN: values(slot=1)}
    follow(chain, held, 1, before, Done({TOKEN: [SLOT]}, {}), destroys=True)
    gone = Done({TOKEN: []}, {})
    gone.changes = [(TOKEN, (1, 0, b"\x01" * 32, EMPTY_CODE), None, [])]
    follow(chain, held, 2, before, gone, destroys=True)
    chain.states[2] = {TOKEN: values(slot=0)}
    follow(chain, held, 3, {ALICE: values(1)}, Done({}, {}), destroys=True)
    assert follow(chain, held, 4, {TOKEN: values(slot=0)}, Done({TOKEN: [SLOT]}, {}), destroys=True) == ([], [])
    assert chain.asked[-1] == (2, [TOKEN])


def test_the_bound_is_said_and_what_comes_later_is_still_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, held = Chain(monkeypatch), Carried(limit=2)
    _, notes = follow(chain, held, 1, {ALICE: values(5), TOKEN: values(slot=1)}, Done({ALICE: [], TOKEN: [SLOT]}, {}))
    assert notes == ["changes between blocks: more than 2 values; the earlier ones were dropped"]
    chain.states[1] = {ALICE: values(5)}
    follow(chain, held, 2, {}, Done({}, {}))
    found, _ = follow(chain, held, 3, {ALICE: values(7)}, Done({ALICE: []}, {}))
    assert found == [f"0x{ALICE.hex()}.balance 7 5"]
