"""How verdicts are shown: text, JSON lines, notebook HTML."""

from __future__ import annotations

import html.parser
import json
from collections import Counter
from dataclasses import replace

from rollproof.report import jsonl, notebook, text
from rollproof.types import Difference, Outcome, Verdict

HOLDS = Verdict(
    chain_id=1,
    number=1_920_000,
    outcome=Outcome.HOLDS,
    checked=("state_root", "hash"),
    not_checked=("proof_of_work",),
    assumes=("parent header",),
    claimed_hash=b"\x11" * 32,
    computed_hash=b"\x11" * 32,
    transactions=4,
    gas_used=84_000,
    seconds=0.0123456789,
    fork="dao",
    source="blocks/eth-mainnet-1920000.json.gz",
    stages={"execute": 0.01},
)
BROKEN = Verdict(
    chain_id=10,
    number=7,
    outcome=Outcome.BROKEN,
    confirmed=False,
    differences=(
        Difference("header", "state_root", "0xaa", "0xbb"),
        Difference("storage", "0x01 0x02", "0x5", None),
    ),
    transactions=1,
    gas_used=21_000,
    second_opinion={"machine": "eels", "state_root": b"\xbb", "per_tx": [{"gas": 2**70}]},
)
UNKNOWN = Verdict(
    chain_id=None, number=None, outcome=Outcome.UNKNOWN, reason="not there: gone.json", source="gone.json"
)


def test_text_of_each_outcome() -> None:
    assert text.text(HOLDS) == "eth-mainnet-1920000       holds    4 txs  84,000 gas  dao  12.3 ms"
    assert text.text(BROKEN).splitlines() == [
        "10-7                      broken   1 tx  21,000 gas  0.0 ms",
        "    header       state_root",
        "                 claimed  0xaa",
        "                 computed 0xbb",
        "    storage      0x01 0x02",
        "                 claimed  0x5",
        "                 computed absent",
        "    not confirmed: no second virtual machine has judged this block",
    ]
    assert text.text(UNKNOWN) == "gone                      unknown  not there: gone.json"


def test_text_says_why_an_accusation_is_not_confirmed() -> None:
    noted = replace(BROKEN, second_opinion={"machine": "EELS", "note": "the header rule was computed once"})
    assert text.text(noted).splitlines()[-1] == "    not confirmed: the header rule was computed once"
    confirmed = text.text(replace(BROKEN, confirmed=True)).splitlines()[-1]
    assert confirmed.startswith("    confirmed: two virtual machines")


def test_verbose_text_names_what_was_looked_at() -> None:
    lines = [line.split(None, 1) for line in text.text(HOLDS, verbose=1).splitlines()[1:]]
    assert lines == [["checked", "state_root, hash"], ["not", "checked  proof_of_work"], ["assumes", "parent header"]]
    assert "execute 10.0 ms" in text.text(HOLDS, verbose=2)
    assert f"0x{'11' * 32}" in text.text(HOLDS, verbose=2)


def test_text_never_sends_control_characters() -> None:
    hostile = Verdict(
        chain_id=1,
        number=2,
        outcome=Outcome.UNKNOWN,
        reason="\x1b[2Jholds\nfake-line  holds\u202e" + "x" * 10_000,
        source="a\x1b]0;owned\x07.json",
    )
    shown = text.text(hostile, verbose=2)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\x07" not in shown
    assert shown.splitlines()[0].count("unknown") == 1
    assert len(shown.splitlines()[0]) < 600
    assert not any(line.startswith("fake-line") for line in shown.splitlines())


def test_colour_only_when_asked() -> None:
    assert "\x1b" not in text.text(BROKEN, verbose=2)
    assert "\x1b[1;31mbroken \x1b[0m" in text.text(BROKEN, colour=True)


def test_summary_counts_each_outcome() -> None:
    assert text.summary(Counter({Outcome.HOLDS: 1}), 0.25) == "1 block: 1 holds, 0 broken, 0 unknown in 0.2 s"
    counts = Counter({Outcome.HOLDS: 9, Outcome.BROKEN: 1})
    assert text.summary(counts, 3) == "10 blocks: 9 hold, 1 broken, 0 unknown in 3.0 s"


def test_json_has_the_named_keys() -> None:
    record = json.loads(jsonl.line(HOLDS))
    assert record.keys() >= {
        "chain_id", "number", "verdict", "reason", "checked", "not_checked", "assumes", "confirmed", "claimed_hash",
        "computed_hash", "differences", "transactions", "gas_used", "seconds",
    }  # fmt: skip
    assert record["verdict"] == "holds"
    assert record["claimed_hash"] == "0x" + "11" * 32
    assert record["reason"] is None
    assert record["seconds"] == 0.012346


def test_json_of_a_broken_block_keeps_big_numbers_and_bytes() -> None:
    line = jsonl.line(BROKEN)
    assert "\n" not in line
    record = json.loads(line)
    assert record["differences"] == [
        {"scope": "header", "key": "state_root", "claimed": "0xaa", "computed": "0xbb"},
        {"scope": "storage", "key": "0x01 0x02", "claimed": "0x5", "computed": None},
    ]
    assert record["second_opinion"] == {"machine": "eels", "state_root": "0xbb", "per_tx": [{"gas": 2**70}]}
    assert record["confirmed"] is False
    assert record["claimed_hash"] is None


class Tags(html.parser.HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.shown = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown += data + " "


def test_notebook_escapes_what_came_from_outside() -> None:
    hostile = Verdict(
        chain_id=1,
        number=2,
        outcome=Outcome.BROKEN,
        reason="<script>alert(1)</script>",
        assumes=("<img src=x>",),
        differences=(Difference("storage", '"><b onmouseover=x>', "<i>", None),),
        source="<svg>.json",
        fork="<u>",
    )
    page = Tags(notebook.html(hostile))
    assert set(page.tags) == {"div", "b", "table", "tr", "th", "td"}
    assert page.tags.count("b") == 1
    assert page.open == []
    assert "<script>alert(1)</script>" in page.shown
    assert '"><b onmouseover=x>' in page.shown


def test_notebook_says_what_the_text_says() -> None:
    shown = Tags(notebook.html(HOLDS)).shown
    for part in ("holds", "eth-mainnet-1920000", "state_root, hash", "proof_of_work", "parent header", "84,000 gas"):
        assert part in shown
    assert HOLDS._repr_html_() == notebook.html(HOLDS)  # type: ignore[attr-defined]
    assert repr(HOLDS) == "<Verdict 1:1920000 holds>"
