"""The eth namespace of a lab's node: what it serves is held against commitments, state and the specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rollproof import _core
from rollproof.chain import proof
from rollproof.chain.node import Node as Client
from rollproof.chain.rpc import Limits, Rpc
from rollproof.lab import bytecode
from rollproof.lab.node.filters import MAX_FILTERS
from rollproof.lab.node.log import MAX_ASKED
from rollproof.lab.node.node import Node
from rollproof.replay.payload import from_block_rlp
from unit.served_chain import ETHER, TIME, TOKEN, Served, data, l1, l2, slot, word


@pytest.fixture
def served() -> Served:
    return l1()


@pytest.fixture(params=["l1", "l2"])
def either(request: pytest.FixtureRequest) -> Served:
    return {"l1": l1, "l2": l2}[request.param]()


@pytest.fixture
def client(either: Served) -> Iterator[Client]:
    with Rpc(either.node, limits=Limits(attempts=1)) as rpc:
        yield Client(rpc)


def test_everything_that_carries_a_commitment_holds(either: Served, client: Client) -> None:
    """Our client rebuilds transactions and receipts from JSON and hashes them against the header that it hashed."""
    kinds = set()
    for number in range(1, either.chain.head.number + 1):
        block = either.chain.block(number)
        assert block is not None
        served = client.block(number)
        assert (served.hash, served.transactions, served.withdrawals) == (
            block.hash,
            block.transactions,
            block.withdrawals or (),
        )
        assert [each.status for each in client.receipts(served)] == [each["status"] for each in block.outcomes]
        assert client.rpc.call("eth_getBlockByHash", data(block.hash), True) == either.ask(
            "eth_getBlockByNumber", hex(number), True
        )
        assert (
            from_block_rlp(bytes.fromhex(either.ask("debug_getRawBlock", hex(number))[2:]), "block").claimed_hash
            == block.hash
        )
        raw_header = bytes.fromhex(either.ask("debug_getRawHeader", hex(number))[2:])
        assert _core.keccak256(raw_header) == block.hash
        raw_receipts = [bytes.fromhex(each[2:]) for each in either.ask("debug_getRawReceipts", hex(number))]
        assert raw_receipts == list(block.receipts)
        kinds |= {raw[0] if raw[0] < 0x80 else 0 for raw in block.transactions}
    assert kinds == ({0, 1, 2, 4} if either.node.family == "ethereum" else {2, 0x7E})
    # Rebuilt from JSON alone: no raw transaction was asked for.
    assert client.rpc.usage.calls == 3 * either.chain.head.number


def test_transactions_and_receipts_by_every_way(either: Served) -> None:
    for number in range(1, either.chain.head.number + 1):
        block = either.chain.block(number)
        assert block is not None
        receipts = either.ask("eth_getBlockReceipts", hex(number))
        assert either.ask("eth_getBlockReceipts", data(block.hash)) == receipts
        assert either.ask("eth_getBlockTransactionCountByNumber", hex(number)) == hex(len(block.hashes))
        assert either.ask("eth_getBlockTransactionCountByHash", data(block.hash)) == hex(len(block.hashes))
        for index, (digest, raw) in enumerate(zip(block.hashes, block.transactions, strict=True)):
            found = either.ask("eth_getTransactionByHash", data(digest))
            assert found == either.ask("eth_getTransactionByBlockNumberAndIndex", hex(number), hex(index))
            assert found == either.ask("eth_getTransactionByBlockHashAndIndex", data(block.hash), hex(index))
            assert (found["blockHash"], found["transactionIndex"]) == (data(block.hash), hex(index))
            assert either.ask("eth_getRawTransactionByHash", data(digest)) == data(raw)
            assert either.ask("debug_getRawTransaction", data(digest)) == data(raw)
            assert either.ask("eth_getTransactionReceipt", data(digest)) == receipts[index]
        assert either.ask("eth_getTransactionByBlockNumberAndIndex", hex(number), hex(len(block.hashes))) is None


def test_a_created_contract_is_where_its_receipt_says(served: Served) -> None:
    [receipt] = [each for each in served.ask("eth_getBlockReceipts", "0x2") if each["to"] is None]
    assert served.ask("eth_getCode", receipt["contractAddress"], "latest") == data(bytecode.TOKEN)
    assert served.ask("eth_getCode", receipt["contractAddress"], "0x1") == "0x"


def test_the_fees_of_a_receipt_are_what_the_sender_paid(either: Served) -> None:
    """Each block's senders lose exactly what its receipts add up to: gas, value, and on L2 the fees beside it."""
    for number in range(1, either.chain.head.number + 1):
        paid: dict[str, int] = {}
        for receipt in either.ask("eth_getBlockReceipts", hex(number)):
            sent = either.ask("eth_getTransactionByHash", receipt["transactionHash"])
            assert receipt["effectiveGasPrice"] == sent["gasPrice"]
            if sent["type"] == "0x7e":
                paid[sent["from"]] = (
                    paid.get(sent["from"], 0) + int(sent["value"], 16) - int(sent.get("mint", "0x0"), 16)
                )
                paid[sent["to"]] = paid.get(sent["to"], 0) - int(sent["value"], 16)
                continue
            gas = int(receipt["gasUsed"], 16)
            cost = gas * int(receipt["effectiveGasPrice"], 16)
            if either.node.family == "op":
                scalar, constant = int(receipt["operatorFeeScalar"], 16), int(receipt["operatorFeeConstant"], 16)
                assert (scalar, constant) == (1_000, 500)
                cost += int(receipt["l1Fee"], 16) + gas * scalar * 100 + constant  # Jovian
                assert int(receipt["l1Fee"], 16) > 0
            if receipt["status"] == "0x1":
                cost += int(sent["value"], 16)
                if sent["to"] is not None:
                    paid[sent["to"]] = paid.get(sent["to"], 0) - int(sent["value"], 16)
            paid[sent["from"]] = paid.get(sent["from"], 0) + cost
        for account, amount in paid.items():
            before, after = (int(either.ask("eth_getBalance", account, hex(at)), 16) for at in (number - 1, number))
            assert before - after == amount, (number, account)


