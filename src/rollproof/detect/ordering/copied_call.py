"""Calls that repeat another's call: the same contract, function and arguments but for who gains.

After Torres et al., "Frontrunner Jones and the Raiders of the Dark Forest", USENIX Security 2021: displacement is found
by comparing inputs of transactions to one contract.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.replay.trace import Frame, Kind

WORD = 32
DISTINCTIVE = (
    24  # different bytes in a word that nobody comes upon by himself: a hash, a signature; no address has so many
)
MAX_INPUT = 16_384  # bytes that are compared
RUSH = 6  # senders of one call: what everybody wants at once is nobody's idea


@dataclass(frozen=True, slots=True)
class Copied:
    """A call that an earlier transaction made, too.

    ``beneficiary`` is whom the earlier one names where the later names its sender, if that differs. ``inner``: the
    earlier one made it from a contract of its own. ``distinctive``: some argument is not to be guessed.
    """

    earlier: Execution
    later: Execution
    target: bytes
    beneficiary: bytes | None
    distinctive: bool
    inner: bool

    @property
    def renamed(self) -> bool:
        return self.beneficiary is not None


def copied_calls(block: ExecutedBlock) -> Iterator[Copied]:
    """Each call with the nearest earlier one that it repeats, by another sender."""
    calls: dict[tuple[bytes, bytes, int], list[tuple[Execution, Frame]]] = {}
    later: list[tuple[Execution, Frame, tuple[bytes, bytes, int]]] = []
    for execution in block.executions:
        root = execution.root
        if root is None or root.kind != Kind.CALL or not 4 + WORD <= root.input_length <= MAX_INPUT:
            continue
        key = root.target, root.input[:4], root.input_length
        later.append((execution, root, key))
        calls.setdefault(key, []).append((execution, root))
    inner = _inner(block, {key for execution, _, key in later if execution.success is False})
    for execution, root, key in later:
        there = calls[key]
        if len({each.sender for each, _ in there}) > RUSH:
            continue
        found = _nearest(execution, root, there, inner=False)
        if found is None and execution.success is False:
            found = _nearest(execution, root, inner.get(key, []), inner=True)
        if found is not None:
            yield found


def _nearest(execution: Execution, root: Frame, there: list[tuple[Execution, Frame]], *, inner: bool) -> Copied | None:
    for other, frame in reversed(there):
        if other.index >= execution.index or other.sender == execution.sender or other.success is False:
            continue
        named = differs(frame.input, root.input, execution.sender)
        if named is not None:
            return Copied(other, execution, root.target, named or None, distinctive(root.input), inner)
    return None


def differs(earlier: bytes, later: bytes, sender: bytes | None) -> bytes | None:
    """Whom the earlier input names in each word that names ``sender`` in the later one; empty where both are the same.

    None where more differs.
    """
    if len(earlier) != len(later) or earlier[:4] != later[:4]:
        return None
    named = b""
    own = None if sender is None else bytes(12) + sender
    for at in range(4, len(later), WORD):
        one, other = earlier[at : at + WORD], later[at : at + WORD]
        if one == other:
            continue
        if other != own or one[:12] != bytes(12):
            return None
        named = named or one[12:]
    return named


def distinctive(data: bytes) -> bool:
    """Whether some argument has so many different bytes that two people do not choose it by chance."""
    return any(len(set(data[at : at + WORD])) >= DISTINCTIVE for at in range(4, len(data) - WORD + 1, WORD))


def _inner(
    block: ExecutedBlock, wanted: set[tuple[bytes, bytes, int]]
) -> dict[tuple[bytes, bytes, int], list[tuple[Execution, Frame]]]:
    """The calls that transactions make below their own, of those that are ``wanted``."""
    found: dict[tuple[bytes, bytes, int], list[tuple[Execution, Frame]]] = {}
    targets = {target for target, _, _ in wanted}
    if not wanted:
        return found
    column = block.trace.column("frame_target")
    for execution in block.executions:
        for row in execution.frame_rows[1:]:
            if column[20 * row : 20 * row + 20] not in targets:
                continue
            frame = execution.frame(row)
            key = frame.target, frame.input[:4], frame.input_length
            if key in wanted and frame.kind == Kind.CALL and not execution.reverted(row):
                found.setdefault(key, []).append((execution, frame))
    return found
