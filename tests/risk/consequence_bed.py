"""A small venue whose last block can be claimed with any slot changed, as faults/state_transition.py seals it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from rollproof import _core
from rollproof.lab.block import Block
from rollproof.replay.both_states import BothStates, both_states
from rollproof.risk.consequence import AccountConsequence, Consequence, consequence
from rollproof.types import Claim
from rollproof.venue.revaluation import Revaluation, revalue
from unit.venue_chain import FLAT, SYMBOLS, VenueChain
from unit.venue_model import ONE, USD

A, B, C, D = "trader-0", "trader-1", "trader-2", "trader-3"
ETH = "ETH-USD"
POOL, FUND = 1_000_000 * USD, 50_000 * USD

Slot = tuple[bytes, int]  # contract, slot


class Bed:
    """No fees and no funding: prices alone move money. The price of ETH is 2,000.

    A is long 5 and B short 3 with 1,000 each, cross; C is long 2 with an isolated margin of 500, of 1,000. D went short
    1 at 1,900 with 110 in all, so that it has 10 left: less than 1 % of 2,000. The last block is a deposit by A of 10.
    """

    def __init__(self) -> None:
        self.venue = VenueChain([FLAT, FLAT])
        v = self.venue
        assert v.add_liquidity("provider", POOL) is None
        assert v.insure(FUND) is None
        for name, size in ((A, 5), (B, -3)):
            v.deposit(name, 1_000 * USD)
            assert v.trade(name, 0, size * ONE) is None
        v.deposit(C, 1_000 * USD)
        assert v.trade(C, 0, 2 * ONE, isolated=True, margin=500 * USD) is None
        v.push(1_900 * 10**8, 60_000 * 10**8)
        v.deposit(D, 110 * USD)
        assert v.trade(D, 0, -ONE) is None
        v.push(2_000 * 10**8, 60_000 * 10**8)
        v.deposit(A, 10 * USD)

    # Where things are: Solidity documentation, "Layout of State Variables in Storage".

    def account(self, name: str, offset: int = 0) -> Slot:
        """0 is the balance, 1 the debt."""
        return self.venue.venue.address, mapped(self.venue.venue.slots["_accounts"], self.who(name)) + offset

    def position(self, name: str, offset: int = 0) -> Slot:
        """0 has the size in its lower half, 1 the margin, 2 the cost."""
        return self.venue.venue.address, mapped(self.venue.venue.slots["_positions"], 0, self.who(name)) + offset

    def tokens(self, address: bytes) -> Slot:
        return self.venue.usdc.address, mapped(self.venue.usdc.slots["balanceOf"], address)

    @property
    def supply(self) -> Slot:
        return self.venue.usdc.address, self.venue.usdc.slots["totalSupply"]

    @property
    def price(self) -> Slot:
        """Of ETH: 24 bytes of price with 8 decimals under 8 bytes of time."""
        oracle = self.venue.oracle
        rounds = self.value((oracle.address, mapped(oracle.slots["latestRound"], SYMBOLS[0])))
        return oracle.address, mapped(oracle.slots["_rounds"], SYMBOLS[0], rounds)

    def value(self, slot: Slot) -> int:
        return self.venue.chain.storage(*slot)

    def who(self, name: str) -> bytes:
        return self.venue.address(name)

    # What is claimed of the last block.

    def lie(self, writes: Iterable[tuple[Slot, int]]) -> Block:
        """The last block, claimed with these values in its state."""
        accounts: dict[bytes, list[tuple[int, int]]] = {}
        for (address, slot), value in writes:
            accounts.setdefault(address, []).append((slot, value % 2**256))
        written = [(address, None, None, None, slots) for address, slots in sorted(accounts.items())]
        return self.venue.chain.reseal(self.venue.chain.head, accounts=written)

    def judged(
        self, block: Block, preimages: _core.Preimages | None = None, **claimed: Any
    ) -> tuple[BothStates, Revaluation]:
        states = both_states(
            self.claim(block, **claimed), preimages or self.venue.chain.preimages,
            config=self.venue.chain.config, second_opinion="never",
        )  # fmt: skip
        return states, revalue(states, venue=self.venue.venue.address)

    def claim(self, block: Block, **changed: Any) -> Claim:
        return replace(self.venue.chain.claim(block), **changed)

    def cost(self, *writes: tuple[Slot, int]) -> Found:
        """What it costs that these values are claimed."""
        _, revalued = self.judged(self.lie(writes))
        assert revalued.reason == ""
        return Found(self, compared(revalued))

    def without(self, slot: Slot, *blocks: Block) -> _core.Preimages:
        """The preimages without the leaf that holds a slot of the states of these blocks."""
        address, place = slot
        dropped = {self.venue.chain.state(block).prove(address, place.to_bytes(32, "big"))[-1] for block in blocks}
        left = _core.Preimages()
        left.add([each for each in self.venue.chain.preimages.values() if each not in dropped])
        return left


class Found:
    """A consequence, and its accounts by name."""

    def __init__(self, bed: Bed, found: Consequence) -> None:
        self.bed, self.all = bed, found

    def __getitem__(self, name: str) -> AccountConsequence:
        [one] = [each for each in self.all.accounts if each.address == self.bed.who(name)]
        return one

    def labels(self) -> dict[str, list[str]]:
        """Of everybody in whom something differs."""
        names = {self.bed.who(name): name for name in (A, B, C, D)}
        rows: Sequence[AccountConsequence] = (*self.all.accounts, *self.all.outside)
        found = {names.get(each.address, each.address.hex()): [str(label) for label in each.labels] for each in rows}
        return {name: labels for name, labels in found.items() if labels != ["unchanged"]}


def compared(revalued: Revaluation) -> Consequence:
    assert revalued.claimed is not None
    assert revalued.computed is not None
    return consequence(revalued.before, revalued.claimed, revalued.computed, revalued.holdings)


def mapped(slot: int, *keys: bytes | int) -> int:
    """The slot of a mapping's value."""
    for key in keys:
        raw = key.to_bytes(32, "big") if isinstance(key, int) else key if len(key) == 32 else key.rjust(32, b"\0")
        slot = int.from_bytes(_core.keccak256(raw + slot.to_bytes(32, "big")), "big")
    return slot
