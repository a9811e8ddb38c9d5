"""Flash loans in one transaction: who lent what to whom, and how it came back.

Seen by the flow (an asset left an account and came back to it inside one of the account's own open frames), or by the
call back that is known for it (EIP-3156, Aave: the asset lies elsewhere; Uniswap V2: it may be paid for in another).
"""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from rollproof.detect.account_transfers import transfers_of
from rollproof.detect.ancestry import below, caller, entered, frames_of, inside, outermost, parent, target
from rollproof.detect.cluster import actors
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.protocols import Function
from rollproof.detect.selectors import selectors
from rollproof.detect.shows import Shows, Trigger


@dataclass(frozen=True, slots=True)
class Loan:
    """One flash loan or flash swap. ``amount`` and ``returned`` in base units of ``token`` (None: wei), both 0 where
    only the call back shows it. ``frame`` is the lender's frame that was open, ``kind`` what shows it.
    """

    lender: bytes
    borrower: bytes
    token: bytes | None
    amount: int
    returned: int
    frame: int
    out: Transfer | None
    back: tuple[Transfer, ...]
    kind: str


def loans(execution: Execution) -> tuple[Loan, ...]:
    """Every flash loan, in the order in which they were taken."""
    return execution.kept("loans", _loans)


def _loans(execution: Execution) -> tuple[Loan, ...]:
    found = list(_by_flow(execution)) if execution.flags & Trigger.LENDS else []
    if Shows.SELECTOR in execution.shows and execution.flags & Trigger.CALLS:
        known = {each.frame for each in found}
        for loan in _by_callback(execution):
            if loan.frame not in known:
                found.append(loan)
    return tuple(sorted(found, key=lambda each: each.frame))


def _lending(execution: Execution, frame: int, account: bytes, before: int) -> int | None:
    """The outermost frame of an account around another, if it was entered before an order."""
    row = outermost(execution, frame, account)
    return row if row is not None and entered(execution, row) < before else None


def _by_flow(execution: Execution) -> Iterator[Loan]:
    left: dict[tuple[bytes, bytes | None], list[Transfer]] = {}  # in order
    taken: dict[tuple[int, bytes | None], tuple[Transfer, list[Transfer]]] = {}
    for each in execution.transfers:
        if each.item is not None or not each.amount:
            continue
        outs = left.get((each.recipient, each.token))
        frame = outermost(execution, each.frame, each.recipient) if outs else None
        if outs and frame is not None:
            # That frame is open: what left since it was entered left inside it.
            first = bisect(outs, entered(execution, frame), key=lambda out: out.order)
            if first < len(outs):
                taken.setdefault((frame, each.token), (outs[first], []))[1].append(each)
        left.setdefault((each.sender, each.token), []).append(each)
    acting = actors(execution)
    for (frame, token), (out, back) in taken.items():
        returned = sum(each.amount for each in back)
        borrower, lender = out.recipient, execution.frame(frame)
        if returned < out.amount or lender.parent is None or lender.target in acting:
            continue  # the lender is who acts here: it paid into something and took it back
        who = {lender.caller, borrower} if borrower in acting else {lender.caller}
        if not _controls(execution, frame, out, back[0], who):
            continue
        yield Loan(out.sender, borrower, token, out.amount, returned, frame, out, tuple(back), _kind(execution, frame))


def _controls(execution: Execution, frame: int, out: Transfer, back: Transfer, who: set[bytes]) -> bool:
    """Whether the borrower's code ran in the lender's open frame between the loan and its return.

    Else the lender itself went to a market with its assets and came back.
    """
    within = below(execution, frame)
    for account in who - {out.sender}:
        rows = frames_of(execution, account)
        first = bisect_left(rows, out.order, key=lambda row: entered(execution, row))
        for row in rows[first:]:
            if row not in within or entered(execution, row) > back.order:
                break
            if execution.frame(row).ran:
                return True
    return False


def _kind(execution: Execution, frame: int) -> str:
    """Whose call back was made inside a lender's frame, where it is a known one."""
    rows = execution.kept("loans.callbacks", _callbacks)
    at = bisect(rows, frame, key=lambda each: each[0])
    if at < len(rows) and inside(execution, rows[at][0], frame):
        return rows[at][1]
    return "its flow"


def _callbacks(execution: Execution) -> list[tuple[int, str]]:
    """Frames that are known call backs of lenders and pools, with the protocol's name, in order."""
    functions = execution.protocols.functions
    known = ((row, functions.get(selector)) for row, selector in selectors(execution))
    return [(row, each.protocol) for row, each in known if each and each.action in ("flash-callback", "swap-callback")]


def _hands_over(function: Function) -> bool:
    """Whether a call back says that the callee has what it did not pay for yet. Uniswap V2's pairs make theirs only for
    that (a flash swap, that may be paid for in the other asset); V3's pools make theirs in every swap.
    """
    return function.action == "flash-callback" or (
        function.action == "swap-callback" and function.signature.endswith("(address,uint256,uint256,bytes)")
    )


def _by_callback(execution: Execution) -> Iterator[Loan]:
    """Loans that the flow does not show: the asset lies elsewhere than with the lender, or nothing of it was lent."""
    functions = execution.protocols.functions
    for row, selector in selectors(execution):
        known = functions.get(selector)
        above = parent(execution, row)
        if known is None or not _hands_over(known) or above is None or execution.reverted(row):
            continue
        lender, borrower, order = caller(execution, row), target(execution, row), entered(execution, row)
        frame = _lending(execution, above, lender, order)
        out, back = _around(execution, borrower, above, order)
        yield Loan(
            lender,
            borrower,
            out.token if out else None,
            out.amount if out else 0,
            sum(each.amount for each in back),
            above if frame is None else frame,
            out,
            tuple(back),
            known.protocol,
        )


def _around(execution: Execution, borrower: bytes, frame: int, order: int) -> tuple[Transfer | None, list[Transfer]]:
    """The last transfer to the borrower in the lender's frame before the call back, and what went back for it."""
    out: Transfer | None = None
    for each in transfers_of(execution, borrower):
        if each.order > order:
            break
        if each.recipient == borrower and each.item is None and each.amount and inside(execution, each.frame, frame):
            out = each
    if out is None:
        return None, []
    same = (out.sender, out.token)
    paid = transfers_of(execution, out.sender)
    back = [each for each in paid if each.order > order and (each.recipient, each.token) == same]
    return out, [each for each in back if inside(execution, each.frame, frame)]
