"""What a header commits to of its body: transactions root, withdrawals root, blob count, encoded size."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import combinations, permutations, product
from math import factorial

from rollproof import _core
from rollproof.errors import Malformed
from rollproof.replay.header import encode_header, minimal
from rollproof.types import Header, Withdrawal

MAX_RLP_BLOCK_SIZE = 8_388_608  # bytes: EIP-7934, 10 MiB less a margin of 2 MiB
MAX_TRIED = 20_000  # orders of a list
MAX_ENTRIES = 4_000_000  # entries of all lists tried together; some seconds
_BLOB_HASHES = 10  # position in an EIP-4844 transaction


def encode_withdrawal(withdrawal: Withdrawal) -> bytes:
    """EIP-4895's RLP of one withdrawal."""
    return _core.rlp_encode(
        [
            minimal(withdrawal.index),
            minimal(withdrawal.validator_index),
            withdrawal.address,
            minimal(withdrawal.amount),
        ]
    )


def transactions_root(transactions: Sequence[bytes]) -> bytes:
    """Root of the trie rlp(index) -> raw EIP-2718 transaction."""
    return _core.ordered_root(transactions)


def withdrawals_root(withdrawals: Sequence[Withdrawal]) -> bytes:
    """Root of the trie rlp(index) -> EIP-4895 withdrawal."""
    return _core.ordered_root([encode_withdrawal(withdrawal) for withdrawal in withdrawals])


def blob_count(transactions: Sequence[bytes]) -> int:
    """How many blobs the EIP-4844 transactions carry. Raises Malformed naming the transaction that does not decode."""
    count = 0
    for index, raw in enumerate(transactions):
        if raw[:1] != b"\x03":
            continue
        try:
            items = _core.rlp_decode(raw[1:], 4, 100_000)
        except _core.CoreError:
            items = None
        if not isinstance(items, list) or len(items) <= _BLOB_HASHES or not isinstance(items[_BLOB_HASHES], list):
            raise Malformed(f"transaction {index} is not a blob transaction's RLP")
        count += len(items[_BLOB_HASHES])
    return count


def _string_size(data: bytes) -> int:
    if len(data) == 1 and data[0] < 0x80:
        return 1
    return len(data) + _prefix_size(len(data))


def _prefix_size(length: int) -> int:
    return 1 if length < 56 else 1 + (length.bit_length() + 7) // 8


def block_size(header: Header, transactions: Sequence[bytes], withdrawals: Sequence[Withdrawal] | None) -> int:
    """Bytes of the block's RLP with an empty ommers list, without encoding it."""
    body = sum(len(raw) if raw[:1] >= b"\xc0" else _string_size(raw) for raw in transactions)
    size = len(encode_header(header)) + _prefix_size(body) + body + 1
    if withdrawals is not None:
        listed = sum(len(encode_withdrawal(withdrawal)) for withdrawal in withdrawals)
        size += _prefix_size(listed) + listed
    return size + _prefix_size(size)


def reordered(
    values: Sequence[bytes], alike: Sequence[Hashable], root: bytes, root_of: Callable[[Sequence[bytes]], bytes]
) -> str | None:
    """Which swap of two or move of one value gives ``root``: ``"5 and 9 swapped"``, ``"9 moved to 2"``, else None.

    Tells a shuffled record (the list is not that block's) from a wrong root. ``alike`` is each value's result: only an
    order with the same results in the same places is tried. Raises Malformed when more than MAX_TRIED are, or more
    than MAX_ENTRIES entries of them.
    """
    tried, most = 0, min(MAX_TRIED, MAX_ENTRIES // max(len(values), 1))

    def gives(items: Sequence[bytes]) -> bool:
        nonlocal tried
        tried += 1
        if tried > most:
            raise Malformed(f"more than {most} orders of {len(values)} entries are possible")
        return root_of(items) == root

    items = list(values)
    for left, right in (pair for same in _places(alike) for pair in combinations(same, 2)):
        items[left], items[right] = items[right], items[left]
        if gives(items):
            return f"{left} and {right} swapped"
        items[left], items[right] = items[right], items[left]
    for first, last in _runs(alike):
        # What is moved shifts all between, so those have to be alike too. A move by one place is a swap.
        for start in range(first, last):
            rest = items[:start] + items[start + 1 :]
            for end in range(first, last):
                if abs(start - end) > 1 and gives([*rest[:end], items[start], *rest[end:]]):
                    return f"{start} moved to {end}"
    return None


def orders(alike: Sequence[Hashable]) -> int:
    """How many orders have the same results in the same places."""
    count = 1
    for same in _places(alike):
        count *= factorial(len(same))
    return count


def rearranged(
    values: Sequence[bytes], alike: Sequence[Hashable], root: bytes, root_of: Callable[[Sequence[bytes]], bytes]
) -> bool:
    """Whether an order with the same results in the same places gives ``root``.

    All `orders` are tried up to MAX_TRIED; where there are more, those that are alike reversed and rotated.
    """
    places, items = _places(alike), list(values)
    tried: Iterable[tuple[Sequence[int], ...]] = _turned(places)
    if orders(alike) <= MAX_TRIED:
        tried = product(*map(permutations, places))
    for order in tried:
        for same, taken in zip(places, order, strict=True):
            for to, at in zip(same, taken, strict=True):
                items[to] = values[at]
        if root_of(items) == root:
            return True
    return False


def _turned(places: list[list[int]]) -> Iterator[tuple[list[int], ...]]:
    yield tuple(same[::-1] for same in places)
    for by in range(1, max(map(len, places))):
        yield tuple(same[by % len(same) :] + same[: by % len(same)] for same in places)


def _places(alike: Sequence[Hashable]) -> list[list[int]]:
    places: dict[Hashable, list[int]] = {}
    for at, result in enumerate(alike):
        places.setdefault(result, []).append(at)
    return list(places.values())


def _runs(alike: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Longest stretches of equal entries, as first and one past the last."""
    start = 0
    for at in range(1, len(alike) + 1):
        if at == len(alike) or alike[at] != alike[start]:
            yield start, at
            start = at
