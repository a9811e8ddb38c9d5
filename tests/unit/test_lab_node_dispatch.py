"""JSON-RPC 2.0 by its specification: every malformed request gets the code it should, and the node stays up."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.lab.node.dispatch import MAX_BATCH, MAX_REQUEST, dispatch
from rollproof.lab.node.error import Delay, Dropped, JsonRpcError
from unit.served_chain import Served, l1, word

NUMBER = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
ZERO, MUCH, LONG = "0x" + "00" * 32, "0x" + word(2**255).hex(), "0x" + "ff" * 200
_CALL = ["from", "to", "data", "input", "value", "gas", "gasPrice", "maxFeePerGas", "accessList", "tracerConfig"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@cache
def served() -> Served:
    return l1(admin=True)


def ask(body: Any, *, raw: bool = False) -> Any:
    """What comes back, decoded; None where nothing does."""
    reply = dispatch(body if raw else msgspec.json.encode(body), served().node.answer)
    return None if reply.body is None else msgspec.json.decode(reply.body)


def error(body: Any, *, raw: bool = False) -> tuple[Any, int]:
    answer = ask(body, raw=raw)
    assert set(answer) == {"jsonrpc", "id", "error"}
    assert answer["jsonrpc"] == "2.0"
    assert isinstance(answer["error"]["message"], str)
    return answer["id"], answer["error"]["code"]


def test_an_answer_repeats_the_id() -> None:
    for identity in (1, "a", None, 0, -5, 2**60, 1.5):
        assert ask({**NUMBER, "id": identity}) == {"jsonrpc": "2.0", "id": identity, "result": "0x4"}


def test_a_notification_gets_no_answer() -> None:
    plain = {"jsonrpc": "2.0", "method": "eth_blockNumber"}
    assert ask(plain) is None
    assert ask({**plain, "method": "no_such"}) is None
    assert ask([plain, plain]) is None
    assert [each["id"] for each in ask([plain, NUMBER])] == [1]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[1,", b'"\\ud800"', b'{"a":' * 100 + b"1" + b"}" * 100])
def test_what_is_not_json_is_a_parse_error(body: bytes) -> None:
    assert error(body, raw=True) == (None, -32700)


@pytest.mark.parametrize(
    ("body", "identity"),
    [
        (5, None),
        ("eth_blockNumber", None),
        ([], None),
        ({}, None),
        ({**NUMBER, "jsonrpc": "1.0"}, 1),
        ({"id": 7, "method": "eth_blockNumber"}, 7),
        ({"jsonrpc": "2.0", "id": 7}, 7),
        ({**NUMBER, "method": 5}, 1),
        ({**NUMBER, "method": ""}, 1),
        ({**NUMBER, "method": "x" * 1000}, 1),
        ({**NUMBER, "params": "0x1"}, 1),
        ({**NUMBER, "params": 5}, 1),
        ({**NUMBER, "id": {}}, None),
        ({**NUMBER, "id": True}, None),
        ({**NUMBER, "id": 2**64}, None),
    ],
)
def test_what_is_no_request_is_an_invalid_request(body: Any, identity: Any) -> None:
    assert error(body) == (identity, -32600)


def test_methods_and_parameters_that_are_not_there() -> None:
    assert error({**NUMBER, "method": "eth_mineAll"}) == (1, -32601)
    assert error({**NUMBER, "params": {"at": "0x1"}}) == (1, -32602)
    assert error({**NUMBER, "params": ["0x1"]}) == (1, -32602)
    assert error({**NUMBER, "method": "eth_getBalance", "params": []}) == (1, -32602)
    assert error({**NUMBER, "method": "eth_getBalance", "params": ["0x" + "11" * 20, "0x99"]}) == (1, -32001)


def test_batches_are_answered_in_order_and_bounded() -> None:
    answers = ask([NUMBER, 5, {**NUMBER, "id": 2, "method": "no_such"}, {**NUMBER, "id": 3}])
    assert [(each["id"], each.get("error", {}).get("code")) for each in answers] == [
        (1, None), (None, -32600), (2, -32601), (3, None),
    ]  # fmt: skip
    assert len(ask([NUMBER] * MAX_BATCH)) == MAX_BATCH
    assert error([NUMBER] * (MAX_BATCH + 1)) == (None, -32600)


def test_a_request_that_is_too_large_is_refused_unread() -> None:
    assert error(b" " * (MAX_REQUEST + 1), raw=True) == (None, -32600)


def test_what_goes_wrong_inside_is_an_internal_error_without_its_message() -> None:
    node = l1().node
    node.chain.config = None  # type: ignore[assignment]
    answer = node.make_request("eth_chainId", [])
    assert answer["error"]["code"] == -32603
    assert answer["error"]["message"] == "internal error: AttributeError in chain_id"


def test_faults_may_delay_and_drop() -> None:
    def late(method: str, params: list[Any]) -> Any:
        raise Delay(7, "0x5")

    def gone(method: str, params: list[Any]) -> Any:
        raise Dropped

    reply = dispatch(msgspec.json.encode([NUMBER, NUMBER]), late)
    assert reply.delay == 14
    assert [each["result"] for each in msgspec.json.decode(reply.body or b"")] == ["0x5", "0x5"]
    with pytest.raises(Dropped):
        dispatch(msgspec.json.encode(NUMBER), gone)


def test_an_answer_that_is_no_json_does_not_get_out() -> None:
    answer = msgspec.json.decode(dispatch(msgspec.json.encode(NUMBER), lambda *_: object()).body or b"")
    assert answer["error"]["code"] == -32603


def test_messages_are_one_printable_line() -> None:
    assert JsonRpcError(-32000, "a\nb\x1b[31m" + "c" * 1000).message == "a?b?[31m" + "c" * 392


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    answer = ask(body, raw=True)
    assert answer is None or isinstance(answer, dict | list)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_json_gets_an_answer(body: Any) -> None:
    answer = ask(body)
    for each in answer if isinstance(answer, list) else [answer]:
        assert each is None or each["error"]["code"] in (-32600, -32601, -32602)


def hostile(methods: list[str]) -> st.SearchStrategy[tuple[str, list[Any]]]:
    """Calls of real methods with parameters that are nearly right."""
    hexes = st.from_regex(r"\A0x[0-9a-fA-F]{0,66}\Z") | st.sampled_from(
        ["latest", "pending", "earliest", "safe", "finalized", "0x0", "0x1", "0x2", "0x" + "70" * 20, ZERO, MUCH, LONG]
    )
    leaf = hexes | st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=False) | st.text(max_size=5)
    keys = st.sampled_from(
        [*_CALL, "blockHash", "blockNumber", "fromBlock", "toBlock", "address", "topics", "tracer", "requireCanonical"]
    )
    value = st.recursive(leaf, lambda x: st.lists(x, max_size=4) | st.dictionaries(keys, x, max_size=5), max_leaves=8)
    return st.tuples(st.sampled_from(methods), st.lists(value, max_size=4))


@settings(max_examples=300, deadline=None)
@given(hostile(sorted(served().node.methods)))
def test_no_parameters_bring_the_node_down(call: tuple[str, list[Any]]) -> None:
    """Whatever is asked, the answer is a result or an error with a code of the list; never an internal one."""
    method, params = call
    answer = ask({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    if "error" in answer:
        assert answer["error"]["code"] in (-32602, -32601, -32000, -32001, -32005, 3), answer
    assert ask(NUMBER)["result"] == "0x4"
