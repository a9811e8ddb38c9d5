"""Deterministic computation: preimages, sparse trie, block execution, trace. No network, files, policy or clock.

Byte strings are exact length (32 for hashes and slots, 20 for addresses); a wrong length is a CoreError.
Every function releases the GIL while it computes. Nothing here panics into Python.
"""

from collections.abc import Sequence
from typing import Any, Self, final

__all__ = [
    "CoreError",
    "Done",
    "Env",
    "Facts",
    "Invalid",
    "Missing",
    "Needs",
    "Preimages",
    "Rules",
    "State",
    "Steps",
    "Trace",
    "TraceBuilder",
    "build_block",
    "call",
    "decode_transaction",
    "find_key",
    "genesis",
    "keccak256",
    "ordered_root",
    "rlp_decode",
    "rlp_encode",
    "run_block",
    "run_transactions",
    "sign_hash",
    "time_execution",
    "write_state",
]

class CoreError(ValueError): ...  # input that breaks its own format or a bound; one line, names the thing

def keccak256(data: bytes) -> bytes: ...
def rlp_encode(item: bytes | Sequence[Any]) -> bytes: ...
def rlp_decode(data: bytes, max_depth: int = 8, max_items: int = 1_000_000) -> Any: ...  # nested lists of bytes; strict
def ordered_root(values: Sequence[bytes]) -> bytes: ...  # root of the trie rlp(index) -> value
def sign_hash(hash: bytes, private_key: bytes) -> tuple[int, int, int]: ...  # (y_parity, r, s), low s, RFC 6979
def decode_transaction(raw: bytes, family: str) -> dict[str, Any]: ...

# {hash, type, sender, nonce, to (None for create), value, gas_limit, input, max_fee_per_gas, max_priority_fee_per_gas|None,
#  chain_id|None, blob_hashes: list[bytes], ...; deposits: source_hash, mint, is_system}
def genesis(
    accounts: Sequence[tuple[bytes, int, int, bytes, Sequence[tuple[int, int]]]],
) -> tuple[bytes, list[bytes]]: ...

# [(address, nonce, balance, code, [(slot, value)])] -> (state root, preimages: trie nodes and codes)
def find_key(prefix: bytes, length: int, budget: int, seed: int) -> bytes | None: ...

# a preimage of `length` bytes (20 address, 32 slot) whose keccak256 starts with the nibbles `prefix` (one nibble a byte)

@final
class Preimages:
    """keccak-256 -> bytes; hashes every value itself, so nothing in it needs trust."""
    def __new__(cls) -> Self: ...
    def add(self, values: Sequence[bytes]) -> int: ...  # how many were new
    def add_packed(self, data: bytes, lengths: bytes) -> int: ...  # concatenated values, u32 little-endian lengths
    def get(self, hash: bytes) -> bytes | None: ...
    def values(self) -> list[bytes]: ...
    def __contains__(self, key: bytes, /) -> bool: ...
    def __len__(self) -> int: ...

class Missing(Exception): ...  # args: (Needs,)

@final
class State:
    """Reads of a state pinned to a root. `account`/`storage` raise Missing(needs) where a node is not there."""
    def __new__(cls, preimages: Preimages, root: bytes) -> Self: ...
    def account(
        self, address: bytes
    ) -> tuple[int, int, bytes, bytes] | None: ...  # nonce, balance, storage_root, code_hash
    def storage(self, address: bytes, slot: bytes) -> int: ...
    def prove(self, address: bytes, slot: bytes | None = None) -> list[bytes]: ...  # nodes from the root down

@final
class Rules:
    """The rules of one block. Unknown family or fork: CoreError naming it."""
    def __new__(
        cls,
        *,
        family: str,  # "ethereum" | "op"
        chain_id: int,
        fork: str,  # lower case: frontier homestead tangerine_whistle spurious_dragon byzantium constantinople petersburg
        # istanbul berlin london paris shanghai cancun prague osaka (muir/arrow/gray glacier and bpo forks: pass the fork they
        # extend) | bedrock regolith canyon ecotone fjord granite holocene isthmus jovian karst interop
        blob: tuple[int, int, int] | None = None,  # target blobs, max blobs, base fee update fraction
        block_reward: int = 0,  # wei, proof of work
        dao: bool = False,  # apply the DAO fork's balance moves before this block
        create2_deployer: bool = False,  # first Canyon block
        deposit_contract: bytes | None = None,  # EIP-6110
    ) -> Self: ...

