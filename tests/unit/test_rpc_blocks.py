"""Blocks, headers, transactions and receipts as nodes write them: a real block, and every way to get one wrong."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollproof import _core
from rollproof.chain import blocks, header, receipt, transaction
from rollproof.chain.blocks import Span, parse
from rollproof.chain.claims import claims
from rollproof.chain.node import Node
from rollproof.chain.rpc import Limits, Rpc
from rollproof.errors import Lying, Malformed, Missing, Reset, Unsupported
from unit.fake_node import Chain, FakeNode, State, header_json

ALICE = b"\xa1" * 20
GENESIS: State = {ALICE: (1, 10**18, b"", {})}


def load(path: Path) -> Any:
    with gzip.open(path) as file:
        return json.load(file)["result"]


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    node = FakeNode(Chain([GENESIS] * 8).methods())
    yield node
    node.close()


@pytest.fixture
def node(fake: FakeNode) -> Iterator[Node]:
    with Rpc(fake.url, limits=Limits(attempts=1)) as rpc:
        yield Node(rpc)


def test_a_real_block_and_its_receipts_rebuild_their_roots(fake: FakeNode, node: Node, shared_data: Path) -> None:
    """Mainnet 19299001: 155 transactions; its hash and roots are mainnet's, not ours."""
    block = load(shared_data / "traced-blocks" / "block.json.gz")
    receipts = load(shared_data / "traced-blocks" / "receipts.json.gz")
    fake.methods |= {"eth_getBlockByNumber": lambda _: block, "eth_getBlockReceipts": lambda _: receipts}
    got = node.block(19299001)
    assert got.hash.hex() == "a57e16d46dcae15744d84e1bbf9470cc93a1c9eb3a39eaf8e389b5b7b49a492f"
    assert [_core.keccak256(raw).hex() for raw in got.transactions] == [t["hash"][2:] for t in block["transactions"]]
    assert len(got.transactions) == 155
    assert len(node.receipts(got)) == 155
    assert fake.calls == ["eth_getBlockByNumber", "eth_getBlockReceipts"]  # nothing had to be fetched raw


def test_a_transaction_that_cannot_be_rebuilt_is_fetched_raw(fake: FakeNode, node: Node) -> None:
    raw = b"\x7b" + _core.rlp_encode([b"\x01", b"\x02"])  # a type we have no encoding for
    name = "0x" + _core.keccak256(raw).hex()
    sealed = replace(Chain([GENESIS]).headers[0], transactions_root=_core.ordered_root([raw]))
    block = {**header_json(sealed), "transactions": [{"hash": name, "type": "0x7b"}], "uncles": []}
    fake.methods["eth_getBlockByNumber"] = lambda _: block
    with pytest.raises(Missing, match=rf"transaction {name} cannot be rebuilt and is not served raw"):
        node.block(0)
    fake.methods["debug_getRawTransaction"] = lambda _: "0x" + raw.hex()
    assert node.block(0).transactions == (raw,)
    fake.methods["debug_getRawTransaction"] = lambda _: "0x" + raw.hex() + "00"
    with pytest.raises(Lying, match="hashes to something else"):
        node.block(0)


def test_transactions_have_to_be_those_of_the_header(fake: FakeNode, node: Node, shared_data: Path) -> None:
    block = load(shared_data / "traced-blocks" / "block.json.gz")
    fake.methods["eth_getBlockByNumber"] = lambda _: {**block, "transactions": block["transactions"][:-1]}
    with pytest.raises(Lying, match="do not hash to its transactionsRoot"):
        node.block(19299001)


def test_receipts_have_to_be_those_of_the_header(fake: FakeNode, node: Node, shared_data: Path) -> None:
    block = load(shared_data / "traced-blocks" / "block.json.gz")
    receipts = load(shared_data / "traced-blocks" / "receipts.json.gz")
    fake.methods["eth_getBlockByNumber"] = lambda _: block
    got = node.block(19299001)
    by_hash = {r["transactionHash"]: r for r in receipts}
    del fake.methods["eth_getBlockReceipts"]
    fake.methods["eth_getTransactionReceipt"] = lambda params: by_hash[params[0]]
    assert len(node.receipts(got)) == 155  # one by one where there is no eth_getBlockReceipts
    receipts[3] = {**receipts[3], "status": "0x0"}
    fake.methods["eth_getBlockReceipts"] = lambda _: receipts
    with pytest.raises(Lying, match="do not hash to its receiptsRoot"):
        node.receipts(got)
    receipts.pop()
    with pytest.raises(Lying, match="not those of its transactions"):
        node.receipts(got)


