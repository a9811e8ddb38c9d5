"""Call trees: every row once and in order, what was left out said, and no recursion whatever the depth."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from detect.shown import HOSTILE, Tags
from rollproof import _core
from rollproof.detect.call_tree import Row, rows
from rollproof.detect.execution import Execution
from rollproof.detect.shows import Shows
from rollproof.replay.trace import Kind, Trace
from rollproof.report import call_tree, call_tree_html

EOA, VAULT, TOKEN, LIBRARY = b"\xe0" * 20, b"\xaa" * 20, b"\x70" * 20, b"\x1b" * 20
EVERYTHING = Shows.reexecuted()
SLOT = (5).to_bytes(32, "big")
TRANSFER = _core.keccak256(b"Transfer(address,address,uint256)")


def executed(builder: _core.TraceBuilder, shows: Shows = EVERYTHING) -> Execution:
    trace = builder.finish()
    [facts] = trace.facts()
    return Execution(Trace(trace), facts, shows)


def small() -> _core.TraceBuilder:
    """A call that writes, delegates, is refused once, moves a token, and destroys itself."""
    builder = _core.TraceBuilder()
    builder.begin(0)
    builder.enter(Kind.CALL, EOA, VAULT, VAULT, 10**18, 100_000, bytes.fromhex("12345678") + bytes(32))
    builder.access(0, SLOT, 7, 0)
    builder.access(1, SLOT, 9, 7)
    builder.enter(Kind.DELEGATECALL, EOA, VAULT, LIBRARY, 10**18, 50_000, b"")
    builder.access(2, SLOT, 1, 0)
    builder.access(3, SLOT, 2, 1)
    builder.leave(True, 2_000, b"")
    builder.enter(Kind.CALL, VAULT, TOKEN, TOKEN, 0, 50_000, bytes.fromhex("a9059cbb") + bytes(64))
    builder.access(1, SLOT, 1, 0)
    builder.leave(False, 3_000, b"")
    builder.enter(Kind.CALL, VAULT, TOKEN, TOKEN, 0, 50_000, bytes.fromhex("a9059cbb") + bytes(64))
    word = VAULT.rjust(32, b"\0"), EOA.rjust(32, b"\0")
    builder.log(TOKEN, [TRANSFER, *word], (250).to_bytes(32, "big"))
    builder.leave(True, 3_000, b"")
    builder.selfdestruct(EOA, 5)
    builder.leave(True, 90_000, b"")
    return builder


def deep(depth: int, width: int) -> _core.TraceBuilder:
    """``width`` towers of calls beside each other, ``depth`` below the transaction's own."""
    builder = _core.TraceBuilder()
    builder.begin(0)
    builder.enter(Kind.CALL, EOA, VAULT, VAULT, 0, 10**9, b"")
    for _ in range(width):
        for _ in range(depth):
            builder.enter(Kind.CALL, VAULT, VAULT, VAULT, 0, 10**9, b"\x12\x34\x56\x78")
            builder.access(1, SLOT, 1, 0)
        for _ in range(depth):
            builder.leave(True, 1, b"")
    builder.leave(True, 1, b"")
    return builder


def counted(shown: Iterator[Row]) -> tuple[Counter[str], Counter[str]]:
    """What was shown and what was left out, by kind."""
    there: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for row in shown:
        if row.what == "omitted":
            left.update(dict(row.count))
        else:
            there[row.what] += 1
    return there, left


def test_rows_come_in_the_order_they_happened() -> None:
    found = list(rows(executed(small())))
    assert [(row.depth, row.what) for row in found if row.what != "transfer"] == [
        (0, "call"),
        (1, "read"),
        (1, "write"),
        (1, "call"),
        (2, "transient read"),
        (2, "transient write"),
        (1, "call"),
        (2, "write"),
        (1, "call"),
        (2, "log"),
        (1, "selfdestruct"),
    ]
    moved = [row for row in found if row.what == "transfer"]
    assert [(row.account, row.source, row.code, row.value) for row in moved] == [(TOKEN, VAULT, EOA, 250)]