def test_deposits_are_shown_as_the_op_stack_shows_them() -> None:
    served = l2()
    [_, deposit] = served.ask("eth_getBlockByNumber", "0x1", True)["transactions"]
    assert deposit["type"] == "0x7e"
    assert (deposit["mint"], deposit["sourceHash"]) == (hex(ETHER), "0x" + "01" * 32)
    assert (deposit["gasPrice"], deposit["r"], deposit["nonce"]) == ("0x0", "0x0", "0x0")
    receipt = served.ask("eth_getTransactionReceipt", deposit["hash"])
    assert (receipt["depositNonce"], receipt["depositReceiptVersion"]) == ("0x0", "0x1")
    assert "l1Fee" not in receipt
    attributes = served.ask("eth_getBlockReceipts", "0x2")[0]
    assert attributes["depositNonce"] == "0x1"  # the depositor's second
    # The block's blob gas is the footprints' sum (Jovian).
    receipts = served.ask("eth_getBlockReceipts", "0x2")
    footprint = sum(int(each.get("blobGasUsed", "0x0"), 16) for each in receipts)
    assert hex(footprint) == served.ask("eth_getBlockByNumber", "0x2", False)["blobGasUsed"]
    assert footprint > 0
    assert {each["daFootprintGasScalar"] for each in receipts[1:]} == {hex(400)}


def test_state_at_every_block(served: Served) -> None:
    alice, bob = served.alice, served.bob
    held = [int(served.ask("eth_getStorageAt", data(TOKEN), data(word(slot(alice))), hex(at)), 16) for at in range(5)]
    assert held == [70, 40, 0, 0, 0]
    assert served.ask("eth_getStorageAt", data(TOKEN), hex(slot(bob)), "latest") == data(word(70))
    assert [served.ask("eth_getTransactionCount", data(alice.address), hex(at)) for at in range(5)] == [
        "0x0", "0x2", "0x4", "0x4", "0x5",
    ]  # fmt: skip
    assert served.ask("eth_getCode", data(bob.address), "latest") == "0xef0100" + TOKEN.hex()  # EIP-7702


