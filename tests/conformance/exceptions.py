"""What the fixtures' exceptions are called here: a block has to be refused for the reason that makes it invalid.

A reason is a header field that differs, or the kind of a ``_core.Invalid``.
"""

from __future__ import annotations

from rollproof import _core
from rollproof.errors import RollproofError
from rollproof.types import Outcome, Verdict

# A transaction with fields that its type cannot have does not decode: type 3 and 4 have no creation (EIP-4844, 7702),
# and a fee of more than 128 bits costs more ether than there is.
REASONS: dict[str, frozenset[str]] = {
    name: frozenset(reasons.split())
    for name, reasons in {
        "BlockException.INCORRECT_BLOCK_FORMAT": "blob_gas_used excess_blob_gas not-a-block",
        "BlockException.INCORRECT_EXCESS_BLOB_GAS": "excess_blob_gas",
        "BlockException.INVALID_BASEFEE_PER_GAS": "base_fee",
        "BlockException.INVALID_BLOCK_HASH": "self-inconsistent",
        "BlockException.INVALID_DEPOSIT_EVENT_LAYOUT": "deposit-event",
        "BlockException.INVALID_GASLIMIT": "gas_limit",
        "BlockException.INVALID_REQUESTS": "requests_hash",
        "BlockException.INVALID_VERSIONED_HASHES": "transaction-type",
        "BlockException.INVALID_WITHDRAWALS_ROOT": "withdrawals_root",
        "BlockException.RLP_BLOCK_LIMIT_EXCEEDED": "block_size",
        "BlockException.RLP_STRUCTURES_ENCODING": "undecodable",
        "BlockException.SYSTEM_CONTRACT_CALL_FAILED": "system-call",
        "BlockException.SYSTEM_CONTRACT_EMPTY": "system-call",
        "TransactionException.GAS_ALLOWANCE_EXCEEDED": "block-gas-exceeded",
        "TransactionException.GAS_LIMIT_EXCEEDS_MAXIMUM": "gas-limit-above-cap",
        "TransactionException.GASLIMIT_PRICE_PRODUCT_OVERFLOW": "undecodable",
        "TransactionException.INITCODE_SIZE_EXCEEDED": "init-code-too-large",
        "TransactionException.INSUFFICIENT_ACCOUNT_FUNDS": "insufficient-funds",
        "TransactionException.INSUFFICIENT_MAX_FEE_PER_BLOB_GAS": "blob-fee-too-low",
        "TransactionException.INSUFFICIENT_MAX_FEE_PER_GAS": "fee-below-base-fee",
        "TransactionException.INTRINSIC_GAS_BELOW_FLOOR_GAS_COST": "intrinsic-gas-too-low",
        "TransactionException.INTRINSIC_GAS_TOO_LOW": "intrinsic-gas-too-low",
        "TransactionException.NONCE_IS_MAX": "nonce-overflow",
        "TransactionException.NONCE_MISMATCH_TOO_HIGH": "nonce-too-high",
        "TransactionException.NONCE_MISMATCH_TOO_LOW": "nonce-too-low",
        "TransactionException.PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS": "tip-above-fee-cap",
        "TransactionException.SENDER_NOT_EOA": "sender-has-code",
        "TransactionException.TYPE_1_TX_PRE_FORK": "transaction-type",
        "TransactionException.TYPE_2_TX_PRE_FORK": "transaction-type",
        "TransactionException.TYPE_3_TX_BLOB_COUNT_EXCEEDED": "blobs",
        "TransactionException.TYPE_3_TX_CONTRACT_CREATION": "undecodable",
        "TransactionException.TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH": "blobs",
        "TransactionException.TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED": "blob-gas-exceeded",
        "TransactionException.TYPE_3_TX_PRE_FORK": "transaction-type",
        "TransactionException.TYPE_3_TX_WITH_FULL_BLOBS": "undecodable",
        "TransactionException.TYPE_3_TX_ZERO_BLOBS": "blobs",
        "TransactionException.TYPE_4_EMPTY_AUTHORIZATION_LIST": "authorizations",
        "TransactionException.TYPE_4_TX_CONTRACT_CREATION": "undecodable",
        "TransactionException.TYPE_4_TX_PRE_FORK": "transaction-type",
    }.items()
}
# The only two that end as `unknown`: what is not a block cannot be judged as one, and a body that is not the one its
# header commits to is a bad record, not a bad chain.
_UNKNOWN = frozenset({"not-a-block", "self-inconsistent"})


def reasons(found: Verdict | _core.Invalid | RollproofError) -> set[str]:
    """Why something was refused."""
    if isinstance(found, _core.Invalid):
        return {found.kind}
    if isinstance(found, RollproofError):
        return {"not-a-block"}
    if found.outcome is Outcome.UNKNOWN:
        return {found.reason.partition(":")[0]}
    said = set()
    for difference in found.differences:
        computed = difference.computed or ""
        invalid = computed.startswith("invalid")
        said.add(computed.partition(": ")[0].split(", ")[-1] if invalid else difference.key)
    return said


def explain(expected: str, found: Verdict | _core.Invalid | RollproofError) -> tuple[str, str]:
    """("broken", "unknown" or "invalid", the reason) of a refusal that is the expected one.

    Raises AssertionError for any other, or an exception that is not known by name.
    """
    wanted = frozenset[str]().union(*(REASONS[name] for name in expected.split("|")))
    got = reasons(found)
    assert got & wanted, f"refused for {sorted(got)}, though {expected}"
    reason = min(got & wanted)
    if isinstance(found, _core.Invalid):
        return "invalid", reason
    outcome = found.outcome if isinstance(found, Verdict) else Outcome.UNKNOWN
    assert (outcome is Outcome.UNKNOWN) == (reason in _UNKNOWN), f"{outcome}, though {expected}"
    return str(outcome), reason
