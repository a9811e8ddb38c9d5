"""The comparison itself, on snapshots made by hand: collateral with no decimals, so that every number can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from risk.consequence_snapshots import ALICE, BOB, TOKEN, X, account, position, snapshot
from rollproof.errors import Malformed
from rollproof.risk.consequence import Consequence, Label, consequence
from rollproof.venue.holdings import Holdings
from rollproof.venue.snapshot import MarketAt, Snapshot


def one(found: Consequence, address: bytes = ALICE) -> Any:
    [row] = [each for each in (*found.accounts, *found.outside) if each.address == address]
    return row


def test_nothing_differs() -> None:
    same = snapshot(account(ALICE, 500, position(10)), account(BOB, 5))
    found = consequence(same, same, same)
    assert not found.wrong
    assert found.complete
    assert [each.labels for each in found.accounts] == [(Label.UNCHANGED,)] * 2
    assert (found.overpaid, found.underpaid, found.unbacked, found.hole, found.at_stake) == (0, 0, 0, 0, 0)
    assert found.claimed.owed == 500 + 5 + 1_000 + 50


def test_an_account_that_one_state_does_not_have() -> None:
    found = consequence(None, snapshot(account(ALICE, 7)), snapshot())
    assert (one(found).labels, one(found).worth) == ((Label.OVERPAID,), 7)
    found = consequence(None, snapshot(), snapshot(account(ALICE, 7)))
    assert (one(found).labels, one(found).worth, found.underpaid) == ((Label.UNDERPAID,), -7, 7)


def test_debt_is_less_collateral() -> None:
    found = consequence(None, snapshot(account(ALICE, 7)), snapshot(account(ALICE, 7, debt=3)))
    assert (one(found).cash, one(found).profit, found.hole) == (3, 0, 0)


def test_an_isolated_loss_is_no_more_than_its_margin_and_the_rest_is_a_shortfall() -> None:
    """By the claim the position lost 70 of its margin of 50: the account is worth its other 20, and 20 are missing."""
    good = account(ALICE, 20, position(2, 0, isolated=True, margin=50))
    bad = account(ALICE, 20, position(2, -70, isolated=True, margin=50))
    found = consequence(None, snapshot(bad), snapshot(good))
    row = one(found)
    assert (row.claimed.equity, row.computed.equity, row.equity, row.cash, row.profit) == (20, 70, -50, 0, -50)
    assert (found.claimed.shortfall, found.computed.shortfall) == (20, 0)
    assert row.labels == (Label.WRONGLY_LIQUIDATED, Label.UNDERPAID)
    assert found.at_stake == 70
    assert row.claimed.health == -2.0  # -20 of a maintenance margin of 10
    assert row.computed.leverage == pytest.approx(200 / 70)


def test_altered_is_neither_better_nor_worse() -> None:
    """The claimed state requires twice the margin; nothing else differs."""
    right = account(ALICE, 500, position(10))
    wrong = replace(right, initial=200, positions=(replace(right.positions[0], initial=200),))
    found = consequence(None, snapshot(wrong), snapshot(right))
    assert one(found).labels == (Label.ALTERED,)
    assert found.wrong


@pytest.mark.parametrize(
    ("before", "claimed", "computed", "closed", "kept"),
    [
        (10, 10, 10, False, False),
        (10, 0, 10, True, False),
        (10, 4, 10, True, False),
        (-10, -4, -10, True, False),
        (10, -3, 10, True, False),
        (10, 10, 4, False, True),
        (10, 4, 4, False, False),
        (10, 12, 10, False, False),
        (0, 5, 0, False, False),
    ],
)
def test_positions_that_one_state_closed(before: int, claimed: int, computed: int, closed: bool, kept: bool) -> None:
    def at(size: int) -> Snapshot:
        return snapshot(account(ALICE, 500, *([position(size)] if size else [])))

    row = one(consequence(at(before), at(claimed), at(computed)))
    assert (bool(row.closed), bool(row.kept)) == (closed, kept)
    assert (Label.WRONGLY_LIQUIDATED in row.labels, Label.SPARED in row.labels) == (closed, kept)


def test_without_the_state_before_no_liquidation_is_claimed() -> None:
    row = one(consequence(None, snapshot(account(ALICE, 500)), snapshot(account(ALICE, 500, position(10)))))
    assert row.closed == ()
    assert row.labels == (Label.ALTERED,)


def test_unread_is_unknown_and_sums_over_accounts_are_not_given() -> None:
    right = snapshot(account(ALICE, 5), account(BOB, 5))
    wrong = snapshot(account(ALICE, 9), unread={BOB: "no node"})
    found = consequence(None, wrong, right)
    assert (one(found, BOB).labels, one(found, BOB).reason) == ((Label.UNKNOWN,), "no node")
    assert one(found, BOB).worth == 0
    assert (found.overpaid, found.hole, found.claimed.accounts, found.computed.owed) == (4, None, None, None)
    assert not found.complete


def test_accounts_that_may_not_be_listed_make_it_incomplete() -> None:
    same = snapshot(account(ALICE, 5))
    found = consequence(None, replace(same, unlisted="3 of 4 accounts are not named"), same)
    assert (found.complete, found.hole, found.unlisted) == (False, None, "3 of 4 accounts are not named")


def test_wallets_count_where_both_states_were_read() -> None:
    same = snapshot(account(ALICE, 5))
    holdings = Holdings({ALICE: 30, BOB: 8}, {ALICE: 10, BOB: 9})
    found = consequence(None, replace(same, supply=100_100), same, holdings)
    assert (one(found).wallet, one(found).equity, one(found).worth) == (20, 0, 20)
    assert [each.address for each in found.outside] == [BOB]
    assert (found.overpaid, found.underpaid, found.wallets) == (20, 1, 19)
    assert found.unbacked == 100  # the supply says more than the holders
    unread = replace(holdings, unread={BOB: "no node"})
    assert one(consequence(None, same, same, unread), BOB).labels == (Label.UNKNOWN,)


def test_what_the_venue_holds_moves_no_account_and_no_escrow_twice() -> None:
    """100 tokens went from the venue to Bob, by the claim: nobody's tokens are unbacked, and the venue lacks 100."""
    same = snapshot(account(ALICE, 5))
    found = consequence(None, replace(same, held=9_900), same, Holdings({BOB: 100}, {BOB: 0}))
    assert (found.hole, found.unbacked, found.overpaid) == (100, 0, 100)


