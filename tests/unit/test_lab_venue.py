"""The perpetuals venue: margins, prices, liquidation and who bears a loss, against arithmetic done by hand.

Every operation is also done by an independent model (`venue_model`), and both have to agree on it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from unit.venue_chain import ANY_BUY, ANY_SELL, FLAT, NAMES, PRICES, VenueChain, config
from unit.venue_model import ONE, USD, Settings

ETH, BTC = 0, 1
TICK = 1  # 1e-8 dollars
DOLLAR = 10**8
A, B, C, D = "trader-0", "trader-1", "trader-2", "trader-3"


@pytest.fixture(scope="module")
def flat_base() -> VenueChain:
    """Two markets at the oracle's price, no fees and no funding; the pool has a million, the fund nothing."""
    venue = VenueChain([replace(FLAT, step=10_000, liquidation_fee=0)] * 2)
    assert venue.add_liquidity("provider", 1_000_000 * USD) is None
    return venue


@pytest.fixture
def flat(flat_base: VenueChain) -> VenueChain:
    return flat_base.branch()


def made(settings: Settings, *, pool: int = 1_000_000) -> VenueChain:
    venue = VenueChain([settings, settings])
    assert venue.add_liquidity("provider", pool * USD) is None
    return venue


def eth(dollars: int, cents: int = 0) -> tuple[int, int]:
    return dollars * DOLLAR + cents * DOLLAR // 100, PRICES[BTC]


def balance(venue: VenueChain, name: str) -> int:
    return int(venue.view("account", venue.address(name))[3])


@pytest.mark.parametrize("isolated", [False, True])
def test_the_highest_leverage_is_fifty(flat: VenueChain, isolated: bool) -> None:
    margin = 200 * USD if isolated else 0
    flat.deposit(A, 200 * USD)
    # 200 dollars at 2 % are 10,000 dollars: 5 at 2,000. The smallest size more makes the notional a unit more.
    assert flat.trade(A, ETH, 5 * ONE + 1, isolated=isolated, margin=margin) == "InsufficientMargin"
    assert flat.trade(A, ETH, -5 * ONE - 1, isolated=isolated, margin=margin) == "InsufficientMargin"
    assert flat.trade(A, ETH, 5 * ONE, isolated=isolated, margin=margin) is None
    assert flat.trade(A, ETH, 1, isolated=isolated) == "InsufficientMargin"
    flat.agree()


@pytest.mark.parametrize(("side", "gained"), [(1, 502_500_000), (-1, -502_500_000)])
def test_profit_is_size_times_the_price_move(flat: VenueChain, side: int, gained: int) -> None:
    flat.deposit(A, 1_000 * USD)
    assert flat.trade(A, ETH, side * 5 * ONE) is None
    flat.push(*eth(2_100, 50))  # 5 times 100.50
    assert flat.close(A, ETH) is None
    assert balance(flat, A) == 1_000 * USD + gained
    assert flat.view("pool") == 1_000_000 * USD - gained
    flat.agree()


def test_an_addition_averages_and_a_reduction_realises_its_part(flat: VenueChain) -> None:
    flat.deposit(A, 1_000 * USD)
    assert flat.trade(A, ETH, 2 * ONE) is None
    flat.push(*eth(2_100))
    assert flat.trade(A, ETH, 3 * ONE) is None  # 5 for 10,300
    assert flat.view("position", ETH, flat.address(A))[4] == 2_060 * DOLLAR
    assert flat.trade(A, ETH, -6 * ONE) == "WouldFlip"
    assert flat.trade(A, ETH, -1 * ONE) is None  # made 40
    assert balance(flat, A) == 1_040 * USD
    assert flat.trade(A, ETH, -4 * ONE) is None
    assert balance(flat, A) == 1_200 * USD
    assert flat.view("position", ETH, flat.address(A))[0] == 0
    flat.agree()