@pytest.mark.parametrize("at", ["0x0", "0x2", "latest"])
def test_proofs_prove_what_they_say(either: Served, at: str) -> None:
    """By our client's own verifier, against the header's state root; accounts and slots that are absent too."""
    root = bytes.fromhex(either.ask("eth_getBlockByNumber", at, False)["stateRoot"][2:])
    for address in (TOKEN, either.alice.address, b"\x77" * 20):
        slots = [word(slot(either.alice)), word(slot(either.bob)), word(1)]
        answer = either.ask("eth_getProof", data(address), [data(each) for each in slots], at)
        checked = proof.from_json(answer, address, slots, "proof")
        proof.check(checked, root, "proof")
        assert checked.balance == int(either.ask("eth_getBalance", data(address), at), 16)
    short = either.ask("eth_getProof", data(TOKEN), ["0x1", data(word(1))], at)
    assert [each["key"] for each in short["storageProof"]] == ["0x1", data(word(1))]


def topic(account: Any) -> str:
    return data(word(slot(account)))


def test_logs_are_filtered_as_specified(served: Served) -> None:
    """The token logs [sender, receiver]: three transfers that went through, one that did not."""
    alice, bob = topic(served.alice), topic(served.bob)
    whole = {"fromBlock": "0x0", "toBlock": "latest"}

    def found(**wanted: Any) -> list[tuple[int, int]]:
        logs = served.ask("eth_getLogs", whole | wanted)
        return [(int(each["blockNumber"], 16), int(each["logIndex"], 16)) for each in logs]

    everything = [(1, 0), (2, 0)]
    assert found() == everything
    assert served.ask("eth_getLogs", {"fromBlock": "0x2", "toBlock": "0x2"})[0]["data"] == data(word(40))
    assert served.ask("eth_getLogs", {}) == []  # the head's
    assert found(address=data(TOKEN)) == found(address=[data(TOKEN), "0x" + "11" * 20]) == everything
    assert found(address="0x" + "11" * 20) == []
    assert found(topics=[]) == found(topics=[None]) == found(topics=[alice]) == everything
    assert found(topics=[bob]) == found(topics=[None, alice]) == []
    assert found(topics=[None, bob]) == found(topics=[[alice, bob], [alice, bob]]) == everything
    assert found(topics=[alice, bob, None]) == []  # more places than topics
    many = [data(word(each)) for each in range(MAX_ASKED + 1)]
    assert found(topics=[[*many, alice]]) == everything
    assert found(topics=[many]) == found(topics=[many[:3]]) == []
    block = served.ask("eth_getBlockByNumber", "0x1", False)["hash"]
    assert [each["blockNumber"] for each in served.ask("eth_getLogs", {"blockHash": block})] == ["0x1"]
    for wrong in (
        {"blockHash": block, "fromBlock": "0x1"}, {"address": "0x12"}, {"topics": [alice] * 5}, {"what": 1},
        {"topics": ""}, {"fromBlock": "first"},
    ):  # fmt: skip
        assert served.refused("eth_getLogs", wrong)[0] == -32602
    assert served.refused("eth_getLogs", {"blockHash": "0x" + "11" * 32})[0] == -32001
    assert served.refused("eth_getLogs", {"fromBlock": "0x3", "toBlock": "0x1"})[0] == -32000
    assert served.refused("eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(10**7)})[0] == -32005


def test_calls_answer_revert_and_fail(served: Served) -> None:
    transfer = {"from": data(served.bob.address), "to": data(TOKEN), "data": data(word(slot(served.alice)) + word(70))}
    assert served.ask("eth_call", transfer) == served.ask("eth_call", transfer, "latest") == "0x"
    answer = served.node.make_request("eth_call", [transfer, "0x1"])["error"]
    assert (answer["code"], answer["data"]) == (3, "0x")
    rich = {"from": "0x" + "99" * 20, "to": data(TOKEN), "value": "0x1"}
    assert served.refused("eth_call", rich)[0] == -32000
    init = data(bytes.fromhex("60aa5f5260205ff3"))  # a creation returns what it would leave
    assert served.ask("eth_call", {"data": init}) == "0x" + "aa".rjust(64, "0")
    assert served.refused("eth_call", {"to": None, "data": "0xfe"}) == (-32000, "invalid fe opcode")
    assert served.refused("eth_call", {"data": "0x5b5f56"}) == (-32000, "out of gas")


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ([{"what": "0x1"}], "what"),
        ([{"authorizationList": []}], "authorizationList"),
        ([{"accessList": [{}]}], "accessList"),
        ([{}, "latest", {"0x" + "11" * 20: {"balance": "0x1"}}], "state overrides"),
        ([{}, "latest", None, {"time": "0x1"}], "block overrides"),
        ([{"data": "0x01", "input": "0x02"}], "data and input"),
        ([{"chainId": "0x1"}], "chainId"),
        ([{"gasPrice": "0x1", "maxFeePerGas": "0x1"}], "gasPrice"),
    ],
)
def test_what_a_call_does_not_do_is_refused_by_name(served: Served, params: list[Any], named: str) -> None:
    code, message = served.refused("eth_call", *params)
    assert code == -32602
    assert named in message