def test_the_fund_pays_first_then_the_pool_then_everybody() -> None:
    """Alice may withdraw 3,000 that she does not have."""
    right = snapshot(account(ALICE, 0), pool=800)
    found = consequence(None, snapshot(account(ALICE, 3_000), pool=800), right)
    knock = found.knock
    assert (knock.withdrawn, knock.bad_debt) == (3_000, 3_000)
    assert (knock.by_fund, knock.by_pool, knock.by_accounts) == (50, 800, 2_150)
    poor = consequence(None, snapshot(account(ALICE, 3_000), held=70), replace(right, held=70))
    assert poor.knock.bad_debt == 70


def test_margin_stays_where_it_is_needed() -> None:
    """Alice has 500 by the claim and needs 100: she can take 400, where she should have 50."""
    right, wrong = (snapshot(account(ALICE, balance, position(10))) for balance in (50, 500))
    found = consequence(None, wrong, right)
    assert (found.knock.withdrawn, found.knock.bad_debt) == (400, 350)
    told = consequence(None, snapshot(account(ALICE, 500, position(10), free=90)), right)
    assert (told.knock.withdrawn, told.knock.bad_debt) == (90, 40)


def test_isolated_margin_can_be_taken_out_too() -> None:
    """A margin of 500 with a profit of 100, and 100 needed: the 500 that are there. It should be 30."""
    wrong = snapshot(account(ALICE, 0, position(10, 100, isolated=True, margin=500)))
    right = snapshot(account(ALICE, 0, position(10, 0, isolated=True, margin=30)))
    assert consequence(None, wrong, right).knock.bad_debt == 500 - 30


def test_markets_are_compared_by_name() -> None:
    dearer = replace(X, index_price=101, mark_price=110)
    right = snapshot()
    wrong = replace(right, markets=(dearer, MarketAt("Y", 1, 1, 0, 0)))
    x, y = consequence(None, wrong, right).markets
    assert x.index_move == pytest.approx(0.01)
    assert x.mark_move == pytest.approx(0.1)
    assert x.changed
    assert (y.computed, y.index_move, y.changed) == (None, None, True)


@pytest.mark.parametrize(
    "other",
    [
        {"venue": b"\x09" * 20}, {"chain_id": 2}, {"number": 8}, {"collateral": replace(TOKEN, decimals=6)},
        {"accounts": (account(ALICE, 1), account(ALICE, 2))},
    ],
)  # fmt: skip
def test_snapshots_that_do_not_go_together(other: dict[str, Any]) -> None:
    same = snapshot(account(ALICE, 5))
    with pytest.raises(Malformed):
        consequence(None, replace(same, **other), same)
    if "number" not in other and "accounts" not in other:
        with pytest.raises(Malformed):
            consequence(replace(same, **other), same, same)
