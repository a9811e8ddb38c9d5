"""Two codes share one storage and disagree about what is in it."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.authority import Authority, Standing, authority
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.invocation import PLAIN
from rollproof.detect.privilege import CODE, accounts, meaning
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Access
from rollproof.types import Confidence, Severity, SlotChange


class StorageCollision(Detector):
    """A plain slot that a proxy and the code behind it both use, written by one for an unchecked caller."""

    id = "storage-collision"
    severity = Severity.MEDIUM
    title = "Proxy and implementation use one slot for different things"
    what = (
        "A numbered slot was written, for a caller whom nothing had checked, by the proxy's own code or by the code "
        "that it runs, and the other of the two reads it as the address of the code to run, or as the account that may "
        "do what was then done."
    )
    why = "Whoever may write the harmless variable writes the dangerous one."
    example = "Audius, July 2022: the proxy's admin lay over the initialised flag; 18,564,497 AUDIO."
    references = ("https://eips.ethereum.org/EIPS/eip-1967", "https://swcregistry.io/docs/SWC-124/")
    needs = Shows.CALLS | Shows.STORAGE | Shows.VALUES
    trigger = Trigger.DELEGATES

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        if evidence.success is False or not evidence.flags & Trigger.WRITES:
            return
        if Shows.STEPS in evidence.shows and not evidence.flags & Trigger.PRIVILEGED:
            return
        paths = authority(evidence)
        seen: set[tuple[bytes, bytes]] = set()
        for root, writes in paths.writes.items():
            context = paths.frame(root).target
            for row, access in writes:
                place = (context, access.slot)
                if int.from_bytes(access.slot, "big") >= PLAIN or access.value == access.before or place in seen:
                    continue
                if not (access.value | access.before) >> 96:
                    continue  # no account in it, before or after
                writer = paths.frame(access.frame).code
                code = writer != context and not _moves(access) and meaning(paths, *place) == CODE
                reader = None if code else _reader(paths, context, access, writer)
                if not code and reader is None:
                    continue
                passage = paths.to_write(row)
                if passage.standing not in (Standing.OPEN, Standing.UNCLEAR):
                    continue
                if passage.standing is Standing.UNCLEAR and not code:
                    continue
                seen.add(place)
                what = "the code to run" if code else "the account that may act"
                yield self.finding(
                    evidence,
                    f"slot {int.from_bytes(access.slot, 'big')} of 0x{context.hex()} is written by the code of "
                    f"0x{writer.hex()}, and read by other code there as {what}",
                    confidence=Confidence.OBSERVED if passage.observed else Confidence.POSSIBLE,
                    addresses=(context, writer, *(() if reader is None else (reader,))),
                    frames=(access.frame,),
                    slots=(SlotChange(context, access.slot, access.before, access.value),),
                    subject=f"{context.hex()} {access.slot.hex()}",
                )


def _moves(access: Access) -> bool:
    """Whether nothing but other bytes of the slot changed: what shares it with the address."""
    return access.value & ((1 << 160) - 1) == access.before & ((1 << 160) - 1)


def _reader(paths: Authority, context: bytes, access: Access, writer: bytes) -> bytes | None:
    """The code, of the proxy and what it runs the other, that later finds its caller's name in the slot."""
    for read in paths.read(context, access.slot):
        if read.order < access.order or read.value != access.value:
            continue
        code, caller = paths.frame(read.frame).code, paths.frame(paths.root(read.frame)).caller
        if code != writer and context in (code, writer) and any(who == caller for _, who in accounts(read.value)):
            return code
    return None
