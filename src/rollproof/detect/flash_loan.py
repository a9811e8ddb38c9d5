"""Flash loans: a fact, and no harm by itself; and the loan that is paid back by a deposit (side entrance)."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.ancestry import below, caller, line, target
from rollproof.detect.cluster import by_account, cluster, gains
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.holdings import writes_by_frame
from rollproof.detect.loans import Loan, loans
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Access
from rollproof.types import Amount, Confidence, Severity, SlotChange

MOST_RETURNS = 256  # of one loan, the largest, that are looked at one by one


class FlashLoan(Detector):
    id = "flash-loan"
    severity = Severity.INFO
    title = "An asset was lent and paid back within one transaction"
    what = (
        "An asset left a lender and came back to it inside one of the lender's own open calls, or a lender's call back."
    )
    why = "A fact: it gives anybody any amount of capital for one transaction, which other findings then rest on."
    example = "A contract borrows 15 WETH from a pair, uses them in the call back and pays 15.05 WETH back."
    references = ("https://eips.ethereum.org/EIPS/eip-3156",)
    needs = Shows.CALLS | Shows.ETHER
    trigger = Trigger.LENDS | Trigger.TWO_TOKENS | Trigger.TOKENS

    def check(self, execution: Execution) -> Iterator[Judgement]:
        """One finding a lender."""
        for lender, taken in _by_lender(execution).items():
            first = taken[0]
            amounts = [Amount(each.token, lender, each.amount) for each in taken if each.amount]
            yield self.finding(
                execution,
                f"0x{first.borrower.hex()} took {_loans(len(taken))} from 0x{lender.hex()}",
                addresses=(lender, *(each.borrower for each in taken)),
                amounts=amounts,
                frames=[each.frame for each in taken],
                notes=(f"seen by: {', '.join(dict.fromkeys(each.kind for each in taken))}",),
                subject=lender.hex(),
            )


class SideEntrance(Detector):
    id = "flash-loan-side-entrance"
    severity = Severity.HIGH
    title = "A flash loan was paid back by a deposit that was credited"
    what = (
        "While a lender's loan was open, the borrower called the lender, which wrote the loan's amount into its books "
        "as a credit, and nothing else was paid back."
    )
    why = (
        "The lender counts the same assets twice: as the loan's return and as the borrower's deposit, to be withdrawn."
    )
    example = "flashLoan(1000 ETH) calls back; the borrower calls deposit() with the 1000 ETH; then withdraw()."
    references = ("https://eips.ethereum.org/EIPS/eip-3156",)
    needs = Shows.CALLS | Shows.ETHER | Shows.STORAGE | Shows.VALUES
    trigger = Trigger.LENDS

    def check(self, execution: Execution) -> Iterator[Judgement]:
        """One finding a loan."""
        for loan in loans(execution):
            if not loan.amount or loan.out is None:
                continue
            credit = _credit(execution, loan)
            if credit is None:
                continue
            inner, written = credit
            lost = -by_account(execution).get(loan.lender, {}).get(loan.token, 0)
            gained = gains(execution, cluster(execution)).get(loan.token, 0)
            harmed = lost > 0 and gained > 0
            amounts = [Amount(loan.token, loan.lender, -lost)] if harmed else [Amount(loan.token, loan.lender, 0)]
            yield self.finding(
                execution,
                f"0x{loan.lender.hex()} credited its own flash loan of {loan.amount} as a deposit"
                + (f", and {lost} were taken out" if harmed else ""),
                severity=Severity.HIGH if harmed else Severity.MEDIUM,
                confidence=Confidence.OBSERVED if harmed else Confidence.POSSIBLE,
                addresses=(loan.lender, loan.borrower),
                amounts=amounts,
                frames=(loan.frame, inner),
                slots=(SlotChange(loan.lender, written.slot, written.before, written.value),),
                subject=loan.lender.hex(),
            )


def _by_lender(execution: Execution) -> dict[bytes, list[Loan]]:
    found: dict[bytes, list[Loan]] = {}
    for each in loans(execution):
        found.setdefault(each.lender, []).append(each)
    return found


def _loans(count: int) -> str:
    return "a flash loan" if count == 1 else f"{count} flash loans"


def _credit(execution: Execution, loan: Loan) -> tuple[int, Access] | None:
    """The lender's inner frame that took the return, and the write that credits it; None where the loan was repaid."""
    inner: tuple[int, Access] | None = None
    back = sorted(loan.back, key=lambda each: -each.amount)
    paid = sum(each.amount for each in back[MOST_RETURNS:])
    for each in back[:MOST_RETURNS]:
        row = _nearest(execution, each.frame, loan.lender, loan.frame)
        if row is None or row == loan.frame or caller(execution, row) == loan.lender:
            paid += each.amount  # given to the lender, or pulled by it: that is a repayment
            continue
        for write in _invocation_writes(execution, row):
            if write.value - write.before == each.amount:
                inner = (row, write)
                break
        else:
            paid += each.amount
    return inner if paid < loan.amount else None


def _nearest(execution: Execution, frame: int, account: bytes, outer: int) -> int | None:
    """The innermost call of an account around a frame, not above ``outer``."""
    for row in line(execution, frame):
        if row < outer:
            break
        if target(execution, row) == account and caller(execution, row) != account:
            return row
    return None


def _invocation_writes(execution: Execution, frame: int) -> Iterator[Access]:
    """What a call wrote to its own account's storage, itself and by the code that it delegated to."""
    writes = writes_by_frame(execution)
    for row in below(execution, frame):
        if row in writes and target(execution, row) == target(execution, frame):
            yield from writes[row]
