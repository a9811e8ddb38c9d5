"""OP Stack blocks, Bedrock to Jovian: the Ethereum rules below, with what the OP Stack adds.

Sources: the OP Stack specs, protocol/exec-engine and the exec-engine page of each fork.
"""

from __future__ import annotations

from typing import Any, Final

from ethereum.exceptions import InsufficientBalanceError
from ethereum_types.bytes import Bytes20
from ethereum_types.numeric import U256

from rollproof.errors import Unsupported
from rollproof.replay.eels.deposit import DEPOSIT_TYPE, Deposit, decode_deposit, process_deposit
from rollproof.replay.eels.ethereum import InvalidBlockError, Run
from rollproof.replay.eels.l1_fee import L1_BLOCK, L1Values, da_size, l1_fee, operator_fee
from rollproof.replay.eels.machine import Machine, machine
from rollproof.replay.eels.op_fork import BELOW, since
from rollproof.replay.eels.op_precompiles import install
from rollproof.replay.eels.opinion import Inputs, Opinion
from rollproof.replay.eels.trie import EMPTY_ROOT

BASE_FEE_VAULT: Final = Bytes20.fromhex("4200000000000000000000000000000000000019")
L1_FEE_VAULT: Final = Bytes20.fromhex("420000000000000000000000000000000000001a")
OPERATOR_FEE_VAULT: Final = Bytes20.fromhex("420000000000000000000000000000000000001b")
MESSAGE_PASSER: Final = bytes.fromhex("4200000000000000000000000000000000000016")

# canyon/overview: the deployer's code appears at this address in the first Canyon block. Its hash is enough for the
# state; the code itself is looked up in the witness when it is called.
CREATE2_DEPLOYER: Final = bytes.fromhex("13b0d85ccb8bf860b6b79af3029fca081ae9bef2")
CREATE2_DEPLOYER_CODE_HASH: Final = bytes.fromhex("b0550b5b431e30d38000efb7107aaa0ade03d48a7198a140edda9d27134468b2")

JOVIAN_ATTRIBUTES: Final = bytes.fromhex("3db6be2b")  # setL1BlockValuesJovian()
JOVIAN_ATTRIBUTES_LENGTH: Final = 178
ISTHMUS_ATTRIBUTES_LENGTH: Final = 176


class OpRun(Run):
    """An OP Stack block: what the L1Block contract says is read once, after the deposits."""

    def __init__(self, inputs: Inputs, machine: Machine, deadline: float) -> None:
        super().__init__(inputs, machine, deadline)
        self._l1: L1Values | None = None
        self._footprint_scalar: int | None = None
        self.footprint = 0  # Jovian's; the header's blob gas used

    @property
    def l1(self) -> L1Values:
        """The L1 values, as they are when the first transaction that pays for them is reached."""
        if self._l1 is None:

            def slot(number: int) -> int:
                return int(self.state.slot(L1_BLOCK, number.to_bytes(32, "big")))

            self._l1 = L1Values.read(slot, self.inputs.fork)
        return self._l1

    def decode(self, raw: bytes) -> Any:
        """A deposit, or a transaction as the fork below has it."""
        if raw[:1] == bytes([DEPOSIT_TYPE]):
            return decode_deposit(raw)
        if raw[:1] == b"\x03":
            raise ValueError("the OP Stack has no blob transactions")
        return super().decode(raw)

    def apply(self, index: int, transaction: Any) -> None:
        """Executes one transaction."""
        raw = self.inputs.transactions[index]
        if isinstance(transaction, Deposit):
            process_deposit(self, index, transaction, raw)
        else:
            if since(self.inputs.fork, "jovian"):
                self._measure(index, raw)
            self._pay(index, transaction, raw)

    def _measure(self, index: int, raw: bytes) -> None:
        """jovian/exec-engine: the block's estimated size in batches, in gas, is bounded by the gas limit."""
        if self._footprint_scalar is None:
            self._footprint_scalar = _footprint_scalar(self.inputs.transactions[0])
        self.footprint += da_size(raw) * self._footprint_scalar
        if self.footprint > self.inputs.gas_limit:
            raise InvalidBlockError(f"data availability footprint {self.footprint} above the gas limit", index)

    def _pay(self, index: int, transaction: Any, raw: bytes) -> None:
        """A signed transaction, which pays the L1 and operator fees beside what Ethereum asks for.

        They are taken first, so that EELS's own check of the balance covers the sum of all.
        """
        given, fork = self.machine["state"], self.inputs.fork
        sender = self.fork.recover_sender(self.env.chain_id, transaction)
        data_fee = l1_fee(raw, self.l1, fork)
        operator = operator_fee(int(transaction.gas), self.l1, fork)
        before = given.get_account(self.state, sender)
        if int(before.balance) < data_fee + operator:
            raise InsufficientBalanceError("insufficient sender balance for the L1 and operator fees")
        given.set_account_balance(self.state, sender, before.balance - U256(data_fee + operator))
        gas_before = self.output.block_gas_used
        super().apply(index, transaction)
        gas = int(self.output.block_gas_used - gas_before)
        used_operator = operator_fee(gas, self.l1, fork)
        given.create_ether(self.state, sender, U256(operator - used_operator))
        given.create_ether(self.state, BASE_FEE_VAULT, U256(gas * int(self.env.base_fee_per_gas)))
        given.create_ether(self.state, L1_FEE_VAULT, U256(data_fee))
        if since(fork, "isthmus"):
            given.create_ether(self.state, OPERATOR_FEE_VAULT, U256(used_operator))


