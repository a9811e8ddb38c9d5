"""Two loops as transactions: arithmetic only, and token-like writes to ever new holders."""

from __future__ import annotations

from dataclasses import dataclass

from rollproof import _core
from rollproof.lab.bytecode import assemble
from rollproof.lab.transaction import Account

CHAIN_ID = 31337
GAS = 16_000_000  # of each transaction
SENDER = Account.named("bench", CHAIN_ID).address

# n, the first word of input, counts down; x is stirred each time.
COMPUTE = assemble(
    "PUSH0 PUSH0 CALLDATALOAD "
    "loop: SWAP1 12345 ADD DUP1 7 SHL OR 65537 SWAP1 MOD SWAP1 1 SWAP1 SUB DUP1 @loop JUMPI STOP"
)
# Each n writes a slot that was empty and emits a log with two topics.
HOLDERS = assemble(
    "PUSH0 CALLDATALOAD loop: DUP1 DUP1 SSTORE DUP1 CALLER 32 PUSH0 LOG2 1 SWAP1 SUB DUP1 @loop JUMPI STOP"
)


@dataclass(frozen=True)
class Loop:
    """One contract, and a transaction that runs it ``turns`` times."""

    name: str
    address: bytes
    code: bytes
    turns: int

    def transaction(self) -> bytes:
        data = self.turns.to_bytes(32, "big")
        return Account.named("bench", CHAIN_ID).send_legacy(self.address, data=data, gas=GAS)

    def state(self) -> tuple[bytes, _core.Preimages]:
        """The state it starts from: root and preimages."""
        accounts: list[tuple[bytes, int, int, bytes, list[tuple[int, int]]]] = [
            (SENDER, 0, 10**24, b"", []),
            (self.address, 1, 0, self.code, []),
        ]
        root, values = _core.genesis(accounts)
        preimages = _core.Preimages()
        preimages.add(values)
        return root, preimages


LOOPS = (
    Loop("arithmetic loop", b"\xc0" * 20, COMPUTE, 200_000),
    Loop("new holders", b"\xd0" * 20, HOLDERS, 600),
)


def block(fork: str, base_fee: int) -> tuple[_core.Rules, _core.Env]:
    """Rules and environment for running a loop's transaction."""
    blob = {"cancun": (3, 6, 3338477), "prague": (6, 9, 5007716)}[fork]
    rules = _core.Rules(family="ethereum", chain_id=CHAIN_ID, fork=fork, blob=blob)
    env = _core.Env(
        number=1,
        timestamp=1_800_000_000,
        gas_limit=30_000_000,
        beneficiary=bytes(20),
        parent_hash=bytes(32),
        base_fee=base_fee,
        excess_blob_gas=0,
        parent_beacon_block_root=bytes(32),
    )
    return rules, env
