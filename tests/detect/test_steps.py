"""The second pass: taints, guards, sums that lost something, and calls whose outcome nobody looked at.

Small programs, each written for what it has to show; and every recorded block, which the pass must not change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from detect.stage import Stage
from rollproof import _core
from rollproof.detect.execution import Execution
from rollproof.detect.shows import Trigger
from rollproof.detect.source import executed_block
from rollproof.detect.steps import Guard, Steps, Taint
from rollproof.lab.block import Holder
from rollproof.lab.bytecode import assemble
from rollproof.replay import execute, sources
from rollproof.replay.draft import Draft
from rollproof.replay.judge import judge

CODE, OTHER = b"\xc0" * 20, b"\xc1" * 20
FAILS = assemble("PUSH0 PUSH0 REVERT")
MAX = 2**256 - 1


def ran(program: str, data: bytes = b"", *, other: bytes = b"", slots: dict[int, int] | None = None) -> Execution:
    """One transaction of account 0 to the program; ``other`` is code that it may call."""
    stage = Stage({CODE: Holder(code=assemble(program), storage=slots or {}), OTHER: Holder(code=other)})
    raw = stage.account(0).send(CODE, data=data, gas=1_000_000)
    block = stage.build([raw])
    done = stage.chain.run(block, inspect="all")
    [found] = executed_block(done, transactions=[raw], chain_id=1, number=block.number, family="ethereum").executions
    return found


def steps(program: str, data: bytes = b"", **more: Any) -> Steps:
    found = ran(program, data, **more)
    assert found.success
    assert found.steps is not None
    assert found.steps.complete
    return found.steps


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("program", "taint"),
    [
        ("7", Taint(0)),
        ("PUSH0 CALLDATALOAD", Taint.CALLDATA),
        ("CALLER", Taint.CALLER),
        ("ORIGIN", Taint.ORIGIN),
        ("CALLVALUE", Taint.CALLVALUE),
        ("TIMESTAMP", Taint.TIMESTAMP),
        ("NUMBER", Taint.TIMESTAMP),
        ("PREVRANDAO", Taint.BLOCK_HASH),
        ("1 NUMBER SUB BLOCKHASH", Taint.BLOCK_HASH),
        ("SELFBALANCE", Taint.OWN_BALANCE),
        ("ADDRESS BALANCE", Taint.OWN_BALANCE),
        ("CALLER BALANCE", Taint.BALANCE),
        ("GASPRICE", Taint.GAS),
        ("CHAINID", Taint.CHAIN_ID),
        ("5 SLOAD", Taint.STORAGE),
        ("CALLER SLOAD", Taint.STORAGE | Taint.CALLER_SLOT),
        ("CALLER TIMESTAMP ADD", Taint.CALLER | Taint.TIMESTAMP),
        ("CALLER PUSH0 MSTORE 32 PUSH0 KECCAK256", Taint.CALLER | Taint.HASH),
        ("CALLER PUSH0 MSTORE 32 PUSH0 KECCAK256 SLOAD", Taint.STORAGE | Taint.CALLER_SLOT),
        ("CALLER 3 MSTORE 0 MLOAD", Taint.CALLER),  # it overlaps
        ("CALLER 32 MSTORE PUSH0 MLOAD", Taint(0)),
        ("CALLER PUSH0 MSTORE 32 PUSH0 64 MCOPY 64 MLOAD", Taint.CALLER),
        ("32 PUSH0 PUSH0 CALLDATACOPY PUSH0 MLOAD", Taint.CALLDATA),
        ("CALLER TIMESTAMP DUP2 POP SWAP1 POP", Taint.TIMESTAMP),
        ("CALLER 9 TSTORE 9 TLOAD", Taint.STORAGE),
        ("TIMESTAMP 9 TSTORE 9 TLOAD", Taint.STORAGE | Taint.TIMESTAMP),
    ],
)
def test_where_a_value_came_from(program: str, taint: Taint) -> None:
    writes = steps(f"{program} 1 SSTORE", word(77)).writes
    assert [write.value for write in writes] == [taint]
    assert writes[0].slot == Taint(0)


CALL = "PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 0x" + OTHER.hex() + " GAS CALL"
STATICCALL = "32 PUSH0 32 PUSH0 0x" + OTHER.hex() + " GAS STATICCALL"


def test_what_a_call_returns_is_its_own_no_more() -> None:
    """The other account's caller is not ours, its clock is."""
    other = assemble("CALLER TIMESTAMP ADD PUSH0 MSTORE 32 PUSH0 RETURN")
    [write] = steps(f"{STATICCALL} POP PUSH0 MLOAD 1 SSTORE", other=other).writes
    assert write.value == Taint.RETURNED | Taint.TIMESTAMP


def test_delegated_code_is_the_accounts_own() -> None:
    other = assemble("CALLER PUSH0 MSTORE 32 PUSH0 RETURN")
    program = "32 PUSH0 PUSH0 PUSH0 0x" + OTHER.hex() + " GAS DELEGATECALL POP PUSH0 MLOAD 1 SSTORE"
    assert [write.value for write in steps(program, other=other).writes] == [Taint.CALLER]


