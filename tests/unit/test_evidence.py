"""The evidence file: round trip, determinism, and that no altered file does more than be refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.replay import evidence
from rollproof.types import Claim
from unit.headers import claims

BLOBS = st.lists(st.binary(max_size=70), max_size=6)
CLAIM = Claim(1, 5, (b"\x02abc", b"\xc1\x01"), claimed_hash=bytes(range(32)), source="somewhere")
FILE = evidence.dumps(CLAIM, [b"one", b"two" * 30, b""])


@given(claims(), BLOBS)
def test_read_inverts_write(claim: Claim, values: list[bytes]) -> None:
    found, preimages = evidence.loads(evidence.dumps(claim, values))
    assert found == claim
    assert sorted(preimages.values()) == sorted(set(values))


@given(BLOBS, st.randoms(use_true_random=False))
def test_the_same_evidence_is_the_same_bytes(values: list[bytes], random: object) -> None:
    shuffled = [*values, *values]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    held = _core.Preimages()
    held.add(shuffled)
    assert evidence.dumps(CLAIM, values) == evidence.dumps(CLAIM, shuffled) == evidence.dumps(CLAIM, held)


def _refused_or_read(data: bytes) -> bool:
    try:
        evidence.loads(data)
    except (Malformed, Unsupported):
        return True
    return False


@pytest.mark.parametrize("size", range(len(FILE)))
def test_every_truncation_is_refused(size: int) -> None:
    assert _refused_or_read(FILE[:size])


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_altered_files_are_refused_or_read(at: int, change: int) -> None:
    _refused_or_read(FILE[:at] + bytes([FILE[at] ^ change]) + FILE[at + 1 :])


CONTENT = zstd.decompress(FILE)


@settings(max_examples=300)
@given(st.integers(0, len(CONTENT) - 1), st.binary(min_size=1, max_size=6))
def test_altered_content_is_refused_or_read(at: int, put: bytes) -> None:
    _refused_or_read(zstd.compress(CONTENT[:at] + put + CONTENT[at + len(put) :]))


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    assert _refused_or_read(data)
    assert _refused_or_read(zstd.compress(data))


def test_padding_and_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Malformed, match="after the zstd frame"):
        evidence.loads(FILE + b"x")
    with pytest.raises(Malformed, match="preimages"):
        evidence.loads(zstd.compress(CONTENT + b"x"))
    monkeypatch.setattr(evidence, "MAX_CONTENT", 1 << 20)
    with pytest.raises(Malformed, match="decompressed"):
        evidence.loads(zstd.compress(bytes(1 << 24)))


def test_a_frame_may_not_ask_for_a_huge_window() -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 29,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    compressor = zstd.ZstdCompressor(options=options)
    data = compressor.compress(CONTENT) + compressor.flush()  # no content size, so the window stands in the frame
    with pytest.raises(Malformed, match="zstd"):
        evidence.loads(data)


def test_unknown_key_is_refused_by_name() -> None:
    text = CONTENT.replace(b'"chain_id"', b'"chain_ie"', 1)
    with pytest.raises(Unsupported, match="chain_ie"):
        evidence.loads(zstd.compress(text))


def test_write_leaves_no_partial_file(tmp_path: Path) -> None:
    target = tmp_path / "block.evidence"
    assert evidence.write(target, CLAIM, [b"one"]) == target.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["block.evidence"]
    claim, preimages = evidence.read(target)
    assert claim == CLAIM
    assert preimages.get(_core.keccak256(b"one")) == b"one"
