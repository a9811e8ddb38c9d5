"""Liquidations: somebody pays another's debt and takes the collateral for it.

Seen by a lending market's event, by a call of its function, or by the pattern itself. A call counts only where it was
not undone and the debt was really paid inside it: markets that report failure by an error code do not revert.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rollproof.detect.cluster import actors
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.ordering.named_rows import between, named_rows
from rollproof.detect.ordering.swap import ZERO
from rollproof.detect.ordering.unnamed_liquidation import shrunk
from rollproof.detect.protocols import Function
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Frame, Kind
from rollproof.types import Amount, Confidence, Severity


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One liquidation. Amounts in base units, 0 where nothing shows them; tokens None: wei or not known.

    ``market`` is the contract that was called or that said so, ``seen`` what shows it: event, call,
    both, or pattern.
    """

    order: int
    frame: int
    market: bytes
    protocol: str
    liquidator: bytes
    borrower: bytes | None
    debt_token: bytes | None
    repaid: int
    collateral_token: bytes | None
    seized: int
    seen: str


class Liquidate(Detector):
    """Somebody else's debt is paid for its collateral."""

    id = "liquidation"
    severity = Severity.LOW
    title = "Liquidation"
    what = "A debt is paid by somebody else, who is given the borrower's collateral for it, at a discount."
    why = (
        "Liquidations keep a lending market solvent. Whoever orders transactions decides who earns the discount, and a "
        "price that was pushed makes healthy positions fall."
    )
    example = "liquidationCall on an Aave pool: 1,000 USDC of debt paid, 0.6 WETH of collateral taken."
    references = ("https://arxiv.org/abs/2106.06389", "https://arxiv.org/abs/2101.05511")
    needs = Shows.CALLS | Shows.SELECTOR | Shows.ETHER
    trigger = Trigger.ETHER | Trigger.TOKENS | Trigger.WRITES

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """One finding for each."""
        acting = actors(evidence)
        for at, each in enumerate(liquidations(evidence)):
            own = each.borrower is not None and (each.borrower in acting or each.borrower == evidence.sender)
            amounts = []
            if each.repaid:
                amounts.append(Amount(each.debt_token, each.liquidator, -each.repaid))
            if each.seized:
                amounts.append(Amount(each.collateral_token, each.liquidator, each.seized))
            yield self.finding(
                evidence,
                _title(each) + (" of the sender's own position" if own else ""),
                severity=Severity.INFO if own else Severity.LOW,
                confidence=Confidence.POSSIBLE if each.seen == "pattern" else Confidence.OBSERVED,
                addresses=[each.market, each.liquidator, *([each.borrower] if each.borrower else [])],
                amounts=amounts,
                frames=(each.frame,),
                notes=(f"seen by {each.seen}",),
                subject=f"{at}",
            )


def _title(liquidation: Liquidation) -> str:
    return "Liquidation" if liquidation.protocol in ("generic", "unnamed") else f"{liquidation.protocol} liquidation"


def liquidations(execution: Execution) -> tuple[Liquidation, ...]:
    """Every liquidation that was not undone, in order; nested calls of one are counted once."""
    return execution.kept("ordering.liquidations", _liquidations)


def _liquidations(execution: Execution) -> tuple[Liquidation, ...]:
    frames, logs = named_rows(execution.trace, execution.protocols, "liquidate")
    calls = between(frames, execution.frame_rows)
    events = between(logs, execution.log_rows) if Shows.LOGS in execution.shows else []
    if not calls and not events:
        return tuple(_by_pattern(execution)) if execution.flags & Trigger.TWO_TOKENS else ()
    said, called = list(_by_event(execution, events)), list(_by_call(execution, calls))
    found: list[Liquidation] = []
    for each in said:
        match = next((call for call in called if _same(execution, call, each)), None)
        if match is None:
            found.append(each)
        else:
            called.remove(match)
            found.append(_joined(each, match))
    # Where a source has logs, a market that is known by its event would have said so.
    found += [each for each in called if not (said and any(each.market == other.market for other in said))]
    return tuple(sorted(found, key=lambda each: each.order))


def _by_pattern(execution: Execution) -> Iterator[Liquidation]:
    for each in shrunk(execution):
        swap = each.swap
        yield Liquidation(
            order=swap.order,
            frame=swap.frame,
            market=swap.pool,
            protocol="unnamed",
            liquidator=execution.frame(swap.frame).caller,
            borrower=each.account,
            debt_token=swap.token_in,
            repaid=swap.amount_in,
            collateral_token=swap.token_out,
            seized=swap.amount_out,
            seen="pattern",
        )


