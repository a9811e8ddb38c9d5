"""What a JSON-RPC or HTTP error means: one table from (code, message) to what the caller should do.

Providers agree on few codes (EIP-1474; 4444 "pruned history" of execution-apis), so most rows look at the words.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from rollproof.errors import Malformed, Missing, Retry, RollproofError, Unsupported


class Kind(Enum):
    """What to do about a refusal."""

    RETRY = "retry"  # the same request may succeed later
    LAGGING = "lagging"  # a backend behind a balancer may not have the block yet: try twice, then it is missing
    TOO_LARGE = "too large"  # ask for less
    UNSUPPORTED = "unsupported"  # the method or this form of its parameters is not served
    MISSING = "missing"  # served, but not this block or state
    REVERTED = "reverted"  # eth_call ran, and the contract reverted


class TooLarge(Malformed):
    """The question or its answer is larger than one side accepts: ask for less at once."""


class Reverted(Missing):
    """A message ran and reverted; the message has the contract's reason where the node shows one."""


class _Row(NamedTuple):
    kind: Kind
    codes: frozenset[int]
    words: re.Pattern[str] | None


def _row(kind: Kind, codes: set[int], words: str | None) -> _Row:
    return _Row(kind, frozenset(codes), re.compile(words, re.IGNORECASE) if words else None)


# First match wins. Words come before bare codes because one code means several things: -32005 is "limit exceeded" for
# a rate and for a size, -32000 is everything, and -32602 is reth's answer for a block beyond its proof window.
# A revert comes first of all: its reason is a contract's text and may say anything. Code 3 is execution-apis'.
_TABLE = (
    _row(Kind.REVERTED, {3}, r"^(vm exception while processing transaction: )?(execution )?revert(ed)?\b"),
    _row(
        Kind.UNSUPPORTED,
        {-32601},
        r"method (\S+ )?(is )?not (found|supported|available|allowed|enabled|whitelisted|implemented)"
        r"|(unknown|unsupported) method|does not exist/is not available|not implemented|api is not enabled",
    ),
    _row(
        Kind.TOO_LARGE,
        set(),
        r"(response|result|payload|request|body|batch)\S* (size |length |is )*(too (large|big|long)|limit|exceed)"
        r"|too many (slots|keys|results|requests in (a |the )?batch|calls)|entity too"
        r"|exceeds? (the )?(max(imum)? )?(batch|response|size|payload)",
    ),
    _row(
        Kind.MISSING,
        {4444, -32014},
        r"missing trie node|historical state|state (is |of block )?.{0,40}not available"
        r"|state .{0,80}(unavailable|pruned)|pruned|proof window|old data not|archive|history|commitment",
    ),
    _row(
        Kind.RETRY,
        {429, -32002, -32016, -32029, -32097},
        r"rate.?limit|too many (requests|connections)|throughput|compute units|capacity|quota|try again|time(d)? ?out"
        r"|overload|busy|temporar|exceeded.{0,20}(second|minute|limit)|server error|internal json-rpc|connection",
    ),
    _row(
        Kind.LAGGING,
        {-32001},
        r"header not found|block .{0,80}not found|unknown block|not found|beyond (the )?(head|latest)",
    ),
    _row(Kind.RETRY, {-32005}, None),
    _row(
        Kind.UNSUPPORTED,
        {-32602, -32600, -32004},
        r"invalid (argument|params)|cannot unmarshal|unsupported|not supported",
    ),
)


def kind_of(code: int, message: str) -> Kind:
    """The kind of a JSON-RPC error object; an unknown one is ``MISSING``: it was asked for and not served."""
    for row in _TABLE:
        if code in row.codes or (row.words is not None and row.words.search(message[:500])):
            return row.kind
    return Kind.MISSING


def kind_of_status(status: int) -> Kind:
    """The kind of an HTTP status that carries no JSON-RPC answer."""
    if status == 413:
        return Kind.TOO_LARGE
    if status in (408, 421, 425, 429) or status >= 500:
        return Kind.RETRY
    return Kind.MISSING


_CLASSES: dict[Kind, type[RollproofError]] = {
    Kind.RETRY: Retry,
    Kind.LAGGING: Missing,
    Kind.TOO_LARGE: TooLarge,
    Kind.UNSUPPORTED: Unsupported,
    Kind.MISSING: Missing,
    Kind.REVERTED: Reverted,
}


def error_of(kind: Kind, text: str) -> RollproofError:
    """The error to raise once there is nothing left to try."""
    return _CLASSES[kind](text)
