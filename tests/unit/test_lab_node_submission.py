"""Transactions on their way into the pool: what is taken, and why what is not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from rollproof import _core
from rollproof.lab.node.eth.submission import intrinsic_gas
from rollproof.lab.node.node import Node
from rollproof.lab.transaction import GWEI, Account, deposit
from unit.served_chain import ETHER, TOKEN, Served, data, l1, l2, word


@pytest.fixture
def served() -> Served:
    found = l1()
    for account in (found.alice, found.bob):
        account.nonce = found.chain.account(account.address)[0]
    return found


def refused(served: Served, raw: bytes) -> str:
    code, message = served.refused("eth_sendRawTransaction", data(raw))
    assert code == -32000
    return message


def test_a_transaction_waits_and_is_shown_as_pending(served: Served) -> None:
    raw = served.alice.send(served.bob.address, value=5)
    digest = served.ask("eth_sendRawTransaction", data(raw))
    assert digest == data(_core.keccak256(raw))
    found = served.ask("eth_getTransactionByHash", digest)
    assert (found["blockHash"], found["blockNumber"], found["transactionIndex"]) == (None, None, None)
    assert found["from"] == data(served.alice.address)
    assert served.ask("eth_getRawTransactionByHash", digest) == data(raw)
    assert served.ask("eth_getTransactionReceipt", digest) is None
    assert served.ask("eth_getTransactionCount", data(served.alice.address), "pending") == "0x6"
    assert served.ask("eth_getTransactionCount", data(served.alice.address), "latest") == "0x5"
    assert served.ask("txpool_status")["pending"] == "0x1"
    assert refused(served, raw) == "already known"
    served.mine(raw)
    assert refused(served, raw) == "already known"
    assert served.ask("eth_getTransactionByHash", digest)["blockNumber"] == "0x5"


def other_chain(served: Served) -> bytes:
    return Account.named("alice", 5).send(TOKEN)


def unprotected(served: Served) -> bytes:
    fields: list[bytes] = [b"\x05", b"\x77" * 5, b"\x52\x08", TOKEN, b"", b""]
    parity, r, s = _core.sign_hash(_core.keccak256(_core.rlp_encode(fields)), served.alice.key)
    return _core.rlp_encode([*fields, bytes([27 + parity]), r.to_bytes(32, "big"), s.to_bytes(32, "big")])


def old_nonce(served: Served) -> bytes:
    served.alice.nonce = 1
    return served.alice.send(TOKEN)


def broken_signature(served: Served) -> bytes:
    raw = _core.rlp_decode(served.alice.send(TOKEN)[1:])
    raw[-1] = b"\xff" * 32
    return b"\x02" + _core.rlp_encode(raw)


CASES: list[tuple[Callable[[Served], bytes], str]] = [
    (lambda s: b"", "invalid transaction"),
    (lambda s: b"\x12\x34", "invalid transaction"),
    (lambda s: b"\xc0", "invalid transaction"),
    (broken_signature, "invalid transaction"),
    (lambda s: deposit(bytes(32), bytes(20), TOKEN, gas=50_000), "invalid transaction"),
    (other_chain, "invalid chain id for signer: have 5 want 1337"),
    (unprotected, "only replay-protected"),
    (old_nonce, "nonce too low: next nonce 5, tx nonce 1"),
    (lambda s: Account.named("nobody", 1337).send(TOKEN), "insufficient funds"),
    (lambda s: s.alice.send(TOKEN, value=2_000_000 * ETHER), "insufficient funds"),
    (lambda s: s.alice.send(TOKEN, gas=20_999), "intrinsic gas too low: gas 20999, minimum needed 21000"),
    (lambda s: s.alice.send(TOKEN, data=b"\1" * 100, gas=24_999), "minimum needed 25000"),  # EIP-7623's floor
    (lambda s: s.alice.send(TOKEN, gas=30_000_001), "exceeds block gas limit"),
    (lambda s: s.alice.send(TOKEN, gas=(1 << 24) + 1), "transaction gas limit too high"),
    (lambda s: s.alice.send(TOKEN, fee=GWEI // 2, tip=1), "max fee per gas less than block base fee"),
    (lambda s: s.alice.send(TOKEN, fee=5 * GWEI, tip=6 * GWEI), "max priority fee per gas higher"),
    (lambda s: s.alice.send(None, data=bytes(49_153), gas=3_000_000), "max initcode size exceeded"),
    (lambda s: s.alice.send(TOKEN, data=bytes(131_072), gas=3_000_000), "oversized data"),
    (lambda s: s.alice.send(TOKEN, blobs=[b"\x01" * 32]), "a blob transaction comes with its sidecar"),
]


@pytest.mark.parametrize(("make", "why"), CASES)
def test_what_no_block_could_hold_is_refused(served: Served, make: Callable[[Served], bytes], why: str) -> None:
    # The head's base fee is above half a gwei in this chain, and below a whole one.
    assert GWEI // 2 < (served.chain.head.header.base_fee or 0) < GWEI
    assert why in refused(served, make(served))
    assert served.ask("txpool_status")["pending"] == "0x0"


def test_a_replacement_pays_a_tenth_more(served: Served) -> None:
    nonce = served.alice.nonce
    first = served.alice.send(TOKEN, fee=100 * GWEI, tip=10 * GWEI)
    served.ask("eth_sendRawTransaction", data(first))
    for fee, tip in ((109 * GWEI, 11 * GWEI), (110 * GWEI, 10 * GWEI)):
        served.alice.nonce = nonce
        assert refused(served, served.alice.send(TOKEN, fee=fee, tip=tip)) == "replacement transaction underpriced"
    served.alice.nonce = nonce
    second = served.alice.send(TOKEN, fee=110 * GWEI, tip=11 * GWEI)
    digest = served.ask("eth_sendRawTransaction", data(second))
    assert [data(each.hash) for each in served.node.pool or ()] == [digest]


def test_contracts_do_not_send_but_delegating_accounts_do(served: Served) -> None:
    assert served.chain.code(served.bob.address)[:3] == bytes.fromhex("ef0100")
    served.ask("eth_sendRawTransaction", data(served.bob.send(TOKEN)))


def test_the_intrinsic_gas_is_the_cores() -> None:
    """The core refuses one gas less, and takes exactly this much."""
    served = l1()
    account = served.alice
    account.nonce = served.chain.account(account.address)[0]
    made: list[Callable[[int], bytes]] = [
        lambda gas: account.send(b"\x55" * 20, gas=gas),
        lambda gas: account.send(b"\x55" * 20, data=b"\0\1\0\2" * 20, gas=gas),
        lambda gas: account.send(None, data=b"\0" * 70, gas=gas),
        lambda gas: account.send(b"\x55" * 20, access=[(TOKEN, [word(1), word(2)]), (b"\1" * 20, [])], gas=gas),
        lambda gas: account.send(b"\x55" * 20, authorizations=[(1337, TOKEN, 0, 0, 1, 1)], gas=gas),
    ]
    for make in made:
        nonce = account.nonce
        needed = intrinsic_gas(_core.decode_transaction(make(1_000_000), "ethereum"))
        account.nonce = nonce
        enough = make(needed)
        account.nonce = nonce
        short = make(needed - 1)
        built = served.chain.build([short, enough], timestamp=served.chain.head.timestamp + 12, skip=True)
        assert (built.included, [kind for _, kind, _ in built.refused]) == ([1], ["intrinsic-gas-too-low"])
        account.nonce = nonce


def test_a_blob_transaction_loses_its_sidecar(served: Served) -> None:
    infinity, blob = b"\xc0" + bytes(47), bytes(131_072)
    commitment = b"\x01" + hashlib.sha256(infinity).digest()[1:]
    raw = served.alice.send(served.bob.address, blobs=[commitment])
    inner = _core.rlp_decode(raw[1:])
    for wrapped in ([inner, [blob], [infinity], [infinity]], [inner, b"\x01", [blob], [infinity], [infinity] * 128]):
        found = served.node.pool
        assert found is not None
        assert served.ask("eth_sendRawTransaction", data(b"\x03" + _core.rlp_encode(wrapped))) == data(
            _core.keccak256(raw)
        )
        assert [each.raw for each in found] == [raw]
        found.remove([_core.keccak256(raw)])
    for wrong, why in (
        ([inner, [blob], [b"\xc0" + bytes(46) + b"\1"], [infinity]], "commitments"),
        ([inner, [blob, blob], [infinity], [infinity]], "blobs"),
        ([inner, [blob]], "sidecar"),
        ([inner, b"\x02", [blob], [infinity], [infinity]], "sidecar"),
    ):
        assert why in refused(served, b"\x03" + _core.rlp_encode(wrong))
    block = served.mine(raw)
    assert block.header.blob_gas_used == 131_072
    [receipt] = served.ask("eth_getBlockReceipts", "latest")
    assert (receipt["blobGasUsed"], receipt["blobGasPrice"]) == (hex(131_072), "0x1")


def test_on_the_l2_the_fees_beside_gas_have_to_be_there() -> None:
    served = l2()
    poor = Account.named("poor", 1338)
    gas, fee = 21_000, 2 * GWEI
    served.alice.nonce = served.chain.account(served.alice.address)[0]
    served.mine(served.alice.send(poor.address, value=gas * fee), seconds=2)
    raw = poor.send(TOKEN, gas=gas, fee=fee, tip=1)
    assert "insufficient funds" in refused(served, raw)
    served.mine(served.alice.send(poor.address, value=ETHER), seconds=2)
    served.ask("eth_sendRawTransaction", data(raw))
    assert "deposit comes from L1" in refused(served, deposit(b"\1" * 32, TOKEN, TOKEN, gas=50_000))


def test_a_node_without_a_pool_takes_nothing(served: Served) -> None:
    served.node = Node(served.chain)
    assert refused(served, served.alice.send(TOKEN)) == "this node takes no transactions"
