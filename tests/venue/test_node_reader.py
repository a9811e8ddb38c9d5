"""A node as a reader: what it may not say, ranges of logs that it refuses, and reads by number under a moving chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rollproof.chain.header import EMPTY_OMMERS, EMPTY_ROOT, Sealed, seal
from rollproof.chain.node import Node
from rollproof.chain.refusal import Kind, kind_of
from rollproof.chain.rpc import Limits, Rpc
from rollproof.errors import Malformed, Missing, Reset, Retry, Unsupported
from rollproof.types import Header
from rollproof.venue import node_reader
from rollproof.venue.node_reader import NodeReader
from rollproof.venue.reader import Batching, LogReader, Reverted
from rollproof.venue.view import View, ask_all

VENUE = b"\x11" * 20
TOPIC = b"\x22" * 32
HEAD = 1_000


class Refusal(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Provider:
    """Answers by method, and keeps what it was asked."""

    def __init__(self, **methods: Callable[..., Any]) -> None:
        self.methods: dict[str, Callable[..., Any]] = {
            "eth_chainId": lambda: "0x1",
            "eth_getBlockByNumber": lambda _, __: block(header()),
            **methods,
        }
        self.asked: list[tuple[str, Any]] = []

    def make_request(self, method: str, params: Any, /) -> dict[str, Any]:
        self.asked.append((method, params))
        try:
            return {"result": self.methods[method](*params)}
        except Refusal as refusal:
            return {"error": {"code": refusal.code, "message": str(refusal)}}


def header(extra: bytes = b"") -> Sealed:
    fields = Header(
        parent_hash=bytes(32), ommers_hash=EMPTY_OMMERS, beneficiary=bytes(20), state_root=EMPTY_ROOT,
        transactions_root=EMPTY_ROOT, receipts_root=EMPTY_ROOT, logs_bloom=bytes(256), difficulty=0, number=HEAD,
        gas_limit=30_000_000, gas_used=0, timestamp=1_700_000_000, extra_data=extra, mix_hash=bytes(32), nonce=bytes(8),
    )  # fmt: skip
    return seal(fields)


def block(sealed: Sealed) -> dict[str, Any]:
    its = sealed.header
    return {
        "hash": hexed(sealed.hash), "parentHash": hexed(its.parent_hash), "sha3Uncles": hexed(its.ommers_hash),
        "miner": hexed(its.beneficiary), "stateRoot": hexed(its.state_root),
        "transactionsRoot": hexed(its.transactions_root), "receiptsRoot": hexed(its.receipts_root),
        "logsBloom": hexed(its.logs_bloom), "difficulty": "0x0", "number": hex(its.number),
        "gasLimit": hex(its.gas_limit), "gasUsed": "0x0", "timestamp": hex(its.timestamp),
        "extraData": hexed(its.extra_data), "mixHash": hexed(its.mix_hash), "nonce": hexed(its.nonce),
        "transactions": [], "uncles": [],
    }  # fmt: skip


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def reader(provider: Provider) -> NodeReader:
    rpc = Rpc(provider, limits=Limits(attempts=2, backoff=0.0), sleep=lambda _: None)
    return NodeReader(Node(rpc), header())


def log(number: int, **more: Any) -> dict[str, Any]:
    return {"address": hexed(VENUE), "topics": [hexed(TOPIC)], "data": "0x", "blockNumber": hex(number), **more}


def logs_in(params: dict[str, Any], numbers: list[int]) -> list[dict[str, Any]]:
    first, last = int(params["fromBlock"], 16), int(params["toBlock"], 16)
    return [log(number) for number in numbers if first <= number <= last]


# Calls.


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (3, "execution reverted"),
        (3, "execution reverted: timeout, try again"),
        (-32000, "execution reverted: rate limit"),
        (-32000, "Execution reverted"),
        (-32603, "VM Exception while processing transaction: revert CH_EAV"),
        (-32015, "Reverted 0x08c379a0"),
    ],
)
def test_a_revert_is_not_asked_again_whatever_it_says(code: int, message: str) -> None:
    assert kind_of(code, message) is Kind.REVERTED

    def call(*_: Any) -> Any:
        raise Refusal(code, message)

    provider = Provider(eth_call=call)
    its = reader(provider)
    with pytest.raises(Reverted, match=r"^fund of 0x"):
        View("fund").ask(its, VENUE)
    assert len([each for each in provider.asked if each[0] == "eth_call"]) == 1


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (-32000, "header not found", Kind.LAGGING),
        (-32000, "missing trie node 12ab", Kind.MISSING),
        (-32005, "rate limit exceeded", Kind.RETRY),
        (-32000, "the chain was reverted to block 5", Kind.MISSING),
    ],
)
def test_other_refusals_are_no_reverts(code: int, message: str, kind: Kind) -> None:
    assert kind_of(code, message) is kind


def test_calls_are_pinned_by_hash_and_each_has_its_own_outcome() -> None:
    def call(message: dict[str, Any], at: Any) -> Any:
        assert at == {"blockHash": hexed(header().hash)}
        if message["data"] == hexed(View("pool").encode()):
            raise Refusal(3, "execution reverted")
        return "0x" + "00" * 31 + "07" if message["data"] == hexed(View("fund").encode()) else "0x07"

    its = reader(Provider(eth_call=call))
    assert isinstance(its, Batching)
    assert isinstance(its, LogReader)
    good, reverted, short = ask_all(its, [(VENUE, View(name), ()) for name in ("fund", "pool", "badDebt")])
    assert good == 7
    assert isinstance(reverted, Reverted)
    assert isinstance(short, Malformed)


def test_a_node_that_is_down_is_raised_and_not_an_answer() -> None:
    def call(*_: Any) -> Any:
        raise Refusal(-32005, "rate limit exceeded")

    with pytest.raises(Retry):
        ask_all(reader(Provider(eth_call=call)), [(VENUE, View("fund"), ())])


@pytest.mark.parametrize("answer", [None, 7, "07", "0x0", [], {"result": "0x"}])
def test_answers_that_are_no_data_are_not_values(answer: Any) -> None:
    [said] = ask_all(reader(Provider(eth_call=lambda *_: answer)), [(VENUE, View("fund"), ())])
    assert isinstance(said, Malformed | Missing)


def test_a_node_that_reads_by_number_is_looked_at_again() -> None:
    def call(_: Any, at: Any) -> Any:
        if isinstance(at, dict):
            raise Refusal(-32602, "invalid argument 1: hex string expected")
        assert at == hex(HEAD)
        return "0x" + "00" * 31 + "07"

    provider = Provider(eth_call=call, eth_getStorageAt=lambda _, __, at: call(None, at))
    its = reader(provider)
    assert View("fund").ask(its, VENUE) == 7
    assert its.storage(VENUE, 3) == 7
    provider.methods["eth_getBlockByNumber"] = lambda _, __: block(header(b"another"))
    with pytest.raises(Reset, match="replaced"):
        View("fund").ask(its, VENUE)
    with pytest.raises(Reset, match="replaced"):
        its.storage(VENUE, 3)


def test_a_storage_word_is_data_or_a_quantity() -> None:
    assert reader(Provider(eth_getStorageAt=lambda *_: "0x5")).storage(VENUE, 0) == 5
    with pytest.raises(Malformed):
        reader(Provider(eth_getStorageAt=lambda *_: "0x" + "11" * 33)).storage(VENUE, 0)
    with pytest.raises(Missing):
        reader(Provider(eth_getStorageAt=lambda *_: None)).storage(VENUE, 0)


# Logs.


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32600, "query exceeds max block range 100"),
        (-32005, "query returned more than 10000 results"),
        (-32602, "block range is too wide"),
        (-32000, "exceed maximum block range: 100"),
        (-32008, "Response is too big"),
    ],
)
def test_a_refused_range_is_halved_and_nothing_is_left_out_or_read_twice(code: int, message: str) -> None:
    numbers = [0, 1, 99, 100, 101, 500, 999, 1_000]

    def logs(params: dict[str, Any]) -> Any:
        if int(params["toBlock"], 16) - int(params["fromBlock"], 16) + 1 > 100:
            raise Refusal(code, message)
        return logs_in(params, numbers)

    provider = Provider(eth_getLogs=logs)
    assert [each.number for each in reader(provider).logs(VENUE, [TOPIC], 0)] == numbers
    assert [each.number for each in reader(provider).logs(VENUE, [TOPIC], 100)] == numbers[3:]


def test_the_whole_range_is_asked_first() -> None:
    provider = Provider(eth_getLogs=lambda params: logs_in(params, [3, 4]))
    assert len(reader(provider).logs(VENUE, [TOPIC], 0)) == 2
    [asked] = [params for method, params in provider.asked if method == "eth_getLogs"]
    assert asked == [
        {"address": hexed(VENUE), "topics": [[hexed(TOPIC)]], "fromBlock": "0x0", "toBlock": hex(HEAD)},
    ]
    assert reader(provider).logs(VENUE, [TOPIC], HEAD + 1) == []


def test_a_refusal_that_no_smaller_range_helps_is_raised() -> None:
    def logs(_: Any) -> Any:
        raise Refusal(-32601, "the method eth_getLogs does not exist/is not available")

    provider = Provider(eth_getLogs=logs)
    with pytest.raises(Unsupported):
        reader(provider).logs(VENUE, [TOPIC], 0)
    assert len([each for each in provider.asked if each[0] == "eth_getLogs"]) == 1


def test_a_node_that_refuses_one_block_is_not_asked_for_ever() -> None:
    def logs(_: Any) -> Any:
        raise Refusal(-32600, "query exceeds max results")

    provider = Provider(eth_getLogs=logs)
    with pytest.raises(Unsupported):
        reader(provider).logs(VENUE, [TOPIC], 0)
    assert len(provider.asked) < 50


def test_too_many_requests_are_missing_and_say_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_reader, "MAX_LOG_REQUESTS", 30)

    def logs(params: dict[str, Any]) -> Any:
        if int(params["toBlock"], 16) != int(params["fromBlock"], 16):
            raise Refusal(-32600, "query exceeds max block range 1")
        return []

    # Nine are refused from 1,001 blocks down to three; then eight are taken for each that is tried longer.
    with pytest.raises(Missing, match="more than 30 requests; 19 blocks were read"):
        reader(Provider(eth_getLogs=logs)).logs(VENUE, [TOPIC], 0)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (log(5, address=hexed(b"\x33" * 20)), "another log"),
        (log(5, topics=[hexed(b"\x33" * 32)]), "another log"),
        (log(5, topics=[]), "another log"),
        (log(5, topics=[hexed(TOPIC)] * 5), "5 items"),
        (log(HEAD + 1), "outside"),
        (log(5, data="0xzz"), "data"),
        ({"address": hexed(VENUE)}, "topics is missing"),
        (7, "JSON object"),
    ],
)
def test_logs_that_were_not_asked_for_are_refused(record: Any, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        reader(Provider(eth_getLogs=lambda _: [record])).logs(VENUE, [TOPIC], 0)


def test_logs_of_a_block_that_was_replaced_are_not_taken() -> None:
    provider = Provider(
        eth_getLogs=lambda params: logs_in(params, [5]), eth_getBlockByNumber=lambda _, __: block(header(b"another"))
    )
    with pytest.raises(Reset):
        reader(provider).logs(VENUE, [TOPIC], 0)
