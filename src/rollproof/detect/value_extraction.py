"""Value extraction: a contract lost assets, got nothing for them, and whoever acted gained them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof.detect.account_transfers import transfers_of
from rollproof.detect.ancestry import called, created, parent, target
from rollproof.detect.claims import Entry, entry_used, overcredited, recorded_in, shares_burned
from rollproof.detect.cluster import ZERO, actors, by_account, cluster, gainers, gains, only_loses
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.handed_out import handed_out
from rollproof.detect.holdings import held
from rollproof.detect.loans import loans
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity

DRAINED = 0.5  # of what it held: most of it
EMPTIED = 0.9
NOTICED = 0.05
TURNS = 3  # once is a deposit and its withdrawal


@dataclass(frozen=True, slots=True)
class Loss:
    """What a contract lost of one token (None: wei) to those who acted, and what it had held, where that is known."""

    victim: bytes
    token: bytes | None
    lost: int
    held: int | None

    @property
    def share(self) -> float | None:
        """Lost of held, 0 to 1."""
        return None if not self.held else self.lost / self.held


class ValueExtraction(Detector):
    id = "value-extraction"
    severity = Severity.HIGH
    title = "A contract's assets went to whoever acted, for nothing"
    what = (
        "Those who acted gained in every asset that they touched, a contract that they called lost assets and got "
        "nothing, and neither shares of it were burned nor an entry in its books used up by what it paid."
    )
    why = "Whatever the way in, this is what an exploit leaves behind: who lost what to whom."
    example = "A lending pool's tokens all leave it by transferFrom, within the transaction that made it approve them."
    needs = Shows.CALLS | Shows.ETHER | Shows.LOGS
    trigger = Trigger.ETHER | Trigger.TOKENS

    def check(self, execution: Execution) -> Iterator[Judgement]:
        """One finding a contract that lost."""
        if execution.flags & (Trigger.FAILED | Trigger.CALLS) != Trigger.CALLS:
            return
        for victim, losses in _losses(execution).items():
            yield from self._judge(execution, victim, losses)
        lenders = {each.lender for each in loans(execution)}
        for out, back in handed_out(execution, EMPTIED):
            if (
                out.sender not in lenders
                and entry_used(execution, out.sender, out.amount, actors(execution)) is Entry.NONE
            ):
                yield self._returned(execution, out, back)

    def _returned(self, execution: Execution, out: Transfer, back: Transfer) -> Judgement:
        return self.finding(
            execution,
            f"0x{out.sender.hex()} handed out nearly all of a token that it held, and was given it back by choice",
            severity=Severity.LOW,
            confidence=Confidence.POSSIBLE,
            addresses=(out.sender, out.recipient, back.sender),
            amounts=(Amount(out.token, out.sender, -out.amount), Amount(out.token, out.sender, back.amount)),
            frames=(out.frame, back.frame),
            subject="returned " + out.sender.hex(),
        )

    def _judge(self, execution: Execution, victim: bytes, losses: list[Loss]) -> Iterator[Judgement]:
        ways = _ways(execution, victim)
        for each in losses:
            credit = overcredited(execution, victim, each.token, each.lost)
            if credit is not None:
                ways.append(f"its books credited {credit[0]} for {credit[1]} that were paid in")
        most = max((each.share for each in losses if each.share is not None), default=None)
        tokens = max((each.share for each in losses if each.share is not None and each.token), default=None)
        # Ether that all leaves a contract at a call is what many contracts are for; tokens lie with one to stay.
        severity = _severity(True, most) if ways else _severity(False, tokens)
        title = f"0x{victim.hex()} lost {_said(losses, most)} and got nothing"
        if severity is None:
            return
        if Shows.VALUES not in execution.shows:
            yield self.unjudged(execution, f"0x{victim.hex()} paid, and its books are not shown")
            return
        burned = shares_burned(execution, victim)
        if burned:
            yield self.suppressed(execution, title, f"{burned} shares of it were burned for that", severity)
            return
        together = takers(execution)
        entries = {entry_used(execution, victim, each.lost, together) for each in losses}
        # A stake that goes back by the books may well have a reward with it.
        rewarded = Entry.OWN in entries and Entry.OTHER not in entries and not ways
        known = Entry.NONE not in entries and Entry.OTHER not in entries and not ways
        if entries == {Entry.OWN} or rewarded or known:
            yield self.suppressed(execution, title, "an entry in its books was used up by just that amount", severity)
            return
        if not ways and recorded_in(execution, victim, together):
            yield self.suppressed(execution, title, "its own storage, or a signature, names one of them", severity)
            return
        if Entry.OTHER in entries:
            ways.append("the entry in its books that was used up by that amount is of somebody else")
        yield self.finding(
            execution,
            title,
            severity=severity,
            confidence=Confidence.OBSERVED if ways else Confidence.POSSIBLE,
            addresses=(victim, *sorted(together)),
            amounts=[Amount(each.token, victim, -each.lost) for each in losses]
            + gainers(execution, together, [each.token for each in losses]),
            notes=(*ways, *_unknown(losses)),
            subject=victim.hex(),
        )


def takers(execution: Execution) -> frozenset[bytes]:
    """Those who acted, without lenders: what borrowers lose to these is the price of a loan."""
    lenders = {each.lender for each in loans(execution)}
    return cluster(execution) - lenders


def _losses(execution: Execution) -> dict[bytes, list[Loss]]:
    """By contract: what it lost to those who acted. Empty where these lost anything themselves."""
    table = by_account(execution)
    made = created(execution)
    # What was made a moment ago is worth nothing to whoever is paid with it.
    losers = [
        account
        for account, net in table.items()
        if account != ZERO and only_loses({token: net[token] for token in net if token not in made or net[token] < 0})
    ]
    if not losers:
        return {}
    together = takers(execution)
    gained = gains(execution, together)
    if not gained or any(amount < 0 for token, amount in gained.items() if token not in made):
        return {}
    victims = {
        account for account in losers if account not in together and not table[account].keys().isdisjoint(gained)
    }
    if victims:
        victims &= called(execution)
        victims -= created(execution)
    found: dict[bytes, list[Loss]] = {}
    for account in sorted(victims):
        for token, amount in table[account].items():
            if token is None and _sent(execution, account):
                continue
            if amount < 0 and token in gained and token != account:
                found.setdefault(account, []).append(Loss(account, token, -amount, held(execution, account, token)))
    return found


def _sent(execution: Execution, account: bytes) -> bool:
    """Whether an account's ether left it only by calls that a test made in its name: it was not taken from it."""
    sent = [each.frame for each in transfers_of(execution, account) if each.sender == account and each.token is None]
    above = [parent(execution, row) for row in sent]
    return bool(above) and all(row is not None and target(execution, row) != account for row in above)


