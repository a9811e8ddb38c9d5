"""The Perp v2 adapter against the protocol's real contracts on anvil: what it reads, and what may be liquidated."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from node.curie_bed import FEED_TIMEOUT, ONE, USD, Bed, Reverted, artifact
from rollproof.chain.node import Node
from rollproof.chain.rpc import Rpc
from rollproof.errors import Reset, Unsupported
from rollproof.lab.contract import Contract
from rollproof.venue.adapters import detect
from rollproof.venue.node_reader import NodeReader
from rollproof.venue.perp_v2 import PerpV2
from rollproof.venue.reader import Reader
from rollproof.venue.snapshot import AccountAt, Snapshot
from rollproof.venue.snapshot_book import book_of

SCALE = 10**12  # 18 decimals to the token's 6
LOW, HIGH = 69_000, 83_000  # ticks: prices from 992 to 4,023


@pytest.fixture
def bed(anvil: str) -> Iterator[Bed]:
    """The venue with a maker, a long and a short with ten and four times leverage, and a whale without a position."""
    artifact("ClearingHouse")
    made = Bed(anvil)
    for name, dollars in (("maker", 100_000), ("long", 280), ("short", 1_000), ("whale", 50_000)):
        made.deposit(name, dollars)
    made.provide("maker", 50 * ONE, 100_000 * ONE, LOW, HIGH)
    made.trade("long", ONE)
    made.trade("short", -2 * ONE)
    yield made
    made.close()


@pytest.fixture
def client(anvil: str) -> Iterator[Node]:
    with Rpc(anvil) as rpc:
        yield Node(rpc)


def read(bed: Bed, client: Node, **more: Any) -> Snapshot:
    return PerpV2(**more).read(NodeReader.at(client), bed.clearing_house.address)


def named(bed: Bed, snapshot: Snapshot) -> dict[str, AccountAt]:
    names = {address: name for name, address in bed.people.items()}
    return {names[each.address]: each for each in snapshot.accounts}


def test_an_account_is_its_deposit_its_trade_and_the_mark(bed: Bed, client: Node) -> None:
    """The long's equity by hand from what it paid, and the mark from the pool and the oracle."""
    snapshot = read(bed, client)
    [market] = snapshot.markets
    assert (market.symbol, market.stale) == ("vETH", False)
    assert market.index_price == 2_000 * ONE
    # The median of the pool's short average, its long one, and the index with its premium: at rest all near 2,000.
    now = bed.view(bed.exchange, "getSqrtMarketTwapX96", bed.base.address, 15)
    long_average = bed.view(bed.exchange, "getSqrtMarketTwapX96", bed.base.address, 1_800)
    premium = bed.view(bed.exchange, "getSqrtMarketTwapX96", bed.base.address, 900) ** 2 * ONE / 2**192 - 2_000 * ONE
    candidates = [now**2 * ONE / 2**192, long_average**2 * ONE / 2**192, 2_000 * ONE + premium]
    assert market.mark_price == pytest.approx(statistics.median(candidates), rel=1e-9)
    long = named(bed, snapshot)["long"]
    [position] = long.positions
    spent = -bed.view(bed.account_balance, "getTakerOpenNotional", bed.people["long"], bed.base.address)
    assert 2_000 * ONE < spent < 2_050 * ONE  # a fee of 1 %, and what it moved the price
    assert (position.size, position.isolated) == (ONE, False)
    assert position.entry_price == spent
    funding = bed.view(bed.exchange, "getPendingFundingPayment", bed.people["long"], bed.base.address)
    assert 0 < funding < ONE // 100  # of two seconds, to be paid: the pool is above the oracle
    profit = (market.mark_price - spent - funding) // SCALE
    assert position.profit == pytest.approx(profit, abs=1)
    assert long.equity == pytest.approx(280 * USD + profit, abs=2)
    assert (long.balance, long.debt, long.other) == (long.equity - position.profit, 0, 0)
    assert position.bankruptcy_price == pytest.approx(spent + funding - 280 * ONE, abs=10 * SCALE)
    assert position.notional == -(-market.mark_price // SCALE)
    assert long.maintenance == -(-market.mark_price * 62_500 // 10**6 // SCALE)
    # Of what it owes in quote, a tenth.
    assert long.initial == -(-spent * 100_000 // 10**6 // SCALE)
    assert long.free == pytest.approx(long.equity - spent // 10 // SCALE, abs=1)


def test_every_figure_is_the_contracts_own(bed: Bed, client: Node) -> None:
    bed.market("vBTC", b"BTC-USD", 30_000)
    bed.move(1_930)
    snapshot = read(bed, client)
    assert set(named(bed, snapshot)) == set(bed.people)
    assert snapshot.insurance_fund == bed.view(bed.fund, "getInsuranceFundCapacity") > 0
    assert snapshot.held == bed.view(bed.usdc, "balanceOf", bed.vault.address) == 151_280 * USD
    assert snapshot.supply == bed.view(bed.usdc, "totalSupply")
    assert (snapshot.collateral.symbol, snapshot.collateral.decimals) == ("USDC", 6)
    assert (snapshot.pool, snapshot.pool_equity, snapshot.bad_debt) == (None, None, 0)
    assert snapshot.assumes == ("accounts with liquidity in the pool, their sizes those at this price: 1",)
    [market] = snapshot.markets
    assert market.mark_price == bed.view(bed.account_balance, "getMarkPrice", bed.base.address)
    for name, account in named(bed, snapshot).items():
        who, base = bed.people[name], bed.base.address
        assert account.equity == bed.view(bed.vault, "getAccountValue", who)
        assert account.free == bed.view(bed.vault, "getFreeCollateral", who)
        needed = bed.view(bed.account_balance, "getMarginRequirementForLiquidation", who)
        assert (account.maintenance - 1) * SCALE < needed <= account.maintenance * SCALE
        assert account.equity == account.balance - account.debt + sum(each.profit for each in account.positions)
        [position] = account.positions
        assert position.size == bed.view(bed.account_balance, "getTotalPositionSize", who, base)
        value = abs(bed.view(bed.account_balance, "getTotalPositionValue", who, base))
        assert (position.notional - 1) * SCALE < value <= position.notional * SCALE


def test_money_is_conserved_over_the_accounts_that_the_logs_name(bed: Bed, client: Node) -> None:
    """What the vault holds is everybody's value and the fund's: an independent check that nobody is left out."""
    for price in (2_000, 1_960, 2_050):
        if price != 2_000:
            bed.move(price)
        snapshot = read(bed, client)
        owed = sum(each.equity for each in snapshot.accounts) + snapshot.insurance_fund
        # Makers' funding is counted by liquidity and not by size, which leaves a little.
        assert owed == pytest.approx(snapshot.held, abs=USD)
        [market] = snapshot.markets
        assert abs(market.longs - market.shorts) < 1_000
        assert snapshot.unlisted.startswith("accounts are those in the logs of blocks 0 to")
        assert "missing" not in snapshot.unlisted


def test_accounts_that_are_left_out_are_noticed(bed: Bed, client: Node) -> None:
    some = read(bed, client, accounts=[bed.people["long"], bed.people["short"], bed.people["long"]])
    assert set(named(bed, some)) == {"long", "short"}
    assert some.unlisted.startswith("2 accounts were asked for by name")
    assert some.unlisted.endswith("accounts are missing: longs and shorts differ in vETH by 1")
    late = read(bed, client, first_block=NodeReader.at(client).number)  # the short's trade alone
    assert set(named(bed, late)) == {"short"}
    assert "longs and shorts differ in vETH by 2" in late.unlisted
    nobody = read(bed, client, accounts=[])
    assert (nobody.accounts, nobody.markets) == ((), ())


class WithoutLogs:
    """A reader that has a state and no past."""

    def __init__(self, inner: NodeReader) -> None:
        self.chain_id, self.number, self.timestamp = inner.chain_id, inner.number, inner.timestamp
        self.call, self.storage = inner.call, inner.storage


def test_a_state_without_a_past_needs_names(bed: Bed, client: Node) -> None:
    reader: Reader = WithoutLogs(NodeReader.at(client))
    with pytest.raises(Unsupported, match="keeps no list of accounts"):
        PerpV2().read(reader, bed.clearing_house.address)
    assert read(bed, client, accounts=[bed.people["long"]]).assumes == ()
    alone = PerpV2([bed.people["long"]]).read(reader, bed.clearing_house.address)
    batched = read(bed, client, accounts=[bed.people["long"]])
    assert alone == batched


def test_the_clearing_house_is_recognised(bed: Bed, client: Node) -> None:
    reader = NodeReader.at(client)
    assert detect(reader, bed.clearing_house.address).name == "perp-v2"
    for other in (bed.vault, bed.account_balance, bed.exchange, bed.usdc):
        with pytest.raises(Unsupported):
            detect(reader, other.address)
    before = NodeReader.at(client, 1)  # nothing was deployed yet
    with pytest.raises(Unsupported):
        detect(before, bed.clearing_house.address)


def why(bed: Bed, name: str) -> str:
    """What liquidating somebody reverts with; "" where it would not. Nothing is changed."""
    snapshot = bed.rpc("evm_snapshot")
    try:
        bed.liquidate(name)
    except Reverted as error:
        return str(error).split()[-1]
    else:
        return ""
    finally:
        assert bed.rpc("evm_revert", snapshot)


def test_whom_the_venue_liquidates(bed: Bed, client: Node) -> None:
    """At each price the adapter and the ClearingHouse agree about everybody."""
    bed.trade("whale", -ONE)
    seen = set()
    for price in (1_960, 1_900, 1_870, 1_850, 2_300, 2_360):
        bed.move(price)
        for name, account in named(bed, read(bed, client)).items():
            reason = why(bed, name) if name != "whale" else "CH_EAV"  # nobody liquidates themselves here
            if name == "maker":
                assert reason == "CH_CLWTISO"  # its orders have to be cancelled first
                assert account.liquidatable == ()
                continue
            assert bool(account.liquidatable) == (reason != "CH_EAV"), (price, name)
            seen.add((name, bool(account.liquidatable)))
    assert {("long", True), ("long", False), ("short", False), ("short", True)} <= seen


def test_a_liquidation_that_the_fund_cannot_cover_reverts(bed: Bed, client: Node) -> None:
    bed.move(1_690)
    snapshot = read(bed, client)
    long = named(bed, snapshot)["long"]
    assert long.liquidatable == ("vETH",)
    assert long.equity < 0
    penalty = long.positions[0].notional * 25_000 // 10**6
    shortfall = penalty - long.equity
    assert 0 < snapshot.insurance_fund < shortfall
    assert why(bed, "long") == "CH_IIC"
    # With what is missing, and no unit less, it goes through.
    bed.do(bed.usdc, "mint", bed.fund.address, shortfall - snapshot.insurance_fund - 5)
    assert why(bed, "long") == "CH_IIC"
    bed.do(bed.usdc, "mint", bed.fund.address, 10)
    assert why(bed, "long") == ""
    bed.liquidate("long")
    after = read(bed, client)
    assert named(bed, after)["long"].equity == 0  # what it could not pay is the fund's now
    assert after.insurance_fund == pytest.approx(0, abs=20)
    assert after.insurance_fund == bed.view(bed.fund, "getInsuranceFundCapacity")


def test_collateral_in_another_token_counts_as_the_venue_counts_it(bed: Bed, client: Node) -> None:
    """Two ether at 2,000 dollars, of which 70 % count."""
    weth = bed._create(Contract.load("ERC20"), "Wrapped Ether", "WETH", 18)
    feed = bed.view(bed.base, "getPriceFeed")
    bed.do(bed.collateral_manager, "addCollateral", weth.address, (feed, 700_000, 100_000, 10**24))
    who = bed.people["short"]
    bed.wait(1_900)  # the pool's averages have come to rest
    before = named(bed, read(bed, client))["short"]
    bed.do(weth, "mint", who, 2 * ONE)
    bed.do(weth, "approve", bed.vault.address, 2 * ONE, sender=who)
    bed.do(bed.vault, "deposit", weth.address, 2 * ONE, sender=who)
    after = named(bed, read(bed, client))["short"]
    assert after.other == 2_800 * USD
    assert after.equity - before.equity == pytest.approx(2_800 * USD, abs=USD // 100)  # some seconds of funding
    assert after.balance - before.balance == pytest.approx(2_800 * USD, abs=USD // 100)


def test_a_stale_feed_and_a_paused_market(bed: Bed, client: Node) -> None:
    bed.wait(FEED_TIMEOUT + 60)
    [market] = read(bed, client).markets
    assert market.stale
    bed.push(1_990)
    [market] = read(bed, client).markets
    assert not market.stale
    bed.do(bed.base, "pause", sender=bed.view(bed.base, "owner"))
    paused = bed.view(bed.base, "getPausedIndexPrice")
    snapshot = read(bed, client)
    assert snapshot.markets[0].mark_price == paused
    for name, account in named(bed, snapshot).items():
        assert account.equity == bed.view(bed.vault, "getAccountValue", bed.people[name])
        assert account.equity == account.balance - account.debt + sum(each.profit for each in account.positions)


def test_a_block_that_was_replaced_is_not_read(bed: Bed, client: Node) -> None:
    snapshot = bed.rpc("evm_snapshot")
    bed.trade("whale", ONE)
    reader = NodeReader.at(client)
    assert bed.rpc("evm_revert", snapshot)
    bed.trade("whale", 2 * ONE)
    with pytest.raises(Reset, match="replaced"):
        PerpV2([bed.people["whale"]]).read(reader, bed.clearing_house.address)


def test_the_book_is_worth_what_the_vault_says(bed: Bed, client: Node) -> None:
    bed.move(1_930)
    snapshot = read(bed, client)
    book, state = book_of(snapshot, "perp-v2")
    assert (book.quote, book.assets) == ("USDC", ("vETH",))
    for number, equity in enumerate(book.equity(book.marks)):
        who = bytes.fromhex(book.accounts[book.owner[number]][2:])
        assert equity * USD == pytest.approx(bed.view(bed.vault, "getAccountValue", who), abs=1e-3)
    assert state.insurance_fund == snapshot.insurance_fund / USD
    assert state.pool == np.inf


def test_the_rules_say_what_the_contracts_say(bed: Bed, client: Node) -> None:
    """Requirement, equity, and how much one liquidation may close, before and beyond half the requirement."""
    bed.do(bed.config, "setLiquidationPenaltyRatio", 30_000)
    steps = set()
    for price in (1_930, 1_850, 1_790):
        bed.move(price)
        reader = NodeReader.at(client)
        rules = PerpV2().rules_of(reader, bed.clearing_house.address)
        assert (rules.initial_ratio, rules.maintenance_ratio, rules.liquidation.penalty) == (0.1, 0.0625, 0.03)
        book, state = book_of(read(bed, client), "perp-v2")
        equity, needed = rules.equity(book, book.marks, state), rules.maintenance(book, book.marks, state)
        liquidatable = rules.liquidatable(book, book.marks, state)
        step = rules.liquidation_step(book, book.marks, state)
        [row] = [n for n in range(book.rows) if book.size[n] == 1.0]
        who = bed.people["long"]
        place = book.subaccount[row]
        assert book.accounts[book.owner[place]] == f"0x{who.hex()}"
        assert equity[place] * USD == pytest.approx(bed.view(bed.vault, "getAccountValue", who), abs=2)
        requirement = bed.view(bed.account_balance, "getMarginRequirementForLiquidation", who)
        assert needed[place] * ONE == pytest.approx(requirement, rel=1e-12)
        value = bed.view(bed.clearing_house, "getAccountValue", who)
        closed = bed.view(bed.account_balance, "getLiquidatablePositionSize", who, bed.base.address, value)
        assert (step[row] if liquidatable[place] else 0.0) * ONE == pytest.approx(closed, rel=1e-6)
        steps.add(round(closed / ONE, 6))
    assert steps == {0.0, 0.5, 1.0}
