"""Mixed traffic for a development node: every kind of transaction and outcome, mined block by block."""

from __future__ import annotations

from collections.abc import Iterator

from node import signing, system_contracts
from node.signing import SENDER
from rollproof import _core
from rollproof.chain.node import Node

BLOCK_TIME = 12  # seconds; left alone, blocks mined in the same second have the same timestamp
SOMEBODY = b"\x5b" * 20
# Stores its calldata's first word at the slot of the second, and logs.
STORE = bytes.fromhex("600a8060095f395ff3" + "5f35602035555f5fa000")
# The same, but reverts afterwards.
REVERT = bytes.fromhex("600a8060095f395ff3" + "5f35602035555f5ffd00")
# Sends all it has to its caller and asks to be destroyed.
DESTROY = bytes.fromhex("60028060095f395ff3" + "33ff")
# Init codes: reverts; leaves code that begins with 0xef (EIP-3541); destroys itself while it is created (EIP-6780).
REFUSED = bytes.fromhex("5f5ffd")
RESERVED = bytes.fromhex("60ef5f5360015ff3")
STILLBORN = bytes.fromhex("33ff")

CONFIG = """name = "Anvil"
chain_id = 31337
family = "ethereum"
[blocks]
paris = 0
[times]
{fork} = 0
[blobs]
{fork} = {blobs}
"""


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def created(nonce: int) -> bytes:
    """Address of the contract that the sender creates with a nonce."""
    return _core.keccak256(_core.rlp_encode([SENDER, signing.number(nonce)]))[12:]


class Miner:
    """Sends and mines on a fresh node, one block at a time; ``height`` is the newest block's number."""

    def __init__(self, node: Node) -> None:
        self.node, self.nonce, self.height = node, 0, 0
        node.rpc.call("evm_setAutomine", False)
        node.rpc.call("anvil_setBlockTimestampInterval", BLOCK_TIME)
        for address, code in (
            (system_contracts.WITHDRAWAL_REQUESTS, system_contracts.WITHDRAWAL_REQUESTS_CODE),
            (system_contracts.CONSOLIDATION_REQUESTS, system_contracts.CONSOLIDATION_REQUESTS_CODE),
        ):
            node.rpc.call("anvil_setCode", address, code)

    def mine(self, *transactions: bytes) -> int:
        """The number of a block with these transactions, which follow each other in nonce."""
        for raw in transactions:
            self.node.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
            self.nonce += 1
        self.node.rpc.call("evm_mine")
        self.height += 1
        return self.height

    def delegate(self, to: bytes) -> int:
        """A block in which the sender delegates itself (EIP-7702), which takes a second nonce."""
        self.nonce += 1
        return self.mine(signing.set_code(self.nonce - 1, SOMEBODY, to))

    def call(self, to: bytes, value: int, slot: int, gas: int = 200_000) -> bytes:
        return signing.dynamic_fee(self.nonce, to, word(value) + word(slot), value=0, gas=gas)

    def create(self, code: bytes, value: int = 0) -> bytes:
        return signing.dynamic_fee(self.nonce, b"", code, value=value)


def mixed(miner: Miner, blocks: int, *, delegations: bool) -> None:
    """Mines blocks of every kind in turn; with ``delegations``, type 4 as well."""
    store = created(miner.nonce)
    miner.mine(miner.create(STORE))
    revert = created(miner.nonce)
    miner.mine(miner.create(REVERT))
    kinds = _kinds(miner, store, revert, delegations)
    while miner.height < blocks:
        next(kinds)


def _kinds(miner: Miner, store: bytes, revert: bytes, delegations: bool) -> Iterator[int]:
    turn = 0
    while True:
        turn += 1
        fresh = _core.keccak256(word(turn))[12:]
        yield miner.mine(signing.dynamic_fee(miner.nonce, fresh, value=10**15 + turn))
        yield miner.mine(signing.legacy(miner.nonce, fresh, chain=31337 if turn % 2 else None))
        yield miner.mine(signing.access_list(miner.nonce, store, word(turn) + word(2)))
        yield miner.mine(miner.call(store, turn, 1000 + turn))
        yield miner.mine(miner.call(store, 0, 1000 + turn))  # deleted
        yield miner.mine(miner.call(store, 0, 5000 + turn))  # nothing there to delete
        yield miner.mine(miner.call(revert, turn, 1))
        yield miner.mine(miner.call(store, turn, 3, gas=24_000))  # runs out of gas
        yield miner.mine(miner.create((REFUSED, RESERVED)[turn % 2]))
        yield miner.mine(miner.create(STILLBORN, value=turn))
        doomed = created(miner.nonce)
        yield miner.mine(miner.create(DESTROY))
        yield miner.mine(signing.dynamic_fee(miner.nonce, doomed, value=turn))
        yield miner.mine(signing.blob(miner.nonce, fresh)[1])
        if delegations:
            yield miner.delegate(store)
            yield miner.mine(miner.call(SENDER, turn, 7))  # runs the delegate's code on the sender's storage
            yield miner.delegate(bytes(20))
        yield miner.mine(*(signing.dynamic_fee(miner.nonce + n, bytes([n + 1]) * 20) for n in range(5)))
        yield miner.mine()