def test_a_precompile_says_who_signed() -> None:
    program = "32 PUSH0 128 PUSH0 1 GAS STATICCALL POP PUSH0 MLOAD 1 SSTORE"
    key = (7).to_bytes(32, "big")
    parity, r, s = _core.sign_hash(word(5), key)
    copied = "128 PUSH0 PUSH0 CALLDATACOPY "
    [write] = steps(copied + program, word(5) + word(27 + parity) + word(r) + word(s)).writes
    assert write.value == Taint.SIGNER


@pytest.mark.parametrize(
    ("condition", "guards"),
    [
        ("1", Guard(0)),
        ("CALLER", Guard(0)),  # that there is one says nothing
        ("CALLER PUSH0 SLOAD EQ", Guard.CALLER | Guard.STORAGE),
        ("CALLER DUP1 EQ", Guard(0)),
        ("PUSH0 CALLDATALOAD CALLER EQ ISZERO", Guard(0)),  # what the caller says of himself
        ("CALLER 0xc0ffee EQ ISZERO", Guard.CALLER),  # an immutable
        ("ORIGIN PUSH0 SLOAD EQ", Guard.ORIGIN | Guard.STORAGE),
        ("CALLER ORIGIN EQ", Guard(0)),
        ("CALLER SLOAD 1 ADD", Guard.CALLER_SLOT | Guard.STORAGE),
        ("PUSH0 CALLDATALOAD PUSH0 MSTORE 32 PUSH0 KECCAK256", Guard.PROOF),
        (f"{STATICCALL} POP PUSH0 MLOAD ISZERO", Guard.RETURNED),
    ],
)
def test_what_was_looked_at_before_a_write(condition: str, guards: Guard) -> None:
    sender = int.from_bytes(Stage().account(0).address, "big")
    program = f"{condition} @on JUMPI PUSH0 PUSH0 REVERT on: 1 1 SSTORE"
    [write] = steps(program, word(5), slots={0: sender, sender: 7}, other=assemble("32 PUSH0 RETURN")).writes
    assert write.guards == guards


def test_a_look_at_the_caller_above_is_said_to_be_above() -> None:
    sender = int.from_bytes(Stage().account(0).address, "big")
    program = f"CALLER PUSH0 SLOAD EQ @on JUMPI PUSH0 PUSH0 REVERT on: {CALL} STOP"
    other = assemble("PUSH0 SLOAD ISZERO @on JUMPI PUSH0 PUSH0 REVERT on: 1 1 SSTORE")
    [write] = steps(program, slots={0: sender}, other=other).writes
    assert write.guards == Guard.STORAGE | Guard.CALLER | Guard.ABOVE


@pytest.mark.parametrize(
    ("after", "success", "result"),
    [
        ("POP", False, False),
        ("@on JUMPI on:", True, False),
        ("ISZERO @on JUMPI on:", True, False),
        ("PUSH0 MSTORE 32 PUSH0 RETURN", True, False),
        ("PUSH0 MSTORE 32 PUSH0 LOG0", False, False),
        ("POP RETURNDATASIZE @on JUMPI on:", False, True),
        ("POP 1 1 SSTORE", False, False),
    ],
)
def test_whether_anybody_looked_at_a_call(after: str, success: bool, result: bool) -> None:
    [call] = steps(f"{CALL} {after}", other=FAILS).calls
    assert (call.success_checked, call.result_checked) == (success, result)


def test_where_a_call_goes_and_with_what() -> None:
    """call(address, data...) as a wallet makes it: target, selector and arguments from call data."""
    forward = "4 32 PUSH0 CALLDATACOPY 36 PUSH0 PUSH0 CALLDATACOPY PUSH0 PUSH0 36 PUSH0 PUSH0 "
    found = ran(forward + "36 CALLDATALOAD GAS CALL STOP", bytes(36) + bytes(12) + OTHER, other=assemble("STOP"))
    assert found.steps is not None
    [call] = found.steps.calls
    assert (call.target, call.selector, call.value) == (Taint.CALLDATA, Taint.CALLDATA, Taint(0))
    fixed = ran(f"CALLER 4 MSTORE PUSH0 PUSH0 36 PUSH0 PUSH0 0x{OTHER.hex()} GAS CALL STOP", other=assemble("STOP"))
    assert fixed.steps is not None
    [call] = fixed.steps.calls
    assert (call.target, call.selector, call.arguments) == (Taint(0), Taint(0), Taint.CALLER)


