"""A signature that is none is accepted, or one that was used is used again."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from rollproof.detect.authority import Authority, authority
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution, Transfer
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Frame, Kind
from rollproof.types import Amount, Confidence, Severity

ECRECOVER = bytes(19) + b"\x01"
# Half of secp256k1's order: EIP-2 allows no transaction a higher s.
HALF = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_IS_VALID_SIGNATURE = bytes.fromhex("1626ba7e")  # ERC-1271

MAX_USES = 256  # of one execution

# token (None: wei), sender, recipient, amount
Move = tuple[bytes | None, bytes, bytes, int]


@dataclass(frozen=True, slots=True)
class Use:
    """One live recovery. ``root`` is the invocation that asked for it; ``moved`` what moved in it afterwards."""

    execution: Execution
    frame: Frame
    root: Frame
    moved: tuple[Move, ...]
    wrote: bool
    keyed: bool  # it wrote an entry of a mapping whose key is no account: an order, a digest
    reads: tuple[tuple[bytes, int], ...]  # what the invocation had read before

    @property
    def digest(self) -> bytes:
        """The hash that was signed; empty where the source has no call data."""
        return self.frame.input[:32]


class SignatureMisuse(Detector):
    """A recovery that failed did not stop what it stands before, or the same signature moved assets twice."""

    id = "signature-misuse"
    severity = Severity.MEDIUM
    title = "A signature that proves nothing is accepted"
    what = (
        "ecrecover answered with nothing, and the call that had asked went on to write or pay and asked nobody else; "
        "or the same digest (with the same signature, or its mirror image) was accepted twice by a contract that moved "
        "the same assets each time and kept no account of it."
    )
    why = (
        "ecrecover fails with the zero address, which an unset signer equals; a digest without a nonce lasts for ever."
    )
    example = "Wormhole's and Nomad's checks failed open in 2022; Optimism's 20,000,000 OP went by a replayed creation."
    references = ("https://swcregistry.io/docs/SWC-117/", "https://swcregistry.io/docs/SWC-121/")
    scope = "block"
    needs = Shows.CALLS
    trigger = Trigger.RECOVERS

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        asked: list[tuple[Execution, Frame]] = []
        for execution in evidence.executions:
            if execution.flags & Trigger.RECOVERS and execution.success is not False:
                asked.extend((execution, frame) for frame in _recoveries(execution))
        uses: list[Use] = []
        counted: Counter[int] = Counter()
        for execution, frame in _worth(asked):
            counted[execution.index] += 1
            if counted[execution.index] <= MAX_USES:
                uses.append(_use(execution, frame))
            elif counted[execution.index] == MAX_USES + 1:
                yield self.unjudged(execution, f"more than {MAX_USES} signatures; the others were not looked at")
        yield from self._failed(uses)
        yield from self._again(uses)

    def _failed(self, uses: list[Use]) -> Iterator[Judgement]:
        for use in uses:
            if Shows.OUTPUT not in use.execution.shows or any(use.frame.output):
                continue
            paths = authority(use.execution)
            later = [each for each in paths.below(use.root.row) if each.order > use.frame.order]
            if any(each.code == ECRECOVER or each.input[:4] == _IS_VALID_SIGNATURE for each in later):
                continue
            if not (use.moved or use.wrote):
                continue
            yield self.finding(
                use.execution,
                f"0x{use.root.target.hex()} went on after a signature from which nobody was recovered",
                severity=Severity.MEDIUM if use.moved else Severity.LOW,
                confidence=Confidence.OBSERVED if use.moved else Confidence.POSSIBLE,
                addresses=(use.root.target, use.root.caller),
                amounts=tuple(_amounts(use.moved)),
                frames=(use.root.row, use.frame.row),
                subject=f"{use.root.target.hex()} failed {use.frame.row - use.execution.frame_rows.start}",
            )

    def _again(self, uses: list[Use]) -> Iterator[Judgement]:
        before: dict[tuple[bytes, ...], Use] = {}
        for use in uses:
            told = Shows.INPUT in use.execution.shows and len(use.frame.input) >= 128
            key = (use.root.target, use.digest, use.frame.output if told else use.root.caller, use.root.input[:4])
            first = before.setdefault(key, use)
            if first is use or (first.execution is use.execution and first.root.row == use.root.row):
                continue
            again = tuple(move for move in use.moved if move in first.moved)
            if not again or (told and (use.keyed or first.keyed)) or (not told and _counted(first, use)):
                continue
            before[key] = use
            same = first.frame.input == use.frame.input
            yield self.finding(
                use.execution,
                f"0x{use.root.target.hex()} accepted "
                + ("the same signature again" if same else "a second form of the same signature"),
                confidence=Confidence.OBSERVED if told else Confidence.POSSIBLE,
                addresses=(use.root.target, use.root.caller),
                amounts=tuple(_amounts(again)),
                frames=(use.root.row, use.frame.row),
                notes=()
                if told
                else ("The source shows no call data: that it is the same is taken from its effects.",),
                subject=f"{use.root.target.hex()} again {use.frame.row - use.execution.frame_rows.start}",
            )


def _recoveries(execution: Execution) -> Iterator[Frame]:
    codes = execution.trace.column("frame_code")
    end = 20 * execution.frame_rows.stop
    at = codes.find(ECRECOVER, 20 * execution.frame_rows.start, end)
    while at >= 0:
        row, odd = divmod(at, 20)
        if not odd and row != execution.frame_rows.start and not execution.reverted(row):
            yield execution.frame(row)
        at = codes.find(ECRECOVER, at + 1, end)


def _worth(asked: list[tuple[Execution, Frame]]) -> Iterator[tuple[Execution, Frame]]:
    """Recoveries that failed, and those of one digest by one signer, but once between what moves in between."""
    often = Counter((frame.input[:32], frame.output) for _, frame in asked)  # a multisig asks for one by many
    orders: dict[int, list[int]] = {}
    seen: set[tuple[int, int, bytes, bytes]] = set()
    for execution, frame in asked:
        if any(frame.output):
            if often[frame.input[:32], frame.output] == 1:
                continue
            moved = orders.setdefault(execution.index, [each.order for each in execution.transfers])
            place = (execution.index, bisect_left(moved, frame.order), frame.input[:32], frame.output)
            if place in seen or place[1] == len(moved):
                continue
            seen.add(place)
        yield execution, frame


def _use(execution: Execution, frame: Frame) -> Use:
    paths = authority(execution)
    root = paths.frame(paths.root(frame.parent if frame.parent is not None else frame.row))
    # A library or a view of its own may do the recovering: what counts is the call that the answer is for.
    while root.kind is Kind.STATICCALL and root.parent is not None:
        root = paths.frame(paths.root(root.parent))
    inside = paths.span(root.row)
    later = execution.transfers[bisect_right(execution.transfers, frame.order, key=lambda each: each.order) :]
    after = list(takewhile(lambda each: each.frame in inside, later))
    writes = [each for _, each in paths.writes.get(root.row, ()) if each.value != each.before]
    return Use(
        execution,
        frame,
        root,
        tuple(map(_move, after)),
        any(each.order > frame.order for each in writes),
        any(_keyed(paths, each.slot) for each in writes),
        tuple((each.slot, each.value) for each in paths.reads.get(root.row, ()) if each.order < frame.order),
    )


def _move(each: Transfer) -> Move:
    return each.token, each.sender, each.recipient, each.amount


def _keyed(paths: Authority, slot: bytes) -> bool:
    for _ in range(4):
        entry = paths.entry(slot)
        if entry is None:
            return False
        key, slot = entry
        if any(key[:12]):
            return True
    return False


def _counted(first: Use, second: Use) -> bool:
    """Whether something that both had read before they asked had changed in between: a nonce, not a balance."""
    seen = dict(first.reads)
    amounts = {move[3] for move in first.moved}
    changes = {abs(value - seen[slot]) for slot, value in second.reads if slot in seen}
    return any(change and change not in amounts for change in changes)


def _amounts(moved: tuple[Move, ...]) -> Iterator[Amount]:
    for token, sender, recipient, amount in moved:
        if amount:
            yield Amount(token, sender, -amount)
            yield Amount(token, recipient, amount)
