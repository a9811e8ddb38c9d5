"""A finding with everything that can be shown, a text that tries to be more than a text, and a reader of HTML."""

from __future__ import annotations

import html.parser
from collections import Counter

from rollproof.types import Amount, Confidence, Finding, Severity, SlotChange

ALICE, BOB, TOKEN = b"\xa1" * 20, b"\xb0" * 20, b"\x70" * 20
FOUND = Finding(
    detector="sandwich",
    severity=Severity.HIGH,
    confidence=Confidence.OBSERVED,
    chain_id=10,
    block=120,
    transaction=b"\x11" * 32,
    title="Alice sold before and after Bob",
    addresses=(ALICE, BOB),
    amounts=(Amount(None, BOB, -1_500_000_000_000_000_000), Amount(TOKEN, ALICE, 2**255)),
    frames=(3, 4),
    slots=(SlotChange(TOKEN, (7).to_bytes(32, "big"), 0, 2**256 - 1),),
    notes=("two legs",),
    subject="victim",
    counterfactual={"victim_loss": 2**70, "order": [1, 0], "token": TOKEN, "known": True},
)
HOSTILE = "\x1b[2J\n<script>alert(1)</script>\u202e"


class Tags(html.parser.HTMLParser):
    """Every element that is opened and closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.opened[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        self.closed[tag] += 1

    def handle_data(self, data: str) -> None:
        self.text += data