@pytest.mark.parametrize(
    ("program", "kinds"),
    [
        ("PUSH0 CALLDATALOAD 32 CALLDATALOAD SUB", ["sub"]),  # 3 - 7
        ("32 CALLDATALOAD PUSH0 CALLDATALOAD SUB", []),
        ("64 CALLDATALOAD 32 CALLDATALOAD ADD", ["add"]),
        ("PUSH0 CALLDATALOAD 32 CALLDATALOAD ADD", []),
        ("64 CALLDATALOAD 32 CALLDATALOAD MUL", ["mul"]),
        ("PUSH0 NOT PUSH0 CALLDATALOAD ADD", []),  # 7 - 1, as compilers write it
        ("PUSH0 NOT 96 CALLDATALOAD ADD", ["sub"]),  # 0 - 1
        ("0xff 64 CALLDATALOAD 32 CALLDATALOAD ADD AND", ["add"]),
        ("0xff 250 PUSH0 CALLDATALOAD ADD AND", ["truncate"]),  # 257 in a byte
        ("0xff 64 CALLDATALOAD AND", ["truncate"]),
        ("0xff 64 CALLDATALOAD 8 SHR AND", []),  # unpacking
        ("PUSH0 CALLDATALOAD 32 CALLDATALOAD DIV", ["round-to-zero"]),  # 3 / 7
        ("32 CALLDATALOAD PUSH0 CALLDATALOAD DIV", []),
        ("32 CALLDATALOAD PUSH0 CALLDATALOAD GT", []),
    ],
)
def test_sums_that_lost_something(program: str, kinds: list[str]) -> None:
    data = word(7) + word(3) + word(MAX) + word(0)
    wraps = steps(f"{program} 1 SSTORE", data).wraps
    assert [wrap.kind for wrap in wraps] == kinds
    assert all(wrap.sink == "storage" and not wrap.tested for wrap in wraps)


def test_a_sum_that_reaches_nothing_is_no_matter() -> None:
    assert not steps("PUSH0 CALLDATALOAD 1 ADD POP STOP", word(MAX)).wraps


def test_a_sum_that_was_tested_is_said_to_be() -> None:
    program = "PUSH0 CALLDATALOAD 1 ADD DUP1 ISZERO @on JUMPI on: 1 SSTORE"
    assert [wrap.tested for wrap in steps(program, word(MAX)).wraps] == [True]


def test_a_sum_that_is_read_as_signed_is_below_zero_by_right() -> None:
    program = "PUSH0 CALLDATALOAD 1 SWAP1 SUB DUP1 PUSH0 SGT POP 1 SSTORE"
    assert not steps(program, word(0)).wraps


@pytest.mark.parametrize(
    ("condition", "taint", "equality"),
    [
        ("ORIGIN CALLER EQ", Taint.ORIGIN | Taint.CALLER, True),
        ("1 TIMESTAMP GT", Taint.TIMESTAMP, False),
        ("SELFBALANCE ISZERO", Taint.OWN_BALANCE, True),
    ],
)
def test_jumps_that_something_unusual_decides(condition: str, taint: Taint, equality: bool) -> None:
    [test] = steps(f"{condition} @on JUMPI on: STOP").tests
    assert (test.taint, test.equality) == (taint, equality)


def test_what_was_undone_is_not_told() -> None:
    other = assemble("1 1 SSTORE PUSH0 PUSH0 REVERT")
    found = steps(f"{CALL} POP STOP", other=other)
    assert not found.writes
    assert len(found.calls) == 1


def blocks(shared: Path) -> Iterator[tuple[str, Callable[..., _core.Done]]]:
    for path in sorted((shared / "blocks").glob("*.json.gz")):
        claim, preimages = sources.read(path)
        _, _, inputs = judge(Draft(claim), preimages, None, None, 1)
        assert inputs is not None
        rules, env = _core.Rules(**execute.arguments(inputs)), execute.environment(inputs)

        def run(inputs: Any = inputs, rules: Any = rules, env: Any = env, **how: Any) -> _core.Done:
            listed = execute.withdrawals(inputs)
            root, transactions = inputs.pre_state_root, inputs.transactions
            done = _core.run_block(inputs.preimages, root, rules, env, transactions, listed, **how)
            assert isinstance(done, _core.Done)
            return done

        yield path.name, run


def test_looking_changes_nothing(shared_data: Path) -> None:
    """Over all recorded blocks: the same results whatever is watched, and every lasting write is told."""
    followed = 0
    for name, run in blocks(shared_data):
        plain, watched = run(), run(inspect="all")
        assert (plain.state_root, plain.receipts_root) == (watched.state_root, watched.receipts_root), name
        assert plain.gas_used == watched.gas_used, name
        assert watched.trace is not None
        traced = run(trace=True).trace
        assert traced is not None
        for column in traced.columns():
            assert traced.column(column) == watched.trace.column(column), (name, column)
        kinds = watched.trace.column("access_write")
        for facts in watched.trace.facts():
            assert facts.steps is not None
            assert facts.steps.complete, name
            assert facts.flags & Trigger.STEPS
            told = [write[0] for write in facts.steps.writes]
            assert all(kinds[row] == 1 and facts.accesses[0] <= row < facts.accesses[1] for row in told), name
            followed += len(told)
    assert followed > 1000
