"""Sandwiches on a constant-product pair: the proven loss is the closed form, and what looks like one and is none."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from detect.exchange import FOREVER, Exchange, Pool
from detect.stage import ETHER
from rollproof import _core
from rollproof.detect import foreign
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.ordering.sandwich import Sandwich, bundles
from rollproof.detect.run import Report, judge
from rollproof.types import Amount, Confidence, Finding, Severity


def judged(block: ExecutedBlock) -> Report:
    return judge(block, [Sandwich()])


def only(report: Report) -> Finding:
    assert not report.unjudged
    [finding] = report.findings
    return finding


def hashes(*raw: bytes) -> list[str]:
    return ["0x" + _core.keccak256(each).hex() for each in raw]


def lost(finding: Finding, account: bytes) -> dict[bytes | None, int]:
    return {each.token: -each.amount for each in finding.amounts if each.account == account}


@pytest.mark.parametrize("seed", range(6))
def test_the_loss_is_the_closed_form_to_the_wei(seed: int) -> None:
    rng = random.Random(seed)
    reserves = rng.randrange(10**20, 10**27), rng.randrange(10**20, 10**27)
    front, size = (reserves[0] * rng.randrange(1, 200) // 1000 + rng.randrange(1000) for _ in range(2))
    exchange = Exchange(*reserves)
    with_front, without = Pool(*reserves), Pool(*reserves)
    got = with_front.trade(front)
    hurt, fair = with_front.trade(size), without.trade(size)
    back = with_front.trade(got, up=False)
    raw = [exchange.swap(0, front), exchange.swap(1, size), exchange.swap(0, got, up=False)]
    finding = only(judged(exchange.stage.run(raw)))
    attacker, victim = (exchange.stage.account(index).address for index in (0, 1))
    assert lost(finding, victim) == {exchange.two.address: fair - hurt}
    assert Amount(exchange.one.address, attacker, back - front) in finding.amounts or back == front
    assert finding.confidence is Confidence.OBSERVED
    assert finding.severity is (Severity.HIGH if (fair - hurt) * 20 >= fair else Severity.MEDIUM)
    assert all(each in finding.subject for each in hashes(*raw))
    assert {attacker, victim, exchange.pair.address} <= set(finding.addresses)


def test_each_of_several_victims_loses_what_the_closed_form_says() -> None:
    exchange, with_front, without = Exchange(), *(Pool(10**6 * ETHER, 2 * 10**6 * ETHER) for _ in range(2))
    got = with_front.trade(40_000 * ETHER)
    sizes = {1: 10_000 * ETHER, 2: 3 * ETHER, 3: 77_777 * ETHER}
    raw = [exchange.swap(0, 40_000 * ETHER)]
    losses = {}
    for index, size in sizes.items():
        losses[index] = without.trade(size) - with_front.trade(size)
        raw.append(exchange.swap(index, size))
    raw.append(exchange.swap(0, got, up=False))
    finding = only(judged(exchange.stage.run(raw)))
    for index, loss in losses.items():
        assert lost(finding, exchange.stage.account(index).address) == {exchange.two.address: loss}
    assert finding.counterfactual is not None
    assert [each["transaction"] for each in finding.counterfactual["victims"]] == hashes(*raw[1:-1])
    assert finding.counterfactual["removed"] == hashes(raw[0])


def test_the_loss_of_a_swap_that_pays_another_account() -> None:
    exchange, with_front, without = Exchange(), *(Pool(10**6 * ETHER, 2 * 10**6 * ETHER) for _ in range(2))
    heir = b"\x77" * 20
    got = with_front.trade(40_000 * ETHER)
    loss = without.trade(9_000 * ETHER) - with_front.trade(9_000 * ETHER)
    raw = [exchange.swap(0, 40_000 * ETHER), exchange.swap(1, 9_000 * ETHER, to=heir), exchange.swap(0, got, up=False)]
    assert lost(only(judged(exchange.stage.run(raw))), heir) == {exchange.two.address: loss}


def test_legs_of_two_senders_by_one_contract() -> None:
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    bot = exchange.bot()
    got = pool.trade(40_000 * ETHER)
    raw = [
        exchange.bot_swap(bot, 0, 40_000 * ETHER),
        exchange.swap(1, 9_000 * ETHER),
        exchange.bot_swap(bot, 2, got, up=False),
    ]
    finding = only(judged(exchange.stage.run(raw)))
    assert bot in finding.addresses
    assert lost(finding, exchange.stage.account(1).address)


def test_legs_that_one_holder_joins() -> None:
    """The first leg pays a contract that the second sender has sell."""
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    bot = exchange.bot(0)
    got = pool.trade(40_000 * ETHER)
    raw = [
        exchange.swap(0, 40_000 * ETHER, to=bot),
        exchange.swap(1, 9_000 * ETHER),
        exchange.bot_swap(bot, 2, got, up=False),
    ]
    finding = only(judged(exchange.stage.run(raw)))
    assert "one account has what was bought" in finding.notes[0]
    assert bot in finding.addresses


def test_legs_that_only_the_amounts_join() -> None:
    """Two senders, two contracts with funds: the victim's loss is proven, that both are one party is not."""
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    first, second = exchange.bot(), exchange.bot()
    got = pool.trade(40_000 * ETHER)
    raw = [
        exchange.bot_swap(first, 0, 40_000 * ETHER),
        exchange.swap(1, 90_000 * ETHER),
        exchange.bot_swap(second, 2, got, up=False),
    ]
    block = exchange.stage.run(raw)
    finding = only(judged(block))
    assert finding.severity is Severity.MEDIUM
    assert any("not proven" in note for note in finding.notes)
    report = judged(replace(block, counterfactual=None, kept={}))
    assert (report.findings, len(report.suppressed)) == ([], 1)


