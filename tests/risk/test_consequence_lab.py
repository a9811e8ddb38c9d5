"""What a wrong state costs whom: the lab's venue with slots changed, against arithmetic on what was written."""

from __future__ import annotations

import random

import pytest

from risk.consequence_bed import ETH, FUND, POOL, A, B, Bed, C, D, compared
from rollproof.types import Outcome
from unit.venue_model import ONE, USD

# What the accounts hold: deposits of 1,010, 1,000, 1,000 and 110.
OWED = (1_010 + 1_000 + 1_000 + 110) * USD + POOL + FUND


@pytest.fixture(scope="module")
def bed() -> Bed:
    return Bed()


def test_an_honest_block_holds(bed: Bed) -> None:
    states, _ = bed.judged(bed.venue.chain.head)
    assert states.verdict.outcome is Outcome.HOLDS
    assert states.claimed == states.computed


def test_a_balance_slot_is_money_of_one_account_that_the_venue_lacks(bed: Bed) -> None:
    gift = 123_456_789_012
    found = bed.cost((bed.account(B), bed.value(bed.account(B)) + gift))
    assert found.labels() == {B: ["overpaid"]}
    assert (found[B].cash, found[B].profit, found[B].equity, found[B].wallet) == (gift, 0, gift, 0)
    assert found[B].computed.balance == 1_000 * USD
    assert (found.all.overpaid, found.all.underpaid) == (gift, 0)
    assert (found.all.computed.held, found.all.computed.owed) == (OWED, OWED)
    assert (found.all.claimed.held, found.all.claimed.owed) == (OWED, OWED + gift)
    assert found.all.hole == gift
    assert found.all.unbacked == 0
    assert found.all.complete
    assert found.all.wrong
    # B is short 3 at 2,000: 6 times its collateral. Its initial margin is 2 % of 6,000.
    assert found[B].computed.leverage == 6.0
    assert found[B].share_of_notional == pytest.approx(gift / (6_000 * USD))
    knock = found.all.knock
    assert knock.withdrawn == 1_000 * USD + gift - 120 * USD
    assert knock.bad_debt == gift - 120 * USD
    assert (knock.by_fund, knock.by_pool) == (FUND, gift - 120 * USD - FUND)


def test_a_surplus_larger_than_the_venue_costs_what_the_venue_has(bed: Bed) -> None:
    found = bed.cost((bed.account(B), 10**30))
    assert found.all.knock.bad_debt == OWED
    assert (found.all.knock.by_fund, found.all.knock.by_pool) == (FUND, POOL)
    assert found.all.knock.by_accounts == OWED - FUND - POOL


def test_balances_at_random_add_up_to_the_unit(bed: Bed) -> None:
    draw = random.Random(5)
    for _ in range(10):
        added = {name: draw.randrange(-(10**8), 10**13) for name in draw.sample((A, B, C, D), draw.randint(1, 4))}
        found = bed.cost(*((bed.account(name), bed.value(bed.account(name)) + more) for name, more in added.items()))
        assert {name: found[name].cash for name in added} == added
        assert sum(each.cash for each in found.all.accounts) == sum(added.values())
        assert found.all.hole == max(0, sum(added.values()))
        assert found.all.overpaid - found.all.underpaid == sum(added.values())


def test_tokens_of_the_venue_are_owed_to_all_and_taken_from_nobody(bed: Bed) -> None:
    place = bed.tokens(bed.venue.venue.address)
    found = bed.cost((place, bed.value(place) - 250_000 * USD))
    assert found.labels() == {}
    assert found.all.venue_tokens == -250_000 * USD
    assert found.all.hole == 250_000 * USD
    assert (found.all.overpaid, found.all.underpaid, found.all.unbacked) == (0, 0, 0)
    assert found.all.knock.bad_debt == 0
    more = bed.cost((place, bed.value(place) + 3))
    assert (more.all.hole, more.all.unbacked) == (0, 3)


def test_tokens_in_a_wallet_are_what_the_bridge_lacks(bed: Bed) -> None:
    """A's wallet: the block's transfer names A, and it has an account."""
    place = bed.tokens(bed.who(A))
    found = bed.cost((place, bed.value(place) + 77 * USD))
    assert found.labels() == {A: ["overpaid"]}
    assert (found[A].wallet, found[A].equity) == (77 * USD, 0)
    assert (found.all.unbacked, found.all.hole) == (77 * USD, 0)


def test_tokens_of_a_stranger_are_unknown_by_slot_and_not_nobodys(bed: Bed) -> None:
    place = bed.tokens(b"\x55" * 20)
    found = bed.cost((place, 77 * USD))
    assert len(found.all.unexplained) == 1
    assert not found.all.complete
    assert found.all.wrong


def test_supply_that_nobody_bridged(bed: Bed) -> None:
    found = bed.cost((bed.supply, bed.value(bed.supply) + 777 * USD))
    assert found.labels() == {}
    assert (found.all.unbacked, found.all.hole) == (777 * USD, 0)
    assert found.all.claimed.supply - found.all.computed.supply == 777 * USD
    assert found.all.wrong
    assert found.all.complete