@final
class Env:
    """What the block header gives to execution."""
    def __new__(
        cls,
        *,
        number: int,
        timestamp: int,
        gas_limit: int,
        beneficiary: bytes,
        parent_hash: bytes,
        difficulty: int | None = None,
        prev_randao: bytes | None = None,
        base_fee: int | None = None,
        excess_blob_gas: int | None = None,
        parent_beacon_block_root: bytes | None = None,
        block_hashes: dict[int, bytes]
        | None = None,  # unauthenticated; used only where the preimages' header chain ends
    ) -> Self: ...

@final
class Needs:
    """What execution could not read, in the order it was asked for. The first entry was certainly needed."""

    first: str  # one line naming it
    accounts: list[bytes]
    slots: list[tuple[bytes, bytes]]  # address, slot
    codes: list[tuple[bytes, bytes]]  # address, code hash
    headers: list[tuple[int, bytes]]  # number, hash
    nodes: list[tuple[bytes | None, bytes, bytes]]  # address (None: account trie), path nibbles (one a byte), node hash

@final
class Invalid:
    """The block cannot be valid whatever its header claims."""

    transaction: int | None  # index of the transaction that may not be in the block
    kind: str  # e.g. "nonce-too-low", "intrinsic-gas-too-low", "undecodable", "block-gas-exceeded"
    reason: str

@final
class Done:
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    gas_used: int
    blob_gas_used: int  # OP Jovian: DA footprint
    withdrawals_root: (
        bytes | None
    )  # Ethereum: of the list; OP: empty root (Canyon), message passer's storage root (Isthmus)
    requests_hash: bytes | None
    receipts: list[bytes]  # consensus encoding (EIP-2718), as hashed into the receipts root
    outcomes: list[
        dict[str, Any]
    ]  # per transaction {hash, type, sender, to, status, gas_used, cumulative_gas_used, logs: [(address, [topics], data)], output, created,
    # halt: name of what ended it where it neither succeeded nor reverted, else None}
    changes: list[
        tuple[
            bytes,
            tuple[int, int, bytes, bytes] | None,
            tuple[int, int, bytes, bytes] | None,
            list[tuple[bytes, int, int]],
        ]
    ]
    # address, pre account (nonce, balance, storage_root, code_hash), post account (None: absent), [(slot, pre, post)]
    touched: list[tuple[bytes, list[bytes]]]  # accounts and slots read from the pre-state
    included: list[int]  # which of the given transactions are in the block
    refused: list[tuple[int, str, str]]  # index, kind, reason of those left out (skip)
    witness: list[bytes]  # what was read of the preimages: trie nodes, codes, headers for BLOCKHASH
    fresh: list[bytes]  # the new state's nodes and codes (of build_block: none, it has kept them)
    used_block_hashes: list[int]  # numbers that BLOCKHASH took from Env.block_hashes: unauthenticated
    trace: Trace | None
    stages: dict[str, float]  # seconds: decode, recover, execute, roots

@final
class Trace:
    """Columns; see rollproof.replay.trace for the lazily decoded view."""
    def column(self, name: str) -> bytes: ...
    def columns(self) -> list[str]: ...
    def rows(self) -> list[int]: ...  # of frames, accesses, logs and self-destructs
    def reverted(self) -> bytes: ...  # of each frame, 1 where it or one above it failed
    def frame(self, row: int) -> tuple[Any, ...]: ...  # fields of rollproof.replay.trace.Frame; IndexError
    def access(self, row: int) -> tuple[Any, ...]: ...  # fields of rollproof.replay.trace.Access; IndexError
    def facts(self) -> list[Facts]: ...  # of each transaction in order; computed once

@final
class Facts:
    """What the queries noticed in one transaction; see rollproof.detect.execution."""

    index: int
    flags: int  # rollproof.detect.shows.Trigger
    frames: tuple[int, int]  # first row, row after the last
    accesses: tuple[int, int]
    logs: tuple[int, int]
    selfdestructs: tuple[int, int]
    created: list[bytes]
    transfers: list[tuple[Any, ...]]  # fields of Transfer
    reentries: list[tuple[Any, ...]]  # fields of Reentry
    lies: list[
        tuple[bytes, bytes, int, int]
    ]  # token, account, sum of its events, change of its slot (two's complement), of all accounts where some differ
    steps: Steps | None