def execute(inputs: Inputs, deadline: float) -> Opinion:
    """Executes an OP Stack block, until ``deadline`` (``time.monotonic()``).

    Raises InvalidBlockError, AbsentPreimageError, FalsePreimageError, ExhaustedError; Unsupported for a fork later
    than Jovian.
    """
    below = BELOW.get(inputs.fork)
    if below is None:
        raise Unsupported(f"the second machine has no OP Stack fork {inputs.fork}")
    if inputs.withdrawals:
        raise InvalidBlockError("an OP Stack block has no withdrawals")
    run = OpRun(inputs, machine(below, inputs.fork, lambda copy: install(copy, inputs.fork)), deadline)
    transactions = run.decoded()
    if inputs.create2_deployer:
        _deploy_create2(run)
    run.system_calls()
    for index, transaction in enumerate(transactions):
        run.transact(index, transaction)
    withdrawals_root = None
    if since(inputs.fork, "canyon"):
        withdrawals_root = EMPTY_ROOT
    requests_hash = None
    if since(inputs.fork, "isthmus"):
        run.state.root()
        withdrawals_root = run.state.storage_root(MESSAGE_PASSER)
        requests_hash = bytes(run.machine["requests"].compute_requests_hash([]))
    return run.outcome(withdrawals_root, requests_hash, run.footprint)


def _footprint_scalar(attributes: bytes) -> int:
    """The gas scalar that the L1 attributes deposit, which begins every Jovian block but the first, has in its data."""
    if attributes[:1] != bytes([DEPOSIT_TYPE]):
        raise InvalidBlockError("the block does not begin with its L1 attributes", 0)
    data = bytes(decode_deposit(attributes).data)
    if len(data) == ISTHMUS_ATTRIBUTES_LENGTH:
        raise InvalidBlockError("the first Jovian block has no signed transactions")
    if data[:4] != JOVIAN_ATTRIBUTES or len(data) != JOVIAN_ATTRIBUTES_LENGTH:
        raise InvalidBlockError("the L1 attributes are not Jovian's", 0)
    return int.from_bytes(data[176:178], "big")


def _deploy_create2(run: OpRun) -> None:
    given = run.machine["state"]

    def place(account: Any) -> None:
        account.code_hash = CREATE2_DEPLOYER_CODE_HASH
        account.code = run.state.code(CREATE2_DEPLOYER_CODE_HASH)

    given.modify_state(run.state, CREATE2_DEPLOYER, place)