def test_liquidation_begins_one_tick_below_the_maintenance_margin(flat: VenueChain) -> None:
    """Equity 200 + 5 (p - 2000) is 1 % of 5 p at p = 9800 / 4.95 = 1979.79797979..."""
    flat.deposit(A, 200 * USD)
    assert flat.trade(A, ETH, 5 * ONE, isolated=True, margin=200 * USD) is None
    flat.push(1979_79797980, PRICES[BTC])
    assert flat.view("liquidatable", flat.address(A)) == 0
    assert flat.liquidate(ETH, A) == "Healthy"
    flat.push(1979_79797980 - TICK, PRICES[BTC])
    assert flat.view("liquidatable", flat.address(A)) == 1 << ETH
    assert flat.liquidate(ETH, A) is None
    flat.agree()


def test_a_short_is_liquidated_one_tick_above(flat: VenueChain) -> None:
    """Equity 201 - 5 (p - 2000) is 1 % of 5 p at p = 2020."""
    flat.deposit(A, 201 * USD)
    assert flat.trade(A, ETH, -5 * ONE) is None
    flat.push(2_020 * DOLLAR, PRICES[BTC])
    assert flat.liquidate(ETH, A) == "Healthy"
    flat.push(2_020 * DOLLAR + TICK, PRICES[BTC])
    assert flat.liquidate(ETH, A) is None
    flat.agree()


