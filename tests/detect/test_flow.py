"""What the first pass says moved, against what accounts hold before and after, and against the receipts."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.test_steps import blocks
from rollproof import _core
from rollproof.detect.execution import Execution, net
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Trace

A, B, C, TOKEN = (bytes([each]) * 20 for each in b"\xaa\xbb\xcc\x11")
TRANSFER = _core.keccak256(b"Transfer(address,address,uint256)")


def word(value: int | bytes) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


def test_ether_that_moved_is_what_balances_say(shared_data: Path) -> None:
    """But for whoever pays or gets fees, mints and withdrawals: transfers alone make the difference."""
    compared = 0
    for name, run in blocks(shared_data):
        done = run(inspect="first")
        assert done.trace is not None
        view = Trace(done.trace)
        moved: dict[bytes, int] = {}
        paid = {outcome["sender"] for outcome in done.outcomes}
        for facts in done.trace.facts():
            for (account, token), amount in Execution(view, facts, Shows.reexecuted()).net.items():
                if token is None:
                    moved[account] = moved.get(account, 0) + amount
        for address, before, after, _ in done.changes:
            change = (after[1] if after else 0) - (before[1] if before else 0)
            if address in moved and address not in paid and change != moved[address]:
                # A block's beneficiary, a fee vault or a withdrawal's account gets more than transfers bring.
                assert change > moved[address], (name, address.hex())
                paid.add(address)
            elif address in moved and address not in paid:
                compared += 1
    assert compared > 200


def test_token_transfers_are_the_receipts(shared_data: Path) -> None:
    """Read again from the receipts, by another path."""
    compared = 0
    for name, run in blocks(shared_data):
        done = run(inspect="first")
        assert done.trace is not None
        view = Trace(done.trace)
        for facts, outcome in zip(done.trace.facts(), done.outcomes, strict=True):
            expected = [
                (address, topics[1][12:], topics[2][12:], int.from_bytes(data, "big"))
                for address, topics, data in outcome["logs"]
                if len(topics) == 3 and topics[0] == TRANSFER and len(data) == 32
            ]
            found = [
                (each.token, each.sender, each.recipient, each.amount)
                for each in Execution(view, facts, Shows.reexecuted()).transfers
                if each.source == "log" and each.item is None and bytes(20) not in (each.sender, each.recipient)
            ]
            assert found == [each for each in expected if bytes(20) not in each[1:3]], name
            compared += len(found)
    assert compared > 300


class Written:
    """One transaction, written event by event."""

    def __init__(self, *, logs: bool = True) -> None:
        self.builder = _core.TraceBuilder(logs=logs)
        self.builder.begin(0)

    def enter(self, caller: bytes, target: bytes, value: int = 0, data: bytes = b"", kind: int = 0) -> None:
        self.builder.enter(kind, caller, target, target, value, 0, data)

    def leave(self, success: bool = True, output: bytes = b"") -> None:
        self.builder.leave(success, 0, output)

    def write(self, key: bytes, base: int, before: int, after: int) -> None:
        place = _core.keccak256(word(key) + word(base))
        self.builder.hashed(word(key), word(base), place)
        self.builder.access(1, place, after, before)

    def transfer(self, token: bytes, sender: bytes, recipient: bytes, amount: int) -> None:
        self.builder.log(token, [TRANSFER, word(sender), word(recipient)], word(amount))

    def done(self) -> Execution:
        trace = self.builder.finish()
        return Execution(Trace(trace), trace.facts()[0], Shows.reexecuted())


def test_a_token_without_events_is_read_from_its_balances() -> None:
    written = Written()
    written.enter(A, TOKEN)
    written.write(A, 0, 100, 60)
    written.write(B, 0, 5, 45)
    written.leave()
    found = written.done()
    assert found.net == {(A, TOKEN): -40, (B, TOKEN): 40}
    assert [each.source for each in found.transfers] == ["slot"]


def test_what_a_mapping_gains_on_both_sides_is_no_transfer() -> None:
    written = Written()
    written.enter(A, TOKEN)
    written.write(A, 0, 0, 40)
    written.write(B, 0, 0, 40)
    written.leave()
    assert not written.done().transfers


@pytest.mark.parametrize(("stored", "lies"), [(40, False), (39, True), (400, True)])
def test_a_token_whose_events_are_not_what_it_did(stored: int, lies: bool) -> None:
    written = Written()
    written.enter(A, TOKEN)
    written.write(A, 3, 1000, 1000 - stored)
    written.write(B, 3, 0, stored)
    written.transfer(TOKEN, A, B, 40)
    written.leave()
    found = written.done()
    assert found.net == {(A, TOKEN): -40, (B, TOKEN): 40}
    assert bool(found.flags & Trigger.LIES) is lies
    assert len(found.facts.lies) == (2 if lies else 0)


def test_what_was_undone_did_not_move() -> None:
    written = Written()
    written.enter(A, B)
    written.enter(B, C, 7)
    written.transfer(TOKEN, B, C, 40)
    written.leave(success=False)
    written.leave()
    assert not written.done().transfers


def test_delegated_code_moves_no_ether() -> None:
    written = Written()
    written.enter(A, B, 7)
    written.builder.enter(2, A, B, C, 7, 0, b"")
    written.leave()
    written.leave()
    assert written.done().net == {(A, None): -7, (B, None): 7}


def test_wrapped_ether_is_minted_once() -> None:
    deposit, withdrawal = (_core.keccak256(f"{name}(address,uint256)".encode()) for name in ("Deposit", "Withdrawal"))
    written = Written()
    written.enter(A, TOKEN, 7)
    written.builder.log(TOKEN, [deposit, word(A)], word(7))
    written.leave()
    found = written.done()
    assert found.net == {(A, None): -7, (TOKEN, None): 7, (bytes(20), TOKEN): -7, (A, TOKEN): 7}
    written = Written()
    written.enter(A, TOKEN)
    written.enter(TOKEN, A, 7)
    written.leave()
    written.builder.log(TOKEN, [withdrawal, word(A)], word(7))
    written.leave()
    assert written.done().net == {(TOKEN, None): -7, (A, None): 7, (A, TOKEN): -7, (bytes(20), TOKEN): 7}


def test_a_deposit_of_something_else_is_no_wrapping() -> None:
    deposit = _core.keccak256(b"Deposit(address,uint256)")
    written = Written()
    written.enter(A, TOKEN)
    written.builder.log(TOKEN, [deposit, word(A)], word(7))
    written.leave()
    assert not written.done().transfers


def test_without_logs_transfers_are_read_from_calls() -> None:
    transfer = bytes.fromhex("a9059cbb") + word(C) + word(9)
    pull = bytes.fromhex("23b872dd") + word(A) + word(C) + word(4)
    written = Written(logs=False)
    written.enter(A, B)
    for data, success, output in (
        (transfer, True, b""),
        (transfer, False, b""),
        (pull, True, word(1)),
        (pull, True, word(0)),
    ):
        written.enter(B, TOKEN, data=data)
        written.leave(success, output)
    written.leave()
    found = written.done()
    assert found.net == {(B, TOKEN): -9, (A, TOKEN): -4, (C, TOKEN): 13}
    assert {each.source for each in found.transfers} == {"call"}


def test_items_are_not_sums() -> None:
    written = Written()
    written.enter(A, TOKEN)
    written.builder.log(TOKEN, [TRANSFER, word(A), word(B), word(77)], b"")
    written.leave()
    found = written.done()
    assert [(each.item, each.amount) for each in found.transfers] == [(77, 1)]
    assert not net(found.transfers)


def test_how_many_items_somebody_has_is_no_sum() -> None:
    written = Written()
    written.enter(A, TOKEN)
    written.write(A, 4, 3, 2)
    written.write(B, 4, 0, 1)
    written.builder.log(TOKEN, [TRANSFER, word(A), word(B), word(77)], b"")
    written.leave()
    assert not written.done().net


def test_what_comes_back_inside_ones_own_call_was_lent() -> None:
    written = Written()
    written.enter(A, B)
    written.transfer(TOKEN, B, C, 40)
    written.enter(B, C)
    written.transfer(TOKEN, C, B, 41)
    written.leave()
    written.leave()
    assert written.done().flags & Trigger.LENDS


def test_what_comes_back_after_ones_call_was_not_lent() -> None:
    written = Written()
    written.enter(A, C)
    written.enter(C, B)
    written.transfer(TOKEN, B, C, 40)
    written.leave()
    written.transfer(TOKEN, C, B, 41)
    written.leave()
    assert not written.done().flags & Trigger.LENDS


def test_deep_calls_take_no_time_to_speak_of() -> None:
    """Linear in rows: 70,000 calls, 1,024 deep again and again, each moving ether and touching a slot."""
    written = Written()
    written.enter(A, B)
    for _ in range(69):
        for depth in range(1020):
            written.enter(B if depth % 2 == 0 else C, C if depth % 2 == 0 else B, 1)
            written.builder.access(0, word(1), 5, 5)
        for _ in range(1020):
            written.builder.access(1, word(1), 6, 5)
            written.leave()
    written.leave()
    found = written.done()
    assert len(found.trace.frames) == 1 + 69 * 1020
    assert len(found.reentries) <= 256
    assert found.flags & Trigger.REENTERED
