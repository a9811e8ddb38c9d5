"""A small lab for faults: both chains on one clock, with traffic, and none of the rollup's contracts and operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from rollproof import _core
from rollproof.lab import bytecode, genesis
from rollproof.lab.block import Block, Built, Holder
from rollproof.lab.chain import Chain
from rollproof.lab.faults.fault import Fault
from rollproof.lab.faults.lie import MESSAGE_PASSER
from rollproof.lab.follower import Follower
from rollproof.lab.pool import Pool, by_arrival
from rollproof.lab.transaction import GWEI, Account, deposit
from rollproof.replay.eels.l1_fee import L1_BLOCK
from rollproof.types import Withdrawal

TOKEN = b"\x70" * 20
NAMES = ("alice", "bob", "carol", "attacker", "bystander")
SUPPLY = 10**30
_DEPOSITOR = bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0001")  # OP Stack specification, L1 attributes


def slot(account: Account) -> int:
    """Where the token keeps an account's balance."""
    return int.from_bytes(account.address, "big")


def transfer(to: Account, amount: int) -> bytes:
    return slot(to).to_bytes(32, "big") + amount.to_bytes(32, "big")


class Bench:
    """What faults and checks use of a `Stack`, see there. Traffic: transfers of ETH and of a token that logs, and on
    the L2 a message to L1 and a deposit that mints; nothing of it fails."""

    def __init__(self, seed: int = 0, operator_fee: tuple[int, int] = (1_000, 500), *, quiet: bool = False) -> None:
        self.seed, self.time = seed, genesis.TIME
        self.faults: list[Fault] = []
        self.deployed: dict[str, Any] = {}
        self.operator_fee = operator_fee  # scalar, constant
        self.quiet = quiet  # nobody sends anything by himself
        configs = genesis.configs()
        holders = {slot(Account.named(name, 1)): SUPPLY for name in ("alice", "bob", "carol")}
        token = {TOKEN: Holder(nonce=1, code=bytecode.TOKEN, storage=holders)}
        predeploys = {
            L1_BLOCK: Holder(nonce=1, code=bytecode.L1_BLOCK),
            MESSAGE_PASSER: Holder(nonce=1, code=bytecode.MESSAGE_PASSER, storage={1: 1}),
        }
        self.l1 = Chain(configs["l1"], genesis.l1_accounts(NAMES) | token, timestamp=self.time, gas_limit=60_000_000)
        self.l2 = Chain(
            configs["l2"], genesis.l2_accounts(NAMES, predeploys | token), timestamp=self.time, gas_limit=60_000_000,
            fee_recipient=genesis.SEQUENCER_FEE_VAULT, extra_data=genesis.L2_EXTRA_DATA,
        )  # fmt: skip
        self.l1_pool, self.l2_pool = Pool("ethereum"), Pool("op")
        self.follower = Follower(self.l2)
        self._accounts: dict[tuple[str, str], Account] = {}

    # As `Stack` has it.

    def chain(self, layer: str) -> Chain:
        return {"l1": self.l1, "l2": self.l2}[layer]

    def pool(self, layer: str) -> Pool:
        return {"l1": self.l1_pool, "l2": self.l2_pool}[layer]

    def account(self, name: str, layer: str) -> Account:
        chain_id = self.chain(layer).config.chain_id
        return self._accounts.setdefault((name, layer), Account.named(name, chain_id))

    def next_nonce(self, layer: str, account: Account) -> int:
        return self.pool(layer).next_nonce(account.address, self.chain(layer).account(account.address)[0])

    def send(self, layer: str, account: str, to: bytes | None, *, data: bytes = b"", value: int = 0, gas: int) -> bytes:
        signer = self.account(account, layer)
        signer.nonce = self.next_nonce(layer, signer)
        raw = signer.send(to, data=data, value=value, gas=gas, tip=GWEI)
        return self.pool(layer).add(raw, self.time).hash

    def inject(self, fault: Fault) -> Fault:
        fault.start(cast(Any, self))
        self.faults.append(fault)
        return fault

    def lift(self, fault: Fault) -> None:
        self.faults.remove(fault)
        fault.stop(cast(Any, self))

    def step(self) -> None:
        self.time += 2
        for fault in list(self.faults):
            fault.before_step(cast(Any, self))
        if (self.time - genesis.TIME) % 12 == 0:
            self.traffic("l1")
            number = self.l1.head.number + 1
            self.grow("l1", [], [Withdrawal(number, 7, b"\xfd" * 20, 17_000_000)])
        self.traffic("l2")
        self.grow("l2", self.deposits())
        for fault in list(self.faults):
            fault.after_step(cast(Any, self))

    # Of its own.

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()

    def traffic(self, layer: str) -> None:
        if self.quiet:
            return
        number = self.chain(layer).head.number + 1
        self.send(layer, "alice", self.account("bob", layer).address, value=number, gas=21_000)
        self.send(layer, "bob", TOKEN, data=transfer(self.account("carol", layer), number), gas=100_000)
        if layer == "l2":
            self.send(layer, "carol", MESSAGE_PASSER, data=(1_000 + number).to_bytes(32, "big"), gas=100_000)

    def deposits(self) -> list[bytes]:
        """What the L2 block says of its L1 origin (Jovian's form, packed), and a deposit of one ETH."""
        number = self.l2.head.number + 1
        scalar, constant = self.operator_fee
        origin = self.l1.head
        data = b"".join(
            (
                bytes.fromhex("3db6be2b"),
                (5227).to_bytes(4, "big"),
                (1_014_213).to_bytes(4, "big"),
                number.to_bytes(8, "big"),
                origin.timestamp.to_bytes(8, "big"),
                origin.number.to_bytes(8, "big"),
                (origin.header.base_fee or 0).to_bytes(32, "big"),
                (1).to_bytes(32, "big"),
                origin.hash,
                bytes(32),
                scalar.to_bytes(4, "big"),
                constant.to_bytes(8, "big"),
                (400).to_bytes(2, "big"),
            )
        )
        carol = self.account("carol", "l2").address
        return [
            deposit(_core.keccak256(b"attributes %d" % number), _DEPOSITOR, L1_BLOCK, gas=1_000_000, data=data),
            deposit(
                _core.keccak256(b"deposit %d" % number), b"\x11" * 20, carol, mint=10**18, value=10**17, gas=50_000
            ),
        ]

    def grow(self, layer: str, forced: Sequence[bytes], withdrawals: Sequence[Withdrawal] = ()) -> Block:
        """Builds the next block of a layer as faults claim it, from what waits in its pool."""
        chain, pool, stack = self.chain(layer), self.pool(layer), cast(Any, self)
        chosen = by_arrival(list(pool), chain.head.header.base_fee or 0)
        rules = next((name for fault in self.faults if (name := fault.rules(stack, layer))), None)
        built: Built = chain.build(
            [*forced, *(each.raw for each in chosen)], timestamp=self.time, withdrawals=withdrawals, skip=True,
            rules=rules,
        )  # fmt: skip
        block = built.block
        for fault in self.faults:
            block = fault.sealed(stack, layer, built, block)
        chain.append(block)
        pool.remove([each.hash for each in chosen])
        return block


def claimed(block: Block) -> tuple[Mapping[str, Any], ...]:
    """A block's receipts as a claim has them."""
    return tuple(
        {key: each[key] for key in ("status", "gas_used", "cumulative_gas_used", "logs")} for each in block.outcomes
    )
