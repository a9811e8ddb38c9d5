"""Small chains of the lab behind a node: an L1 with every kind of transaction, and an L2 with a deposit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rollproof.lab import bytecode, genesis
from rollproof.lab.block import Block, Holder
from rollproof.lab.chain import Chain
from rollproof.lab.node.node import Node
from rollproof.lab.pool import Pool
from rollproof.lab.transaction import Account, deposit
from rollproof.rollup.op_stack.l1_attributes import L1Attributes
from rollproof.rollup.op_stack.l1_attributes import deposit as attributes_deposit

ETHER = 10**18
TOKEN = b"\x70" * 20
TIME = 1_780_000_000
CONFIGS = genesis.configs()
_L1_BLOCK = bytes.fromhex("4200000000000000000000000000000000000015")
_PASSER = bytes.fromhex("4200000000000000000000000000000000000016")


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def data(value: bytes) -> str:
    return "0x" + value.hex()


def slot(account: Account) -> int:
    return int.from_bytes(account.address, "big")


@dataclass
class Served:
    """A chain, two funded accounts on it, and its node."""

    chain: Chain
    alice: Account
    bob: Account
    node: Node

    def ask(self, method: str, *params: Any) -> Any:
        """The result. Raises AssertionError where there is an error."""
        answer = self.node.make_request(method, list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def refused(self, method: str, *params: Any) -> tuple[int, str]:
        """The error's code and message."""
        error = self.node.make_request(method, list(params))["error"]
        assert error["message"]
        return error["code"], error["message"]

    def mine(self, *transactions: bytes, seconds: int = 12) -> Block:
        with self.node.lock:
            self.chain.append(self.chain.build(transactions, timestamp=self.chain.head.timestamp + seconds).block)
            if self.node.pool is not None:
                self.node.pool.remove(self.chain.head.hashes)
        return self.chain.head

    def transfer(self, sender: Account, to: Account, amount: int) -> bytes:
        """A transaction of the token contract."""
        return sender.send(TOKEN, data=word(slot(to)) + word(amount))


def _accounts(state: dict[bytes, Holder], chain_id: int) -> tuple[dict[bytes, Holder], Account, Account]:
    alice, bob = Account.named("alice", chain_id), Account.named("bob", chain_id)
    state[TOKEN] = Holder(nonce=1, code=bytecode.TOKEN, storage={slot(alice): 70})
    return state, alice, bob


def l1(*, admin: bool = False) -> Served:
    """Four blocks: transfers, types 0 to 2 and 4, a creation, a revert, an empty block."""
    state, alice, bob = _accounts(genesis.l1_accounts(["alice", "bob"]), 1337)
    chain = Chain(CONFIGS["l1"], state, timestamp=TIME, gas_limit=30_000_000)
    served = Served(chain, alice, bob, Node(chain, pool=Pool("ethereum"), name="l1", admin=admin))
    served.mine(served.transfer(alice, bob, 30), alice.send_legacy(bob.address, value=5))
    served.mine(
        served.transfer(alice, bob, 40),
        served.transfer(alice, bob, 1),  # nothing left: reverts
        bob.send(None, data=bytecode.deployment(bytecode.TOKEN)),
        bob.send_access_list(alice.address, access=[(TOKEN, [word(slot(bob))])]),
    )
    served.mine()
    served.mine(alice.send(alice.address, authorizations=[bob.authorize(TOKEN)]))
    return served


def l2() -> Served:
    """Two blocks of an L2: attributes and a deposit; attributes and two transactions."""
    predeploys = {
        _L1_BLOCK: Holder(nonce=1, code=bytecode.L1_BLOCK),
        _PASSER: Holder(nonce=1, code=bytecode.MESSAGE_PASSER),
    }
    state, alice, bob = _accounts(genesis.l2_accounts(["alice", "bob"], predeploys), 1338)
    chain = Chain(CONFIGS["l2"], state, timestamp=TIME, gas_limit=60_000_000, extra_data=genesis.L2_EXTRA_DATA)
    served = Served(chain, alice, bob, Node(chain, pool=Pool("op"), name="l2"))
    forced = deposit(b"\x01" * 32, b"\x11" * 20, bob.address, mint=ETHER, value=1, gas=100_000)
    served.mine(attributes_deposit(attributes(0)), forced, seconds=2)
    served.mine(
        attributes_deposit(attributes(1)),
        served.transfer(alice, bob, 30),
        bob.send(_PASSER, data=word(77)),
        seconds=2,
    )
    return served


def attributes(sequence: int) -> L1Attributes:
    """What the L2's blocks say about L1: prices that no fee rounds to zero."""
    return L1Attributes(
        number=9,
        timestamp=TIME - 12,
        base_fee=7_000_000_000,
        block_hash=b"\x99" * 32,
        sequence_number=sequence,
        batcher_hash=bytes(12) + b"\x42" * 20,
        blob_base_fee=3_000_000,
        base_fee_scalar=5_227,
        blob_base_fee_scalar=1_014_213,
        operator_fee_scalar=1_000,
        operator_fee_constant=500,
        da_footprint_gas_scalar=400,
    )
