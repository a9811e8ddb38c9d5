"""What was sold for nothing."""

from __future__ import annotations

from pathlib import Path

from detect.as_events import found_again
from detect.stage import Deployed, Stage
from rollproof.detect import foreign
from rollproof.detect.rounding import Rounding
from rollproof.detect.run import judge
from rollproof.types import Amount, Severity


def shop(stage: Stage, name: str, stock: int) -> tuple[Deployed, Deployed, Deployed]:
    """A shop that asks 5 coins for a thousand shares, with coins of its own, and who shops there with 1,000 coins."""
    coin = stage.deploy("value/Coin")
    made, shopper = stage.deploy(name, coin.address, 5), stage.deploy("Shopper")
    coin.do("make", made.address, stock)
    coin.do("make", shopper.address, 1_000)
    return coin, made, shopper


def test_shares_for_nothing() -> None:
    stage = Stage()
    coin, made, shopper = shop(stage, "ShareShop", 2_000)
    block = stage.run([shopper.send("run", made.address, 199, 2)])
    [found] = judge(block, [Rounding()]).findings
    assert [each.amounts for each in found_again(Rounding(), block.executions[0])] == [found.amounts]
    assert found.severity is Severity.HIGH
    assert Amount(coin.address, made.address, -1_990) in found.amounts
    assert Amount(coin.address, stage.account(0).address, 2_990) in found.amounts


def test_a_small_part_of_what_the_shop_has() -> None:
    stage = Stage()
    _, made, shopper = shop(stage, "ShareShop", 10**6)
    [found] = judge(stage.run([shopper.send("run", made.address, 199, 2)]), [Rounding()]).findings
    assert found.severity is Severity.MEDIUM


def test_a_price_that_is_rounded_up() -> None:
    stage = Stage()
    _, made, shopper = shop(stage, "ShareShopFixed", 2_000)
    block = stage.run([shopper.send("run", made.address, 199, 2)])
    assert block.executions[0].success
    assert judge(block, [Rounding()]).findings == []


def test_foreign_executions(shared_data: Path) -> None:
    """Of the recorded solutions one buys for nothing."""
    found = {}
    for block in foreign.read(shared_data / "detection" / "exploits-dvdefi.jsonl.gz"):
        for each in judge(block, [Rounding()]).findings:
            found[block.executions[0].names[each.addresses[0]]] = each.severity
    assert found == {"ShardsNFTMarketplace": Severity.HIGH}