def _ways(execution: Execution, victim: bytes) -> list[str]:
    """What a plain payout does not have: capital for one transaction, code made for it, a way back into the victim."""
    found = []
    if loans(execution):
        found.append("a flash loan was taken")
    if victim in execution.kept("value_extraction.new_code", _met_by_new_code):
        found.append("by a contract made in this transaction")
    made = created(execution)
    if made and any(each.token in made and each.recipient == victim for each in transfers_of(execution, victim)):
        found.append("it was paid with a token made in this transaction")
    if any(each.context == victim and each.rule != "read-only" for each in execution.reentries):
        found.append("it was entered again while it was open")
    turns = _turns(execution, victim)
    if turns >= TURNS:
        found.append(f"it was paid and paid back {turns} times")
    return found


def _met_by_new_code(execution: Execution) -> set[bytes]:
    """Who was called by, or ran the code of, a contract that those who acted had made in this transaction."""
    made = created(execution) & actors(execution)
    if not made:
        return set()
    return {each.target for each in execution.frames if each.caller in made or each.code in made}


def _turns(execution: Execution, victim: bytes) -> int:
    """How often those who acted paid a contract and were then paid by it."""
    together, turns, owed = takers(execution), 0, False
    for each in transfers_of(execution, victim):
        if each.recipient == victim and each.sender in together:
            owed = True
        elif each.sender == victim and each.recipient in together and owed:
            turns, owed = turns + 1, False
    return turns


def _severity(ways: bool, share: float | None) -> Severity | None:
    if not ways:
        return Severity.LOW if share is not None and share >= EMPTIED else None
    if share is None:
        return Severity.MEDIUM
    if share >= DRAINED:
        return Severity.HIGH
    return Severity.MEDIUM if share >= NOTICED else None


def _said(losses: list[Loss], most: float | None) -> str:
    what = "assets" if len(losses) > 1 else "ether" if losses[0].token is None else f"0x{losses[0].token.hex()}"
    return what if most is None else f"{most:.1%} of its {what}"


def _unknown(losses: list[Loss]) -> list[str]:
    return ["what it held is not known"] if any(each.held is None for each in losses) else []