def test_a_header_has_to_hash_to_its_hash(fake: FakeNode, node: Node) -> None:
    honest = Chain([GENESIS]).block(0)
    assert honest is not None
    for change in ({"gasUsed": "0x1"}, {"hash": "0x" + "11" * 32}, {"withdrawalsRoot": "0x" + "22" * 32}):
        fake.methods["eth_getBlockByNumber"] = lambda _, change=change: {**honest, **change}  # type: ignore[misc]
        with pytest.raises(Lying, match=r"http://127.0.0.1:\d+: block 0: header hashes to"):
            node.header(0)


def test_another_block_than_asked_for_is_a_lie(fake: FakeNode, node: Node) -> None:
    fake.methods["eth_getBlockByNumber"] = lambda _: Chain([GENESIS]).block(0)
    fake.methods["eth_getBlockByHash"] = lambda _: Chain([GENESIS]).block(0)
    for at in (5, b"\x05" * 32):
        with pytest.raises(Lying, match="asked for block"):
            node.header(at)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"number": None}, Malformed),
        ({"number": 5}, Malformed),
        ({"number": "0x"}, Malformed),
        ({"number": "0x1_0"}, Malformed),
        ({"number": "0x-1"}, Malformed),
        ({"number": "0x" + "f" * 17}, Malformed),
        ({"gasLimit": "0x" + "f" * 1000}, Malformed),
        ({"stateRoot": "0x12"}, Malformed),
        ({"stateRoot": "0x" + "zz" * 32}, Malformed),
        ({"extraData": "0x" + "00" * 5000}, Malformed),
        ({"blobGasUsed": "0x0"}, Malformed),  # without withdrawalsRoot before it
        ({"slotNumber": "0x1"}, Unsupported),
    ],
    ids=str,
)
def test_headers_with_wrong_fields(change: dict[str, Any], error: type[Exception]) -> None:
    honest = Chain([GENESIS]).block(0)
    assert honest is not None
    key = next(iter(change))
    with pytest.raises(error, match=key):
        header.from_json({**honest, **change}, "here")


@pytest.mark.parametrize("record", [None, [], "x", 5, {}, {"type": "0x0"}, {"type": []}, {"type": "0x2", "nonce": 1}])
def test_transactions_and_receipts_that_are_none(record: Any) -> None:
    with pytest.raises(Malformed):
        receipt.from_json(record, "here")
    if isinstance(record, dict):
        with pytest.raises(Malformed):
            transaction.encode(record, "here")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("5", Span(first=5, stop=6)),
        ("0x10", Span(first=16, stop=17)),
        ("5:8", Span(first=5, stop=8)),
        ("5:+3", Span(first=5, stop=8)),
        ("-10:", Span(last=10)),
        ("latest", Span(at="latest")),
        ("safe", Span(at="safe")),
        ("finalized", Span(at="finalized")),
        ("0x" + "ab" * 32, Span(at=b"\xab" * 32)),
    ],
)
def test_ranges(text: str, span: Span) -> None:
    assert parse(text) == span


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "x",
            "5:",
            ":5",
            "5:5",
            "8:5",
            "5:+0",
            "-0:",
            "-5",
            "pending",
            "earliest",
            "1:2:3",
            "0xzz",
            "1_000",
            "٣",
            "5:latest",
            "0x",
            "+5",
        ],
        *("0x" + "a" * 63, "9" * 20, "9223372036854775808:+1"),
    ],
)
def test_what_is_not_a_range(text: str) -> None:
    with pytest.raises(Malformed, match="block range"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3", [3]),
        ("2:5", [2, 3, 4]),
        ("2:+2", [2, 3]),
        ("-3:", [5, 6, 7]),
        ("-99:", [1, 2, 3, 4, 5, 6, 7]),
        ("latest", [7]),
        ("finalized", [7]),
    ],
)
def test_claims_of_a_range(fake: FakeNode, text: str, numbers: list[int]) -> None:
    served = list(claims([fake.url], text))
    chain = Chain([GENESIS] * 8)
    assert [s.claim.number for s in served] == numbers
    for s in served:
        assert s.claim.claimed_hash == chain.hashes[s.claim.number]
        assert s.claim.parent == chain.headers[s.claim.number - 1]
        assert s.claim.pre_state_root == chain.headers[s.claim.number - 1].state_root
        assert s.claim.chain_id == 1337
        assert s.source.usage.calls >= 1