def test_a_position_of_ten_times_the_size(bed: Bed) -> None:
    """A bought 5 for 10,000. With 50 in its place it has 100,000 of ETH for 10,000."""
    word = bed.value(bed.position(A))
    assert word % 2**128 == 5 * ONE
    found = bed.cost((bed.position(A), word + 45 * ONE))
    assert found.labels() == {A: ["overpaid"]}
    assert (found[A].cash, found[A].profit) == (0, 90_000 * USD)
    assert found[A].claimed.sizes == {ETH: 50 * ONE}
    assert (found[A].claimed.notional, found[A].claimed.maintenance) == (100_000 * USD, 1_000 * USD)
    # The balance is all that can be withdrawn: 1,010, which is also what A should have.
    assert found.all.knock.bad_debt == 0


def test_a_false_price_liquidates_some_and_spares_others(bed: Bed) -> None:
    """At 1,810: A has 1,010 - 5 x 190 = 60, of 1 % of 9,050 = 90.5; B 1,000 + 570; C 500 - 380 = 120, of 36.2, and its
    balance of 500; D 110 + 90 = 200, of 18.1, where it has 10 of 20."""
    word = bed.value(bed.price)
    assert word % 2**192 == 2_000 * 10**8
    found = bed.cost((bed.price, word - 190 * 10**8))
    assert found.labels() == {
        A: ["wrongly-liquidated", "underpaid"],
        B: ["overpaid"],
        C: ["underpaid"],
        D: ["spared", "overpaid"],
    }
    assert [found[name].equity for name in (A, B, C, D)] == [-950 * USD, 570 * USD, -380 * USD, 190 * USD]
    assert [found[name].cash for name in (A, B, C, D)] == [0, 0, 0, 0]
    assert found[A].claimed.liquidatable == found[D].computed.liquidatable == (ETH,)
    assert found[A].claimed.health == pytest.approx(60 / 90.5)
    assert found[D].computed.health == 0.5
    assert found[C].claimed.health == pytest.approx(120 / 36.2)
    assert found[A].share_of_notional == pytest.approx(-0.095)
    assert found[A].computed.leverage == pytest.approx(10_000 / 1_010)
    assert found[A].share_of_equity == pytest.approx(-950 / 1_010)
    [eth, btc] = found.all.markets
    assert (eth.changed, btc.changed) == (True, False)
    assert eth.computed is not None
    assert eth.claimed is not None
    assert (eth.claimed.index_price, eth.computed.index_price) == (1_810 * 10**18, 2_000 * 10**18)
    assert eth.index_move == eth.mark_move == pytest.approx(-0.095)
    # The pool is the traders' counterparty: they are long 3 in all.
    assert found.all.claimed.pool_equity is not None
    assert found.all.computed.pool_equity is not None
    assert found.all.claimed.pool_equity - found.all.computed.pool_equity == 3 * 190 * USD
    # B may take its whole collateral, and D all of its: 1,000 and 110, where they have 1,000 and 10.
    assert found.all.knock.withdrawn == 1_110 * USD
    assert found.all.knock.bad_debt == 100 * USD
    assert found.all.hole == 0


def test_a_position_that_the_claim_closed(bed: Bed) -> None:
    """B's position is gone, with what it cost: it keeps its 1,000."""
    word = bed.value(bed.position(B))
    found = bed.cost((bed.position(B), word >> 128 << 128), (bed.position(B, 2), 0))
    assert found.labels() == {B: ["wrongly-liquidated"]}
    assert (found[B].closed, found[B].kept, found[B].worth) == ((ETH,), (), 0)


def test_a_liquidation_that_the_claim_leaves_out() -> None:
    """D has 10 behind a short of 1 at 2,000; the keeper closes a part. By the claim the venue is as it was before."""
    bed = Bed()
    assert bed.venue.liquidate(0, D) is None
    chain = bed.venue.chain
    done = chain.run(chain.head)
    before = [
        ((address, int.from_bytes(slot, "big")), old)
        for address, _, _, slots in done.changes
        if address == bed.venue.venue.address
        for slot, old, _ in slots
    ]
    found = bed.cost(*before)
    assert found[D].labels[0] == "spared"
    assert (found[D].kept, found[D].closed) == ((ETH,), ())
    assert found[D].computed.sizes == {ETH: -3 * ONE // 4}  # a quarter at a time, while half the margin is left
    assert found[D].claimed.sizes == {ETH: -ONE}


def test_an_untouched_venue_is_all_zeros(bed: Bed) -> None:
    """ETH of somebody differs, and nothing of the venue."""
    chain = bed.venue.chain
    more = chain.account(bed.who(B))[1] + 10**18
    _, revalued = bed.judged(chain.reseal(chain.head, accounts=[(bed.who(B), None, more, None, [])]))
    assert revalued.verdict.outcome is Outcome.BROKEN
    found = compared(revalued)
    assert not found.wrong
    assert found.complete
    assert (found.overpaid, found.underpaid, found.unbacked, found.hole, found.knock.bad_debt) == (0, 0, 0, 0, 0)
    assert {label for each in found.accounts for label in each.labels} == {"unchanged"}
