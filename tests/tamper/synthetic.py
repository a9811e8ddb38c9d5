"""Blocks whose whole state is known, on the built-in chains: a made-up parent, accounts that anybody can sign for.

A parent's header is vouched for by the hash that the block's header has of it, so any parent will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rollproof import _core
from rollproof.lab.transaction import GWEI, Account, deposit
from rollproof.replay.header import EMPTY_OMMERS_HASH, EMPTY_ROOT, encode_header, header_hash
from rollproof.types import Claim, Header
from tamper.faulty import SEQUENCER_VAULT
from tamper.seal import Executed, execute_claim

Holder = tuple[int, int, bytes, Mapping[int, int]]  # nonce, balance, code, slots
ETHER = 10**18

# A contract that reads its slot 0, and then reverts if it was given input.
TOUCH = bytes.fromhex("5f545036600857005b5f5ffd")
# Writes 7 into slot 0 and reverts.
WRITE_AND_REVERT = bytes.fromhex("60075f555f5ffd")
STOP = b"\0"

DEPOSITOR = bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0001")
L1_BLOCK = bytes.fromhex("4200000000000000000000000000000000000015")
MESSAGE_PASSER = bytes.fromhex("4200000000000000000000000000000000000016")
WITHDRAWAL_REQUESTS = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")  # EIP-7002
CONSOLIDATION_REQUESTS = bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251")  # EIP-7251

# Chain, and the parent's time under the fork.
ETHEREUM_CANCUN = (1, 1_720_000_001)
ETHEREUM_PRAGUE = (1, 1_750_000_001)
ETHEREUM_OSAKA = (1, 1_770_000_001)
OP_ISTHMUS = (10, 1_750_000_001)
OP_JOVIAN = (10, 1_765_000_001)
NUMBER = 200_000_000
GAS_LIMIT = 30_000_000
BASE_FEE = GWEI


def caller(target: bytes) -> bytes:
    """Calls ``target`` with all its gas, whatever comes of it, then writes 1 into slot 1."""
    return bytes.fromhex("5f5f5f5f5f73") + target + bytes.fromhex("5af150600160015500")


def account(name: str, chain_id: int) -> Account:
    return Account.named(name, chain_id)


def state(accounts: Mapping[bytes, Holder]) -> tuple[bytes, list[bytes]]:
    """Root and preimages of the state that has exactly these accounts."""
    return _core.genesis(
        [
            (address, nonce, balance, code, list(slots.items()))
            for address, (nonce, balance, code, slots) in accounts.items()
        ]
    )


def operator_fee_slot(scalar: int, constant: int, footprint: int = 0) -> int:
    """L1Block's slot 8 (OP Stack specifications, isthmus, jovian): footprint scalar, operator scalar and constant."""
    return footprint << 96 | scalar << 64 | constant


def attributes(era: tuple[int, int], slots: Mapping[int, int]) -> bytes:
    """The L1 attributes deposit that a block of the OP Stack begins with, saying what L1Block's ``slots`` have."""
    l1_hash, sequence = b"\x06" * 32, bytes(8)
    data = b"".join(
        (
            bytes.fromhex("3db6be2b" if era == OP_JOVIAN else "098999be"),  # setL1BlockValuesJovian, ...Isthmus
            bytes(8),  # scalars: execution reads L1Block's storage
            sequence,
            era[1].to_bytes(8, "big"),
            (20_000_000).to_bytes(8, "big"),
            slots[1].to_bytes(32, "big"),
            slots[7].to_bytes(32, "big"),
            l1_hash,
            bytes(32),  # batcher
            (slots[8] & (1 << 96) - 1).to_bytes(12, "big"),
        )
    )
    if era == OP_JOVIAN:
        data += (slots[8] >> 96).to_bytes(2, "big")
    inner = _core.keccak256(l1_hash + bytes(24) + sequence)
    source = _core.keccak256((1).to_bytes(32, "big") + inner)
    return deposit(source, DEPOSITOR, L1_BLOCK, gas=1_000_000, data=data)


def block(
    era: tuple[int, int], accounts: Mapping[bytes, Holder], transactions: Sequence[bytes], **changes: Any
) -> Executed:
    """An honest block of ``transactions`` on a parent with exactly ``accounts``; ``changes`` are the parent header's.

    On the OP Stack the L1 attributes come first, so ``transactions`` begin at index 1.
    The parent used exactly its gas target, so that the base fee is `BASE_FEE` again.
    """
    claim, preimages = propose(era, accounts, transactions, **changes)
    return execute_claim(claim, preimages)


def propose(
    era: tuple[int, int], accounts: Mapping[bytes, Holder], transactions: Sequence[bytes], **changes: Any
) -> tuple[Claim, list[bytes]]:
    """As `block`, with a header whose results are not computed yet."""
    chain_id, time = era
    op, prague = chain_id == 10, era != ETHEREUM_CANCUN
    if op:
        transactions = [attributes(era, accounts[L1_BLOCK][3]), *transactions]
    root, preimages = state(accounts)
    extra = b""
    if op:
        params = (250).to_bytes(4, "big") + (6).to_bytes(4, "big")
        extra = b"\1" + params + bytes(8) if era == OP_JOVIAN else b"\0" + params
    fields: dict[str, Any] = {
        "parent_hash": b"\x01" * 32,
        "ommers_hash": EMPTY_OMMERS_HASH,
        "beneficiary": SEQUENCER_VAULT if op else b"\xfe" * 20,
        "state_root": root,
        "transactions_root": EMPTY_ROOT,
        "receipts_root": EMPTY_ROOT,
        "logs_bloom": bytes(256),
        "difficulty": 0,
        "number": NUMBER,
        "gas_limit": GAS_LIMIT,
        "gas_used": GAS_LIMIT // (6 if op else 2),
        "timestamp": time,
        "extra_data": extra,
        "mix_hash": b"\x02" * 32,
        "nonce": bytes(8),
        "base_fee": BASE_FEE,
        "withdrawals_root": EMPTY_ROOT,
        "blob_gas_used": 0,
        "excess_blob_gas": 0,
        "parent_beacon_block_root": b"\x03" * 32,
        "requests_hash": bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        if prague
        else None,
    }
    parent = Header(**{**fields, **changes})
    step = 2 if op else 12
    header = Header(
        **{
            **fields,
            "parent_hash": header_hash(parent),
            "number": parent.number + 1,
            "timestamp": parent.timestamp + step,
            "gas_used": 0,
            "transactions_root": _core.ordered_root(list(transactions)),
            "parent_beacon_block_root": b"\x04" * 32,
        }
    )
    claim = Claim(
        chain_id=chain_id,
        number=header.number,
        transactions=tuple(transactions),
        header=header,
        withdrawals=None if op else (),
        parent=parent,
    )
    return claim, [*preimages, encode_header(parent)]
