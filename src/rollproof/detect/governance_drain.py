"""Decisions of governance that pay a treasury out to who carries them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Literal

from rollproof import _core
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.holdings import held
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity

MOST: Final = 0.5  # of what it held
# OpenZeppelin's TimelockController and Governor (and Compound's Bravo), Compound's Timelock, Aragon's Voting.
DECIDED: Final = frozenset(
    _core.keccak256(event)
    for event in (
        b"CallExecuted(bytes32,uint256,address,uint256,bytes)",
        b"ProposalExecuted(uint256)",
        b"ExecuteTransaction(bytes32,address,uint256,string,bytes,uint256)",
        b"ExecuteVote(uint256)",
    )
)


class GovernanceDrain(Detector):
    """Only what is paid to who executes the decision is seen: a proposer who lets somebody else execute is not."""

    id: ClassVar[str] = "governance-drain"
    severity: ClassVar[Severity] = Severity.HIGH
    title: ClassVar[str] = "A decision of governance pays a treasury out to who carries it out"
    what: ClassVar[str] = (
        "A transaction executes a proposal or a call of a timelock, and inside it an account pays most of what it held "
        "of a token to the transaction's sender, or to a contract that it made."
    )
    why: ClassVar[str] = (
        "Who gathers enough votes for one proposal, or finds a quorum asleep, takes what all others own. All rules of "
        "the contracts are kept."
    )
    example: ClassVar[str] = (
        "Build Finance, February 2022: a vote passed the token's minting to one account, which emptied the pools. "
        "Tornado Cash, May 2023: a harmless-looking proposal gave its author the votes to take the rest."
    )
    references: ClassVar[tuple[str, ...]] = ("https://docs.openzeppelin.com/contracts/5.x/api/governance",)
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.CALLS | Shows.TOPICS | Shows.ETHER | Shows.SENDER
    trigger: ClassVar[Trigger] = Trigger.ETHER | Trigger.TOKENS

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        topics = evidence.trace.column("log_topics")
        if not any(each in topics for each in DECIDED):  # almost every block
            return
        for execution in evidence.executions:
            if execution.flags & self.trigger and (frame := _decided(execution)) is not None:
                yield from self._judge(execution, frame)

    def _judge(self, execution: Execution, frame: int) -> Iterator[Judgement]:
        for account, paid in _paid(execution).items():
            shares = {token: _share(execution, account, token, amount) for token, amount in paid.items()}
            known = [each for each in shares.values() if each is not None]
            if known:
                severity = Severity.HIGH if max(known) >= MOST else Severity.LOW
                said = f"{max(known):.1%} of what it held"
            else:
                severity, said = Severity.MEDIUM, "nobody knows how much of what it held"
            gainer = execution.sender or b""
            yield self.finding(
                execution,
                f"0x{account.hex()} pays {said} to 0x{gainer.hex()}, who executes the decision",
                severity=severity,
                confidence=Confidence.OBSERVED,
                addresses=(account, gainer, execution.frame(frame).target),
                amounts=[
                    each
                    for token, amount in paid.items()
                    for each in (Amount(token, account, -amount), Amount(token, gainer, amount))
                ],
                frames=(frame,),
                subject=account.hex(),
            )


def _decided(execution: Execution) -> int | None:
    """The frame of a governance contract that says it executes a decision."""
    for log in execution.logs:
        if log.topics and log.topics[0] in DECIDED and not execution.reverted(log.frame):
            return log.frame
    return None


def _paid(execution: Execution) -> Mapping[bytes, dict[bytes | None, int]]:
    """account -> token (None: wei) -> what it lost to the sender or to what the sender made."""
    own = {execution.sender} | execution.created
    net = execution.net
    found: dict[bytes, dict[bytes | None, int]] = {}
    for each in execution.transfers:
        if each.item is None and each.recipient in own and each.sender not in own:
            lost = -net.get((each.sender, each.token), 0)
            if lost > 0:
                paid = found.setdefault(each.sender, {})
                paid[each.token] = min(lost, paid.get(each.token, 0) + each.amount)
    return found


def _share(execution: Execution, account: bytes, token: bytes | None, paid: int) -> float | None:
    """What was paid, of what there was; None where nothing shows that."""
    before = held(execution, account, token)
    return None if not before else paid / before