@pytest.mark.parametrize("amount", [0, 30])
def test_an_estimate_is_the_least_that_is_enough(served: Served, amount: int) -> None:
    sender = served.bob
    body = word(slot(served.alice)) + word(amount)
    wanted = {"from": data(sender.address), "to": data(TOKEN), "input": data(body)}
    gas = int(served.ask("eth_estimateGas", wanted), 16)
    for given, status in ((gas, 1), (gas - 1, 0)):
        sender.nonce = served.chain.account(sender.address)[0]
        built = served.chain.build([sender.send(TOKEN, data=body, gas=given)], timestamp=TIME + 60)
        assert [each["status"] for each in built.block.outcomes] == [status]


def test_estimates_of_transfers_failures_and_limits(served: Served) -> None:
    ask = {"from": data(served.alice.address), "to": "0x" + "55" * 20}
    assert served.ask("eth_estimateGas", ask | {"value": "0x1"}) == hex(21_000)
    poor = {"from": data(served.alice.address), "to": data(TOKEN), "data": data(word(1) + word(1))}
    assert served.refused("eth_estimateGas", poor)[0] == 3
    endless = served.refused("eth_estimateGas", {"data": "0x5b5f56"})
    assert endless == (-32000, f"gas required exceeds allowance ({1 << 24})")  # EIP-7825
    assert served.refused("eth_estimateGas", {"data": "0x5b5f56", "gas": hex(60_000)})[1].endswith("(60000)")


def test_fees_are_those_of_the_next_block(either: Served) -> None:
    history = either.ask("eth_feeHistory", "0x400", "latest", [0, 50, 100])
    count = either.chain.head.number + 1
    assert (history["oldestBlock"], len(history["reward"])) == ("0x0", count)
    assert len(history["baseFeePerGas"]) == len(history["baseFeePerBlobGas"]) == count + 1
    price = int(either.ask("eth_gasPrice"), 16) - int(either.ask("eth_maxPriorityFeePerGas"), 16)
    blob = either.ask("eth_blobBaseFee")
    either.mine(seconds=12 if either.node.family == "ethereum" else 2)
    assert either.chain.head.header.base_fee == price == int(history["baseFeePerGas"][-1], 16)
    assert blob == history["baseFeePerBlobGas"][-1] == "0x1"
    for number in range(count):
        block = either.chain.block(number)
        assert block is not None
        assert int(history["baseFeePerGas"][number], 16) == block.header.base_fee
        assert history["gasUsedRatio"][number] == block.header.gas_used / block.header.gas_limit
    # The second block's cheapest and dearest tips: legacy-priced transactions give all above the base fee.
    last = either.chain.block(2)
    assert last is not None
    paid = [
        int(each["effectiveGasPrice"], 16) - (last.header.base_fee or 0)
        for each in either.ask("eth_getBlockReceipts", "0x2")
        if each["type"] != "0x7e"
    ]
    assert [int(each, 16) for each in history["reward"][2]][::2] == [min(paid), max(paid)]
    assert either.refused("eth_feeHistory", "0x1", "latest", [50, 10])[0] == -32602
    assert either.refused("eth_feeHistory", "0x1", "latest", [101])[0] == -32602


