"""A contract makes a call that its caller wrote, with its own name and what that name is worth."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from rollproof.detect.authority import Authority, Standing, authority
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.holdings import held
from rollproof.detect.parties import insiders, staged, winners
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Frame, Kind
from rollproof.types import Confidence, Severity

_MOST = 90  # percent of a holding that is all of it, but for dust


class ArbitraryCall(Detector):
    """A contract called what an unchecked caller chose, and lost by it; or called itself for such a caller."""

    id = "arbitrary-call"
    severity = Severity.HIGH
    title = "A contract made a call that its caller wrote"
    what = (
        "Target and call data of a call stood in the call data of somebody who was not checked, and the contract lost "
        "assets of its own by it. Or a contract called itself for such a caller, so that the called function took it "
        "for trusted, and assets left it in that call."
    )
    why = "Tokens, roles and allowances know the contract by its address: whoever writes its calls acts in its name."
    example = "Furucombo, February 2021; Dexible, February 2023: selfSwap called a token with the caller's data."
    references = ("https://swcregistry.io/docs/SWC-107/", "https://swcregistry.io/docs/SWC-112/")
    needs = Shows.CALLS | Shows.SELECTOR
    trigger = Trigger.FORWARDS | Trigger.TOKENS | Trigger.ETHER | Trigger.WRITES

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        if evidence.success is False or len(evidence.frame_rows) < 2:
            return
        told = bool(evidence.shows & Shows.INPUT)
        if told and not evidence.flags & Trigger.FORWARDS:
            return
        # In the end poorer, or made or played in this one execution: then what it had before was given here.
        poorer = {account for (account, _), amount in evidence.net.items() if amount < 0} | evidence.created
        everybody = staged(evidence)
        payers: dict[bytes, list[Transfer]] = {}
        for each in evidence.transfers:
            moves = each.amount and each.item is None and each.recipient != each.sender
            if moves and (everybody or each.sender in poorer):
                payers.setdefault(each.sender, []).append(each)
        members = insiders(evidence)
        paths: Authority | None = None
        judged: set[tuple[bytes, bytes]] = set()
        for frame in evidence.frames:
            if frame.kind is not Kind.CALL or frame.parent is None or frame.caller not in payers:
                continue
            if frame.caller in members:
                continue
            itself = frame.caller == frame.target
            if not (told or itself) or evidence.reverted(frame.row):
                continue
            if frame.input_length < 4 or (frame.caller, frame.target) in judged:
                continue
            paths = paths or authority(evidence)
            if paths.chosen(frame.row) is False:
                continue
            paid = _paid(paths, payers[frame.caller], frame)
            if not paid:
                continue
            judged.add((frame.caller, frame.target))
            yield from self._judge(evidence, paths, frame, paid, told)

    def _judge(
        self, execution: Execution, paths: Authority, frame: Frame, paid: list[Transfer], told: bool
    ) -> Iterator[Judgement]:
        passage = paths.to_call(frame.row)
        if passage.standing not in (Standing.OPEN, Standing.UNCLEAR):
            return
        net = _net(execution, paths, frame)
        lost = {each.token: net[each.token] for each in paid if net.get(each.token, 0) < 0}
        gained = any(amount > 0 for token, amount in net.items() if token not in lost)
        if not lost or gained or not any(each.recipient in winners(execution) for each in paid):
            return
        shares = [_share(execution, frame.caller, token, -amount) for token, amount in lost.items()]
        emptied = any(share is not None and share >= _MOST for share in shares)
        if passage.standing is Standing.OPEN and passage.observed and told:
            severity, confidence = Severity.HIGH if emptied else Severity.MEDIUM, Confidence.OBSERVED
        elif emptied or (passage.standing is Standing.OPEN and not told):
            severity, confidence = Severity.MEDIUM, Confidence.POSSIBLE
        else:
            yield self.unjudged(
                execution, f"0x{frame.caller.hex()}: what it had read may have been a check of its caller"
            )
            return
        what = "itself" if frame.caller == frame.target else f"0x{frame.target.hex()}"
        yield self.finding(
            execution,
            f"0x{frame.caller.hex()} called {what} as 0x{passage.outsider.hex()} had it, and assets left it",
            severity=severity,
            confidence=confidence,
            addresses=(frame.caller, frame.target, passage.outsider),
            amounts=[amount for each in paid for amount in each.amounts],
            frames=(passage.frame, frame.row),
            subject=f"{frame.caller.hex()} called {frame.target.hex()}",
        )


def _paid(paths: Authority, payments: list[Transfer], frame: Frame) -> list[Transfer]:
    """Which of an account's payments it made inside a call of its own: not what it sent along."""
    inside = paths.span(frame.row)
    found: list[Transfer] = []
    for each in payments[bisect_left(payments, frame.order, key=lambda payment: payment.order) :]:
        if each.frame not in inside:
            break
        if each.frame != frame.row or each.token is not None:
            found.append(each)
    return found


def _net(execution: Execution, paths: Authority, frame: Frame) -> dict[bytes | None, int]:
    """What the account that made a call gained or lost of each token in the transaction.

    Where it was made in the transaction, or by a test that plays everybody, only since its caller came in.
    """
    if frame.caller not in execution.created and not paths.staged:
        return {token: amount for (account, token), amount in execution.net.items() if account == frame.caller}
    inside = paths.span(paths.root(frame.row if frame.parent is None else frame.parent))
    found: dict[bytes | None, int] = {}
    for each in execution.transfers:
        if each.frame in inside and each.item is None:
            sign = (each.recipient == frame.caller) - (each.sender == frame.caller)
            found[each.token] = found.get(each.token, 0) + sign * each.amount
    return found


def _share(execution: Execution, account: bytes, token: bytes | None, lost: int) -> int | None:
    """Percent of what the account held that it lost; None where nothing shows what it held."""
    had = held(execution, account, token)
    return None if not had else 100 * lost // had
