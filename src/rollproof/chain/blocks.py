"""Which blocks: the range grammar, and walking a range so that a reorganisation in the middle is noticed.

``N`` · ``N:M`` (M excluded) · ``N:+K`` · ``-K:`` (the last K) · a block hash · ``latest`` ``safe`` ``finalized``.
Numbers are decimal or 0x hexadecimal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rollproof.chain.header import Sealed
from rollproof.chain.node import Node
from rollproof.errors import Malformed, Missing, Reset

_NUMBER = r"(?:[0-9]{1,19}|0x[0-9a-fA-F]{1,16})"
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_ONE = re.compile(_NUMBER)
_SPAN = re.compile(rf"({_NUMBER}):(\+?)({_NUMBER})")
_LAST = re.compile(rf"-({_NUMBER}):")
_TAGS = ("latest", "safe", "finalized")
_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Span:
    """A parsed range: one block by hash or tag, the last ``last`` blocks, or ``first`` to before ``stop``."""

    at: bytes | str | None = None
    last: int | None = None
    first: int = 0
    stop: int = 0


def parse(text: str) -> Span:
    """A range from its text.

    Raises:
        Malformed: not the grammar, or an empty range.
    """
    text = text.strip()
    if _HASH.fullmatch(text):
        return Span(at=bytes.fromhex(text[2:]))
    if text in _TAGS:
        return Span(at=text)
    span = Span()
    if _ONE.fullmatch(text):
        span = Span(first=_int(text), stop=_int(text) + 1)
    elif found := _LAST.fullmatch(text):
        span = Span(last=_int(found[1]))
        if not span.last:
            raise Malformed("block range -0: is empty")
    elif found := _SPAN.fullmatch(text):
        first, number = _int(found[1]), _int(found[3])
        span = Span(first=first, stop=first + number if found[2] else number)
    else:
        raise Malformed(f"block range {text[:40]!r}: use N, N:M, N:+K, -K:, a block hash, latest, safe or finalized")
    if span.last is None and not span.first < span.stop <= _LIMIT:
        raise Malformed(
            f"block range {text!r}: is empty" if span.stop <= span.first else f"block range {text!r}: too far"
        )
    return span


def pin(node: Node, span: Span) -> tuple[Sealed, int]:
    """The first block's checked header, and how many blocks follow from it (itself included).

    Tags and ``-K:`` are resolved once, here, so that a moving head does not move the range.

    Raises:
        Missing: the node has no such block.
    """
    if span.at is not None:
        return node.header(span.at), 1
    if span.last is not None:
        head = node.header("latest")
        count = max(1, min(span.last, head.header.number))  # block 0 is given, not made
        return (head, 1) if count == 1 else (node.header(head.header.number - count + 1), count)
    return node.header(span.first), span.stop - span.first


def follow(before: Sealed, sealed: Sealed, label: str) -> None:
    """Check that a block's parent is the one that was read before it from the node called ``label``.

    Raises:
        Reset: it is another one.
    """
    if sealed.header.parent_hash != before.hash:
        raise Reset(
            f"{label}: block {sealed.header.number} (0x{sealed.hash.hex()}) does not follow block"
            f" {before.header.number} as it was read (0x{before.hash.hex()}): the chain reorganised"
        )


def still(node: Node, sealed: Sealed) -> bool:
    """Whether the node still has this block as the canonical one of its number.

    Raises:
        Missing, Retry, Lying: it does not say; that alone does not make the block another one.
    """
    try:
        return node.header(sealed.header.number).hash == sealed.hash
    except Missing:
        if node.header("latest").header.number < sealed.header.number:  # the chain is shorter now
            return False
        raise


def _int(text: str) -> int:
    return int(text, 16) if text.startswith("0x") else int(text)
