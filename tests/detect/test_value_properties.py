"""Any execution at all: the value detectors end, say the same again, and only call observed what somebody lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof import _core
from rollproof.detect.cluster import actors, cluster
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.flash_loan import FlashLoan, SideEntrance
from rollproof.detect.price_manipulation import PriceManipulation
from rollproof.detect.rounding import Rounding
from rollproof.detect.run import judge
from rollproof.detect.share_inflation import ShareInflation
from rollproof.detect.shows import Shows
from rollproof.detect.value_extraction import ValueExtraction
from rollproof.replay.trace import Trace
from rollproof.types import Confidence, Severity

DETECTORS = [FlashLoan(), SideEntrance(), PriceManipulation(), ShareInflation(), Rounding(), ValueExtraction()]
TRANSFER = _core.keccak256(b"Transfer(address,address,uint256)")
SELECTORS = [
    b"",
    bytes.fromhex("70a08231"),
    _core.keccak256(b"totalAssets()")[:4],
    _core.keccak256(b"onFlashLoan(address,address,uint256,uint256,bytes)")[:4],
]
SHOWN = Shows.reexecuted() & ~(Shows.STEPS | Shows.STATE)

accounts = st.integers(0, 5).map(lambda number: number.to_bytes(20, "big"))
amounts = st.sampled_from([0, 1, 2, 10**6, 10**18, 2**112, 2**255, 2**256 - 1])
slots = st.integers(0, 3).map(lambda number: number.to_bytes(32, "big")) | st.sampled_from([TRANSFER])
steps = st.one_of(
    st.tuples(st.just("enter"), st.sampled_from([0, 0, 0, 2, 3, 4]), accounts, amounts, st.sampled_from(SELECTORS)),
    st.tuples(st.just("leave"), st.booleans() | st.just(value=True)),
    st.tuples(st.just("access"), st.integers(0, 1), slots, amounts, amounts),
    st.tuples(st.just("move"), accounts, accounts, amounts),
)


def executed(script: list[tuple[object, ...]]) -> ExecutedBlock:
    builder = _core.TraceBuilder()
    builder.begin(0)
    line = [(1).to_bytes(20, "big")]
    builder.enter(0, bytes(19) + b"\x09", line[0], line[0], 0, 0, b"")
    for what, *rest in script:
        match what, rest:
            case "enter", [int(kind), bytes(account), int(value), bytes(data)]:
                at = line[-1] if kind == 2 else account
                builder.enter(kind, line[-1], at, account, 0 if kind in (2, 3) else value, 0, data)
                line.append(at)
            case "leave", [bool(success)] if len(line) > 1:
                builder.leave(success, 0, b"")
                line.pop()
            case "access", [int(kind), bytes(slot), int(value), int(before)]:
                builder.access(kind, slot, value, value if kind == 0 else before, None)
            case "move", [bytes(payer), bytes(payee), int(amount)]:
                topics = [TRANSFER, payer.rjust(32, b"\0"), payee.rjust(32, b"\0")]
                builder.log(line[-1], topics, amount.to_bytes(32, "big"))
    while line:
        builder.leave(True, 0, b"")
        line.pop()
    trace = Trace(builder.finish())
    [facts] = trace._trace.facts()
    execution = Execution(trace, facts, SHOWN, sender=bytes(19) + b"\x09", to=(1).to_bytes(20, "big"), success=True)
    return ExecutedBlock(trace, [execution], SHOWN)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=60))
def test_any_execution(script: list[tuple[object, ...]]) -> None:
    block = executed(script)
    report = judge(block, DETECTORS)
    again = judge(executed(script), DETECTORS)
    assert [each.id for each in report.findings] == [each.id for each in again.findings]
    assert actors(block.executions[0]) <= cluster(block.executions[0])
    for each in report.findings:
        if each.severity in (Severity.HIGH, Severity.CRITICAL):
            assert each.confidence is Confidence.OBSERVED
            assert any(amount.amount < 0 for amount in each.amounts), each.title
