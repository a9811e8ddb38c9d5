"""Whatever a node answers, a reader gives a value or one of our errors: honest answers with any part replaced."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollproof.chain import blocks, execution_witness, header, prestate, proof, receipt, transaction
from rollproof.chain.endpoint import Reply
from rollproof.chain.node import Node
from rollproof.chain.rpc import Limits, Rpc
from rollproof.errors import RollproofError
from unit.fake_node import Chain, State

TOKEN = b"\x70" * 20
STATE: State = {TOKEN: (1, 5, b"\x00", {n: n for n in range(1, 9)}), b"\x01" * 20: (0, 1, b"", {})}
CHAIN = Chain([STATE])
H = "0x" + "ab" * 32
A = "0x" + "cd" * 20

HONEST: dict[str, Any] = {
    "header": CHAIN.block(0),
    "transaction": {
        "type": "0x4",
        "chainId": "0x1",
        "nonce": "0x0",
        "gas": "0x5208",
        "to": A,
        "value": "0x0",
        "input": "0x",
        "maxFeePerGas": "0x1",
        "maxPriorityFeePerGas": "0x1",
        "yParity": "0x1",
        "r": "0x1",
        "s": "0x1",
        "accessList": [{"address": A, "storageKeys": [H]}],
        "authorizationList": [
            {"chainId": "0x1", "address": A, "nonce": "0x0", "yParity": "0x0", "r": "0x1", "s": "0x1"},
        ],
    },
    "receipt": {
        "type": "0x2",
        "status": "0x1",
        "gasUsed": "0x1",
        "cumulativeGasUsed": "0x1",
        "transactionHash": H,
        "logsBloom": "0x" + "00" * 256,
        "logs": [{"address": A, "topics": [H], "data": "0x01"}],
    },
    "proof": CHAIN.proof(TOKEN, ["0x" + "00" * 31 + "05"], 0),
    "witness": {
        "state": ["0x80"],
        "codes": {},
        "keys": [A],
        "headers": [CHAIN.block(0), "0x" + header.encode(CHAIN.headers[0]).hex()],
    },
    "trace": [{"txHash": H, "result": {A: {"balance": "0x0", "storage": {H: H}}}}],
}


@cache
def silent() -> Rpc:
    """A client whose node nobody asks."""
    return Rpc("http://127.0.0.1:9", limits=Limits(attempts=1))


def traced(value: Any) -> None:
    rpc = silent().metered()
    rpc.call = lambda *_: value  # type: ignore[method-assign]
    prestate.touched(Node(rpc), bytes(32))


def proven(value: Any) -> None:
    proof.check(proof.from_json(value, TOKEN, [bytes(31) + b"\x05"], "here"), CHAIN.headers[0].state_root, "here")


READERS: dict[str, Callable[[Any], object]] = {
    "header": lambda v: header.from_json(v, "here"),
    "transaction": lambda v: transaction.encode(v, "here") if isinstance(v, dict) else None,
    "receipt": lambda v: receipt.from_json(v, "here").encode(),
    "proof": proven,
    "witness": lambda v: execution_witness.from_json(v, "here"),
    "trace": traced,
}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["0x", "0x0", "0x00", "0x80", "0xc0", "0x" + "ff" * 32, "0x" + "f" * 70, H, A, "0x\u0661"]),
    st.binary(max_size=64).map(lambda raw: "0x" + raw.hex()),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["hash", "state", H, "0x"]), inner),
    max_leaves=5,
)

ANSWERS = st.lists(st.dictionaries(st.sampled_from(["id", "result", "error"]), JSON), max_size=3)


def refusal(read: Callable[[], object]) -> str | None:
    """What one of our errors said, or None; any other error is a failure."""
    try:
        read()
    except RollproofError as error:
        return str(error)
    return None


def assert_one_line(said: str | None) -> None:
    assert said is None or ("\n" not in said and 0 < len(said) < 400)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("kind", sorted(READERS))
def test_the_honest_answer_is_read(kind: str) -> None:
    READERS[kind](copy.deepcopy(HONEST[kind]))


@pytest.mark.parametrize("kind", sorted(READERS))
@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_part_replaced_or_left_out(kind: str, data: st.DataObject) -> None:
    value = copy.deepcopy(HONEST[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(value))))
        if not path:
            value = data.draw(JSON)
            continue
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        if data.draw(st.booleans()):
            holder[path[-1]] = data.draw(JSON)
        else:
            del holder[path[-1]]
    assert_one_line(refusal(lambda: READERS[kind](value)))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(body=st.binary(max_size=40) | JSON.map(msgspec.json.encode) | ANSWERS.map(msgspec.json.encode))
def test_any_body(body: bytes) -> None:
    rpc = silent().metered()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rpc._shared.endpoint, "post", lambda _: Reply(200, None, body, len(body)))
        for result in rpc.many([("a", []), ("b", [])]):
            assert not isinstance(result, Exception) or isinstance(result, RollproofError)


@given(text=st.text(max_size=30) | st.from_regex(r"-?(0x)?[0-9a-f]{0,20}:?\+?(0x)?[0-9a-f]{0,20}:?", fullmatch=True))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_range(text: str) -> None:
    said = refusal(lambda: blocks.parse(text))
    assert_one_line(said)
    if said is None:
        span = blocks.parse(text)
        assert span.at is not None or span.last or span.first < span.stop


@given(raw=st.binary(max_size=600))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_header_rlp(raw: bytes) -> None:
    for candidate in (raw, b"\xf9\x02" + raw[:1] + raw):
        assert_one_line(refusal(partial(header.decode, candidate, "here")))
