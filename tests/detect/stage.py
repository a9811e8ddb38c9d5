"""A chain in memory for the detectors' tests: deploy a fixture, run transactions in one block, get what checks see.

The contracts are those of ``contracts/FAMILY``, compiled by ``make detect-contracts``; nothing is compiled here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rollproof.detect import source
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.run import Report, judge
from rollproof.errors import Missing
from rollproof.lab import genesis
from rollproof.lab.block import Block, Holder
from rollproof.lab.chain import Chain
from rollproof.lab.contract import Contract
from rollproof.lab.transaction import GWEI, Account, created
from rollproof.replay.counterfactual import Counterfactual

ETHER = 10**18
GAS = 3_000_000
TIME = 1_780_000_000
ACCOUNTS = 10
ARTIFACTS = Path(__file__).resolve().parent / "artifacts"


@cache
def artifact(name: str) -> Contract:
    """A compiled fixture by its name, or by FAMILY/Name where families have the same one."""
    family, _, plain = name.rpartition("/")
    found = sorted(ARTIFACTS.glob(f"{family or '*'}/{plain}.json"))
    if len(found) != 1:
        where = ", ".join(path.parent.name for path in found) or "no family; run `make detect-contracts`"
        raise Missing(f"the test contract {name} is in {where}")
    return Contract.from_artifact(json.loads(found[0].read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Deployed:
    """A contract on a stage."""

    stage: Stage
    contract: Contract

    @property
    def address(self) -> bytes:
        return self.contract.address

    def call(self, function: str, *arguments: Any, sender: Account | bytes | None = None, value: int = 0) -> Any:
        """What it answers without a transaction; one value as it is, several as a tuple. Fails where it reverts."""
        by = sender.address if isinstance(sender, Account) else sender or bytes(20)
        data = self.contract.encode(function, *arguments)
        found = self.stage.chain.call(self.address, data, sender=by, value=value)
        assert found.status == 1, f"{self.contract.name}.{function}: {self.contract.reason(found.output)}"
        values = self.contract.decode(function, found.output)
        return values[0] if len(values) == 1 else values

    def send(
        self,
        function: str,
        *arguments: Any,
        sender: Account | None = None,
        value: int = 0,
        gas: int = GAS,
        tip: int = GWEI,
    ) -> bytes:
        """A signed transaction for `Stage.run`, by account 0 unless told otherwise; it takes up the sender's nonce."""
        return (sender or self.stage.account(0)).send(
            self.address, data=self.contract.encode(function, *arguments), value=value, gas=gas, tip=tip
        )

    def do(self, function: str, *arguments: Any, sender: Account | None = None, value: int = 0) -> Mapping[str, Any]:
        """The same in a block of its own, for what comes before what is looked at. Fails where it reverts."""
        [outcome] = self.stage.build([self.send(function, *arguments, sender=sender, value=value)]).outcomes
        assert outcome["status"] == 1, f"{self.contract.name}.{function}: {self.contract.reason(outcome['output'])}"
        return outcome


class Stage:
    """A chain by Ethereum's rules of Osaka with funded accounts. The accounts are the same on every stage."""

    def __init__(self, holders: Mapping[bytes, Holder] | None = None) -> None:
        """``holders`` are further accounts of the genesis state: code at an address of its own, say."""
        config = genesis.configs()["l1"]
        self._accounts = [Account.named(f"stage-{index}", config.chain_id) for index in range(ACCOUNTS)]
        known = genesis.l1_accounts(f"stage-{index}" for index in range(ACCOUNTS))
        self.chain = Chain(config, {**known, **(holders or {})}, timestamp=TIME, gas_limit=60_000_000)

    def account(self, index: int) -> Account:
        """One of ten, each with a million ETH; 9 deploys."""
        return self._accounts[index]

    def deploy(self, name: str, *arguments: Any, value: int = 0, sender: Account | None = None) -> Deployed:
        """A fixture, in a block of its own, by account 9 unless told otherwise. Fails where it cannot be created."""
        raw, deployed = self.creation(name, *arguments, value=value, sender=sender)
        [outcome] = self.build([raw]).outcomes
        assert outcome["status"] == 1, f"{name}: {deployed.contract.reason(outcome['output'])} {outcome['halt'] or ''}"
        return deployed

    def creation(
        self, name: str, *arguments: Any, value: int = 0, sender: Account | None = None
    ) -> tuple[bytes, Deployed]:
        """The signed creation for `run`, and the contract that it will make: where deploying itself is looked at."""
        by, contract = sender or self.account(9), artifact(name)
        at = created(by.address, by.nonce)
        raw = by.send(None, data=contract.deployment(*arguments), value=value, gas=12_000_000)
        return raw, Deployed(self, contract.at(at))

    def at(self, name: str, address: bytes) -> Deployed:
        """A fixture's interface at an address: behind a proxy, or made by another contract."""
        return Deployed(self, artifact(name).at(address))

    def balance(self, account: Account | bytes) -> int:
        """Wei."""
        return self.chain.account(account.address if isinstance(account, Account) else account)[1]

    def build(self, transactions: Sequence[bytes]) -> Block:
        """A block of these transactions that nobody looks at, on top of the last."""
        block = self.chain.build(transactions, timestamp=self.chain.head.timestamp + 12).block
        self.chain.append(block)
        return block

    def run(self, transactions: Sequence[bytes], **known: Any) -> ExecutedBlock:
        """Builds them into one block, and executes that again with everything a check may ask for.

        A transaction may fail, but not be invalid. ``known`` goes on to `detect.source.executed_block`: pending,
        ordering.
        """
        return self.seen(self.build(transactions), **known)

    def seen(self, block: Block, **known: Any) -> ExecutedBlock:
        """A block of this chain as checks see it."""
        return seen(self.chain, block, **known)

    def judged(self, transactions: Sequence[bytes], **known: Any) -> Report:
        """What all registered detectors say about a block of these transactions."""
        return judge(self.run(transactions, **known))


def seen(chain: Chain, block: Block, **known: Any) -> ExecutedBlock:
    """A block of a lab's chain as checks see it: executed again, with its trace, the second pass and other orders."""
    header = block.header
    return source.executed_block(
        chain.run(block, inspect="picked"),
        chain_id=chain.config.chain_id,
        number=block.number,
        timestamp=block.timestamp,
        base_fee=header.base_fee,
        beneficiary=header.beneficiary,
        gas_limit=header.gas_limit,
        family=chain.config.family,
        transactions=block.transactions,
        counterfactual=Counterfactual(chain.inputs(block)),
        **known,
    )
