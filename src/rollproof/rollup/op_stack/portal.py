"""Calls and logs of the OptimismPortal: proving and finalizing withdrawals.

Source: OP Stack specification, withdrawals, fault proof ("OptimismPortal"); contracts-bedrock, OptimismPortal2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rollproof.chain import abi
from rollproof.errors import Malformed
from rollproof.rollup.op_stack.output_root import Output
from rollproof.rollup.op_stack.withdrawal import TYPE, Withdrawal

_PROVE: Final = (TYPE, "uint256", "(bytes32,bytes32,bytes32,bytes32)", "bytes[]")
PROVE: Final = abi.selector(f"proveWithdrawalTransaction({','.join(_PROVE)})")
FINALIZE: Final = abi.selector(f"finalizeWithdrawalTransaction({TYPE})")
FINALIZE_EXTERNAL: Final = abi.selector(f"finalizeWithdrawalTransactionExternalProof({TYPE},address)")
CHECK: Final = abi.selector("checkWithdrawal(bytes32,address)")
PROVEN: Final = abi.selector("provenWithdrawals(bytes32,address)")
FINALIZED: Final = abi.selector("finalizedWithdrawals(bytes32)")

WITHDRAWAL_PROVEN: Final = abi.topic("WithdrawalProven(bytes32,address,address)")
WITHDRAWAL_PROVEN_BY: Final = abi.topic("WithdrawalProvenExtension1(bytes32,address)")
WITHDRAWAL_FINALIZED: Final = abi.topic("WithdrawalFinalized(bytes32,bool)")


@dataclass(frozen=True, slots=True)
class Proving:
    """What a proveWithdrawalTransaction call says: also a source of another block's output, for whoever needs it."""

    withdrawal: Withdrawal
    game_index: int
    output: Output
    nodes: tuple[bytes, ...]


def prove(withdrawal: Withdrawal, *, game_index: int, output: Output, nodes: Sequence[bytes]) -> bytes:
    """Calldata that proves a withdrawal against the dispute game of that index in the factory."""
    return PROVE + abi.encode(_PROVE, [withdrawal.fields, game_index, output.proof, list(nodes)])


def decode_prove(calldata: bytes) -> Proving:
    """What `prove` was given. Raises Malformed, also for an output root of another version than 0."""
    if calldata[:4] != PROVE:
        raise Malformed("not a proveWithdrawalTransaction call")
    fields, index, (version, state_root, storage_root, block_hash), nodes = abi.decode(_PROVE, calldata[4:])
    if any(version):
        raise Malformed(f"proveWithdrawalTransaction: output root version 0x{version.hex()}")
    return Proving(Withdrawal(*fields), index, Output(state_root, storage_root, block_hash), nodes)


def finalize(withdrawal: Withdrawal, *, submitter: bytes | None = None) -> bytes:
    """Calldata that finalizes a withdrawal; with ``submitter``, on the strength of that account's proof."""
    if submitter is None:
        return FINALIZE + abi.encode([TYPE], [withdrawal.fields])
    return FINALIZE_EXTERNAL + abi.encode([TYPE, "address"], [withdrawal.fields, submitter])


def check_withdrawal(withdrawal_hash: bytes, submitter: bytes) -> bytes:
    """Calldata of a call that reverts, saying why, while the withdrawal cannot be finalized."""
    return CHECK + abi.encode(["bytes32", "address"], [withdrawal_hash, submitter])


def proven_withdrawals(withdrawal_hash: bytes, submitter: bytes) -> bytes:
    """Calldata that asks for an account's proof; `decode_proven` reads the answer."""
    return PROVEN + abi.encode(["bytes32", "address"], [withdrawal_hash, submitter])


def decode_proven(output: bytes) -> tuple[bytes, int]:
    """(dispute game, time of proving in seconds); zeros where there is no proof. Raises Malformed."""
    game, timestamp = abi.decode(["address", "uint64"], output)
    return game, timestamp


def finalized_withdrawals(withdrawal_hash: bytes) -> bytes:
    """Calldata that asks whether a withdrawal is finalized."""
    return FINALIZED + withdrawal_hash


def finalized_from_log(topics: Sequence[bytes], data: bytes) -> tuple[bytes, bool]:
    """(withdrawal hash, whether the message's call succeeded) of a WithdrawalFinalized log. Raises Malformed."""
    if len(topics) != 2 or topics[0] != WITHDRAWAL_FINALIZED:
        raise Malformed("not a WithdrawalFinalized log")
    [success] = abi.decode(["bool"], data)
    return topics[1], success


def proven_from_log(topics: Sequence[bytes]) -> tuple[bytes, bytes, bytes]:
    """(withdrawal hash, sender on L2, target on L1) of a WithdrawalProven log. Raises Malformed."""
    if len(topics) != 4 or topics[0] != WITHDRAWAL_PROVEN:
        raise Malformed("not a WithdrawalProven log")
    return topics[1], abi.decode(["address"], topics[2])[0], abi.decode(["address"], topics[3])[0]
