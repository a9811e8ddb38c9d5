"""Whole stories in one transaction, with victim and thief in it, as recorded tests of attacks have them.

What a persona does is done in its name, out of the test's own frame: with its address as the caller, or without.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from detect.stage import ETHER, Deployed, Stage
from detect.test_played import played
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.flash_loan import FlashLoan, SideEntrance
from rollproof.detect.price_manipulation import PriceManipulation
from rollproof.detect.rounding import Rounding
from rollproof.detect.run import judge
from rollproof.detect.share_inflation import ShareInflation
from rollproof.detect.value_extraction import ValueExtraction

DETECTORS = (FlashLoan(), SideEntrance(), PriceManipulation(), ShareInflation(), Rounding(), ValueExtraction())
COIN = 10**18


class Cast:
    """A teller with its saver and thief, who both have coins."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.teller = self.stage.deploy("Teller")
        self.saver, self.thief = (self.teller.call(name) for name in ("saver", "thief"))
        self.one, self.two = self.coin(), self.coin()

    def coin(self) -> Deployed:
        return self.stage.deploy("value/Coin")

    def give(self, coin: Deployed, to: bytes | Deployed, amount: int) -> None:
        coin.do("make", to.address if isinstance(to, Deployed) else to, amount)

    def inflated(self, vault: str) -> bytes:
        made = self.stage.deploy(vault, self.one.address)
        for each in (self.saver, self.thief):
            self.give(self.one, each, 20_000)
        return self.teller.send("inflated", made.address)

    def priced(self, lender: str, sold: int) -> bytes:
        pool = self.stage.deploy("SpotPool", self.one.address, self.two.address)
        for token in (self.one, self.two):
            self.give(token, pool, 1_000 * COIN)
            self.give(token, self.thief, 9_000 * COIN)
        pool.do("fund")
        made = self.stage.deploy(lender, pool.address)
        if lender == "NotedLender":
            made.do("note")
        self.give(self.one, made, 4_000 * COIN)
        return self.teller.send("priced", pool.address, made.address, sold * COIN, 4_000 * COIN)

    def swung(self, shop: str) -> bytes:
        made = self.stage.deploy(shop, self.one.address, self.two.address)
        for token in (self.one, self.two):
            self.give(token, made, 100)
            self.give(token, self.thief, 10)
        return self.teller.send("swung", made.address, self.one.address, self.two.address, 6)

    def rounded(self, shop: str) -> bytes:
        made = self.stage.deploy(shop, self.one.address, 5)
        self.give(self.one, made, 2_000)
        self.give(self.one, self.thief, 100)
        return self.teller.send("rounded", made.address, 199)

    def saved(self) -> bytes:
        lender, bank = self.stage.deploy("CoinLender", self.one.address), self.stage.deploy("EtherLender")
        self.give(self.one, self.saver, 5_000)
        self.stage.build([self.stage.account(0).send(self.thief, value=2 * ETHER, gas=50_000)])
        return self.teller.send("saved", lender.address, bank.address)

    def withdrawn(self) -> bytes:
        lender = self.stage.deploy("CoinLender", self.one.address)
        self.give(self.one, self.saver, 5_000)
        self.teller.do("put", lender.address, 5_000)
        return self.teller.send("withdrawn", lender.address, 5_000)


def nameless(execution: Execution, personas: set[bytes], directory: Path) -> ExecutedBlock:
    """The same with the test itself as every persona's caller: sources that work callers out say that."""
    played(execution, personas, directory)
    path = directory / "execution.jsonl"
    record = json.loads(path.read_text(encoding="utf-8"))
    names = {"0x" + each.hex() for each in personas}
    for event in record["events"]:
        if event[0] == "enter" and event[6] in names:
            event[6] = None
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    [block] = foreign.read(path)
    return block


@pytest.mark.parametrize("form", [played, nameless])
@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (lambda cast: cast.inflated("PlainVault"), {"share-inflation"}),
        (lambda cast: cast.inflated("QuietVault"), {"share-inflation"}),
        (lambda cast: cast.inflated("CountingVault"), set()),
        (lambda cast: cast.priced("SpotLender", 4_000), {"price-manipulation"}),
        (lambda cast: cast.priced("SpotLender", 40), set()),
        (lambda cast: cast.priced("NotedLender", 4_000), set()),
        (lambda cast: cast.swung("BalanceShop"), {"price-manipulation", "value-extraction"}),
        (lambda cast: cast.swung("ProductShop"), set()),
        (lambda cast: cast.rounded("ShareShop"), {"rounding"}),
        (lambda cast: cast.rounded("ShareShopFixed"), set()),
        (lambda cast: cast.saved(), set()),
        (lambda cast: cast.withdrawn(), set()),
    ],
    ids=lambda value: None if callable(value) else "-".join(sorted(value)) or "silent",
)
def test_a_story(
    story: Callable[[Cast], bytes],
    expected: set[str],
    form: Callable[[Execution, set[bytes], Path], ExecutedBlock],
    tmp_path: Path,
) -> None:
    cast = Cast()
    [execution] = cast.stage.run([story(cast)]).executions
    assert execution.success
    found = judge(form(execution, {cast.saver, cast.thief}, tmp_path), DETECTORS).findings
    assert {each.detector for each in found} == expected
