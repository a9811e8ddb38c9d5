"""Whatever is damaged: no exception, no `broken` that the file did not claim, no `holds` on a wrong claim."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollproof import _core
from rollproof.errors import RollproofError
from rollproof.replay import evidence
from rollproof.replay.record import claim_from, read_record
from rollproof.replay.verify import verify_claim
from rollproof.types import Claim, Outcome
from tamper import seal
from tamper.blocks import (
    BYZANTIUM,
    HOMESTEAD,
    JOVIAN,
    PRAGUE,
    REGOLITH,
    UNICHAIN,
)

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports import zstd
else:
    from compression import zstd

pytestmark = pytest.mark.shared
bounded = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = [HOMESTEAD, BYZANTIUM, PRAGUE, REGOLITH, UNICHAIN, JOVIAN]
SMALL = [HOMESTEAD, UNICHAIN]


@cache
def claimed(blocks: Path, name: str, *, wrong: bool = False) -> tuple[Claim, tuple[bytes, ...]]:
    """The block in header form, or a wrong claim of it: another state root, sealed."""
    record = seal.honest(blocks, name)
    claim, values = claim_from(seal.reseal(record, state_root=b"\x5a" * 32) if wrong else record, name)
    return claim, tuple(values)


def outcome(claim: Claim, values: list[bytes]) -> tuple[Outcome, str]:
    result = verify_claim(claim, values, second_opinion="never")
    return result.outcome, result.reason


def damaged(value: bytes, how: str, at: int) -> list[bytes]:
    """What is left of a value: nothing, or another one, which hashes to something else."""
    at %= max(len(value), 1)
    return {
        "removed": [],
        "altered": [value[:at] + bytes([value[at] ^ 1 << at % 8]) + value[at + 1 :]] if value else [],
        "cut": [value[:at]],
        "padded": [value + bytes(at + 1)],
        "prefixed": [b"\0" + value],
        "emptied": [b""],
    }[how]


HOW = ["removed", "altered", "cut", "padded", "prefixed", "emptied"]


@pytest.mark.parametrize("name", NAMES)
@bounded
@given(index=st.integers(0, 10**6), how=st.sampled_from(HOW), at=st.integers(0, 10**4))
def test_one_preimage_damaged(shared_data: Path, name: str, index: int, how: str, at: int) -> None:
    """It is the same as having been left out: `unknown` naming its hash, or `holds` because nothing reads it."""
    claim, values = claimed(shared_data / "blocks", name)
    index %= len(values)
    rest = [*values[:index], *values[index + 1 :]]
    without = outcome(claim, rest)
    assert outcome(claim, [*rest, *damaged(values[index], how, at)]) == without
    assert without[0] in (Outcome.HOLDS, Outcome.UNKNOWN)
    if without[0] is Outcome.UNKNOWN:
        assert _core.keccak256(values[index]).hex() in without[1]


@pytest.mark.parametrize("name", NAMES)
@bounded
@given(index=st.integers(0, 10**6), how=st.sampled_from(HOW), at=st.integers(0, 10**4))
def test_a_wrong_claim_with_one_preimage_damaged(shared_data: Path, name: str, index: int, how: str, at: int) -> None:
    claim, values = claimed(shared_data / "blocks", name, wrong=True)
    index %= len(values)
    left = [*values[:index], *damaged(values[index], how, at), *values[index + 1 :]]
    assert outcome(claim, left)[0] in (Outcome.BROKEN, Outcome.UNKNOWN)


@pytest.mark.parametrize("name", SMALL)
def test_every_preimage_removed_in_turn(shared_data: Path, name: str) -> None:
    """Those without which the block still holds can all be left out together."""
    claim, values = claimed(shared_data / "blocks", name)
    used = [
        value
        for index, value in enumerate(values)
        if outcome(claim, [*values[:index], *values[index + 1 :]])[0] is not Outcome.HOLDS
    ]
    assert used
    assert outcome(claim, used)[0] is Outcome.HOLDS


@pytest.mark.parametrize("name", NAMES)
@bounded
@given(kept=st.integers(0, 2**32 - 1), bits=st.integers(1, 16))
def test_many_preimages_removed(shared_data: Path, name: str, kept: int, bits: int) -> None:
    claim, values = claimed(shared_data / "blocks", name)
    some = [value for index, value in enumerate(values) if hash((kept, index)) % bits or bits == 1]
    assert outcome(claim, some)[0] in (Outcome.HOLDS, Outcome.UNKNOWN)


# ------------------------------------------------------------------------------------------------ bytes of a file


def read(data: bytes) -> tuple[Outcome, set[str]]:
    """Outcome and differences of a record's bytes; what cannot be read is `unknown`, anything but our errors raises."""
    try:
        claim, values = read_record(data, "record")
    except RollproofError as error:
        return (Outcome.UNKNOWN if "\n" not in str(error) else Outcome.BROKEN), set()
    result = verify_claim(claim, values, second_opinion="never")
    return result.outcome, set(seal.found(result))


