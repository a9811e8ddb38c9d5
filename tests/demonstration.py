"""The demonstration: an Ethereum chain under Osaka, an OP Stack chain under Jovian, and one block tampered with.

``python -m demonstration DIRECTORY`` writes ten evidence files and the two chains' configurations. In the third
block of the OP Stack chain a token balance grows although no transaction says so, and the header is sealed over it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from rollproof import _core
from rollproof.chain import config as chains
from rollproof.lab import bytecode
from rollproof.lab.transaction import GWEI, Account, deposit
from rollproof.replay import evidence, extra_data
from rollproof.types import Withdrawal
from small_chain import Built, Chain, Holder

BLOCKS = 5
TAMPERED = 3  # block of the OP Stack chain
ETHER = 10**18
GENESIS_TIME = 1_780_000_000

ETHEREUM = """# The demonstration's Ethereum chain: every fork up to Osaka from its first block on.
name = "Demo L1"
chain_id = 1337
family = "ethereum"
[blocks]
paris = 0
[times]
osaka = 0
[blobs]
osaka = [6, 9, 5007716]
"""
OP_STACK = """# The demonstration's OP Stack chain: every fork up to Jovian from its first block on.
name = "Demo L2"
chain_id = 1338
l1_chain_id = 1337
family = "op"
block_time = 2
eip1559_elasticity = 6
eip1559_denominator = 50
eip1559_denominator_canyon = 250
[blocks]
bedrock = 0
[times]
jovian = 0
"""

TOKEN = b"\x70" * 20
_BEACON_ROOTS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")  # EIP-4788
_HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")  # EIP-2935
_WITHDRAWAL_REQUESTS = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")  # EIP-7002
_CONSOLIDATION_REQUESTS = bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251")  # EIP-7251
# OP Stack specifications, predeploys and L1 attributes depositor account.
_L1_BLOCK = bytes.fromhex("4200000000000000000000000000000000000015")
_MESSAGE_PASSER = bytes.fromhex("4200000000000000000000000000000000000016")
_SEQUENCER_VAULT = bytes.fromhex("4200000000000000000000000000000000000011")
_DEPOSITOR = bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0001")
_ON_L1 = b"\x11" * 20  # whoever deposits
_SET_L1_BLOCK_VALUES_JOVIAN = bytes.fromhex("3db6be2b")


def write(directory: Path, seed: int = 0) -> list[Path]:
    """Writes the demonstration's files; returns the evidence files in order. The same seed gives the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    configs = {"demo-l1.toml": ETHEREUM, "demo-l2.toml": OP_STACK}
    for name, text in configs.items():
        (directory / name).write_text(text, encoding="utf-8")
    written = []
    for name, blocks in (("demo-l1", ethereum_blocks), ("demo-l2", op_stack_blocks)):
        for built in blocks(directory / f"{name}.toml", seed):
            path = directory / f"{name}-{built.claim.number}.evidence"
            evidence.write(path, built.claim, built.preimages)
            written.append(path)
    return written


def ethereum_blocks(config: Path, seed: int) -> Iterator[Built]:
    """Transfers, a token, a contract creation, a reverted call, a blob transaction, delegated code, withdrawals."""
    rng = random.Random(seed)
    chain_id = 1337
    alice, bob, carol = (Account.named(name, chain_id) for name in ("alice", "bob", "carol"))
    state = {account.address: Holder(balance=100 * ETHER) for account in (alice, bob, carol)}
    state[TOKEN] = Holder(nonce=1, code=bytecode.TOKEN, storage={_slot(alice): 10**24, _slot(bob): 10**21})
    state[_BEACON_ROOTS] = Holder(nonce=1, code=bytecode.BEACON_ROOTS)
    state[_HISTORY] = Holder(nonce=1, code=bytecode.HISTORY)
    for address in (_WITHDRAWAL_REQUESTS, _CONSOLIDATION_REQUESTS):
        state[address] = Holder(nonce=1, code=bytecode.NO_REQUESTS)
    chain = Chain(chains.from_file(config), state, timestamp=GENESIS_TIME, gas_limit=36_000_000)
    for number in range(1, BLOCKS + 1):
        transactions = [
            alice.send_legacy(bob.address, value=rng.randrange(ETHER)),
            bob.send(TOKEN, data=_transfer(carol, rng.randrange(1, 10**18)), access=[(TOKEN, [_slot(bob)])]),
            carol.send(TOKEN, data=_transfer(bob, 10**30)),  # more than there is: reverts
        ]
        if number == 2:
            transactions.append(alice.send(None, data=bytecode.deployment(bytecode.TOKEN), gas=400_000))
        if number == 3:
            transactions.append(alice.send(bob.address, blobs=[b"\x01" + rng.randbytes(31) for _ in range(2)]))
        if number == 4:
            signed = bob.authorize(TOKEN)
            transactions.append(carol.send(bob.address, data=_transfer(carol, 0), authorizations=[signed]))
        withdrawals = [Withdrawal(number, 7, carol.address, rng.randrange(1, 10**9))]
        yield chain.build(transactions, seconds=12, withdrawals=withdrawals)


