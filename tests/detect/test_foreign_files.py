"""Trace files that are no good: each is an error that names the file and the place, and none costs much."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.detect import foreign
from rollproof.detect.foreign import source, strict_json
from rollproof.errors import Malformed, Missing, RollproofError, Unsupported

A, B = "0x" + "aa" * 20, "0x" + "bb" * 20


def call(depth: int = 1) -> dict[str, Any]:
    """A callTracer result of calls nested so deep."""
    found: dict[str, Any] = {}
    for level in range(depth):
        one, other = (A, B) if (depth - level) % 2 else (B, A)
        found = {
            "type": "CALL", "from": one, "to": other, "value": "0x0", "gas": "0x100", "gasUsed": "0x1", "input": "0x",
            **({"calls": [found]} if found else {}),
        }  # fmt: skip
    return found


def deep_text(depth: int) -> bytes:
    """The same as text, which the standard encoder cannot write."""
    parts, ends = [], []
    for level in range(depth):
        one, other = (A, B) if level % 2 == 0 else (B, A)
        head = f'{{"type":"CALL","from":"{one}","to":"{other}","gas":"0x9","gasUsed":"0x1","input":"0x"'
        parts.append(head + ("" if level == depth - 1 else ',"calls":['))
        ends.append("}" if level == depth - 1 else "]}")
    return "".join([*parts, *reversed(ends)]).encode()


def refused(tmp_path: Path, data: bytes, says: str, kind: type[Exception] = Malformed) -> None:
    path = tmp_path / "given.json"
    path.write_bytes(data)
    with pytest.raises(kind, match=says) as caught:
        foreign.read(path)
    assert "given.json" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_call_tree_as_deep_as_the_evm_lets_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_bytes(deep_text(1025))
    [block] = foreign.read(path)
    assert len(block.executions[0].frame_rows) == 1025


@pytest.mark.parametrize("depth", [1026, 1031, 5_000, 100_000])
def test_a_deeper_one_is_refused(tmp_path: Path, depth: int) -> None:
    refused(tmp_path, deep_text(depth), "nest|deeper")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b'{"a": 1.5}', "not an integer"),
        (b'{"a": NaN}', "not an integer"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "a bad number"),
        (b'{"type": "\xff"}', "not text"),
        (gzip.compress(json.dumps(call()).encode(), mtime=0)[:-12], "gzip"),
        (b"\x1f\x8b" + b"\0" * 100, "gzip"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    refused(tmp_path, data, says)


@pytest.mark.parametrize("value", [{}, [], [[]], {"hello": "world"}, "text", 5, None, {"result": {}}, [{"a": 1}], True])
def test_what_is_no_trace_is_refused_by_name(tmp_path: Path, value: Any) -> None:
    refused(tmp_path, json.dumps(value).encode(), "none of the trace formats", Unsupported)


def test_a_small_file_cannot_become_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_TEXT", 1 << 20)
    refused(tmp_path, gzip.compress(b" " * (2 << 20)), "more than")
    refused(tmp_path, b" " * (2 << 20), "more than")
    monkeypatch.setattr(source, "MAX_FILE", 1 << 10)
    refused(tmp_path, b"\x1f\x8b" + b"\1" * 2000, "compressed")


def test_many_values_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "MAX_VALUES", 1000)
    with pytest.raises(Malformed, match="more than 1000 values"):
        strict_json.parse(b"[" + b"0," * 2000 + b"0]", "x")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    [recording] = foreign.recordings([tmp_path / "none.json"])
    with pytest.raises(Missing, match=r"none\.json: no such file"):
        recording.read()


def test_one_bad_line_does_not_hide_the_others(tmp_path: Path) -> None:
    good = json.dumps({"id": "a", "from": A, "to": B, "events": [["sload", "0x1", "0x2"], ["sstore", "0x1", "0x3"]]})
    path = tmp_path / "many.jsonl"
    path.write_text("\n".join([good, '{"events": [}', "", good]) + "\n")
    found = list(foreign.recordings([path]))
    assert [each.source for each in found] == ["many.jsonl:1", "many.jsonl:2", "many.jsonl:4"]
    assert len(found[0].read().executions) == len(found[2].read().executions) == 1
    with pytest.raises(Malformed, match=r"many\.jsonl:2"):
        found[1].read()


def test_the_node_s_own_error_is_not_an_execution(tmp_path: Path) -> None:
    answer = [
        {"txHash": "0x" + "11" * 32, "error": "execution timeout"},
        {"txHash": "0x" + "22" * 32, "result": call()},
    ]
    refused(tmp_path, json.dumps(answer).encode(), "could not trace it|none of the trace formats", Unsupported)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=30,
)


@given(JSON)
def test_the_decoder_with_a_stack_agrees_with_the_standard_one(value: Any) -> None:
    text = json.dumps(value)
    assert strict_json._deep(text) == json.loads(text)


@given(st.text(alphabet='{}[],:"01 a\\', max_size=40))
def test_both_decoders_refuse_the_same(text: str) -> None:
    def outcome(decode: Any) -> Any:
        try:
            return decode(text)
        except (ValueError, Malformed):
            return "refused"

    assert outcome(strict_json._deep) == outcome(strict_json._SHALLOW.decode)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    file = source.TraceFile("any", data)
    for document in file.documents():
        try:
            document.value()
        except RollproofError as error:
            assert str(error).startswith("any")  # noqa: PT017