def test_a_liquidation_goes_in_steps_and_pays_the_keeper() -> None:
    """10 at 2,000 with 400 dollars; at 1,979.75 equity is 197.50, of a maintenance margin of 197.975."""
    venue = made(replace(FLAT, liquidation_fee=50, keeper_share=5_000, step=2_500))
    venue.deposit(A, 400 * USD)
    assert venue.trade(A, ETH, 10 * ONE, isolated=True, margin=400 * USD) is None
    venue.push(*eth(1_979, 75))
    assert venue.liquidate(ETH, A) is None
    [event] = venue.events("Liquidated")
    # A quarter: 2.5 at 1,979.75 are 4,949.375; 0.5 % of that is 24.746875, of which the keeper gets half.
    assert (event["closed"], event["price"]) == (-5 * ONE // 2, 1_979_75000000)
    assert (event["fee"], event["reward"]) == (24_746_875, 12_373_437)
    assert (balance(venue, "liquidator"), venue.view("fund")) == (12_373_437, 12_373_438)
    assert venue.liquidate(ETH, A) == "Healthy"  # 197.50 - 24.75 is more than 1 % of 7.5 positions
    venue.push(*eth(1_960))  # under half the maintenance margin: all of it
    assert venue.liquidate(ETH, A) is None
    assert venue.view("position", ETH, venue.address(A))[0] == 0
    venue.agree()


def test_insurance_pays_first(flat: VenueChain) -> None:
    flat.insure(150 * USD)
    flat.deposit(A, 200 * USD)
    flat.trade(A, ETH, 5 * ONE, isolated=True, margin=200 * USD)
    flat.push(*eth(1_940))  # lost 300 of 200
    assert flat.view("position", ETH, flat.address(A))[11] == 1_960 * DOLLAR  # bankruptcy price
    assert flat.liquidate(ETH, A) is None
    assert flat.events("Shortfall") == [
        {"market": ETH, "account": flat.address(A), "amount": 100 * USD, "covered": 100 * USD}
    ]
    assert (flat.view("fund"), flat.view("badDebt")) == (50 * USD, 0)
    assert flat.view("pool") == 1_000_300 * USD
    flat.agree()


def shorts_against_a_bankrupt_long(venue: VenueChain) -> None:
    """A is long 5, bankrupt at 1,960; B, C and D are short 1, 2 and 3 at 2,000, 2,000 and 1,990. The price is 1,940."""
    venue.deposit(A, 200 * USD)
    venue.trade(A, ETH, 5 * ONE, isolated=True, margin=200 * USD)
    for name, size, margin in ((B, 1, 100), (C, 2, 1_000)):
        venue.deposit(name, margin * USD)
        venue.trade(name, ETH, -size * ONE)
    venue.push(*eth(1_990))
    venue.deposit(D, 200 * USD)
    venue.trade(D, ETH, -3 * ONE)
    venue.push(*eth(1_940))


def test_then_the_most_profitable_positions_are_deleveraged(flat: VenueChain) -> None:
    """At 1,960: B made 2 % at leverage 1960/160, D 1.5 % at 5880/350, C 2 % at 3920/1120."""
    flat.insure(99 * USD)
    shorts_against_a_bankrupt_long(flat)
    assert flat.liquidate(ETH, A) == "NeedsDeleveraging"
    queue = [flat.address(D), flat.address(B), flat.address(C)]
    assert flat.view("adlQueue", ETH, flat.address(A), 10)[0] == tuple(queue)
    for wrong in ([queue[1]], [queue[0], queue[2]], [queue[1], queue[0]], [queue[0], queue[0]], [flat.address(A)]):
        assert flat.deleverage(ETH, A, wrong) == "OutOfRank"
    assert flat.deleverage(ETH, A, []) == "ZeroAmount"
    assert flat.deleverage(ETH, A, queue[:1]) is None  # 3 of 5
    assert flat.view("position", ETH, flat.address(A))[0] == 2 * ONE
    assert balance(flat, D) == 290 * USD  # 3 times 30
    flat.agree()
    # What is left lacks 40, which the fund has.
    assert flat.deleverage(ETH, A, queue[1:]) == "FundSuffices"
    assert flat.liquidate(ETH, A) is None
    assert (flat.view("fund"), flat.view("badDebt")) == (59 * USD, 0)
    flat.agree()


def test_deleveraging_in_full_takes_a_part_of_the_last_and_costs_the_pool_nothing(flat: VenueChain) -> None:
    shorts_against_a_bankrupt_long(flat)
    before = flat.view("poolEquity")
    queue = [flat.address(D), flat.address(B), flat.address(C)]
    assert flat.deleverage(ETH, A, queue) is None
    assert [(each["counterparty"], each["closed"], each["price"]) for each in flat.events("Adl")] == [
        (queue[0], 3 * ONE, 1_960 * DOLLAR), (queue[1], ONE, 1_960 * DOLLAR), (queue[2], ONE, 1_960 * DOLLAR),
    ]  # fmt: skip
    assert flat.view("position", ETH, flat.address(C))[0] == -ONE
    assert flat.view("position", ETH, flat.address(A))[0] == 0
    assert balance(flat, A) == 0
    assert [balance(flat, name) for name in (B, C, D)] == [140 * USD, 1_040 * USD, 290 * USD]
    assert (flat.view("badDebt"), flat.view("fund")) == (0, 0)
    # A lost 300 at 1,940 but had 200; those closed at 1,960 gave up the other 100, and the pool nothing.
    assert flat.view("poolEquity") == before
    flat.agree()


def test_only_where_nobody_is_left_there_is_bad_debt(flat: VenueChain) -> None:
    flat.insure(30 * USD)
    flat.deposit(A, 200 * USD)
    flat.trade(A, ETH, 5 * ONE, isolated=True, margin=200 * USD)
    flat.push(*eth(1_950))
    flat.deposit(B, 500 * USD)
    flat.trade(B, ETH, -1 * ONE)  # in loss at 1,960, so nobody to deleverage
    flat.push(*eth(1_940))
    assert flat.view("adlQueue", ETH, flat.address(A), 10) == ((), ())
    assert flat.liquidate(ETH, A) is None
    assert flat.events("BadDebt") == [{"market": ETH, "account": flat.address(A), "amount": 70 * USD, "byPool": True}]
    assert (flat.view("fund"), flat.view("badDebt")) == (0, 70 * USD)
    assert flat.view("pool") == 1_000_230 * USD  # 200 from A, 30 from the fund
    flat.agree()


def test_an_isolated_loss_stays_where_it_is(flat: VenueChain) -> None:
    flat.insure(1_000 * USD)
    flat.deposit(A, 1_000 * USD)
    flat.trade(A, ETH, 5 * ONE, isolated=True, margin=200 * USD)
    flat.trade(A, BTC, ONE // 100)
    assert flat.trade(A, ETH, ONE) == "WrongMode"
    flat.push(*eth(1_900))
    assert flat.view("liquidatable", flat.address(A)) == 1 << ETH
    assert flat.liquidate(BTC, A) == "Healthy"
    assert flat.liquidate(ETH, A) is None
    assert balance(flat, A) == 800 * USD  # the fund paid the 300 that were missing
    assert flat.view("fund") == 700 * USD
    flat.agree()


def test_cross_positions_stand_in_for_each_other(flat: VenueChain) -> None:
    flat.deposit(A, 300 * USD)
    flat.trade(A, ETH, 5 * ONE)
    flat.trade(A, BTC, -ONE // 20)
    flat.push(1_900 * DOLLAR, 48_000 * DOLLAR)  # lost 500, made 600
    assert flat.liquidate(ETH, A) == "Healthy"
    assert flat.close(A, ETH) is None  # 200 more than there is: owed, for the other position is in profit
    assert flat.view("account", flat.address(A))[3:] == (0, 200 * USD)
    assert flat.withdraw(A, 1) == "InsufficientBalance"
    flat.agree()
    assert flat.close(A, BTC) is None
    assert flat.view("account", flat.address(A))[3:] == (400 * USD, 0)
    assert flat.view("pool") == 999_900 * USD
    flat.agree()


def test_a_cross_account_is_bankrupt_as_a_whole(flat: VenueChain) -> None:
    flat.insure(1_000 * USD)
    flat.deposit(A, 300 * USD)
    flat.trade(A, ETH, 5 * ONE)
    flat.trade(A, BTC, ONE // 20)
    flat.push(1_900 * DOLLAR, 57_000 * DOLLAR)  # lost 500 and 150
    assert flat.view("liquidatable", flat.address(A)) == 0b11
    assert flat.liquidate(ETH, A) is None
    assert flat.view("account", flat.address(A))[3:] == (0, 200 * USD)
    assert flat.liquidate(BTC, A) is None
    assert flat.view("account", flat.address(A))[3:] == (0, 0)
    assert flat.view("fund") == 650 * USD
    flat.agree()


def test_a_liquidation_fee_takes_no_more_than_the_whole_account_has() -> None:
    """Balance 300; ETH stands at 10,000 without a loss, BTC lost 290 of 600: 10 are left, not the fee of 50."""
    venue = made(replace(FLAT, liquidation_fee=50, keeper_share=5_000))
    venue.deposit(A, 300 * USD)
    venue.trade(A, ETH, 5 * ONE)
    venue.trade(A, BTC, ONE // 100)
    venue.push(2_000 * DOLLAR, 31_000 * DOLLAR)
    assert venue.liquidate(ETH, A) is None
    [event] = venue.events("Liquidated")
    assert (event["fee"], event["reward"]) == (10 * USD, 10 * USD)  # the keeper's 25 as far as the fund goes
    venue.agree()


def test_a_deleveraged_account_may_be_bankrupt_itself(flat: VenueChain) -> None:
    """B's short makes 120 at 1,960, but its long in the other market had lost 360 more than it had."""
    flat.deposit(A, 200 * USD)
    flat.trade(A, ETH, 5 * ONE, isolated=True, margin=200 * USD)
    flat.deposit(B, 140 * USD)
    flat.trade(B, ETH, -3 * ONE)
    flat.trade(B, BTC, ONE // 100)
    flat.push(1_940 * DOLLAR, 10_000 * DOLLAR)
    assert flat.liquidate(BTC, B) is None
    assert flat.view("account", flat.address(B))[3:] == (0, 360 * USD)
    assert flat.deleverage(ETH, A, [flat.address(B)]) is None
    assert flat.view("account", flat.address(B)) == (0, 0, 0, 0, 0)
    assert flat.view("badDebt") == 240 * USD
    flat.agree()


def test_funding_goes_from_the_heavier_side_to_the_lighter_and_the_pool() -> None:
    """Longs 30, shorts 10: a skew of 20 of 1,000,000, at 1e-5 a second; an hour at 2,000 dollars."""
    venue = made(replace(FLAT, funding_factor=10**13, max_funding_rate=10**13))
    for name, size in ((A, 30), (B, -10)):
        venue.deposit(name, 20_000 * USD)
        assert venue.trade(name, ETH, size * ONE) is None
    before = venue.view("pool")
    index = venue.view("market", ETH)[9]
    assert venue.view("market", ETH)[8] == 20 * 10**13 // 1_000_000  # 2e-10 a second
    venue.wait(3_596)
    venue.push(*eth(2_000))
    # 2e-10 of 2,000 dollars is 4e-7 dollars a second for each unit of size.
    assert venue.view("market", ETH)[9] - index == 4 * 3_598 * 10**19
    # 30 times 0.4 micro-dollars a second, and the four seconds before B at half as much again.
    assert venue.view("position", ETH, venue.address(A))[5] == 12 * 3_598 + 18 * 4
    assert venue.view("position", ETH, venue.address(B))[5] == -4 * 3_598
    assert venue.trade(A, ETH, -30 * ONE) is None
    assert 20_000 * USD - balance(venue, A) == 12 * 3_600 + 18 * 4
    assert venue.trade(B, ETH, 10 * ONE) is None
    # Once only the short is open it pays: for two seconds, at half the rate.
    assert balance(venue, B) - 20_000 * USD == 4 * 3_600 - 2 * 2
    assert venue.view("pool") - before == 20_000 * 2 * USD - balance(venue, A) - balance(venue, B)
    venue.agree()


def test_a_trade_pays_for_the_premium_it_makes() -> None:
    """Skew of 1,000 on a scale of 100,000 is 1 %: a buy of 1,000 from nothing fills at half of it, 2,010."""
    venue = made(replace(FLAT, skew_scale=100_000 * ONE, max_premium=ONE // 20), pool=10_000_000)
    venue.deposit(A, 1_000_000 * USD)
    assert venue.view("quote", ETH, 1_000 * ONE) == 2_010 * DOLLAR
    assert venue.trade(A, ETH, 1_000 * ONE) is None
    assert venue.view("market", ETH)[4] == 2_020 * DOLLAR
    assert venue.close(A, ETH) is None
    assert balance(venue, A) == 1_000_000 * USD
    # 10,000 of skew would be 10 %: beyond the bound of 5 % nothing is added.
    assert venue.trade(A, ETH, 10_000 * ONE) is None
    assert venue.view("market", ETH)[4] == 2_100 * DOLLAR
    venue.agree()


def test_a_position_has_a_least_size(flat: VenueChain) -> None:
    flat.deposit(A, 100 * USD)
    assert flat.trade(A, ETH, ONE // 200 - ONE // 10**9) == "TooSmall"  # 10 dollars at 2,000 less a bit
    assert flat.trade(A, ETH, ONE // 200) is None
    assert flat.trade(A, ETH, -ONE // 10**9) == "TooSmall"
    assert flat.close(A, ETH) is None
    assert flat.trade(A, ETH, 0) == "ZeroAmount"
    flat.agree()


def test_a_price_limit_holds(flat: VenueChain) -> None:
    flat.deposit(A, 1_000 * USD)
    limit = 2_000 * DOLLAR
    assert flat.send(A, flat.venue, "trade", ETH, ONE, limit - TICK, False, 0) == "PriceLimit"
    assert flat.send(A, flat.venue, "trade", ETH, -ONE, limit + TICK, False, 0) == "PriceLimit"
    assert flat.send(A, flat.venue, "trade", ETH, ONE, limit, False, 0) is None
    assert flat.send(A, flat.venue, "close", ETH, limit + TICK) == "PriceLimit"
    assert flat.send(A, flat.venue, "close", ETH, limit) is None


def test_a_stale_price_is_refused_where_the_market_says_so() -> None:
    venue = VenueChain([replace(FLAT, max_age=60), FLAT])
    venue.add_liquidity("provider", 1_000_000 * USD)
    venue.push(*PRICES)
    venue.deposit(A, 1_000 * USD)
    venue.deposit(B, 1_000 * USD)
    venue.wait(60 - 5)  # the deposits and the trade itself take two seconds each
    assert venue.trade(A, ETH, ONE) == "StalePrice"
    venue.push(*PRICES)
    venue.wait(58)
    assert venue.trade(A, ETH, ONE) is None  # 60 seconds old
    assert venue.close(A, ETH) == "StalePrice"
    assert venue.liquidate(ETH, A) == "StalePrice"
    assert venue.withdraw(A, 1) == "StalePrice"
    assert venue.remove_liquidity("provider", 1) == "StalePrice"
    assert venue.withdraw(B, 1) is None  # has no position
    assert venue.trade(B, BTC, ONE // 1000) is None  # this market takes any price
    assert venue.deposit(A, 5) is None
    assert venue.view("market", ETH)[3] is True
    venue.agree()


def test_withdrawing_leaves_the_initial_margin(flat: VenueChain) -> None:
    flat.deposit(A, 500 * USD)
    flat.trade(A, ETH, 5 * ONE)
    assert flat.withdraw(A, 300 * USD + 1) == "InsufficientMargin"
    assert flat.withdraw(A, 300 * USD) is None
    [event] = flat.events("Withdrawal")
    assert event == {"account": flat.address(A), "to": flat.address(A), "amount": 300 * USD}
    flat.push(*eth(2_200))  # unrealised profit counts, but only what is there can be taken
    assert flat.withdraw(A, 200 * USD + 1) == "InsufficientBalance"
    assert flat.withdraw(A, 200 * USD) is None
    flat.agree()


def test_margin_moves_between_an_isolated_position_and_the_balance(flat: VenueChain) -> None:
    flat.deposit(A, 500 * USD)
    flat.trade(A, ETH, 5 * ONE, isolated=True, margin=300 * USD)
    assert flat.move_margin(A, ETH, -100 * USD - 1) == "InsufficientMargin"
    assert flat.move_margin(A, ETH, -100 * USD) is None
    assert flat.move_margin(A, ETH, 300 * USD + 1) == "InsufficientBalance"
    flat.trade(A, BTC, ONE // 6)  # needs 200 of the 300
    assert flat.move_margin(A, ETH, 100 * USD + 1) == "InsufficientMargin"
    assert flat.move_margin(A, ETH, 100 * USD) is None
    assert flat.move_margin(A, BTC, 1) == "WrongMode"
    assert flat.move_margin(B, BTC, 1) == "NoPosition"
    flat.agree()


def test_a_profit_that_the_pool_lacks_is_refused_or_if_forced_cut() -> None:
    venue = made(replace(FLAT, liquidation_fee=0, step=10_000), pool=100)
    venue.deposit(A, 1_000 * USD)
    venue.trade(A, ETH, ONE)
    venue.trade(A, BTC, ONE // 4)
    venue.push(2_150 * DOLLAR, 55_500 * DOLLAR)  # made 150, lost 1,125
    assert venue.close(A, ETH) == "PoolInsolvent"
    assert venue.liquidate(ETH, A) is None
    assert venue.events("BadDebt") == [
        {"market": ETH, "account": venue.address(A), "amount": 50 * USD, "byPool": False}
    ]
    assert venue.view("pool") == 0
    assert balance(venue, A) == 1_100 * USD
    venue.agree()


def test_providers_share_what_traders_lose(flat: VenueChain) -> None:
    flat.deposit(A, 10_000 * USD)
    flat.trade(A, ETH, 50 * ONE)
    flat.push(*eth(1_900))  # lost 5,000, unrealised
    assert flat.view("poolEquity") == 1_005_000 * USD
    flat.add_liquidity("owner", 1_005_000 * USD)  # half the pool
    flat.push(*eth(1_880))
    assert flat.view("poolEquity") == 2_011_000 * USD
    half = flat.view("shares", flat.address("owner"))
    before = flat.held()
    assert flat.remove_liquidity("owner", half + 1) == "InsufficientBalance"
    assert flat.remove_liquidity("owner", half) is None
    assert before - flat.held() == 1_005_500 * USD - 1  # rounded down
    # The rest has to keep a tenth of the open notional, 9,400, and cannot pay out what is not realised.
    rest = flat.view("shares", flat.address("provider"))
    assert flat.remove_liquidity("provider", rest) == "PoolInsolvent"
    flat.agree()


def test_pausing_stops_everything_but_what_adds(flat: VenueChain) -> None:
    flat.deposit(A, 1_000 * USD)
    flat.trade(A, ETH, ONE)
    assert flat.send(A, flat.venue, "setPaused", True) == "NotGuardian"
    assert flat.send("guardian", flat.venue, "setPaused", True) is None
    who = flat.address(A)
    calls: dict[str, tuple[object, ...]] = {
        "trade": (ETH, ONE, ANY_BUY, False, 0), "close": (ETH, ANY_SELL), "withdraw": (1, who),
        "moveMargin": (ETH, 1), "liquidate": (ETH, who), "deleverage": (ETH, who, []), "removeLiquidity": (1, who),
    }  # fmt: skip
    for function, arguments in calls.items():
        assert flat.send(A, flat.venue, function, *arguments) == "VenuePaused", function
    assert flat.deposit(A, 1) is None
    assert flat.insure(1) is None
    assert flat.send("guardian", flat.venue, "setPaused", False) is None
    assert flat.close(A, ETH) is None
    flat.agree()


def test_only_the_owner_changes_markets_and_only_to_what_makes_sense(flat: VenueChain) -> None:
    feed = flat.view("config", ETH)[0]
    good = replace(FLAT)
    assert flat.send(A, flat.venue, "addMarket", bytes(32), config(feed, good)) == "NotOwner"
    assert flat.send(A, flat.venue, "setMarket", ETH, config(feed, good)) == "NotOwner"
    for bad in (
        replace(good, maintenance=200), replace(good, fee=100), replace(good, liquidation_fee=100),
        replace(good, step=0), replace(good, skew_scale=0), replace(good, max_premium=ONE),
        replace(good, keeper_share=10_001), replace(good, initial=10_001),
    ):  # fmt: skip
        assert flat.send("owner", flat.venue, "setMarket", ETH, config(feed, bad)) == "BadConfig"
    assert flat.send("owner", flat.venue, "setMarket", ETH, config(feed, good)) is None
    assert flat.send(A, flat.venue, "trade", 2, ONE, ANY_BUY, False, 0) == "NoMarket"


def test_what_is_sent_without_a_call_goes_to_the_fund(flat: VenueChain) -> None:
    assert flat.send(A, flat.usdc, "transfer", flat.venue.address, 77) is None
    assert flat.held() == flat.model.holdings() + 77
    assert flat.both(A, "skim", model=lambda m: m.insure(77)) is None
    flat.agree()


def test_a_full_side_takes_no_more_and_ranking_all_of_it_fits_into_a_block() -> None:
    """128 shorts, each cross in two markets: the most that deleveraging has to read."""
    crowd = [f"short-{number}" for number in range(129)]
    settings = replace(FLAT, liquidation_fee=0, step=10_000)
    venue = VenueChain([settings, settings], [*NAMES, *crowd])
    venue.add_liquidity("provider", 1_000_000 * USD)
    for name in crowd:
        venue.send(name, venue.venue, "deposit", venue.address(name), 1_000 * USD)
        refused = venue.send(name, venue.venue, "trade", ETH, -ONE, ANY_SELL, False, 0)
        assert refused == (None if name != crowd[-1] else "OpenInterestFull")
        venue.send(name, venue.venue, "trade", BTC, -ONE // 100, ANY_SELL, False, 0)
    venue.send(A, venue.venue, "deposit", venue.address(A), 2_000 * USD)
    assert venue.send(A, venue.venue, "trade", ETH, 32 * ONE, ANY_BUY, False, 0) is None
    venue.push(*eth(1_900))
    assert venue.send("liquidator", venue.venue, "liquidate", ETH, venue.address(A)) == "NeedsDeleveraging"
    queue = venue.view("adlQueue", ETH, venue.address(A), 32)[0]
    assert list(queue) == sorted(venue.address(name) for name in crowd[:-1])[:32]  # all alike: by address
    assert venue.send("liquidator", venue.venue, "deleverage", ETH, venue.address(A), queue) is None
    assert venue.outcome["gas_used"] < 20_000_000
    assert venue.view("position", ETH, venue.address(A))[0] == 0
    assert [balance(venue, name) >= 1_000 * USD for name in crowd] == [True] * 129