def test_several_fronts_and_backs_are_one_sandwich() -> None:
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    got = pool.trade(20_000 * ETHER) + pool.trade(20_000 * ETHER)
    raw = [
        exchange.swap(0, 20_000 * ETHER),
        exchange.swap(0, 20_000 * ETHER),
        exchange.swap(1, 9_000 * ETHER),
        exchange.swap(0, got // 2, up=False),
        exchange.swap(0, got - got // 2, up=False),
    ]
    finding = only(judged(exchange.stage.run(raw)))
    assert all(each in finding.subject for each in hashes(*raw))


def test_sandwiches_one_behind_the_other_are_two() -> None:
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    raw = []
    for victim in (1, 2):
        got = pool.trade(40_000 * ETHER)
        pool.trade(9_000 * ETHER)
        pool.trade(got, up=False)
        raw += [exchange.swap(0, 40_000 * ETHER), exchange.swap(victim, 9_000 * ETHER), exchange.swap(0, got, up=False)]
    found = judged(exchange.stage.run(raw)).findings
    assert len(found) == 2
    assert len({each.id for each in found}) == 2


def test_forty_victims_are_not_too_many() -> None:
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    got = pool.trade(40_000 * ETHER)
    victims = [exchange.swap(1 + number % 8, 50 * ETHER) for number in range(40)]
    raw = [exchange.swap(0, 40_000 * ETHER), *victims, exchange.swap(0, got, up=False)]
    finding = only(judged(exchange.stage.run(raw)))
    assert all(each in finding.subject for each in hashes(*victims))


def test_a_back_leg_on_another_pool() -> None:
    """What is bought on the victim's pool is sold on a second one of the same tokens, where nobody else trades."""
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    stage, deployer = exchange.stage, exchange.stage.account(9)
    other, router = exchange.deploy("Pair", exchange.one.address, exchange.two.address), exchange.deploy("Router")
    exchange.happened(
        [
            exchange.call(deployer, router, "register", other.address),
            exchange.mint(exchange.one, other.address, 2 * 10**6 * ETHER),
            exchange.mint(exchange.two, other.address, 2 * 10**6 * ETHER),  # dearer here
            exchange.call(deployer, other, "mint", deployer.address),
            exchange.call(stage.account(0), exchange.two, "approve", router.address, FOREVER),
        ]
    )
    got = pool.trade(40_000 * ETHER)
    back = router.encode("swapExactTokensForTokens", got, 0, exchange.path(up=False), stage.account(0).address, FOREVER)
    raw = [
        exchange.swap(0, 40_000 * ETHER),
        exchange.swap(1, 9_000 * ETHER),
        stage.account(0).send(router.address, data=back, gas=1_000_000),
    ]
    finding = only(judged(stage.run(raw)))
    assert all(each in finding.subject for each in hashes(*raw))
    assert lost(finding, stage.account(1).address)


def test_without_state_it_is_the_pattern_alone() -> None:
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    got = pool.trade(40_000 * ETHER)
    raw = [exchange.swap(0, 40_000 * ETHER), exchange.swap(1, 90_000 * ETHER), exchange.swap(0, got, up=False)]
    block = exchange.stage.run(raw)
    block.counterfactual = None
    finding = only(judged(block))
    assert (finding.severity, finding.confidence) == (Severity.LOW, Confidence.POSSIBLE)
    assert finding.counterfactual is None
    assert any("the pattern alone" in note for note in finding.notes)
    assert lost(finding, exchange.stage.account(1).address) == {}


def test_a_round_trip_at_a_loss_is_none_without_proof() -> None:
    """Without the state, and with nothing gained by both legs: who trades both ways pays the fee twice."""
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    got = pool.trade(40_000 * ETHER)
    raw = [exchange.swap(0, 40_000 * ETHER), exchange.swap(1, ETHER), exchange.swap(0, got, up=False)]
    block = exchange.stage.run(raw)
    proven = only(judged(block))
    assert proven.severity is Severity.LOW
    report = judged(replace(block, counterfactual=None, kept={}))
    assert report.findings == []
    assert [each.reason for each in report.suppressed] == ["what was bought was not sold dearer"]


# What looks like one.


def test_trades_both_ways_by_one_user_with_nobody_between() -> None:
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    pool.trade(5_000 * ETHER)
    got = pool.trade(40_000 * ETHER)
    raw = [
        exchange.swap(1, 5_000 * ETHER),
        exchange.swap(0, 40_000 * ETHER),
        exchange.swap(0, got, up=False),
        exchange.swap(2, 5_000 * ETHER),
    ]
    block = exchange.stage.run(raw)
    assert bundles(block) == []


def test_users_of_one_router_are_no_party() -> None:
    """Buy, buy, sell: three people, one router, and none of them sells what another one bought."""
    exchange = Exchange()
    raw = [
        exchange.swap(0, 40_000 * ETHER),
        exchange.swap(1, 9_000 * ETHER),
        exchange.swap(2, 50_000 * ETHER, up=False),
    ]
    block = exchange.stage.run(raw)
    assert bundles(block) == []
    report = judged(block)
    assert (report.findings, report.suppressed) == ([], [])


def test_those_who_trade_the_other_way_are_no_victims() -> None:
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    got = pool.trade(40_000 * ETHER)
    raw = [
        exchange.swap(0, 40_000 * ETHER),
        exchange.swap(1, 9_000 * ETHER, up=False),
        exchange.swap(0, got, up=False),
    ]
    assert bundles(exchange.stage.run(raw)) == []


def test_a_market_maker_at_a_fixed_rate_costs_nobody_anything() -> None:
    exchange = Exchange()
    stage, pool = exchange.stage, None
    pool = stage.deploy("FixedRatePool", exchange.one.address, exchange.two.address)
    own = [exchange.mint(token, pool.address, 10**30) for token in (exchange.one, exchange.two)]
    for index in (0, 1):
        own += [
            exchange.call(stage.account(index), token, "approve", pool.address, FOREVER)
            for token in (exchange.one, exchange.two)
        ]
    exchange.happened(own)
    trades = ((0, True, 1_000_000), (1, True, 5_000), (0, False, 999_000))
    raw = [pool.send("swap", up, amount, sender=stage.account(index)) for index, up, amount in trades]
    block = stage.run(raw)
    assert len(bundles(block)) == 1
    report = judged(block)
    assert report.findings == []
    [kept] = report.suppressed
    assert "no swap between the legs gets more" in kept.reason


def test_who_trades_both_ways_hurts_others_but_is_low() -> None:
    """A trader buys much, and sells a little: the swap between got less, and yet that was not the purpose."""
    exchange = Exchange()
    raw = [
        exchange.swap(0, 40_000 * ETHER),
        exchange.swap(1, 9_000 * ETHER),
        exchange.swap(0, 5_000 * ETHER, up=False),
    ]
    finding = only(judged(exchange.stage.run(raw)))
    assert finding.severity is Severity.LOW


def test_who_sends_for_others_is_no_party() -> None:
    """One account sends what two contracts' owners want, as a bundler does: neither has what the other bought."""
    exchange = Exchange()
    first, second = exchange.bot(), exchange.bot()
    raw = [
        exchange.bot_swap(first, 0, 40_000 * ETHER),
        exchange.swap(1, 9_000 * ETHER),
        exchange.bot_swap(second, 0, 5_000 * ETHER, up=False),
    ]
    report = judged(exchange.stage.run(raw))
    assert report.findings == []


# Blocks that somebody else recorded, with calls and nothing else.


def recorded(shared_data: Path, number: int) -> Report:
    [block] = foreign.read(shared_data / "detection" / "mev-blocks" / f"{number}.json.gz")
    return judged(block)


def test_the_asserted_sandwich_of_four(shared_data: Path) -> None:
    finding = only(recorded(shared_data, 12775690))
    assert bytes.fromhex("000000000027d2efc283613d0c3e24a8b430c4d8") in finding.addresses  # paid and held by
    victims = finding.subject.partition("victims ")[2].partition(";")[0].split()
    assert len(victims) == 4
    assert (finding.severity, finding.confidence) == (Severity.LOW, Confidence.POSSIBLE)


def test_one_route_over_two_pools_is_counted_once(shared_data: Path) -> None:
    assert " and 1 more" in only(recorded(shared_data, 12914944)).title


def test_the_profit_may_be_kept_in_what_was_bought(shared_data: Path) -> None:
    """As much of the one token comes back as was paid, to the unit; the gain is what is left of the other."""
    finding = only(recorded(shared_data, 11935012))
    [gain] = finding.amounts
    assert gain.amount == 10393570187534669292 - 10313400903182669543  # both in the block's own calls


@pytest.mark.parametrize("number", [13179291, 13207907, 13302365, 13326607, 13376024, 13666312, 15049646])
def test_blocks_without_one(shared_data: Path, number: int) -> None:
    assert recorded(shared_data, number).findings == []