@cache
def text(blocks: Path, name: str, *, header: bool) -> bytes:
    """A record's JSON without the preimages, which would take nearly all flips; they go in again."""
    record = seal.honest(blocks, name) if header else seal.load(blocks, name)
    return json.dumps({**record, "preimages": {}}).encode()


@cache
def preimages(blocks: Path, name: str) -> bytes:
    return json.dumps(seal.load(blocks, name)["preimages"]).encode()


def flipped(data: bytes, at: int, bit: int) -> bytes:
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@pytest.mark.parametrize("name", NAMES)
@settings(bounded, max_examples=200)
@given(at=st.integers(0, 10**7), bit=st.integers(0, 7))
def test_a_bit_flipped_in_a_record_with_a_header(shared_data: Path, name: str, at: int, bit: int) -> None:
    """The claimed hash is over the header and the header over the body: no one flip makes a consistent wrong claim."""
    blocks = shared_data / "blocks"
    data = flipped(text(blocks, name, header=True), at, bit)
    found, differences = read(data.replace(b'"preimages": {}', b'"preimages": ' + preimages(blocks, name)))
    assert found in (Outcome.HOLDS, Outcome.UNKNOWN), differences


@settings(bounded, max_examples=300)
@given(at=st.integers(0, 10**7), bit=st.integers(0, 7))
def test_a_bit_flipped_in_a_record_with_attributes(shared_data: Path, at: int, bit: int) -> None:
    """Another timestamp, say, or another hash is a consistent claim that these attributes give this hash, and wrong.

    Such a claim discloses a hash alone, and that is all that is ever said to differ.
    """
    blocks = shared_data / "blocks"
    data = flipped(text(blocks, UNICHAIN, header=False), at, bit)
    found, differences = read(data.replace(b'"preimages": {}', b'"preimages": ' + preimages(blocks, UNICHAIN)))
    assert (found, differences) in (
        (Outcome.HOLDS, set()),
        (Outcome.UNKNOWN, set()),
        (Outcome.UNKNOWN, {"hash"}),
        (Outcome.BROKEN, {"hash"}),
    )


@pytest.mark.parametrize("name", SMALL)
@bounded
@given(at=st.integers(0, 10**7), bit=st.integers(0, 7))
def test_a_bit_flipped_in_a_compressed_record(shared_data: Path, name: str, at: int, bit: int) -> None:
    record = gzip.compress(json.dumps(seal.honest(shared_data / "blocks", name)).encode(), 1, mtime=0)
    assert read(flipped(record, at, bit))[0] in (Outcome.HOLDS, Outcome.UNKNOWN)


@cache
def evidence_of(blocks: Path, name: str) -> bytes:
    """The content of an evidence file with receipts and a post-state: the claim comes first."""
    from tamper.faulty import Faulty

    case = Faulty(seal.executed(blocks, name))
    content: bytes = zstd.decompress(evidence.dumps(case.seal(), case.block.values))
    return content


def judged(data: bytes) -> Outcome:
    try:
        claim, values = evidence.loads(data)
    except RollproofError as error:
        return Outcome.UNKNOWN if "\n" not in str(error) else Outcome.BROKEN
    return verify_claim(claim, values, second_opinion="never").outcome


@pytest.mark.parametrize("name", SMALL)
@settings(bounded, max_examples=200)
@given(at=st.integers(0, 10**7), bit=st.integers(0, 7), front=st.booleans())
def test_a_bit_flipped_in_an_evidence_file(shared_data: Path, name: str, at: int, bit: int, front: bool) -> None:
    content = evidence_of(shared_data / "blocks", name)
    assert judged(zstd.compress(content)) is Outcome.HOLDS
    at %= len(content) // 8 if front else len(content)
    assert judged(zstd.compress(flipped(content, at, bit))) in (Outcome.HOLDS, Outcome.UNKNOWN)
    compressed = zstd.compress(content)
    assert judged(flipped(compressed, at, bit)) in (Outcome.HOLDS, Outcome.UNKNOWN)


# ------------------------------------------------------------------------------------------------ values of a file


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a record, not below the preimages or the configuration."""
    if path:
        yield path
    if path and path[0] in ("preimages", "rollup_config"):
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


ODD: list[Any] = [
    None, True, -1, 0, 1, 2**64 - 1, 2**64, 10**400, 1.5, "", "0x", "0x0", "0x00", "zz", "0xzz", "0x" + "ff" * 32,
    "0x" + "00" * 20, "0x" + "c0" * 600, [], {}, [[]], [None], {"x": 1}, ["0x" + "00" * 32] * 300, "\ud800", "0X12",
]  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
@settings(bounded, max_examples=300)
@given(pick=st.integers(0, 10**6), odd=st.sampled_from(ODD), drop=st.booleans())
def test_a_value_replaced_or_dropped(shared_data: Path, name: str, pick: int, odd: Any, drop: bool) -> None:
    record = seal.honest(shared_data / "blocks", name)
    every = list(places(record))
    *path, last = every[pick % len(every)]
    holder: Any = record
    for key in path:
        holder = holder[key]
    if drop:
        del holder[last]
    else:
        holder[last] = odd
    found, differences = read(json.dumps(record).encode())
    assert found in (Outcome.HOLDS, Outcome.UNKNOWN), differences
