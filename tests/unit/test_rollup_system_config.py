"""The system configuration, log by log, as the specification encodes each update."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.chain import abi
from rollproof.errors import Malformed, Stop, Unsupported
from rollproof.rollup.op_stack import system_config
from rollproof.rollup.op_stack.system_config import SystemConfig, Update

BATCHER = b"\xba" * 20
CONFIG = SystemConfig(system_config.batcher_hash(BATCHER), 60_000_000, base_fee_scalar=1, blob_base_fee_scalar=2)


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def log(kind: int, payload: bytes, version: int = 0) -> tuple[list[bytes], bytes]:
    return [system_config.TOPIC, word(version), word(kind)], abi.encode(["bytes"], [payload])


CHANGES: list[tuple[Update, bytes, dict[str, Any]]] = [
    (Update.BATCHER, bytes(12) + b"\x01" * 20, {"batcher_hash": bytes(12) + b"\x01" * 20}),
    (Update.FEE_SCALARS, word(0) + word(1 << 248 | 801_949 << 32 | 5227),
     {"base_fee_scalar": 5227, "blob_base_fee_scalar": 801_949}),
    (Update.FEE_SCALARS, word(188) + word(684_000), {"base_fee_scalar": 684_000, "blob_base_fee_scalar": 0}),
    (Update.FEE_SCALARS, word(0) + word(2**40), {"base_fee_scalar": 2**32 - 1, "blob_base_fee_scalar": 0}),
    (Update.GAS_LIMIT, word(30_000_000), {"gas_limit": 30_000_000}),
    (Update.UNSAFE_BLOCK_SIGNER, bytes(12) + b"\x02" * 20, {"unsafe_block_signer": b"\x02" * 20}),
    (Update.EIP_1559_PARAMS, word(250 << 32 | 6), {"eip1559_denominator": 250, "eip1559_elasticity": 6}),
    (Update.OPERATOR_FEE_PARAMS, word(7 << 64 | 9), {"operator_fee_scalar": 7, "operator_fee_constant": 9}),
    (Update.MIN_BASE_FEE, word(5_000_000), {"min_base_fee": 5_000_000}),
    (Update.DA_FOOTPRINT_GAS_SCALAR, word(325), {"da_footprint_gas_scalar": 325}),
    (Update.DA_FOOTPRINT_GAS_SCALAR, word(0), {"da_footprint_gas_scalar": 400}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "payload", "changed"), CHANGES)
def test_every_update(kind: Update, payload: bytes, changed: dict[str, Any]) -> None:
    assert system_config.apply(CONFIG, *log(kind, payload)) == replace(CONFIG, **changed)


def test_topic_and_batcher() -> None:
    assert system_config.TOPIC.hex().startswith("1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be")
    assert CONFIG.batcher == BATCHER
    with pytest.raises(Unsupported, match="version 1"):
        _ = replace(CONFIG, batcher_hash=b"\x01" + bytes(31)).batcher


@pytest.mark.parametrize(
    ("topics", "data", "error"),
    [
        (*log(0, bytes(31)), Malformed),
        (*log(2, word(2**64)), Malformed),
        (*log(2, word(1) + word(2)), Malformed),
        (*log(4, word(2**64)), Malformed),
        (*log(5, word(2**96)), Malformed),
        (*log(7, word(2**16)), Malformed),
        (*log(1, word(0) + word(2 << 248)), Unsupported),
        (*log(1, word(0) + word(1 << 248 | 1 << 64)), Malformed),
        (*log(8, word(0)), Unsupported),
        (*log(2**200, word(0)), Unsupported),
        (*log(2, word(5), version=1), Unsupported),
        ([system_config.TOPIC, word(0)], b"", Malformed),
        ([system_config.TOPIC, word(0), word(2)], b"", Malformed),
        ([bytes(32), word(0), word(2)], log(2, word(5))[1], Malformed),
    ],
)
def test_what_cannot_be_read_changes_nothing(topics: list[bytes], data: bytes, error: type[Stop]) -> None:
    """System config: an update that cannot be parsed is skipped."""
    with pytest.raises(error):
        system_config.apply(CONFIG, topics, data)
    assert system_config.update(CONFIG, topics, data) == CONFIG


@given(st.integers(0, 8), st.binary(max_size=70))
def test_any_payload_is_applied_or_skipped(kind: int, payload: bytes) -> None:
    after = system_config.update(CONFIG, *log(kind, payload))
    if len(payload) not in (32, 64):
        assert after == CONFIG


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_fee_scalars_come_back(base_fee: int, blob_base_fee: int) -> None:
    encoded = system_config.encode_fee_scalars(base_fee, blob_base_fee)
    assert int.from_bytes(encoded, "big") == 1 << 248 | blob_base_fee << 32 | base_fee
    assert system_config.fee_scalars(encoded) == (base_fee, blob_base_fee)
