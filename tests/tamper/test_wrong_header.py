"""One header field wrong, the file sealed over it: `broken` naming exactly that field, claimed and computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollproof.replay.header import decode_header, wire
from rollproof.replay.second_opinion import available
from rollproof.types import Header, Outcome
from tamper import seal
from tamper.blocks import (
    BYZANTIUM,
    CANCUN,
    DAO,
    ETHEREUM,
    EVERY,
    GRANITE,
    HOLOCENE,
    HOMESTEAD,
    JOVIAN,
    LONDON,
    OP,
    PRAGUE,
    REGOLITH,
    SHANGHAI,
    UNICHAIN,
)
from tamper.seal import flipped

pytestmark = pytest.mark.shared


def _bloom(header: Header) -> bytes:
    return bytes([header.logs_bloom[0] ^ 0x80]) + header.logs_bloom[1:]


# What a re-execution contradicts: field, the wrong value, the blocks.
RESULTS: list[tuple[str, Callable[[Header], Any], tuple[str, ...]]] = [
    ("state_root", lambda header: flipped(header.state_root), EVERY),
    ("receipts_root", lambda header: flipped(header.receipts_root), EVERY),
    ("transactions_root", lambda header: flipped(header.transactions_root), (*ETHEREUM, REGOLITH, HOLOCENE, JOVIAN)),
    ("logs_bloom", _bloom, EVERY),
    ("gas_used", lambda header: header.gas_used + 1, EVERY),
    ("gas_used", lambda header: header.gas_used - 1, EVERY),
    ("withdrawals_root", lambda header: flipped(header.withdrawals_root or b""), (SHANGHAI, CANCUN, PRAGUE, JOVIAN)),
    ("requests_hash", lambda header: flipped(header.requests_hash or b""), (PRAGUE, JOVIAN)),
    ("blob_gas_used", lambda header: (header.blob_gas_used or 0) + 131_072, (PRAGUE, GRANITE, HOLOCENE)),
    ("blob_gas_used", lambda header: (header.blob_gas_used or 0) - 131_072, (CANCUN,)),
    ("blob_gas_used", lambda header: (header.blob_gas_used or 0) + 1, (JOVIAN,)),
]

# What a consensus rule contradicts, from the parent alone: as above, and the computed side where it is not a value.
RULES: list[tuple[str, Callable[[Header], Any], tuple[str, ...], str | None]] = [
    ("base_fee", lambda header: (header.base_fee or 0) + 1, (LONDON, SHANGHAI, CANCUN, PRAGUE, *OP), None),
    ("base_fee", lambda header: (header.base_fee or 0) - 1, (LONDON, SHANGHAI, CANCUN, PRAGUE, *OP), None),
    ("excess_blob_gas", lambda header: (header.excess_blob_gas or 0) + 131_072, (CANCUN, PRAGUE, HOLOCENE), None),
    ("difficulty", lambda header: header.difficulty + 1, (*EVERY, DAO), None),
    ("nonce", lambda header: flipped(header.nonce), (SHANGHAI, CANCUN, PRAGUE, *OP), None),
    ("ommers_hash", lambda header: flipped(header.ommers_hash), (SHANGHAI, PRAGUE, REGOLITH, JOVIAN), None),
    ("extra_data", lambda header: bytes(33), ETHEREUM, "at most 32 bytes"),
    ("extra_data", lambda header: b"no-fork", (DAO,), "0x" + b"dao-hard-fork".hex()),
    ("extra_data", lambda header: b"\0", (REGOLITH, GRANITE), "0x"),
    ("extra_data", lambda header: bytes(9), (HOLOCENE, UNICHAIN), "parameters that are not zero"),
    ("extra_data", lambda header: header.extra_data[:8], (HOLOCENE,), "extra data is 8 bytes long, not 9"),
    ("extra_data", lambda header: b"\2" + header.extra_data[1:], (JOVIAN,), "extra data has version 2, not 1"),
]


def _cases(table: list[Any]) -> list[Any]:
    return [
        pytest.param(name, row[0], row[1], row[3] if len(row) > 3 else None, id=f"{row[0]}-{number}-{name}")
        for number, row in enumerate(table)
        for name in row[2]
    ]


@pytest.mark.parametrize(("name", "field", "wrong", "bound"), _cases(RESULTS) + _cases(RULES))
def test_one_wrong_field(
    shared_data: Path, name: str, field: str, wrong: Callable[[Header], Any], bound: str | None
) -> None:
    record = seal.honest(shared_data / "blocks", name)
    honest = seal.header_of(record)
    claimed = wrong(honest)
    result = seal.verdict(seal.reseal(record, **{field: claimed}))
    assert result.outcome is Outcome.BROKEN, result.reason
    # What is right is what the real block says: another source than the code that is tested.
    assert seal.found(result) == {field: (wire(claimed), bound or wire(getattr(honest, field)))}
    assert result.confirmed is False
    assert field in result.checked


@pytest.mark.parametrize("name", [LONDON, SHANGHAI, CANCUN, PRAGUE])
def test_gas_limit_bounds(shared_data: Path, name: str) -> None:
    """Ethereum's limit moves by less than 1/1024 of the parent's (yellow paper 4.4.4)."""
    record = seal.honest(shared_data / "blocks", name)
    parent = decode_header(seal.unhex(record["parent_header_rlp"]))
    reach = parent.gas_limit // 1024
    bounds = f"{parent.gas_limit - reach + 1} to {parent.gas_limit + reach - 1}"
    for limit in (parent.gas_limit + reach, parent.gas_limit - reach, 4_999, 2**63):
        result = seal.verdict(seal.reseal(record, gas_limit=limit))
        assert result.outcome is Outcome.BROKEN
        assert seal.found(result)["gas_limit"] == (str(limit), bounds)
    for limit in (parent.gas_limit + reach - 1, parent.gas_limit - reach + 1):
        # Inside the bounds it is another valid block, unless some contract there looked at GASLIMIT.
        assert seal.verdict(seal.reseal(record, gas_limit=limit)).outcome is Outcome.HOLDS


@pytest.mark.parametrize("name", EVERY)
def test_gas_used_above_the_limit(shared_data: Path, name: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    honest = seal.header_of(record)
    result = seal.verdict(seal.reseal(record, gas_used=honest.gas_limit + 1))
    assert result.outcome is Outcome.BROKEN
    assert seal.found(result)["gas_used_bound"] == (str(honest.gas_limit + 1), f"<= {honest.gas_limit}")
    assert seal.found(result)["gas_used"] == (str(honest.gas_limit + 1), str(honest.gas_used))


@pytest.mark.parametrize("name", [CANCUN, PRAGUE])
def test_blob_gas_above_the_maximum(shared_data: Path, name: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    most = {CANCUN: 6, PRAGUE: 9}[name] * 131_072
    result = seal.verdict(seal.reseal(record, blob_gas_used=most + 131_072))
    assert result.outcome is Outcome.BROKEN
    assert seal.found(result)["blob_gas_bound"] == (str(most + 131_072), f"<= {most}")


@pytest.mark.parametrize("name", ETHEREUM)
def test_timestamp_not_after_the_parent(shared_data: Path, name: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    parent = decode_header(seal.unhex(record["parent_header_rlp"]))
    result = seal.verdict(seal.reseal(record, timestamp=parent.timestamp))
    assert result.outcome is Outcome.BROKEN
    assert seal.found(result)["timestamp"] == (str(parent.timestamp), f"> {parent.timestamp}")


@pytest.mark.parametrize("name", OP)
def test_timestamp_off_the_block_time(shared_data: Path, name: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    honest = seal.header_of(record)
    result = seal.verdict(seal.reseal(record, timestamp=honest.timestamp + 1))
    assert result.outcome is Outcome.BROKEN
    assert seal.found(result)["timestamp"] == (str(honest.timestamp + 1), str(honest.timestamp))


@pytest.mark.parametrize("name", EVERY)
def test_number_not_the_parents_plus_one(shared_data: Path, name: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    honest = seal.header_of(record)
    result = seal.verdict(seal.reseal(record, number=honest.number + 1))
    assert result.outcome is Outcome.BROKEN
    assert seal.found(result)["number"] == (str(honest.number + 1), str(honest.number))


SMALL = (HOMESTEAD, REGOLITH, UNICHAIN)  # what EELS executes in a moment
CONFIRMED = [case for case in _cases(RESULTS) + _cases(RULES) if case.values[0] in SMALL]


@pytest.mark.eels
@pytest.mark.skipif(not available(), reason="EELS is not installed: pip install 'rollproof[eels]'")
@pytest.mark.parametrize(("name", "field", "wrong", "bound"), CONFIRMED)
def test_the_second_machine_does_not_withdraw_it(
    shared_data: Path, name: str, field: str, wrong: Callable[[Header], Any], bound: str | None
) -> None:
    record = seal.honest(shared_data / "blocks", name)
    result = seal.verdict(seal.reseal(record, **{field: wrong(seal.header_of(record))}), second_opinion="auto")
    assert result.outcome is Outcome.BROKEN, result.reason
    if any(row[0] == field for row in RESULTS):
        assert result.confirmed is True


def test_transactions_root_over_deposits_that_nothing_vouches_for(shared_data: Path) -> None:
    """A user's deposit is not signed and may differ without another result: the list may be what is wrong."""
    record = seal.honest(shared_data / "blocks", "op-mainnet-109279675")
    honest = seal.header_of(record).transactions_root
    result = seal.verdict(seal.reseal(record, transactions_root=flipped(honest)))
    assert result.outcome is Outcome.UNKNOWN
    assert "transactions_root" in result.reason
    assert "0x" + honest.hex() in result.reason


FOREIGN: list[tuple[str, dict[str, Any], str]] = [
    (LONDON, {"withdrawals_root": bytes(32)}, "withdrawals_root"),
    (SHANGHAI, {"blob_gas_used": 0, "excess_blob_gas": 0}, "blob_gas_used"),
    (CANCUN, {"requests_hash": bytes(32)}, "requests_hash"),
    (HOLOCENE, {"requests_hash": bytes(32)}, "requests_hash"),
    (PRAGUE, {"requests_hash": None}, "requests_hash"),
    (JOVIAN, {"requests_hash": None}, "requests_hash"),
    (CANCUN, {"parent_beacon_block_root": None}, "parent_beacon_block_root"),
    (BYZANTIUM, {"base_fee": 7}, "base_fee"),
]


@pytest.mark.parametrize(("name", "change", "field"), FOREIGN)
def test_fields_of_another_fork(shared_data: Path, name: str, change: dict[str, Any], field: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    result = seal.verdict(seal.reseal(record, **change))
    assert result.outcome is Outcome.BROKEN, result.reason
    assert seal.found(result)[field][0] == wire(change[field])
    assert "fields" in result.checked
