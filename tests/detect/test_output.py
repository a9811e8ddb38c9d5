"""How findings are shown: JSON lines, text, notebook HTML and the page."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import rollproof as rp
from detect.shown import ALICE, BOB, FOUND, HOSTILE, TOKEN, Tags
from rollproof.report import finding_html, finding_json, finding_text, naming
from rollproof.types import Amount, Confidence, Severity, Suppressed, Unjudged


def test_a_record_has_what_the_design_names() -> None:
    values = json.loads(finding_json.line(finding_json.record(FOUND)))
    named = {"id", "detector", "severity", "chain_id", "block", "transaction", "addresses", "title", "amounts"}
    assert named | {"evidence", "record"} <= values.keys()
    assert values["record"] == "finding"
    assert values["transaction"] == "0x" + "11" * 32
    assert values["amounts"] == [
        {"token": "native", "account": "0x" + "b0" * 20, "amount": "-1500000000000000000"},
        {"token": "0x" + "70" * 20, "account": "0x" + "a1" * 20, "amount": str(2**255)},
    ]
    assert values["slots"][0]["slot"] == "0x" + "00" * 31 + "07"
    assert values["slots"][0]["after"] == "0x" + "ff" * 32
    assert values["evidence"] is None


def test_integers_that_json_readers_round_are_text() -> None:
    values = json.loads(finding_json.line(finding_json.record(FOUND)))["counterfactual"]
    assert values == {"victim_loss": str(2**70), "order": [1, 0], "token": "0x" + "70" * 20, "known": True}
    assert finding_json.plain(2**53 - 1) == 2**53 - 1
    assert finding_json.plain(-(2**53)) == str(-(2**53))


def test_what_a_trace_does_not_say_is_null() -> None:
    foreign = replace(FOUND, chain_id=None, block=None, transaction=None, trace_hash=b"\x22" * 32)
    values = finding_json.record(foreign)
    assert (values["chain_id"], values["block"], values["transaction"]) == (None, None, None)
    assert values["trace_hash"] == "0x" + "22" * 32


def test_every_record_says_what_it_is() -> None:
    kept = Suppressed("reentrancy", Severity.HIGH, 1, 2, None, "re-entered", "the lock was restored")
    unknown = Unjudged("gas-griefing", None, None, None, "the source does not show gas")
    assert finding_json.record(kept)["record"] == "suppressed"
    assert finding_json.record(unknown) == {
        "record": "unknown",
        "detector": "gas-griefing",
        "chain_id": None,
        "block": None,
        "transaction": None,
        "reason": "the source does not show gas",
    }


def test_the_id_does_not_depend_on_how_much_was_lost_but_on_the_place() -> None:
    more = replace(FOUND, amounts=(), severity=Severity.LOW, title="other words", evidence="x")
    assert more.id == FOUND.id
    others = [
        replace(FOUND, chain_id=11),
        replace(FOUND, transaction=b"\x12" * 32),
        replace(FOUND, subject="other"),
        replace(FOUND, detector="back-run"),
    ]
    assert len({each.id for each in others} | {FOUND.id}) == 5


def test_labels_stand_beside_addresses() -> None:
    names = {BOB: "Bob's wallet", TOKEN: "TKN"}
    assert finding_json.record(FOUND, names)["labels"] == {"0x" + "b0" * 20: "Bob's wallet", "0x" + "70" * 20: "TKN"}
    assert "labels" not in finding_json.record(FOUND)
    text = finding_text.finding(FOUND, names)
    assert f"-1.5 ether  Bob's wallet (0x{'b0' * 20})" in text
    assert f"of token TKN (0x{'70' * 20})" in text


def test_labels_stand_in_sentences() -> None:
    said = replace(FOUND, title=f"0x{BOB.hex()} paid 0x{ALICE.hex()}", notes=(f"by way of 0x{TOKEN.hex()}",))
    lines = finding_text.finding(said, {BOB: "Bob\x1b", TOKEN: "TKN"}).splitlines()
    assert lines[1] == f"    Bob\\x1b (0xb0b0b0…b0b0) paid 0x{ALICE.hex()}"
    assert "    by way of TKN (0x707070…7070)" in lines
    hash_of_40 = "0x" + "b0" * 32
    assert naming.labelled(hash_of_40, {BOB: "Bob"}) == hash_of_40


def test_text_says_who_lost_what() -> None:
    first, second, *rest = finding_text.finding(FOUND).splitlines()
    assert first == f"high      sandwich  10:120  0x{'11' * 32}"
    assert second == "    Alice sold before and after Bob"
    assert rest[0] == f"    -1.5 ether  0x{'b0' * 20}"
    assert rest[1].strip().startswith(f"+{2**255} of token")
    assert "slot 0x7" in rest[2]
    assert rest[2].endswith(": 0 -> 0xffffffff…ffffffff")
    assert FOUND.id not in "".join(rest)
    assert f"    id {FOUND.id}" in finding_text.finding(FOUND, verbose=1).splitlines()


def test_text_is_bounded_and_says_what_it_leaves_out() -> None:
    many = replace(FOUND, amounts=tuple(Amount(None, ALICE, each) for each in range(1, 1001)))
    lines = finding_text.finding(many).splitlines()
    assert len(lines) < 30
    assert f"    and {1000 - finding_text.MAX_LISTED} more amounts" in lines


def test_a_counterfactual_is_a_line_for_each_thing() -> None:
    lines = finding_text.finding(FOUND, {TOKEN: "TKN"}).splitlines()
    at = lines.index("    counterfactual")
    assert lines[at + 1 : at + 4] == [
        f"        victim loss: {2**70}",
        "        order: 1, 0",
        "        token: TKN (0x707070…7070)",
    ]
    nested = replace(
        FOUND, counterfactual={"victims": [{"lost": [{"token": None, "amount": "-5"}], "status": 1}], "none": None}
    )
    assert finding_text.finding(nested).splitlines()[-1] == "        victims: lost token native, amount -5, status 1"


def test_what_is_only_possible_is_marked() -> None:
    assert "possible: not seen to happen" in finding_text.finding(replace(FOUND, confidence=Confidence.POSSIBLE))


def test_control_characters_are_shown_not_sent() -> None:
    hostile = replace(FOUND, title=HOSTILE, notes=(HOSTILE,), detector=HOSTILE, counterfactual={"x": HOSTILE})
    text = finding_text.finding(hostile, verbose=1)
    assert not any(each in text for each in ("\x1b", "\u202e"))
    shown = Tags(finding_html.html(hostile))
    assert "script" not in shown.opened
    assert shown.opened["tr"] == shown.closed["tr"]
    assert "\x1b" not in shown.text


def test_unknowns_are_gathered_by_reason() -> None:
    several = [Unjudged(name, 1, number, None, "nobody watched") for number in range(3) for name in ("a", "b")]
    assert finding_text.unjudged(finding_text.reasons(several)) == ["unknown   3 times: nobody watched", "    a, b"]


def test_a_finding_in_a_notebook() -> None:
    shown = Tags(FOUND._repr_html_())  # type: ignore[attr-defined]
    assert "-1.5 ether" in shown.text
    assert "sandwich" in shown.text
    assert repr(FOUND) == "<Finding high sandwich 10:120 0x11111111>"
    assert repr(rp.Finding) != repr(FOUND)


def test_a_page_needs_no_other_file_and_no_script() -> None:
    page = "".join(finding_html.page("Findings <1>", [finding_html.html(FOUND)], ["left out & said"]))
    tags = Tags(page)
    assert tags.opened["section"] == tags.closed["section"] == 1
    assert not {"script", "link", "img", "iframe"} & tags.opened.keys()
    assert "default-src 'none'" in page
    assert "left out & said" in tags.text
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("wei", "shown"),
    [(0, "0"), (1, "0.000000000000000001"), (-(10**18), "-1"), (1_234_567 * 10**18 + 10**17, "1,234,567.1")],
)
def test_ether_is_exact(wei: int, shown: str) -> None:
    assert naming.ether(wei) == shown