def test_a_block_by_hash(fake: FakeNode) -> None:
    wanted = Chain([GENESIS] * 8).hashes[4]
    assert [s.claim.number for s in claims([fake.url], "0x" + wanted.hex())] == [4]
    with pytest.raises(Missing, match="no block 0x1111"):
        list(claims([fake.url], "0x" + "11" * 32))


def test_reading_ahead_is_bounded(fake: FakeNode) -> None:
    served = claims([fake.url], "1:8", ahead=2)
    next(served)
    time.sleep(0.2)
    assert fake.calls.count("eth_getBlockByNumber") <= 1 + 2  # the pin, and at most two more than was taken
    assert fake.calls.count("eth_getBlockByHash") <= 2  # the first block and its parent
    served.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("witness", [True, False])
def test_witnesses_are_begun_ahead_and_outlive_the_range(fake: FakeNode, witness: bool) -> None:
    chain = Chain([GENESIS] * 8)
    node_list = [f"0x{n.hex()}" for n in chain.trees[0].prove(ALICE)]
    fake.methods["debug_executionWitness"] = lambda _: {"state": node_list, "codes": [], "headers": []}
    served = claims([fake.url], "1:6", witness=witness)
    first = next(served)
    time.sleep(0.3)
    assert fake.calls.count("debug_executionWitness") == (1 if witness else 0)  # the next one's, and no more
    for s in [first, *served]:
        assert len(s.source.begin()) == 1 + len(node_list)
        assert s.source.method == "debug_executionWitness"


def test_a_reorganisation_in_the_middle_is_noticed_and_what_came_before_is_kept(fake: FakeNode) -> None:
    honest, other = Chain([GENESIS] * 8), Chain([GENESIS] * 8, salt=1)
    fake.methods["eth_getBlockByNumber"] = lambda p: (other if int(p[0], 16) >= 5 else honest).block(int(p[0], 16))
    served = claims([fake.url], "2:8")
    assert [next(served).claim.number for _ in range(3)] == [2, 3, 4]
    with pytest.raises(Reset, match=r"block 5 \(0x[0-9a-f]{64}\) does not follow block 4 as it was read"):
        next(served)


def test_a_chain_that_got_shorter_has_reorganised(fake: FakeNode) -> None:
    other = Chain([GENESIS] * 4, salt=1)
    served = claims([fake.url], "2:8", ahead=1)
    assert [next(served).claim.number for _ in range(2)] == [2, 3]
    fake.methods["eth_getBlockByNumber"] = lambda p: other.block(int(p[0], 16))
    # Block 4 may have been read before.
    with pytest.raises(Reset, match=r"no block [45], and the block before it was replaced: the chain reorganised"):
        list(served)


def test_a_range_past_the_head_keeps_what_there_was(fake: FakeNode) -> None:
    served = claims([fake.url], "6:10")
    assert [next(served).claim.number for _ in range(2)] == [6, 7]
    with pytest.raises(Missing, match="no block 8"):
        next(served)


def test_block_zero_is_not_executed(fake: FakeNode) -> None:
    with pytest.raises(Unsupported, match="block 0 is given"):
        list(claims([fake.url], "0"))


def test_nodes_of_different_chains_are_refused(fake: FakeNode) -> None:
    other = FakeNode({**Chain([GENESIS]).methods(), "eth_chainId": lambda _: "0x1"})
    with pytest.raises(Malformed, match=r"different chains \(http://127.0.0.1:\d+: 1337, http://127.0.0.1:\d+: 1\)"):
        list(claims([fake.url, other.url], "1"))
    other.close()


def test_still_notices_a_replaced_block(fake: FakeNode, node: Node) -> None:
    sealed = node.header(3)
    assert blocks.still(node, sealed)
    fake.methods |= Chain([GENESIS] * 8, salt=1).methods()
    assert not blocks.still(node, sealed)
