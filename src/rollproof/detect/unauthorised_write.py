"""Somebody who was not checked becomes owner, gets a role, or initialises what others rely on."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.authority import Passage, Standing, authority
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock
from rollproof.detect.parties import insiders
from rollproof.detect.privilege import ADMIN, CODE, INITIALISER, ROLE, Privilege
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.takeover import MAX_PRIVILEGES, Takeover, plain, takeovers, unjudged
from rollproof.types import Confidence, Severity, SlotChange, Unjudged

_SAID = {"owner": "owner", "role": "role", "initialiser": "initialiser", "account": "account in charge"}


class UnauthorisedWrite(Detector):
    """A privilege other than a proxy's code changed hands in a call in which nobody was checked."""

    id = "unauthorised-write"
    severity = Severity.HIGH
    title = "Privilege given to a caller who was not checked"
    what = (
        "A storage slot that says who may do what (owner, role, initialiser) was changed in a call whose caller was "
        "compared with nothing: no stored account, no role, no signature, no commitment."
    )
    why = "Who holds the privilege can take what the contract holds, or change how it works."
    example = "Parity's multisig wallets, July 2017: initWallet could be called again, by anybody; 153,037 ETH."
    references = (
        "https://eips.ethereum.org/EIPS/eip-173",
        "https://swcregistry.io/docs/SWC-105/",
        "https://swcregistry.io/docs/SWC-118/",
    )
    scope = "block"
    needs = Shows.CALLS | Shows.STORAGE | Shows.VALUES
    trigger = Trigger.WRITES

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        unclear: set[tuple[int, bytes]] = set()
        for taken in takeovers(evidence):
            if taken.privilege.what in (CODE, ADMIN):
                continue
            for judged in self._judge(taken):
                if isinstance(judged, Unjudged):
                    if (taken.execution.index, taken.context) in unclear:
                        continue
                    unclear.add((taken.execution.index, taken.context))
                yield judged

        for execution in unjudged(evidence):
            yield self.unjudged(
                execution, f"more than {MAX_PRIVILEGES} privileges changed; the others were not looked at"
            )

    def _judge(self, taken: Takeover) -> Iterator[Judgement]:
        privilege, passage = taken.privilege, taken.passage
        robbed = taken.used and any(privilege.context not in insiders(each.execution) for each in taken.losses)
        if plain(privilege) and not robbed and not _displaced(taken):
            return
        if passage.standing is Standing.UNCLEAR:
            if taken.losses and not plain(privilege):
                yield self.unjudged(
                    taken.execution,
                    f"0x{privilege.context.hex()}: the {_SAID[privilege.what]} changed, and what was read before may "
                    "have been a check",
                )
            return
        if passage.standing is not Standing.OPEN:
            return
        if passage.outsider == privilege.context:
            return
        if plain(privilege) and privilege.first and _conditional(taken):
            title = f"0x{passage.outsider.hex()} took a place in 0x{privilege.context.hex()} that it was then paid for"
            yield self.suppressed(
                taken.execution,
                title,
                "the place was free, and what else was stored decided on it: a game's winner, say",
            )
            return
        first = privilege.first and privilege.what != ROLE
        if first and not taken.losses:
            # By a function of that name it is what is expected of whoever deployed it.
            usual = privilege.what == INITIALISER
            severity, confidence = Severity.INFO if usual else Severity.LOW, Confidence.POSSIBLE
        elif first:
            severity, confidence = Severity.MEDIUM, Confidence.POSSIBLE
        elif taken.losses and (robbed or not plain(privilege)):
            severity, confidence = Severity.HIGH, Confidence.OBSERVED
        elif plain(privilege):
            severity, confidence = Severity.LOW, Confidence.POSSIBLE
        elif passage.observed:
            severity, confidence = Severity.MEDIUM, Confidence.OBSERVED
        else:
            severity, confidence = Severity.MEDIUM, Confidence.POSSIBLE
        named = privilege.named or passage.outsider
        what = _SAID[privilege.what]
        title = f"0x{named.hex()} became {what} of 0x{privilege.context.hex()}, and nobody was checked"
        access = privilege.access
        slot = SlotChange(privilege.context, access.slot, access.before, access.value)
        yield self.finding(
            taken.execution,
            title,
            severity=severity,
            confidence=confidence,
            addresses=(privilege.context, named, passage.outsider),
            amounts=[each for loss in taken.losses for each in loss.amounts(privilege.context)],
            frames=(passage.frame, access.frame),
            slots=(slot,),
            notes=tuple(_notes(privilege, passage, first)),
            subject=f"{privilege.context.hex()} {access.slot.hex()}",
        )
        for loss in taken.losses:
            if loss.execution is not taken.execution:
                yield self.finding(
                    loss.execution,
                    f"0x{privilege.context.hex()} paid on the word of an {what} that nobody had checked",
                    severity=severity,
                    confidence=confidence,
                    addresses=(privilege.context, named),
                    amounts=loss.amounts(privilege.context),
                    slots=(slot,),
                    subject=f"{privilege.context.hex()} loss",
                )


def _displaced(taken: Takeover) -> bool:
    """Whether code of another account put its caller, who paid nothing, where somebody else's name had been.

    By its own code a contract may keep whoever came last (a highest bidder); a library that does so is rarely asked to.
    """
    privilege = taken.privilege
    frame = taken.execution.frame(privilege.access.frame)
    return (
        not privilege.first
        and privilege.named == taken.passage.outsider
        and frame.code != frame.target
        and not frame.value
        and taken.execution.frame(taken.passage.frame).value == 0
    )


def _conditional(taken: Takeover) -> bool:
    """Whether the call had read other values of its contract before it wrote: not anybody got it at any time."""
    paths, access = authority(taken.execution), taken.privilege.access
    reads = paths.reads.get(paths.root(access.frame), ())
    return any(each.value and each.slot != access.slot and each.order < access.order for each in reads)


def _notes(privilege: Privilege, passage: Passage, first: bool) -> Iterator[str]:
    if first:
        yield "Nobody held it before: it may be a first initialisation in a transaction of its own."
    if privilege.announced:
        yield "The contract announced it in an event."
    if not passage.observed:
        yield "Nothing stored names the caller; a comparison with an address in the code would not show."
