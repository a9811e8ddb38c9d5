"""Deposit transactions (type 0x7E): force included from L1, paid there, never invalid.

Sources: OP Stack specs, protocol/deposits, with regolith (gas and nonce are recorded) and canyon (receipt version).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ethereum.exceptions import GasUsedExceedsLimitError
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes, Bytes0, Bytes20
from ethereum_types.numeric import U64, U256, Uint

from rollproof.replay.eels.ethereum import Run
from rollproof.replay.eels.op_fork import since

DEPOSIT_TYPE: Final = 0x7E
RECEIPT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit; ``to`` is empty for a contract creation, ``mint`` and ``value`` are in wei.

    ``data``, ``value`` and ``to`` have EELS's types, as its ``prepare_message`` reads them.
    """

    sender: Bytes20
    to: Bytes0 | Bytes20
    mint: int
    value: U256
    gas: Uint
    system: bool
    data: Bytes


def decode_deposit(raw: bytes) -> Deposit:
    """Decodes a typed deposit. Raises RLPException or ValueError where it breaks the format."""
    item: Any = rlp.decode(raw[1:])
    if not isinstance(item, list | tuple) or len(item) != 8 or not all(isinstance(field, bytes) for field in item):
        raise ValueError("a deposit is a list of eight byte strings")
    source_hash, sender, to, mint, value, gas, system, data = item
    if len(source_hash) != 32 or len(sender) != 20 or len(to) not in (0, 20) or system not in (b"", b"\1"):
        raise ValueError("a field of the deposit has a wrong length or value")
    if any(number[:1] == b"\0" for number in (mint, value, gas)) or len(mint) > 32 or len(gas) > 8:
        raise ValueError("a number of the deposit has leading zeros or is too large")
    return Deposit(
        sender=Bytes20(sender),
        to=Bytes20(to) if to else Bytes0(),
        mint=int.from_bytes(mint, "big"),
        value=U256.from_be_bytes(value),
        gas=Uint(int.from_bytes(gas, "big")),
        system=system == b"\1",
        data=Bytes(data),
    )


def process_deposit(run: Run, index: int, deposit: Deposit, raw: bytes) -> None:
    """Executes a deposit and records its receipt.

    Only the block's gas limit can refuse it. Where it cannot start (no balance for its value, too little gas) it
    fails: the mint and one nonce stay, and all its gas counts as used.
    """
    fork, given = run.inputs.fork, run.machine["state"]
    state, regolith = run.state, since(fork, "regolith")
    free = deposit.system and not regolith  # Bedrock's L1 attributes are in no gas account
    if not free and run.env.block_gas_limit - run.output.block_gas_used < deposit.gas:
        raise GasUsedExceedsLimitError("gas used exceeds limit")
    if deposit.mint:
        given.create_ether(state, deposit.sender, U256(deposit.mint))
    nonce = given.get_account(state, deposit.sender).nonce
    started = _start(run, deposit, index)
    if started is None:
        # As in a call frame that failed at once; an empty account's nonce still makes it exist.
        given.increment_nonce(state, deposit.sender)
        state.output = Failed()
        gas_used, logs, succeeded = deposit.gas, (), False
    else:
        gas_used, logs = started
        succeeded = state.output.error is None
        if not regolith:
            gas_used = deposit.gas
    if free:
        gas_used = Uint(0)
    run.output.block_gas_used += gas_used
    _record(run, index, raw, (succeeded, logs, nonce))


class Failed:
    """Stands for the output of a deposit that no call frame ran for."""

    error: Final = "failed deposit"


def _start(run: Run, deposit: Deposit, index: int) -> tuple[Uint, tuple[Any, ...]] | None:
    """Runs the deposit's message: gas used after refunds, and logs. None where it cannot start."""
    given, fork, state = run.machine["state"], run.fork, run.state
    intrinsic, floor = _intrinsic(run, deposit)
    account = given.get_account(state, deposit.sender)
    creates = isinstance(deposit.to, Bytes0)
    too_long = run.since("shanghai") and creates and len(deposit.data) > 2 * 0x6000  # EIP-3860
    unsupported = deposit.system and since(run.inputs.fork, "regolith")
    if deposit.gas < max(intrinsic, floor) or account.balance < deposit.value or too_long or unsupported:
        return None
    given.increment_nonce(state, deposit.sender)
    transaction_environment = run.machine["vm"].TransactionEnvironment
    values: dict[str, Any] = {
        "origin": deposit.sender,
        "gas_price": Uint(0),
        "gas": deposit.gas - intrinsic,
        "access_list_addresses": {run.env.coinbase} if run.since("shanghai") else set(),  # EIP-3651
        "access_list_storage_keys": set(),
        "transient_storage": given.TransientStorage(),
        "blob_versioned_hashes": (),
        "authorizations": (),
        "index_in_block": Uint(index),
        "tx_hash": None,
    }
    names = transaction_environment.__dataclass_fields__
    environment = transaction_environment(**{name: values[name] for name in names})
    output = fork.process_message_call(fork.prepare_message(run.env, environment, deposit))
    used = deposit.gas - output.gas_left
    used -= min(used // Uint(5), Uint(output.refund_counter))  # EIP-3529
    for address in output.accounts_to_delete:
        given.destroy_account(state, address)
    return max(used, floor), output.logs


def _intrinsic(run: Run, deposit: Deposit) -> tuple[Uint, Uint]:
    """Intrinsic gas and EIP-7623's floor (zero before Prague), by EELS for a legacy transaction of this shape."""
    transactions = run.machine["transactions"]
    shape = transactions.LegacyTransaction(
        U256(0), Uint(0), deposit.gas, deposit.to, deposit.value, deposit.data, U256(0), U256(0), U256(0)
    )
    cost = transactions.calculate_intrinsic_cost(shape)
    return cost if isinstance(cost, tuple) else (cost, Uint(0))


def _record(run: Run, index: int, raw: bytes, outcome: tuple[bool, tuple[Any, ...], Uint]) -> None:
    succeeded, logs, nonce = outcome
    bloom = run.machine["bloom"].logs_bloom(logs)
    receipt: list[Any] = [U64(succeeded), run.output.block_gas_used, bloom, logs]
    if since(run.inputs.fork, "canyon"):
        # Regolith's receipts have the nonce too, but were hashed without it until Canyon.
        receipt += [nonce, Uint(RECEIPT_VERSION)]
    key = rlp.encode(Uint(index))
    trie_set = run.machine["trie"].trie_set
    trie_set(run.output.transactions_trie, key, Bytes(raw))
    trie_set(run.output.receipts_trie, key, Bytes(bytes([DEPOSIT_TYPE]) + rlp.encode(receipt)))
    run.output.receipt_keys += (key,)
    run.output.block_logs += logs
