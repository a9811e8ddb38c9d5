"""Ethereum blocks, Frontier to Osaka, by EELS's own transaction processing.

EELS's ``state_transition`` raises where a header differs; here its pieces are called in ``apply_body``'s order and
the values are returned.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.bytes import Bytes, Bytes20, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from rollproof.errors import Unsupported
from rollproof.replay.eels.ancestry import Ancestry
from rollproof.replay.eels.machine import Machine, machine
from rollproof.replay.eels.opinion import Executed, ExhaustedError, Inputs, Invalid, Opinion
from rollproof.replay.eels.preimages import Preimages
from rollproof.replay.eels.state import State

# Our fork name -> EELS's. EELS has no Constantinople without the EIPs of Petersburg that took SSTORE's new prices back.
FORKS: Final = {
    "frontier": "frontier",
    "homestead": "homestead",
    "tangerine_whistle": "tangerine_whistle",
    "spurious_dragon": "spurious_dragon",
    "byzantium": "byzantium",
    "petersburg": "constantinople",
    "istanbul": "istanbul",
    "berlin": "berlin",
    "london": "london",
    "paris": "paris",
    "shanghai": "shanghai",
    "cancun": "cancun",
    "prague": "prague",
    "osaka": "osaka",
}
MAX_GAS: Final = 2_000_000_000  # a call frame can then take no more than 33 MB of memory
ORDER: Final = tuple(FORKS.values())


class InvalidBlockError(Exception):
    """The block cannot be valid; ``invalid`` says why."""

    def __init__(self, reason: str, transaction: int | None = None) -> None:
        super().__init__(reason)
        self.invalid = Invalid(reason, transaction)


class Run:
    """One block on one machine: the state, the block's environment and what it has put out so far."""

    def __init__(self, inputs: Inputs, machine: Machine, deadline: float) -> None:
        self.inputs, self.machine, self.fork = inputs, machine, machine["fork"]
        preimages = Preimages(inputs.preimages)
        self.state = State(preimages, inputs.parent_state_root, deadline)
        self.ancestry = Ancestry(preimages, inputs.number, inputs.parent_hash, inputs.block_hashes)
        self.env = self._environment()
        self.output = machine["vm"].BlockOutput()
        self.executed: list[Executed] = []

    def since(self, fork: str) -> bool:
        """Whether the machine's fork is ``fork`` (EELS's name) or later."""
        known = self.machine.fork if self.machine.fork != "dao_fork" else "homestead"
        return ORDER.index(known) >= ORDER.index(fork)

    def _environment(self) -> Any:
        given = self.inputs
        environment = self.machine["vm"].BlockEnvironment
        values: dict[str, Any] = {
            "chain_id": U64(given.chain_id),
            "state": self.state,
            "block_gas_limit": Uint(given.gas_limit),
            "block_hashes": self.ancestry,
            "coinbase": Bytes20(given.beneficiary),
            "number": Uint(given.number),
            "time": U256(given.timestamp),
            "difficulty": Uint(given.difficulty),
            "prev_randao": Bytes32(given.prev_randao),
            "base_fee_per_gas": None if given.base_fee is None else Uint(given.base_fee),
            "excess_blob_gas": None if given.excess_blob_gas is None else U64(given.excess_blob_gas),
            "parent_beacon_block_root": given.parent_beacon_block_root and Bytes32(given.parent_beacon_block_root),
        }
        names = [field.name for field in fields(environment)]
        absent = [name for name in names if values[name] is None]
        if absent:
            raise InvalidBlockError(f"the header lacks {', '.join(absent)}, which {given.fork} needs")
        return environment(**{name: values[name] for name in names})

    def decode(self, raw: bytes) -> Any:
        """A transaction as the fork's own type. Raises one of UNDECODABLE."""
        transactions = self.machine["transactions"]
        if not self.since("berlin"):
            return rlp.decode_to(transactions.Transaction, raw)  # the only class there is
        if raw and raw[0] >= 0xC0:
            return transactions.decode_transaction(rlp.decode_to(transactions.LegacyTransaction, raw))
        return transactions.decode_transaction(Bytes(raw))

    def decoded(self) -> list[Any]:
        """Every transaction, before any is executed: a body that cannot be read is no body."""
        transactions = []
        for index, raw in enumerate(self.inputs.transactions):
            try:
                transactions.append(self.decode(raw))
            except UNDECODABLE as error:
                raise InvalidBlockError(f"undecodable: {_reason(error)}", index) from error
        return transactions

    def transact(self, index: int, transaction: Any) -> None:
        """Executes transaction ``index``; what it did is kept in ``executed``."""
        if int(self.output.block_gas_used) + int(transaction.gas) > MAX_GAS:
            raise ExhaustedError(f"transaction {index} may take the block above {MAX_GAS} gas")
        gas_before, logs_before = int(self.output.block_gas_used), len(self.output.block_logs)
        try:
            self.apply(index, transaction)
        except EthereumException as error:
            raise InvalidBlockError(_reason(error), index) from error
        gas = int(self.output.block_gas_used)
        logs = tuple(
            (bytes(log.address), tuple(bytes(topic) for topic in log.topics), bytes(log.data))
            for log in self.output.block_logs[logs_before:]
        )
        self.executed.append(Executed(int(self.state.output.error is None), gas - gas_before, gas, logs))

    def apply(self, index: int, transaction: Any) -> None:
        """Executes one transaction into ``output``."""
        self.fork.process_transaction(self.env, self.output, transaction, Uint(index))

    def outcome(self, withdrawals_root: bytes | None, requests_hash: bytes | None, blob_gas_used: int) -> Opinion:
        """The opinion of a block that was executed to its end."""
        root = self.machine["trie"].root
        return Opinion(
            state_root=self.state.root(),
            receipts_root=bytes(root(self.output.receipts_trie)),
            transactions_root=bytes(root(self.output.transactions_trie)),
            logs_bloom=bytes(self.machine["bloom"].logs_bloom(self.output.block_logs)),
            gas_used=int(self.output.block_gas_used),
            blob_gas_used=blob_gas_used,
            withdrawals_root=withdrawals_root,
            requests_hash=requests_hash,
            transactions=tuple(self.executed),
            used_block_hashes=tuple(sorted(self.ancestry.used)),
        )

    def system_calls(self) -> None:
        """EIP-4788 and EIP-2935 at the start of a block."""
        call: Any = getattr(self.fork, "process_unchecked_system_transaction", None)
        if self.since("cancun"):
            root = self.env.parent_beacon_block_root
            call(block_env=self.env, target_address=self.fork.BEACON_ROOTS_ADDRESS, data=root)
        if self.since("prague"):
            parent = self.inputs.parent_hash
            call(block_env=self.env, target_address=self.fork.HISTORY_STORAGE_ADDRESS, data=parent)


