"""Building a block for every transaction, with its witness, against anvil automining the same transactions."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from bench.anvil import anvil
from bench.timing import interleaved, seconds, table
from rollproof.chain.rpc import nodes_of
from rollproof.lab import bytecode, genesis
from rollproof.lab.block import Holder
from rollproof.lab.chain import Chain
from rollproof.lab.transaction import GWEI, Account

ROUNDS = 5
COUNT = 200  # transactions of a round
TOKEN = b"\x70" * 20
CHAIN_ID = genesis.L1_CHAIN_ID
SENDER, OTHER = Account.named("bench sender", CHAIN_ID), Account.named("bench other", CHAIN_ID)


def run() -> str:
    rows = []
    with anvil("--chain-id", str(CHAIN_ID), "--hardfork", "osaka") as url:
        node = nodes_of([url])[0]
        for name, call in (("transfer of ether", False), ("token transfer", True)):
            _prepare(node)
            chain = _chain()
            SENDER.nonce = 0
            batches = [[_transaction(call) for _ in range(COUNT)] for _ in range(ROUNDS)]
            theirs, ours = iter(batches), iter(batches)
            took = interleaved(
                {
                    "ours": lambda chain=chain, ours=ours: _ours(chain, next(ours)),  # type: ignore[misc]
                    "anvil": lambda theirs=theirs: seconds(partial(_mine, node, next(theirs))),  # type: ignore[misc]
                    "asking": lambda: seconds(lambda: [node.call("eth_chainId") for _ in range(COUNT)]),
                },
                ROUNDS,
            )
            number = int(node.call("eth_getTransactionCount", "0x" + SENDER.address.hex(), "latest"), 16)
            if number != COUNT * ROUNDS or chain.account(SENDER.address)[0] != number:
                raise SystemExit("bench: not every transaction is in a block")
            mined = took["anvil"] - took["asking"]
            rows.append(
                (name, *(f"{took[each] / COUNT * 1e3:.2f}" for each in ("ours", "anvil", "asking")),
                 f"{took['anvil'] / took['ours']:.1f}", f"{mined / took['ours']:.1f}")
            )  # fmt: skip
    head = ("a block of one", "ours ms", "anvil ms", "of it the round trip", "anvil / ours", "without the round trip")
    return table(head, rows)


def _chain() -> Chain:
    accounts = genesis.l1_accounts(["bench sender", "bench other"])
    accounts[TOKEN] = Holder(nonce=1, code=bytecode.TOKEN, storage={int.from_bytes(SENDER.address, "big"): 10**24})
    return Chain(genesis.configs()["l1"], accounts, timestamp=genesis.TIME, gas_limit=30_000_000)


def _transaction(call: bool) -> bytes:
    if call:
        data = OTHER.address.rjust(32, b"\0") + (1).to_bytes(32, "big")
        return SENDER.send(TOKEN, data=data, gas=100_000, fee=100 * GWEI)
    return SENDER.send(OTHER.address, value=1, gas=21_000, fee=100 * GWEI)


def _ours(chain: Chain, batch: list[bytes]) -> float:
    def work() -> None:
        for raw in batch:
            built = chain.build([raw], timestamp=chain.head.timestamp + 12)
            assert built.done.witness
            chain.append(built.block)

    return seconds(work)


def _mine(node: Any, batch: list[bytes]) -> None:
    for raw in batch:
        node.call("eth_sendRawTransaction", "0x" + raw.hex())

    for _ in range(1_000):  # anvil answers before it has mined
        if node.call("txpool_status")["pending"] == "0x0":
            return
        time.sleep(0.001)
    raise SystemExit("bench: anvil did not mine everything")


def _prepare(node: Any) -> None:
    node.call("anvil_reset")
    for account in (SENDER, OTHER):
        node.call("anvil_setBalance", "0x" + account.address.hex(), hex(10**24))
    node.call("anvil_setCode", "0x" + TOKEN.hex(), "0x" + bytecode.TOKEN.hex())
    slot = "0x" + SENDER.address.rjust(32, b"\0").hex()
    node.call("anvil_setStorageAt", "0x" + TOKEN.hex(), slot, "0x" + (10**24).to_bytes(32, "big").hex())
