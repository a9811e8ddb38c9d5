"""How a consequence is shown: exact amounts, every row, and nothing of an outside text that a terminal would obey."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from risk.consequence_snapshots import ALICE, BOB, TOKEN, account, position, snapshot
from rollproof.report import consequence_html, consequence_json, consequence_text
from rollproof.risk.consequence import of
from rollproof.types import Outcome, Verdict
from rollproof.venue.holdings import Holdings
from rollproof.venue.revaluation import Revaluation
from rollproof.venue.snapshot import Snapshot

BROKEN = Verdict(1, 7, Outcome.BROKEN, confirmed=True, assumes=("L1 inputs",))


def revalued(claimed: Snapshot, computed: Snapshot, **more: Any) -> Revaluation:
    return Revaluation(BROKEN, computed, claimed, computed, adapter="lab", **more)


def values(found: Revaluation) -> dict[str, Any]:
    return consequence_json.record(found, of(found))


@pytest.fixture
def wrong() -> Revaluation:
    """Alice has 60 too much behind a position of 1,000; she should have 100."""
    right = snapshot(account(ALICE, 100, position(10)), account(BOB, 5))
    return revalued(snapshot(account(ALICE, 160, position(10)), account(BOB, 5)), right)


def test_json_is_one_object_of_strings_and_numbers(wrong: Revaluation) -> None:
    line = consequence_json.line(values(wrong))
    assert "\n" not in line
    assert line.isascii()
    said = json.loads(line)
    assert said["record"] == "consequence"
    assert said["totals"]["overpaid"] == "60"
    assert said["totals"]["owed"] == {"claimed": "1215", "computed": "1155", "difference": "60"}
    assert said["knock_on"] == {
        "withdrawn": "60", "bad_debt": "0", "by_fund": "0", "by_pool": "0", "by_accounts": "0",
    }  # fmt: skip
    [alice, bob] = said["accounts"]
    assert (alice["share_of_notional"], alice["computed"]["leverage"]) == (0.06, 10.0)
    assert bob["labels"] == ["unchanged"]


def test_text_says_who_and_how_much_beside_the_leverage(wrong: Revaluation) -> None:
    shown = consequence_text.text(values(wrong))
    assert shown.splitlines()[0] == "1-7  broken   1 overpaid by 60 T; the venue lacks 60 T"
    [row] = [line for line in shown.splitlines() if ALICE.hex() in line]
    assert row.split() == f"0x{ALICE.hex()} overpaid 100 160 +60 +600.0 bp at 10.0x: +60.0 % 2.00 -> 3.20".split()
    assert BOB.hex() not in shown
    assert BOB.hex() in consequence_text.text(values(wrong), verbose=1)
    assert "all differences inside: 600.0 bp of positions worth 1,000" in shown
    assert "\x1b" not in shown
    assert "\x1b[1;31mbroken" in consequence_text.text(values(wrong), colour=True)


def test_a_block_that_holds_and_one_that_could_not_be_looked_at() -> None:
    holds = values(Revaluation(replace(BROKEN, outcome=Outcome.HOLDS)))
    assert "nobody is owed" in consequence_text.text(holds)
    unknown = values(Revaluation(replace(BROKEN, outcome=Outcome.UNKNOWN), reason="missing: a node"))
    assert "missing: a node" in consequence_text.text(unknown)
    assert "venue" not in json.loads(consequence_json.line(unknown)).get("totals", {})


def test_unknown_accounts_are_rows_with_their_reason() -> None:
    right = snapshot(account(ALICE, 100), account(BOB, 5))
    found = revalued(
        replace(right, accounts=right.accounts[:1], unread={BOB: "no node"}, unlisted="2 are not named"), right
    )
    shown = consequence_text.text(values(found))
    [row] = [line for line in shown.splitlines() if BOB.hex() in line]
    assert "unknown" in row
    assert "no node" in row
    assert "2 are not named" in shown
    assert "nothing that could be read differs" in shown


def test_outside_text_is_shown_and_not_obeyed() -> None:
    evil = "<script>\x1b[2J\u202e"
    token = replace(TOKEN, symbol=evil)
    market = replace(snapshot().markets[0], symbol=evil)
    right = replace(snapshot(account(ALICE, 1)), collateral=token, markets=(market,))
    claimed = replace(
        right, accounts=(account(ALICE, 2),), markets=(replace(market, index_price=200),), unread={BOB: evil}
    )
    record = values(revalued(claimed, right, notes=(evil,)))
    for shown in (consequence_text.text(record, verbose=1), consequence_html.html(record)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "<script>" not in consequence_html.html(record)


def test_html_is_closed_and_has_the_same_rows(wrong: Revaluation) -> None:
    class Reader(HTMLParser):
        depth = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.depth += 1

        def handle_endtag(self, tag: str) -> None:
            self.depth -= 1

    page = consequence_html.html(values(wrong))
    reader = Reader()
    reader.feed(page)
    assert reader.depth == 0
    assert f"0x{ALICE.hex()}" in page
    assert "+60" in page
    assert "script" not in page


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "shown"),
    [
        (0, 6, True, "0"), (1, 6, False, "0.000001"), (-1_500_000, 6, True, "-1.5"), (1_234_567, 0, True, "+1,234,567"),
        (10**30 + 1, 18, False, "1,000,000,000,000.000000000000000001"), (-(10**6), 6, False, "-1"),
    ],
)  # fmt: skip
def test_amounts_are_exact(value: int, decimals: int, signed: bool, shown: str) -> None:
    assert consequence_text.decimal(value, decimals, signed=signed) == shown


def test_long_tables_are_cut_and_say_so() -> None:
    people = [bytes([number]) * 20 for number in range(1, 60)]
    right = snapshot(*(account(each, 1) for each in people))
    record = values(revalued(snapshot(*(account(each, 2) for each in people)), right, holdings=Holdings()))
    shown = consequence_text.text(record)
    assert f"and {len(people) - consequence_text.MAX_ROWS} more" in shown
    assert len(record["accounts"]) == len(people)
    assert all(each.hex() in consequence_text.text(record, verbose=1) for each in people)
