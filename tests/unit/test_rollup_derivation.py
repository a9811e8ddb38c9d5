"""Derivation by Holocene's rules, each against the sentence of the specification that asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollproof.errors import Malformed, Unsupported
from rollproof.lab.transaction import Account
from rollproof.rollup.op_stack import channel, derivation, frame
from rollproof.rollup.op_stack.batch import SingularBatch
from rollproof.rollup.op_stack.batch_queue import Origin, SafeHead, Validity, judge
from rollproof.rollup.op_stack.derivation import Derivation, L1Data
from rollproof.rollup.op_stack.frame import Frame

BATCHER, OTHER = Account.named("batcher", 1337), Account.named("other", 1337)
INBOX = derivation.batch_inbox(1338)
A, B = b"\xaa" * 16, b"\xbb" * 16


def batches(count: int, first: int = 0) -> list[SingularBatch]:
    return [SingularBatch(b"\x01" * 32, 7, b"\x02" * 32, 1000 + 2 * n) for n in range(first, first + count)]


def frames(name: bytes, made: list[SingularBatch], count: int) -> list[Frame]:
    data = channel.compress([each.encode() for each in made])
    found = frame.split(name, data, -(-len(data) // count) + frame.OVERHEAD)
    assert len(found) == count
    return found


def sent(*parts: Frame, by: Account = BATCHER, to: bytes = INBOX, **more: Any) -> bytes:
    return by.send(to, data=frame.encode(parts), gas=10**6, **more)


def derive(*blocks: list[bytes]) -> list[derivation.Posted]:
    data = [L1Data(number, raw, BATCHER.address) for number, raw in enumerate(blocks, 10)]
    return derivation.derive(data, inbox=INBOX)


A1, B1 = batches(3), batches(2, 3)
A_FRAMES, B_FRAMES = frames(A, A1, 3), frames(B, B1, 2)


def test_batches_come_back_from_transactions() -> None:
    assert INBOX.hex() == "ff00000000000000000000000000000000001338"
    found = derive([sent(A_FRAMES[0])], [sent(A_FRAMES[1]), sent(A_FRAMES[2], B_FRAMES[0])], [], [sent(B_FRAMES[1])])
    assert [each.batch for each in found] == A1 + B1
    assert [(each.included_in, each.channel) for each in found] == [(11, A)] * 3 + [(13, B)] * 2


def test_only_the_batcher_and_only_the_inbox_count() -> None:
    strangers = [sent(*A_FRAMES, by=OTHER), sent(*A_FRAMES, to=b"\x01" * 20), BATCHER.send(b"\x01" * 20, data=INBOX)]
    assert derive(strangers) == []
    pipeline = Derivation(INBOX)
    assert pipeline.feed(L1Data(1, [sent(*A_FRAMES, by=OTHER)], OTHER.address))  # who it is may change with every block
    assert pipeline.feed(L1Data(2, [sent(*A_FRAMES)], OTHER.address)) == []


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([A_FRAMES[1], A_FRAMES[2]], []),  # the queue is empty
        ([A_FRAMES[0], A_FRAMES[2]], []),  # a gap
        ([A_FRAMES[0], A_FRAMES[2], A_FRAMES[1], A_FRAMES[2]], A1),  # the one out of order is dropped, not its channel
        ([A_FRAMES[0], A_FRAMES[0], A_FRAMES[1], A_FRAMES[2]], A1),  # a first frame begins anew
        ([A_FRAMES[0], A_FRAMES[1], A_FRAMES[1], A_FRAMES[2]], A1),
        ([A_FRAMES[0], A_FRAMES[1], *B_FRAMES, A_FRAMES[2]], B1),  # a new channel drops an open one
        ([A_FRAMES[0], B_FRAMES[1], A_FRAMES[1], A_FRAMES[2]], A1),  # another channel's later frame is dropped
        ([*A_FRAMES, replace(A_FRAMES[1], number=3), *B_FRAMES], A1 + B1),  # already closed
        ([*A_FRAMES, *A_FRAMES], A1 + A1),  # an id may come again
    ],
)
def test_frames_in_order(order: list[Frame], expected: list[SingularBatch]) -> None:
    """Holocene, "Frame Queue" and "Channel Bank"; in one transaction or in many."""
    assert [each.batch for each in derive([sent(*order)])] == expected
    assert [each.batch for each in derive(*[[sent(each)] for each in order])] == expected


def test_a_channel_times_out_after_fifty_blocks() -> None:
    """Derivation, "Timeouts": current block > opening block + CHANNEL_TIMEOUT."""
    for empty, expected in ((49, A1), (50, [])):
        blocks = [[sent(*A_FRAMES[:2])], *[[] for _ in range(empty)], [sent(A_FRAMES[2])]]
        assert [each.batch for each in derive(*blocks)] == expected


def test_what_does_not_parse_is_left_out_and_named() -> None:
    pipeline = Derivation(INBOX)
    junk = BATCHER.send(INBOX, data=frame.encode(A_FRAMES) + b"\x00", gas=10**6)
    bad = channel.compress([A1[0].encode(), b"\x02no such version", A1[1].encode()])
    mixed = [Frame(A, 0, bad, True)]
    found = pipeline.feed(L1Data(5, [junk, sent(*mixed), sent(Frame(B, 0, b"\x05", True))], BATCHER.address))
    assert [each.batch for each in found] == A1[:1]
    reasons = [reason for _, reason in pipeline.dropped]
    assert ["cut short" in reasons[0], "version 2" in reasons[1], "unknown method" in reasons[2]] == [True] * 3
    with pytest.raises(ValueError, match="block 7 after 5"):
        pipeline.feed(L1Data(7, [], BATCHER.address))


def test_what_is_not_read_yet_is_refused_by_name() -> None:
    span = Frame(A, 0, channel.compress([b"\x01span"]), True)
    blob = BATCHER.send(INBOX, blobs=[b"\x01" + bytes(31)])
    alt_da = BATCHER.send(INBOX, data=b"\x01" + bytes(40))
    for raw, name in (
        (sent(span), "span"),
        (sent(Frame(A, 0, b"\x01\x02", True)), "brotli"),
        (blob, "blob"),
        (alt_da, "alt-DA"),
    ):
        with pytest.raises(Unsupported, match=name):
            derive([raw])
    assert derive([OTHER.send(INBOX, blobs=[b"\x01" + bytes(31)])]) == []


ORIGIN, NEXT = Origin(7, b"\x07" * 32, 990), Origin(8, b"\x08" * 32, 1002)
SAFE = SafeHead(b"\x5a" * 32, 1000, ORIGIN)
DUE = SingularBatch(SAFE.hash, 7, ORIGIN.hash, 1002, (b"\x02\xc0",))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Validity.ACCEPT),
        ({"epoch_number": 8, "epoch_hash": NEXT.hash}, Validity.ACCEPT),
        ({"timestamp": 1004}, Validity.DROP),
        ({"timestamp": 1000}, Validity.PAST),
        ({"timestamp": 1003}, Validity.DROP),
        ({"parent_hash": bytes(32)}, Validity.DROP),
        ({"epoch_hash": NEXT.hash}, Validity.DROP),
        ({"epoch_number": 8}, Validity.DROP),
        ({"epoch_number": 6}, Validity.DROP),
        ({"epoch_number": 9}, Validity.DROP),
        ({"transactions": (b"",)}, Validity.DROP),
        ({"transactions": (b"\x02", b"\x7e\xc0")}, Validity.DROP),
    ],
)
def test_the_batch_queue(changes: dict[str, Any], expected: Validity) -> None:
    """Derivation, "Batch Queue", as Holocene changes it."""
    validity, reason = judge(replace(DUE, **changes), 20, SAFE, NEXT)
    assert validity is expected
    assert bool(reason) is (expected is not Validity.ACCEPT)


def test_the_next_origin_and_the_window() -> None:
    later = replace(DUE, epoch_number=8, epoch_hash=NEXT.hash)
    assert judge(later, 20, SAFE, None)[0] is Validity.UNDECIDED
    assert judge(later, 20, SAFE, replace(NEXT, timestamp=1003))[0] is Validity.DROP  # before its origin
    assert judge(DUE, 7 + 3600, SAFE, NEXT)[0] is Validity.ACCEPT
    assert judge(DUE, 7 + 3601, SAFE, NEXT)[0] is Validity.DROP


def test_the_drift() -> None:
    far = SafeHead(SAFE.hash, 990 + 1800, ORIGIN)
    full, empty = replace(DUE, timestamp=2792), replace(DUE, timestamp=2792, transactions=())
    assert judge(full, 20, far, NEXT)[0] is Validity.DROP
    assert judge(replace(full, timestamp=2790), 20, replace(far, timestamp=2788), NEXT)[0] is Validity.ACCEPT
    assert judge(empty, 20, far, None)[0] is Validity.UNDECIDED
    assert judge(empty, 20, far, replace(NEXT, timestamp=2792))[0] is Validity.DROP  # it could have moved on
    assert judge(empty, 20, far, replace(NEXT, timestamp=2793))[0] is Validity.ACCEPT


def test_a_transaction_that_no_block_holds() -> None:
    with pytest.raises(Malformed, match="L1 block 10"):
        derive([b"\x02" + INBOX])
