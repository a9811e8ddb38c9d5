"""Both layers and everything that runs on them, on one simulated clock: deterministic, and breakable on purpose."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, Protocol

from rollproof import _core
from rollproof.errors import Malformed, Missing, Stop, Unsupported
from rollproof.lab import genesis, population
from rollproof.lab.actors import customers
from rollproof.lab.batcher import Batcher
from rollproof.lab.block import Block, Built
from rollproof.lab.chain import Chain
from rollproof.lab.contract import Contract
from rollproof.lab.deployments import rollup
from rollproof.lab.faults.fault import Fault
from rollproof.lab.follower import Follower
from rollproof.lab.l1_builder import L1Builder
from rollproof.lab.market import Market
from rollproof.lab.pool import Pending, Pool
from rollproof.lab.sequencer import BLOCK_TIME, Sequencer
from rollproof.lab.transaction import GWEI, Account, created
from rollproof.replay import extra_data
from rollproof.replay.blob_gas import blob_base_fee
from rollproof.rollup.op_stack.system_config import SystemConfig

Layer = Literal["l1", "l2"]
Listener = Callable[[str, Block, Sequence[Block]], None]  # layer, new head, dropped blocks
OPERATORS = ("deployer", "batcher", "proposer", "challenger", "relayer", "guardian-1", "guardian-2", "guardian-3")
ACTORS = (
    *(f"trader-{number}" for number in range(12)),
    *(f"bridge-user-{number}" for number in range(4)),
    "liquidity-provider", "arbitrageur", "liquidator", "oracle-keeper", "attacker", "victim", "bystander", "passerby",
    *customers.NAMES,
)  # fmt: skip


class Actor(Protocol):
    """Somebody who looks at the chains and sends transactions; asked once a step, before the L2 block is built."""

    name: str

    def act(self, stack: Stack) -> None: ...


class Operator(Protocol):
    """Part of the rollup that acts after the L2 block is built."""

    def act(self) -> None: ...


class Stack:
    """The lab. ``time`` is the simulated clock in Unix seconds; nothing in it reads another one."""

    def __init__(
        self, seed: int = 0, *, ordering: str = "fifo", names: Iterable[str] = (), market: Market | None = None
    ) -> None:
        """``names`` are further accounts to fund; ``market`` has the prices, seeded where none is given.

        The L1 contracts are deployed before the L2's genesis block. Nobody acts yet: see `populate`.
        """
        self.seed = seed
        self.market = Market.seeded(seed) if market is None else market
        self.names = (*OPERATORS, *ACTORS, *names)
        self.faults: list[Fault] = []
        self.actors: list[Actor] = []
        self.operators: list[Operator] = []
        self.listeners: list[Listener] = []
        # Layer, transaction, kind: the last that a block builder threw away.
        self.refused: deque[tuple[str, bytes, str]] = deque(maxlen=1_000)
        self.deployed: dict[str, Contract] = {}
        self._accounts: dict[tuple[str, str], Account] = {}
        configs = genesis.configs()
        self.time = genesis.TIME
        self.l1 = Chain(
            configs["l1"], genesis.l1_accounts(self.names), timestamp=self.time, gas_limit=genesis.L1_GAS_LIMIT
        )
        self.l1_pool = Pool("ethereum")
        self.l2_pool = Pool("op")
        self.l1_builder = L1Builder(self)
        self.sequencer = Sequencer(self, ordering)
        self.rollup = rollup.deploy(self)
        self.l2 = Chain(
            configs["l2"],
            genesis.l2_accounts(self.names, self.rollup.predeploys()),
            timestamp=self.time,
            gas_limit=genesis.L2_GAS_LIMIT,
            fee_recipient=genesis.SEQUENCER_FEE_VAULT,
            extra_data=genesis.L2_EXTRA_DATA,
        )
        self.sequencer.begin(self.l1.head)
        self.follower = Follower(self.l2)
        rollup.anchor(self)
        self.batcher = Batcher(self)
        self.operators.append(self.batcher)

    def populate(self) -> None:
        """Deploys the venue and the rest, and lets operators and actors begin; takes some steps of the clock."""
        population.populate(self)

    def l2_heads(self) -> tuple[int, int]:
        """Numbers of the safe and the finalized L2 block, by what is on L1."""
        return self.batcher.safe.heads()

    @property
    def safe(self) -> int:
        """The number of the safe L2 block."""
        return self.batcher.safe.head.number

    # The clock.

    def step(self) -> None:
        """One L2 block time: faults, then L1 when it is due, actors, the sequencer, the other operators."""
        self.time += BLOCK_TIME
        for fault in list(self.faults):
            fault.before_step(self)
        self.l1_builder.act()
        for actor in self.actors:
            # A contract that a fault has broken answers nobody, a full pool takes nothing: who needs them waits.
            with suppress(Stop):
                actor.act(self)
        self.sequencer.act()
        for operator in self.operators:
            with suppress(Stop):
                operator.act()
        for fault in list(self.faults):
            fault.after_step(self)

    def run(self, steps: int) -> None:
        """That many steps: as many L2 blocks, where the sequencer is not halted."""
        for _ in range(steps):
            self.step()

    # Faults.

    def inject(self, fault: Fault) -> Fault:
        """Starts a fault; it works until it is lifted. Raises what the fault's start does."""
        fault.start(self)
        self.faults.append(fault)
        return fault

    def lift(self, fault: Fault) -> None:
        """Ends a fault. Raises ValueError where it is not there."""
        self.faults.remove(fault)
        fault.stop(self)

    def halted(self, what: str) -> bool:
        """Whether a fault keeps this operator from acting in this step."""
        return any(fault.halts(self, what) for fault in self.faults)

    def ordered(self, layer: str, pending: list[Pending]) -> list[Pending]:
        """What faults make of a block's order."""
        chosen: Sequence[Pending] = pending
        for fault in self.faults:
            chosen = fault.order(self, layer, chosen)
        return list(chosen)

    def seal(self, layer: Layer, built: Built) -> None:
        """Makes a built block the head, as faults claim it."""
        block = built.block
        for fault in self.faults:
            block = fault.sealed(self, layer, built, block)
        self.chain(layer).append(block)
        for listener in self.listeners:
            listener(layer, block, ())

    def dropped(self, layer: Layer, blocks: Sequence[Block]) -> None:
        """Tells listeners of a reorganisation."""
        for listener in self.listeners:
            listener(layer, self.chain(layer).head, blocks)

    # What actors use.

    def rng(self, name: str) -> random.Random:
        """A stream of its own for every name, so that one more actor changes nobody else's draws."""
        digest = _core.keccak256(self.seed.to_bytes(32, "big", signed=True) + name.encode())
        return random.Random(int.from_bytes(digest, "big"))

    def chain(self, layer: str) -> Chain:
        """Raises Unsupported for anything but l1 and l2."""
        if layer not in ("l1", "l2"):
            raise Unsupported(f"no layer {layer!r}: l1 or l2")
        return self.l1 if layer == "l1" else self.l2

    def pool(self, layer: str) -> Pool:
        return self.l1_pool if layer == "l1" else self.l2_pool

    def account(self, name: str, layer: str) -> Account:
        """The funded account of a name. Raises Missing for a name that was not funded at genesis."""
        if name not in self.names:
            raise Missing(f"the lab has no account {name!r}")
        key = (name, layer)
        if key not in self._accounts:
            chain_id = genesis.L1_CHAIN_ID if layer == "l1" else genesis.L2_CHAIN_ID
            self._accounts[key] = Account.named(name, chain_id)
        return self._accounts[key]

    def send(
        self,
        layer: Layer,
        account: Account | str,
        to: bytes | None,
        *,
        data: bytes = b"",
        value: int = 0,
        gas: int = 1_000_000,
        tip: int = GWEI,
        fee: int = 100 * GWEI,
        **more: Any,
    ) -> bytes:
        """Signs a transaction with the account's next nonce and puts it into the pool; returns its hash.

        ``more`` goes to `Account.send`: access lists, blobs, authorizations.
        """
        if isinstance(account, str):
            account = self.account(account, layer)
        account.nonce = self.next_nonce(layer, account)
        raw = account.send(to, data=data, value=value, gas=gas, tip=tip, fee=fee, **more)
        return self.pool(layer).add(raw, self.time).hash

    def next_nonce(self, layer: Layer, account: Account) -> int:
        """The nonce of the account's next transaction, behind those that wait."""
        return self.pool(layer).next_nonce(account.address, self.chain(layer).account(account.address)[0])

    def deploy(
        self,
        name: str,
        artifact: str,
        *arguments: Any,
        layer: Layer = "l2",
        account: str = "deployer",
        gas: int = 12_000_000,
    ) -> Contract:
        """Sends a contract's creation and registers it as ``deployed[name]``; its address is known at once."""
        signer = self.account(account, layer)
        nonce = self.next_nonce(layer, signer)
        contract = Contract.load(artifact).at(created(signer.address, nonce))
        self.send(layer, signer, None, data=contract.deployment(*arguments), gas=gas)
        self.deployed[name] = contract
        return contract

    def receipt(self, layer: Layer, transaction: bytes) -> Mapping[str, Any] | None:
        """What executing a transaction gave (`_core.Done.outcomes`), once a canonical block holds it."""
        found = self.chain(layer).locate(transaction)
        return None if found is None else found[0].outcomes[found[1]]

    def view(
        self,
        layer: Layer,
        contract: Contract,
        function: str,
        *arguments: Any,
        at: Block | None = None,
        sender: bytes = bytes(20),
    ) -> tuple[Any, ...]:
        """What a contract answers at the head. Raises Missing where the call reverts."""
        call = self.chain(layer).call(contract.address, contract.encode(function, *arguments), sender=sender, at=at)
        if call.status != 1:
            raise Missing(f"{contract.name}.{function} reverts: {call.halt or call.output[:100].hex() or 'no reason'}")
        try:
            return contract.decode(function, call.output)
        except Malformed as error:  # most often there is no code yet
            raise Missing(f"{contract.name}.{function} answers what it should not: {error}") from None

    def extra_data(self, config: SystemConfig) -> bytes:
        """Of an L2 block: EIP-1559 parameters and minimum base fee by the system configuration (Holocene, Jovian)."""
        given = config.eip1559_denominator.to_bytes(4, "big") + config.eip1559_elasticity.to_bytes(4, "big")
        default = self.l2.config.base_fee_params(0, self.l2.genesis.timestamp)
        return extra_data.from_attributes(given, config.min_base_fee, default, jovian=True)

    def l1_blob_base_fee(self, block: Block) -> int:
        """The L1's price of blob gas in a block, wei (EIP-4844)."""
        schedule = self.l1.config.blob_schedule(block.number, block.timestamp)
        return 1 if schedule is None else blob_base_fee(block.header.excess_blob_gas or 0, schedule[2])