@final
class Steps:
    """What the second pass found; see rollproof.detect.steps."""

    complete: bool
    writes: list[tuple[int, int, int, int, int, int]]
    calls: list[tuple[int, int, int, int, int, int, int, bool, bool]]
    wraps: list[tuple[Any, ...]]
    tests: list[tuple[int, int, int, int, bool]]
    selfdestructs: list[tuple[int, int, int, int]]

@final
class TraceBuilder:
    """A trace from somebody else's record, event by event. CoreError for what makes no sense."""
    def __new__(cls, *, logs: bool = True) -> Self: ...  # logs=False: the source has none, transfers come from calls
    open: int  # calls that have not ended
    def begin(self, transaction: int) -> None: ...
    def enter(
        self, kind: int, caller: bytes, target: bytes, code: bytes, value: int, gas_limit: int, input: bytes
    ) -> int: ...  # the frame's row
    def leave(
        self, success: bool, gas_used: int, output: bytes, *, ran: bool = True, out_of_gas: bool = False
    ) -> None: ...
    def access(self, kind: int, slot: bytes, value: int, before: int, pc: int | None = None) -> None: ...
    def hashed(self, key: bytes, base: bytes, result: bytes) -> None: ...
    def log(self, place: bytes, topics: Sequence[bytes], data: bytes) -> None: ...
    def selfdestruct(self, beneficiary: bytes, value: int) -> None: ...
    def finish(self) -> Trace: ...

# `inspect` (first, picked, all) traces with the queries run along, and the second pass for none, those that the first
# one picked, or all transactions: see Trace.facts.
def run_block(
    preimages: Preimages,
    parent_state_root: bytes,
    rules: Rules,
    env: Env,
    transactions: Sequence[bytes],
    withdrawals: Sequence[tuple[int, int, bytes, int]] | None = None,
    *,
    trace: bool = False,
    inspect: str | None = None,
) -> Done | Invalid | Needs: ...
def run_transactions(
    preimages: Preimages,
    state_root: bytes,
    rules: Rules,
    env: Env,
    transactions: Sequence[bytes],
    *,
    trace: bool = False,
    inspect: str | None = None,
) -> Done | Invalid | Needs: ...  # without what a block does around them: system calls, requests, withdrawals, reward
def build_block(
    preimages: Preimages,
    parent_state_root: bytes,
    rules: Rules,
    env: Env,
    transactions: Sequence[bytes],
    withdrawals: Sequence[tuple[int, int, bytes, int]] | None = None,
    *,
    skip: bool = False,
    trace: bool = False,
    inspect: str | None = None,
) -> Done | Invalid | Needs: ...  # as run_block, and adds the new state's nodes and codes to the preimages

# With skip, a transaction that may not be in the block is left out: see Done.included and Done.refused.
def write_state(
    preimages: Preimages,
    root: bytes,
    accounts: Sequence[tuple[bytes, int | None, int | None, bytes | None, Sequence[tuple[int, int]]]],
) -> bytes: ...

# [(address, nonce, balance, code, [(slot, value)])], None keeps what is there -> the new state root; an account that is
# left empty goes (EIP-161). The new nodes and codes are added to the preimages. Raises Missing(needs).
def call(
    preimages: Preimages,
    state_root: bytes,
    rules: Rules,
    env: Env,
    *,
    sender: bytes,
    to: bytes | None,
    value: int,
    input: bytes,
    gas_limit: int,
    gas_price: int = 0,
    trace: bool = False,
    inspect: str | None = None,
) -> Done | Invalid | Needs: ...

# A message that nobody signed, as eth_call sends it: whatever the sender's nonce or code, without the OP Stack's fees.
# One outcome; the state root is the given one, and no roots or changes are computed.
def time_execution(
    preimages: Preimages,
    parent_state_root: bytes,
    rules: Rules,
    env: Env,
    transactions: Sequence[bytes],
    withdrawals: Sequence[tuple[int, int, bytes, int]] | None = None,
    *,
    watch: str = "bare",
) -> float: ...  # for benchmarks: seconds of execution on state already in memory; watch is bare, frames, trace, first, picked or all
