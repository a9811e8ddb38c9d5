"""Orders of a block's transactions: which are allowed, and the usual ways to make another one.

An order lists transactions by their place in the original block; what it leaves out is removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rollproof import _core
from rollproof.errors import Malformed, Unsupported

DEPOSIT = 0x7E  # OP Stack specification, deposits: the transaction type


def without(count: int, removed: Collection[int]) -> list[int]:
    """The original order of ``count`` transactions without some of them."""
    return [index for index in range(count) if index not in removed]


def swapped(count: int, one: int, other: int) -> list[int]:
    """The original order with two transactions swapped. Raises Malformed for a place that there is not."""
    order = list(range(count))
    _in_range((one, other), count)
    order[one], order[other] = order[other], order[one]
    return order


def moved(count: int, index: int, to: int) -> list[int]:
    """The original order with one transaction moved to place ``to``. Raises Malformed for a place that there is not."""
    _in_range((index, to), count)
    order = without(count, (index,))
    order.insert(to, index)
    return order


def checked(order: Iterable[int], transactions: Sequence[bytes]) -> tuple[int, ...]:
    """The order as it will be run.

    Raises Malformed for a place that there is not or that is named twice, and Unsupported where a deposit is moved or
    removed: L1 forces it, and the chain's rules put it first (OP Stack specification, deposits).
    """
    wanted = tuple(order)
    _in_range(wanted, len(transactions))
    if len(set(wanted)) != len(wanted):
        twice = next(index for index in wanted if wanted.count(index) > 1)
        raise Malformed(f"order: transaction {twice} is named twice")
    forced = deposits(transactions)
    for place in range(forced):
        if place >= len(wanted) or wanted[place] != place:
            what = "the L1 attributes transaction" if place == 0 else f"deposit {place}"
            done = "removed" if place not in wanted else "moved"
            raise Unsupported(f"order: {what} cannot be {done}: L1 forces it and it comes first")
    return wanted


def deposits(transactions: Sequence[bytes]) -> int:
    """How many deposits the block begins with."""
    count = 0
    while count < len(transactions) and transactions[count][:1] == bytes([DEPOSIT]):
        count += 1
    return count


def raised_nonces(order: Sequence[int], transactions: Sequence[bytes], family: str) -> dict[bytes, int]:
    """By how much each sender's nonce has to be higher for its first transaction in ``order`` to be the next one.

    Only senders whose first transactions are gone are in it. Raises CoreError for a transaction that does not decode.
    """
    original: dict[bytes, int] = {}
    fields = [_core.decode_transaction(raw, family) for raw in transactions]
    for each in fields:
        if each["type"] != DEPOSIT:
            original.setdefault(each["sender"], each["nonce"])
    first: dict[bytes, int] = {}
    for index in order:
        if fields[index]["type"] != DEPOSIT:
            first.setdefault(fields[index]["sender"], fields[index]["nonce"])
    return {sender: nonce - original[sender] for sender, nonce in first.items() if nonce > original[sender]}


def _in_range(places: Iterable[int], count: int) -> None:
    for place in places:
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < count:
            raise Malformed(f"order: no transaction {str(place)[:20]} in a block of {count}")