def op_stack_blocks(config: Path, seed: int) -> Iterator[Built]:
    """L1 attributes and a deposit, transfers, a token whose balances are deleted and come back, a message to L1."""
    rng = random.Random(seed + 1)
    chain_id = 1338
    alice, bob, mallory = (Account.named(name, chain_id) for name in ("alice", "bob", "mallory"))
    state = {account.address: Holder(balance=10 * ETHER) for account in (alice, bob, mallory)}
    state[TOKEN] = Holder(nonce=1, code=bytecode.TOKEN, storage={_slot(alice): 10**24, _slot(bob): 10**21})
    state[_L1_BLOCK] = Holder(nonce=1, code=bytecode.L1_BLOCK)
    state[_MESSAGE_PASSER] = Holder(nonce=1, code=bytecode.MESSAGE_PASSER)
    state[_BEACON_ROOTS] = Holder(nonce=1, code=bytecode.BEACON_ROOTS)
    state[_HISTORY] = Holder(nonce=1, code=bytecode.HISTORY)
    chain = Chain(
        chains.from_file(config),
        state,
        timestamp=GENESIS_TIME,
        gas_limit=60_000_000,
        fee_recipient=_SEQUENCER_VAULT,
        extra_data=extra_data.encode_params(250, 6, 1_000_000),
    )
    for number in range(1, BLOCKS + 1):
        l1_hash = rng.randbytes(32)
        holder, other = (bob, mallory) if number % 2 else (mallory, bob)
        balance = chain.state[TOKEN].storage.get(_slot(holder), 0)
        transactions = [
            deposit(
                _source_hash(1, l1_hash, 0), _DEPOSITOR, _L1_BLOCK, gas=1_000_000, data=_l1_attributes(number, l1_hash)
            ),
            deposit(_source_hash(0, l1_hash, 3), _ON_L1, bob.address, mint=ETHER, value=ETHER // 2, gas=100_000),
            alice.send(bob.address, value=rng.randrange(ETHER // 10)),
            holder.send(TOKEN, data=_transfer(other, balance)),  # all there is: the slot is deleted
            holder.send(TOKEN, data=_transfer(other, 10**30)),  # more than there is: reverts
            bob.send(_MESSAGE_PASSER, data=rng.randbytes(32)),
        ]
        grown = {(TOKEN, _slot(mallory)): 10**27} if number == TAMPERED else None
        yield chain.build(transactions, seconds=2, tampered=grown)


def _slot(account: Account) -> bytes:
    return account.address.rjust(32, b"\0")


def _transfer(to: Account, amount: int) -> bytes:
    return _slot(to) + amount.to_bytes(32, "big")


def _source_hash(domain: int, l1_hash: bytes, index: int) -> bytes:
    """OP Stack specifications, deposits, "Source hash computation": 0 a user's deposit, 1 the L1 attributes."""
    inner = _core.keccak256(l1_hash + index.to_bytes(32, "big"))
    return _core.keccak256(domain.to_bytes(32, "big") + inner)


def _l1_attributes(number: int, l1_hash: bytes) -> bytes:
    """Input of ``setL1BlockValuesJovian``: the L1 block, its fees, and the parameters that L2 fees are made of."""
    return b"".join(
        (
            _SET_L1_BLOCK_VALUES_JOVIAN,
            (5227).to_bytes(4, "big"),  # base fee scalar
            (1_014_213).to_bytes(4, "big"),  # blob base fee scalar
            (0).to_bytes(8, "big"),  # sequence number
            (GENESIS_TIME + 2 * number).to_bytes(8, "big"),
            (20_000_000 + number).to_bytes(8, "big"),
            (7 * GWEI).to_bytes(32, "big"),  # L1 base fee
            (3 * GWEI).to_bytes(32, "big"),  # L1 blob base fee
            l1_hash,
            bytes(12) + b"\xba" * 20,  # batcher
            (1_000).to_bytes(4, "big"),  # operator fee scalar
            (500).to_bytes(8, "big"),  # operator fee constant
            (400).to_bytes(2, "big"),  # data availability footprint gas scalar
        )
    )


def main() -> None:
    """Writes the demonstration into the directory given."""
    if len(sys.argv) != 2:
        print("usage: python -m demonstration DIRECTORY", file=sys.stderr)  # noqa: T201
        raise SystemExit(2)
    write(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
