"""Flash loans in one transaction: who lent what to whom, and how it came back.

Seen by the flow (an asset left an account and came back to it inside one of the account's own open frames), by the
call back that the standards prescribe (EIP-3156, Uniswap V2, dYdX), or by the lender's event (Aave, Balancer).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof import _core
from rollproof.detect.cluster import actors
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.shows import Shows, Trigger

# Call backs by which a lender hands control to the borrower.
CALLBACKS = {
    _core.keccak256(signature.encode())[:4]: name
    for signature, name in (
        ("onFlashLoan(address,address,uint256,uint256,bytes)", "ERC-3156"),
        ("uniswapV2Call(address,uint256,uint256,bytes)", "Uniswap V2"),
        ("pancakeCall(address,uint256,uint256,bytes)", "PancakeSwap V2"),
        ("uniswapV3FlashCallback(uint256,uint256,bytes)", "Uniswap V3"),
        ("pancakeV3FlashCallback(uint256,uint256,bytes)", "PancakeSwap V3"),
        ("algebraFlashCallback(uint256,uint256,bytes)", "Algebra"),
        ("executeOperation(address,uint256,uint256,bytes)", "Aave V1"),
        ("executeOperation(address[],uint256[],uint256[],address,bytes)", "Aave V2"),
        ("executeOperation(address,uint256,uint256,address,bytes)", "Aave V3"),
        ("receiveFlashLoan(address[],uint256[],uint256[],bytes)", "Balancer V2"),
        ("receiveFlashLoan(bytes)", "Balancer V3"),
        ("onMorphoFlashLoan(uint256,bytes)", "Morpho"),
        ("onFlashLoan(bytes)", "Euler"),
        ("callFunction(address,(address,uint256),bytes)", "dYdX"),
        ("DPPFlashLoanCall(address,uint256,uint256,bytes)", "DODO"),
        ("DVMFlashLoanCall(address,uint256,uint256,bytes)", "DODO"),
        ("DSPFlashLoanCall(address,uint256,uint256,bytes)", "DODO"),
    )
}


@dataclass(frozen=True, slots=True)
class Loan:
    """One flash loan. ``amount`` and ``returned`` in base units of ``token`` (None: wei), both 0 where only the call
    back shows it. ``frame`` is the lender's frame that was open, ``callback`` the borrower's, where one is known.
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
    return tuple(sorted(found, key=lambda each: execution.frame(each.frame).order))


def _own_frame(execution: Execution, frame: int, account: bytes, before: int) -> int | None:
    """The outermost frame of an account, around another, that was entered before an order."""
    found = None
    row: int | None = frame
    while row is not None:
        each = execution.frame(row)
        if each.target == account and each.order < before:
            found = row
        row = each.parent
    return found


def _by_flow(execution: Execution) -> Iterator[Loan]:
    open_loans: dict[tuple[bytes, bytes | None], list[Transfer]] = {}
    taken: dict[tuple[int, bytes | None], tuple[Transfer, list[Transfer]]] = {}
    for each in execution.transfers:
        if each.item is not None or not each.amount:
            continue
        for out in open_loans.get((each.recipient, each.token), ()):
            frame = _own_frame(execution, each.frame, each.recipient, out.order)
            if frame is not None and _holds(execution, frame, out):
                taken.setdefault((frame, each.token), (out, []))[1].append(each)
                break
        open_loans.setdefault((each.sender, each.token), []).append(each)
    acting = actors(execution)
    for (frame, token), (out, back) in taken.items():
        returned = sum(each.amount for each in back)
        borrower, lender = out.recipient, execution.frame(frame)
        if returned < out.amount or lender.parent is None or lender.target in acting:
            continue  # the lender is who acts here: it paid into something and took it back
        if not _controls(execution, frame, out, back[0], {lender.caller, borrower}):
            continue
        yield Loan(out.sender, borrower, token, out.amount, returned, frame, out, tuple(back), _kind(execution, frame))


def _holds(execution: Execution, frame: int, transfer: Transfer) -> bool:
    """Whether a transfer happened inside a frame."""
    row: int | None = transfer.frame
    while row is not None and row > frame:
        row = execution.frame(row).parent
    return row == frame


def _controls(execution: Execution, frame: int, out: Transfer, back: Transfer, who: set[bytes]) -> bool:
    """Whether the borrower's code ran in the lender's open frame between the loan and its return."""
    for row in range(frame + 1, execution.frame_rows.stop):
        each = execution.frame(row)
        if each.order > back.order:
            break
        if each.order >= out.order and each.target in who and each.target != out.sender and each.ran:
            return True
    return False


def _kind(execution: Execution, frame: int) -> str:
    depth = execution.frame(frame).depth
    for row in range(frame + 1, execution.frame_rows.stop):
        each = execution.frame(row)
        if each.depth <= depth:
            break
        if each.input[:4] in CALLBACKS:
            return CALLBACKS[each.input[:4]]
    return "flow"


def _by_callback(execution: Execution) -> Iterator[Loan]:
    """Loans that the flow does not show: the asset lies elsewhere than with the lender, or nothing of it was lent."""
    for each in execution.frames:
        kind = CALLBACKS.get(each.input[:4])
        if kind is None or each.parent is None or not each.success or execution.reverted(each.row):
            continue
        lender = execution.frame(each.parent)
        frame = _own_frame(execution, each.parent, each.caller, each.order)
        out, back = _around(execution, each.target, lender.row, each.order)
        token = out.token if out else None
        amount = out.amount if out else 0
        returned = sum(one.amount for one in back)
        rows = each.parent if frame is None else frame
        yield Loan(each.caller, each.target, token, amount, returned, rows, out, tuple(back), kind)


def _around(execution: Execution, borrower: bytes, frame: int, order: int) -> tuple[Transfer | None, list[Transfer]]:
    """The last transfer to the borrower in the lender's frame before the call back, and what went back for it."""
    out: Transfer | None = None
    for each in execution.transfers:
        if each.order > order or each.item is not None:
            break
        if each.recipient == borrower and each.amount and _holds(execution, frame, each):
            out = each
    if out is None:
        return None, []
    same = (out.sender, out.token)
    back = [each for each in execution.transfers if each.order > order and (each.recipient, each.token) == same]
    return out, [each for each in back if _holds(execution, frame, each)]