UNDECODABLE: Final = (RLPException, EthereumException, ValueError, OverflowError, TypeError, IndexError)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200] if str(error) else type(error).__name__


def _prepare(inputs: Inputs, copy: Machine) -> None:
    """Sets the constants that the block's configuration decides."""
    fork = copy["fork"]
    if hasattr(fork, "BLOCK_REWARD"):
        fork.BLOCK_REWARD = U256(inputs.block_reward)
    if inputs.blob is not None and hasattr(fork, "MAX_BLOB_GAS_PER_BLOCK"):
        gas = copy["vm.gas"]
        gas.BLOB_BASE_FEE_UPDATE_FRACTION = Uint(inputs.blob[2])
        fork.MAX_BLOB_GAS_PER_BLOCK = gas.GAS_PER_BLOB * U64(inputs.blob[1])
    if copy.fork in ("prague", "osaka"):
        # No log comes from None, so a chain without the contract has no deposit requests.
        contract = inputs.deposit_contract
        copy["requests"].DEPOSIT_CONTRACT_ADDRESS = None if contract is None else Bytes20(contract)


def execute(inputs: Inputs, deadline: float) -> Opinion:
    """Executes an Ethereum block, until ``deadline`` (``time.monotonic()``).

    Raises InvalidBlockError, AbsentPreimageError, FalsePreimageError, ExhaustedError; Unsupported for a fork that
    EELS does not have.
    """
    fork = FORKS.get(inputs.fork)
    if fork is None:
        raise Unsupported(f"EELS has no Ethereum fork {inputs.fork}")
    if inputs.dao:
        if fork != "homestead":
            raise Unsupported(f"the DAO fork is one of Homestead, not of {inputs.fork}")
        fork = "dao_fork"
    constants = (inputs.block_reward, inputs.blob, inputs.deposit_contract)
    run = Run(inputs, machine(fork, constants, lambda copy: _prepare(inputs, copy)), deadline)
    transactions = run.decoded()
    if inputs.dao:
        run.machine["dao"].apply_dao(run.state)
    run.system_calls()
    for index, transaction in enumerate(transactions):
        run.transact(index, transaction)
    return _finish(run)


def _finish(run: Run) -> Opinion:
    """Rewards, withdrawals and requests after the last transaction."""
    given = run.inputs
    if not run.since("paris") and given.block_reward:
        run.fork.pay_rewards(run.state, run.env.number, run.env.coinbase, ())
    withdrawals_root = requests_hash = None
    if run.since("shanghai"):
        withdrawal = run.machine["blocks"].Withdrawal
        if given.withdrawals is None:
            raise InvalidBlockError(f"the body has no withdrawals, which {given.fork} needs")
        listed = tuple(
            withdrawal(U64(index), U64(validator), Bytes20(address), U256(amount))
            for index, validator, address, amount in given.withdrawals
        )
        run.fork.process_withdrawals(run.env, run.output, listed)
        withdrawals_root = bytes(run.machine["trie"].root(run.output.withdrawals_trie))
    if run.since("prague"):
        try:
            run.fork.process_general_purpose_requests(run.env, run.output)
        except EthereumException as error:
            raise InvalidBlockError(_reason(error)) from error
        requests_hash = bytes(run.machine["requests"].compute_requests_hash(run.output.requests))
    return run.outcome(withdrawals_root, requests_hash, int(getattr(run.output, "blob_gas_used", 0)))