def _joined(event: Liquidation, call: Liquidation) -> Liquidation:
    """What the event says, and what only the call shows."""
    return replace(
        event,
        frame=call.frame,
        debt_token=event.debt_token or call.debt_token,
        collateral_token=event.collateral_token or call.collateral_token,
        repaid=event.repaid or call.repaid,
        seized=call.seized if event.collateral_token is None else event.seized,
        seen="event and call",
    )


def _same(execution: Execution, call: Liquidation, event: Liquidation) -> bool:
    if call.borrower is not None and event.borrower is not None and call.borrower != event.borrower:
        return False
    frame = execution.frame(event.frame)
    return call.frame == frame.row or any(call.frame == above.row for above in execution.ancestors(frame.row))


def _by_event(execution: Execution, rows: Sequence[int]) -> Iterator[Liquidation]:
    for log in map(execution.trace.logs.__getitem__, rows):
        if execution.reverted(log.frame):
            continue
        event = execution.protocols.events[log.topics[0]]
        borrower = event.address(log.topics, log.data, "borrower")
        if borrower is None:
            continue
        yield Liquidation(
            order=log.order,
            frame=log.frame,
            market=log.address,
            protocol=event.protocol,
            liquidator=event.address(log.topics, log.data, "liquidator") or _payer(execution, log.frame),
            borrower=borrower,
            debt_token=event.address(log.topics, log.data, "debt"),
            repaid=event.word(log.topics, log.data, "amount") or 0,
            collateral_token=event.address(log.topics, log.data, "collateral"),
            seized=event.word(log.topics, log.data, "seized") or 0,
            seen="event",
        )


def _payer(execution: Execution, row: int) -> bytes:
    frame = execution.frame(row)
    return frame.caller


def _by_call(execution: Execution, rows: Sequence[int]) -> Iterator[Liquidation]:
    matching = [frame for frame in map(execution.frame, rows) if frame.kind is Kind.CALL]
    matching = [frame for frame in matching if not execution.reverted(frame.row)]
    # A contract that hands the call on has one of the same below it: the innermost is the market.
    same = {frame.row for frame in matching}
    outer = {above.row for frame in matching for above in execution.ancestors(frame.row) if above.row in same}
    for frame in matching:
        if frame.row not in outer:
            found = _of_call(execution, frame, execution.protocols.functions[frame.input[:4]])
            if found is not None:
                yield found


def _of_call(execution: Execution, frame: Frame, function: Function) -> Liquidation | None:
    end = _end(execution, frame)
    inside = [each for each in execution.transfers if each.item is None and frame.row <= each.frame < end]
    borrower = function.address(frame.input, "borrower")
    if Shows.INPUT in execution.shows and (borrower == ZERO or (borrower is None and "borrower" in function.words)):
        return None  # somebody else's function of the same name
    paid = [each for each in inside if each.sender == frame.caller and each.recipient != frame.caller]
    got = [each for each in inside if each.recipient == frame.caller and each.sender != frame.caller]
    debt = function.address(frame.input, "debt")
    named = [each for each in paid if each.token == debt]
    repaid = named or paid
    if not repaid and not got:
        return None  # nothing was paid: the market refused it, by an error code or silently
    first = repaid[0] if repaid else None
    same = [each for each in repaid if first is not None and each.token == first.token]
    collateral = function.address(frame.input, "collateral")
    taken = [each for each in got if each.token == collateral] or got
    last = taken[-1] if taken else None
    return Liquidation(
        order=frame.order,
        frame=frame.row,
        market=frame.target,
        protocol=function.protocol,
        liquidator=frame.caller,
        borrower=borrower,
        debt_token=first.token if first else debt,
        repaid=sum(each.amount for each in same),
        collateral_token=last.token if last else collateral or function.address(frame.input, "collateral_market"),
        seized=sum(each.amount for each in taken if last is not None and each.token == last.token),
        seen="call",
    )


def _end(execution: Execution, frame: Frame) -> int:
    """The first row behind a frame and those below it."""
    for row in range(frame.row + 1, execution.frame_rows.stop):
        if execution.frame(row).depth <= frame.depth:
            return row
    return execution.frame_rows.stop