def test_tags_and_block_objects(served: Served) -> None:
    def number(at: Any) -> int:
        return int(served.ask("eth_getBlockByNumber", at, False)["number"], 16)

    assert [number(each) for each in ("earliest", "finalized", "safe", "latest", "pending")] == [0, 0, 0, 4, 4]
    served.node = Node(served.chain, heads=lambda: (3, 1))
    assert [number(each) for each in ("finalized", "safe", "latest")] == [1, 3, 4]
    second = served.chain.block(2)
    assert second is not None
    address = data(served.alice.address)
    held = served.ask("eth_getBalance", address, "0x2")
    assert held == served.ask("eth_getBalance", address, {"blockNumber": "0x2"})
    assert held == served.ask("eth_getBalance", address, {"blockHash": data(second.hash), "requireCanonical": True})
    for wrong in ({}, {"blockHash": "0x12"}, {"blockHash": data(second.hash), "blockNumber": "0x2"}, "newest", "2", 2):
        assert served.refused("eth_getBalance", address, wrong)[0] == -32602
    assert served.ask("eth_getBlockByNumber", "0x99", False) is None
    assert served.ask("eth_getBlockByHash", "0x" + "11" * 32, False) is None
    assert served.ask("eth_getBlockReceipts", "0x99") is None
    served.chain.rewind(1)
    assert served.ask("eth_getBalance", address, {"blockHash": data(second.hash)}) == held
    gone = {"blockHash": data(second.hash), "requireCanonical": True}
    assert served.refused("eth_getBalance", address, gone)[0] == -32000
    assert served.ask("eth_getTransactionReceipt", data(second.hashes[0])) is None
    assert served.ask("eth_getBlockByHash", data(second.hash), False)["hash"] == data(second.hash)


def test_filters_give_what_came_and_what_went(served: Served) -> None:
    blocks = served.ask("eth_newBlockFilter")
    logs = served.ask("eth_newFilter", {"address": data(TOKEN)})
    waiting = served.ask("eth_newPendingTransactionFilter")
    assert [served.ask("eth_getFilterChanges", each) for each in (blocks, logs, waiting)] == [[], [], []]
    served.bob.nonce = served.chain.account(served.bob.address)[0]
    raw = served.transfer(served.bob, served.alice, 5)
    digest = served.ask("eth_sendRawTransaction", data(raw))
    assert served.ask("eth_getFilterChanges", waiting) == [digest]
    lost = served.mine(raw)
    assert served.ask("eth_getFilterChanges", blocks) == [data(lost.hash)]
    [log] = served.ask("eth_getFilterChanges", logs)
    assert (log["transactionHash"], log["removed"]) == (digest, False)
    served.chain.rewind(4)
    fresh = [served.mine(), served.mine(raw)]
    assert served.ask("eth_getFilterChanges", blocks) == [data(each.hash) for each in fresh]
    back, again = served.ask("eth_getFilterChanges", logs)
    assert back == log | {"removed": True}
    assert (again["blockHash"], again["removed"]) == (data(fresh[1].hash), False)
    assert [each["blockNumber"] for each in served.ask("eth_getFilterLogs", logs)] == ["0x1", "0x2", "0x6"]
    assert served.ask("eth_uninstallFilter", logs) is True
    assert served.ask("eth_uninstallFilter", logs) is False
    assert served.refused("eth_getFilterChanges", logs) == (-32000, "filter not found")


def test_the_number_of_filters_is_bounded(served: Served) -> None:
    first = served.ask("eth_newBlockFilter")
    second = served.ask("eth_newBlockFilter")
    served.ask("eth_getFilterChanges", first)
    for _ in range(MAX_FILTERS - 1):
        served.ask("eth_newBlockFilter")
    assert len(served.node.filters) == MAX_FILTERS
    assert served.ask("eth_getFilterChanges", first) == []  # asked for lately
    assert served.refused("eth_getFilterChanges", second)[0] == -32000


def test_the_small_namespaces(either: Served) -> None:
    chain = either.chain.config.chain_id
    assert either.ask("eth_chainId") == hex(chain)
    assert either.ask("net_version") == str(chain)
    assert either.ask("web3_clientVersion").startswith("rollproof/")
    # The vector of execution-apis: keccak-256 of "hello world".
    assert either.ask("web3_sha3", "0x68656c6c6f20776f726c64") == (
        "0x47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad"
    )
    assert (either.ask("eth_syncing"), either.ask("eth_accounts"), either.ask("net_listening")) == (False, [], True)
    served = {"debug", "eth", "net", "rpc", "txpool", "web3"}
    assert set(either.ask("rpc_modules")) == served | ({"optimism"} if either.node.family == "op" else set())
    assert either.refused("lab_step", 1)[0] == -32601
    assert either.chain.genesis.timestamp == TIME
