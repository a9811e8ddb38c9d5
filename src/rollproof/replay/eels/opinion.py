"""What the second machine is given and what it answers. Data only; imports without EELS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Inputs:
    """One block to execute: its rules, what its header gives to execution, its body and its witness.

    Rules carry the names and meanings of ``_core.Rules``, environment fields those of ``_core.Env``. ``preimages``
    maps keccak-256 to value (trie nodes, codes, ancestor headers); each is hashed again where it is used.
    """

    family: str  # "ethereum" | "op"
    chain_id: int
    fork: str
    number: int
    timestamp: int  # seconds
    gas_limit: int
    beneficiary: bytes
    parent_hash: bytes
    parent_state_root: bytes
    transactions: tuple[bytes, ...]
    preimages: Mapping[bytes, bytes]
    withdrawals: tuple[tuple[int, int, bytes, int], ...] | None = None  # index, validator, address, gwei
    difficulty: int = 0
    prev_randao: bytes = bytes(32)
    base_fee: int | None = None  # wei
    excess_blob_gas: int | None = None
    parent_beacon_block_root: bytes | None = None
    block_hashes: Mapping[int, bytes] = field(default_factory=dict)  # unauthenticated
    blob: tuple[int, int, int] | None = None  # target blobs, max blobs, base fee update fraction
    block_reward: int = 0  # wei
    dao: bool = False
    create2_deployer: bool = False
    deposit_contract: bytes | None = None


class ExhaustedError(Exception):
    """The block needs more gas or time than the second machine is given. Says nothing about the block."""


@dataclass(frozen=True, slots=True)
class Executed:
    """What one transaction did. ``status`` is 1 or 0 for every fork, also where the receipt has none."""

    status: int
    gas_used: int
    cumulative_gas_used: int
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...]  # address, topics, data


@dataclass(frozen=True, slots=True)
class Invalid:
    """The block cannot be valid. ``transaction`` is the index of the one that may not be in it, or None."""

    reason: str
    transaction: int | None


@dataclass(frozen=True, slots=True)
class Opinion:
    """The second machine's answer. Exactly one is true: it computed the roots, or one of the last three is set.

    ``missing`` names the preimage that was not there; ``failed`` says why the machine itself could not go on, which
    says nothing about the block.
    """

    state_root: bytes = b""
    receipts_root: bytes = b""
    transactions_root: bytes = b""
    logs_bloom: bytes = b""
    gas_used: int = 0
    blob_gas_used: int = 0  # OP Jovian: data availability footprint
    withdrawals_root: bytes | None = None  # OP Isthmus: the message passer's storage root
    requests_hash: bytes | None = None
    transactions: tuple[Executed, ...] = ()
    used_block_hashes: tuple[int, ...] = ()  # numbers BLOCKHASH took from the unauthenticated ones
    seconds: float = 0.0
    invalid: Invalid | None = None
    missing: str | None = None
    failed: str | None = None

    @property
    def computed(self) -> bool:
        """Whether the machine reached the end of the block."""
        return self.invalid is None and self.missing is None and self.failed is None
