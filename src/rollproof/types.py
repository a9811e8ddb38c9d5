"""The vocabulary: data only, imports nothing of ours but errors.

Hashes and addresses are ``bytes`` (32 and 20 long), quantities are ``int``; hex appears only at the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any

# How values of rooms that are imported late are shown, short and as HTML; set where showing is known.
SHOWN: dict[str, tuple[Callable[[Mapping[str, Any]], str], Callable[[Mapping[str, Any]], str]]] = {}


class Outcome(StrEnum):
    """The three outcomes. ``UNKNOWN`` is never shown as ``HOLDS``."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Header:
    """A block header. ``None`` marks a field that the block's fork does not have.

    Field order is the RLP order (yellow paper section 4.4.3, then EIP-1559, 4895, 4844, 4788, 7685).
    """

    parent_hash: bytes
    ommers_hash: bytes
    beneficiary: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes  # prev_randao after the merge
    nonce: bytes  # 8 bytes
    base_fee: int | None = None
    withdrawals_root: bytes | None = None
    blob_gas_used: int | None = None
    excess_blob_gas: int | None = None
    parent_beacon_block_root: bytes | None = None
    requests_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """EIP-4895 withdrawal; ``amount`` in gwei."""

    index: int
    validator_index: int
    address: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class PayloadAttributes:
    """OP Stack engine-API attributes: what the sequencer (or L1) fixes about a block."""

    timestamp: int
    prev_randao: bytes
    fee_recipient: bytes
    gas_limit: int
    parent_beacon_block_root: bytes | None = None
    eip1559_params: bytes | None = None  # 8 bytes: denominator, elasticity (Holocene)
    min_base_fee: int | None = None  # wei (Jovian)
    extra_data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One block as somebody claims it, with what they served to check it by.

    Exactly one of ``header`` and ``attributes`` may be absent; with both absent nothing can be checked.
    ``partial_header`` holds header fields by name where a record gives only some of them.
    """

    chain_id: int
    number: int
    transactions: tuple[bytes, ...]
    claimed_hash: bytes | None = None
    header: Header | None = None
    attributes: PayloadAttributes | None = None
    partial_header: Mapping[str, Any] | None = None
    withdrawals: tuple[Withdrawal, ...] | None = None
    ommers: int = 0
    parent: Header | None = None
    parent_hash: bytes | None = None
    pre_state_root: bytes | None = None
    block_hashes: Mapping[int, bytes] = field(default_factory=dict)  # unauthenticated, by number
    rollup_config: Mapping[str, Any] | None = None  # from the record, never overrides the built-in one
    receipts: tuple[Mapping[str, Any], ...] | None = None  # {status, gas_used, cumulative_gas_used, logs}
    # address -> {balance, nonce, code_hash, storage_root, storage {slot: value}}
    post_state: Mapping[bytes, Mapping[str, Any]] | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement. ``scope`` is header, transaction, account, storage, trie or config; values are wire strings."""

    scope: str
    key: str
    claimed: str | None
    computed: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one block."""

    chain_id: int | None
    number: int | None
    outcome: Outcome
    reason: str = ""
    checked: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()
    confirmed: bool | None = None
    claimed_hash: bytes | None = None
    computed_hash: bytes | None = None
    differences: tuple[Difference, ...] = ()
    transactions: int = 0
    gas_used: int | None = None
    seconds: float = 0.0
    fork: str | None = None
    source: str = ""
    second_opinion: Mapping[str, Any] | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    rpc: Mapping[str, Any] | None = None  # calls, megabytes, seconds when built from nodes


class Severity(StrEnum):
    """How much a finding matters. It follows the value moved and the confidence."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """4 for critical down to 0 for info."""
        return 4 - list(Severity).index(self)


class Confidence(StrEnum):
    """Whether the harm was seen in the execution, or is what the execution makes possible."""

    OBSERVED = "observed"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Amount:
    """What an account gained (positive) or lost: base units of ``token``, wei where that is None."""

    token: bytes | None
    account: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class SlotChange:
    """A storage slot of an account that a finding rests on, before and after."""

    account: bytes
    slot: bytes
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a detector saw.

    ``transaction`` is None where the finding is about a block or an account; ``subject`` names it then, and tells
    findings of one detector in one transaction apart. ``frames`` are rows of the block's trace.
    """

    detector: str
    severity: Severity
    confidence: Confidence
    chain_id: int | None
    block: int | None
    transaction: bytes | None
    title: str
    addresses: tuple[bytes, ...] = ()
    amounts: tuple[Amount, ...] = ()
    frames: tuple[int, ...] = ()
    slots: tuple[SlotChange, ...] = ()
    notes: tuple[str, ...] = ()
    subject: str = ""
    counterfactual: Mapping[str, Any] | None = None
    trace_hash: bytes | None = None  # of a foreign trace that names no chain or transaction
    evidence: str | None = None  # a file, once written

    @property
    def id(self) -> str:
        """The same across runs: a hash of detector, chain and subject; of the trace where that names no subject."""
        place = "" if self.transaction is None else self.transaction.hex()
        if not place and self.trace_hash is not None:
            place = "trace " + self.trace_hash.hex()
        said = "\n".join((self.detector, str(self.chain_id), str(self.block), place, self.subject))
        return blake2b(said.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What a detector would have said, and why it does not."""

    detector: str
    severity: Severity
    chain_id: int | None
    block: int | None
    transaction: bytes | None
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What a detector could not judge, and why: `unknown`, not clean."""

    detector: str
    chain_id: int | None
    block: int | None
    transaction: bytes | None
    reason: str