def test_lines_say_before_and_after_and_what_was_undone() -> None:
    lines = list(call_tree.lines(rows(executed(small())), {VAULT: "Vault"}, {0: ["drained (high)"]}))
    assert lines[0] == "CALL  Vault (0xaaaaaa…aaaa)  0x12345678  1 ether  90,000 gas  <- drained (high)"
    assert lines[1:3] == ["  read   slot 0x5 = 7", "  write  slot 0x5: 7 -> 9"]
    assert lines[3].startswith("  DELEGATECALL  Vault (0xaaaaaa…aaaa)  code of 0x1b1b1b…1b1b")
    assert "    transient write slot 0x5: 1 -> 2" in lines
    assert any(line.endswith("FAILED") for line in lines)
    assert sum("transfer(address,uint256)" in line for line in lines) == 2
    assert sum("log    Transfer(address,address,uint256)" in line for line in lines) == 1
    assert "    write  slot 0x5: 0 -> 1  (undone)" in lines
    assert any(line.startswith("  SELFDESTRUCT Vault") for line in lines)


def test_what_the_source_does_not_show_is_not_made_up() -> None:
    lines = list(call_tree.lines(rows(executed(small(), Shows.CALLS | Shows.STORAGE))))
    assert not any("gas" in line or " ether" in line for line in lines if "CALL" in line)
    assert "  write  slot 0x5: ? -> ?" in lines


@pytest.mark.parametrize(("max_depth", "max_rows"), [(64, 2_000), (0, 2_000), (1, 2_000), (2, 3), (64, 1), (5, 10)])
@pytest.mark.parametrize("reads", [True, False])
def test_nothing_is_lost_whatever_is_left_out(max_depth: int, max_rows: int, reads: bool) -> None:
    execution = executed(small())
    whole, none = counted(rows(execution, max_depth=2_000, max_rows=10**9))
    assert not none
    there, left = counted(rows(execution, max_depth=max_depth, max_rows=max_rows, reads=reads))
    assert there + left == whole
    assert there.total() <= max_rows
    assert reads or not there["read"]


def test_what_is_deeper_is_counted_where_it_was() -> None:
    lines = list(call_tree.lines(rows(executed(small()), max_depth=1)))
    at = next(index for index, line in enumerate(lines) if "DELEGATECALL" in line)
    assert lines[at + 1] == "    … left out: 1 transient read, 1 transient write"


@pytest.mark.parametrize(("depth", "width"), [(1_024, 1), (1, 70_000), (700, 100)])
def test_deep_and_wide_trees_take_no_recursion_and_little_time(depth: int, width: int) -> None:
    execution = executed(deep(depth, width))
    began = time.perf_counter()
    for shown in (rows(execution), rows(execution, max_depth=1_024, max_rows=5_000)):
        there, left = counted(shown)
        assert there["call"] + left["call"] == depth * width + 1
        assert there["write"] + left["write"] == depth * width
    assert len("\n".join(call_tree.lines(rows(execution, max_depth=1_024)))) < 1_000_000
    assert time.perf_counter() - began < 5


def test_html_opens_and_closes_at_any_depth() -> None:
    page = call_tree_html.tree(rows(executed(deep(1_024, 2)), max_depth=1_024, max_rows=10_000))
    tags = Tags(page)
    assert tags.opened == tags.closed
    nested = deepest = 0
    for part in page.split("<")[1:]:
        nested += part.startswith("details")
        nested -= part.startswith("/details")
        deepest = max(deepest, nested)
    assert nested == 0
    assert 10 < deepest <= call_tree_html.MAX_NESTED
    assert "[1024]" in tags.text


def test_html_escapes_names_and_marks() -> None:
    page = call_tree_html.tree(rows(executed(small())), {VAULT: "<b>&"}, {0: [HOSTILE]})
    tags = Tags(page)
    assert "b" not in tags.opened
    assert "script" not in tags.opened
    assert "<b>&" in tags.text
    assert tags.opened["mark"] == 1
    assert "\x1b" not in tags.text


def test_names_cannot_break_lines() -> None:
    row = Row(0, "call", frame=0, kind="CALL", account=VAULT, selector=b"\1\2\3\4", name="f()\n\x1b[2J")
    [line] = call_tree.lines([row], {}, {0: ["x\ny"]})
    assert line.isprintable()
