"""Batches, channels and frames: real batcher data, another RLP encoder and zlib, and hostile input."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from ethereum_rlp import rlp as their_rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.rollup.op_stack import batch, channel, frame
from rollproof.rollup.op_stack.batch import SingularBatch
from rollproof.rollup.op_stack.frame import Frame

pytestmark = pytest.mark.eels  # for its RLP encoder

ID = bytes(range(16))
U64 = st.integers(0, 2**64 - 1)
HASHES = st.binary(min_size=32, max_size=32)
BATCHES = st.builds(
    SingularBatch, HASHES, U64, HASHES, U64, st.lists(st.binary(max_size=40), max_size=5).map(tuple)
)  # fmt: skip
PLAIN = SingularBatch(b"\x01" * 32, 5, b"\x02" * 32, 1_780_000_002, (b"\x02\xc0", b"\xf8\x6b"))


def minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


@settings(deadline=None)
@given(BATCHES)
def test_batches_as_another_encoder_writes_them(made: SingularBatch) -> None:
    theirs = their_rlp.encode(
        [
            made.parent_hash,
            minimal(made.epoch_number),
            made.epoch_hash,
            minimal(made.timestamp),
            list(made.transactions),
        ]
    )
    assert made.encode() == b"\x00" + theirs
    assert batch.decode(b"\x00" + theirs) == made


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Malformed),
        (b"\x00", Malformed),
        (b"\x01" + PLAIN.encode()[1:], Unsupported),
        (b"\x02" + PLAIN.encode()[1:], Malformed),
        (PLAIN.encode() + b"\x00", Malformed),
        (PLAIN.encode()[:-1], Malformed),
        (b"\x00" + _core.rlp_encode([b"\x01" * 32, b"\x00\x05", b"\x02" * 32, b"\x01", []]), Malformed),
        (b"\x00" + _core.rlp_encode([b"\x01" * 32, b"\x05" * 9, b"\x02" * 32, b"\x01", []]), Malformed),
        (b"\x00" + _core.rlp_encode([b"\x01" * 31, b"\x05", b"\x02" * 32, b"\x01", []]), Malformed),
        (b"\x00" + _core.rlp_encode([b"\x01" * 32, b"\x05", b"\x02" * 32, b"\x01", b""]), Malformed),
        (b"\x00" + _core.rlp_encode([b"\x01" * 32, b"\x05", b"\x02" * 32, b"\x01", [[]]]), Malformed),
        (b"\x00" + _core.rlp_encode([b"\x01" * 32, b"\x05", b"\x02" * 32, b"\x01"]), Malformed),
    ],
)
def test_what_is_no_singular_batch(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        batch.decode(data)


def test_a_real_batcher_transaction(shared_data: Path) -> None:
    """One frame, a channel that is flushed but not finished, a span batch in it."""
    raw = (shared_data / "derivation" / "raw_batcher_tx.hex").read_bytes()
    sent = _core.decode_transaction(raw, "ethereum")
    assert sent["to"].hex() == "ff00000000000000000000000000000000000010"
    [only] = frame.decode(sent["input"])
    assert (only.number, only.is_last, len(only.data)) == (0, True, 119_799)
    assert frame.encode([only]) == sent["input"]
    content = channel.read(only.data)
    [span] = content.batches
    assert (len(span), content.ended) == (240_304, "")
    with pytest.raises(Unsupported, match="span batch"):
        batch.decode(span)


def test_a_real_channel(shared_data: Path) -> None:
    data = bytes.fromhex((shared_data / "derivation" / "batch.hex").read_text().strip())
    content = channel.read(data)
    assert ([len(each) for each in content.batches], content.ended) == ([1_409_459], "")
    assert content.batches[0][0] == batch.SPAN


FRAMES = st.lists(
    st.builds(
        Frame, st.binary(min_size=16, max_size=16), st.integers(0, 65_535), st.binary(max_size=60), st.booleans()
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@given(FRAMES)
def test_frames_come_back(frames: list[Frame]) -> None:
    assert frame.decode(frame.encode(frames)) == frames


def test_the_place_of_every_field_of_a_frame() -> None:
    """Derivation, "Frame Format"."""
    encoded = Frame(ID, 258, b"data", True).encode()
    assert encoded == ID + b"\x01\x02" + b"\x00\x00\x00\x04" + b"data" + b"\x01"
    assert len(encoded) == 4 + frame.OVERHEAD


GOOD = frame.encode([Frame(ID, 0, b"ab", False), Frame(ID, 1, b"", True)])


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", b"\x02" + GOOD[1:], GOOD[:-1], GOOD + b"\x00", GOOD[:-1] + b"\x02", GOOD[:30], GOOD[:1] + GOOD[2:],
     b"\x00" + ID + b"\x00\x00" + (1_000_001).to_bytes(4, "big") + bytes(1_000_002),
     b"\x00" + ID + b"\x00\x00" + b"\xff" * 4],
)  # fmt: skip
def test_one_bad_frame_spoils_the_transaction(data: bytes) -> None:
    with pytest.raises(Malformed):
        frame.decode(data)


def test_frames_of_versions_and_sizes_that_are_refused() -> None:
    with pytest.raises(Unsupported, match="alt-DA"):
        frame.decode(b"\x01" + bytes(40))
    assert (
        len(frame.decode(b"\x00" + ID + b"\x00\x00" + (10**6).to_bytes(4, "big") + bytes(10**6 + 1))[0].data) == 10**6
    )
    for bad in (Frame(ID[:15], 0, b"", True), Frame(ID, 65_536, b"", True), Frame(ID, 0, bytes(10**6 + 1), True)):
        with pytest.raises(ValueError, match="frame"):
            bad.encode()
    with pytest.raises(ValueError, match="no room"):
        frame.split(ID, b"abc", 23)
    with pytest.raises(ValueError, match="more than 65536"):
        frame.split(ID, bytes(65_537), 24)


@given(st.binary(max_size=300), st.integers(24, 100))
def test_a_channel_is_split_into_frames(data: bytes, size: int) -> None:
    frames = frame.split(ID, data, size)
    assert b"".join(each.data for each in frames) == data
    assert [each.number for each in frames] == list(range(len(frames)))
    assert [each.is_last for each in frames] == [False] * (len(frames) - 1) + [True]
    assert all(len(each.encode()) <= size for each in frames)


def listed(batches: list[bytes]) -> bytes:
    return b"".join(their_rlp.encode(each) for each in batches)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=200), max_size=6), st.integers(0, 9), st.sampled_from([0, 200_000]))
def test_channels_as_zlib_reads_and_writes_them(batches: list[bytes], level: int, more: int) -> None:
    batches = [*batches, bytes(more)]
    packed = channel.compress(batches)
    assert zlib.decompress(packed) == listed(batches)
    for data in (packed, zlib.compress(listed(batches), level)):
        assert channel.read(data) == channel.Content(tuple(batches))


def test_a_stream_that_is_flushed_or_cut() -> None:
    stream = zlib.compressobj()
    begun = stream.compress(listed([b"one" * 30, b"two" * 30])) + stream.flush(zlib.Z_SYNC_FLUSH)
    assert channel.read(begun) == channel.Content((b"one" * 30, b"two" * 30))
    cut = channel.read(channel.compress([b"one" * 30, b"two" * 30])[:-40])
    assert cut.batches == (b"one" * 30,)
    assert "no batch at byte 92" in cut.ended


def test_batches_before_the_damage_count() -> None:
    packed = channel.compress([b"one" * 30, b"two" * 30])
    wrong_sum = channel.read(packed[:-1] + bytes([packed[-1] ^ 1]))
    assert wrong_sum.batches == (b"one" * 30, b"two" * 30)
    assert "damaged" in wrong_sum.ended
    damaged = channel.read(channel.compress([b"one" * 30])[:-4] + b"\xff" * 4)
    assert damaged.batches == (b"one" * 30,)
    for tail in (b"\xc0", b"\xb8\x05abcde", b"\x81\x05", b"\xb9\x00\x40" + bytes(64), b"\x85abc", b"\xb9\x01"):
        content = channel.read(zlib.compress(listed([b"fine" * 5]) + tail))
        assert content.batches == (b"fine" * 5,)
        assert content.ended


def test_a_bomb_ends_at_the_bound() -> None:
    bomb = zlib.compress(listed([b"x" * 100]) + listed([bytes(12_000_000)]) + listed([b"y" * 100]), 9)
    content = channel.read(bomb, fjord=False)
    assert content.batches == (b"x" * 100,)
    assert content.ended == "more than 10000000 bytes"
    assert len(channel.read(bomb).batches) == 3
    bound = [b"x" * 100, bytes(10_000_000 - 102 - 4)]
    assert channel.read(zlib.compress(listed(bound)), fjord=False).batches == tuple(bound)


def test_other_compressions_are_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="brotli"):
        channel.read(b"\x01\x0b\x00\x80")
    for data in (b"", b"\x01\x0b", b"\x00", b"\x05abc"):
        with pytest.raises(Malformed):
            channel.read(data, fjord=False)
    assert "damaged" in channel.read(b"\x7f\x00").ended  # zlib by its first byte, and yet none


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_noise_ends_in_a_named_error(noise: bytes) -> None:
    for data in (noise, b"\x78\x9c" + noise, zlib.compress(noise)):
        try:
            for each in channel.read(data).batches:
                batch.decode(each)
        except (Malformed, Unsupported) as error:
            assert "\n" not in str(error)  # noqa: PT017
