"""What a header commits to of its body: transactions root, withdrawals root, blob count, encoded size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rollproof import _core
from rollproof.errors import Malformed
from rollproof.replay.header import encode_header, minimal
from rollproof.types import Header, Withdrawal

MAX_RLP_BLOCK_SIZE = 8_388_608  # bytes: EIP-7934, 10 MiB less a margin of 2 MiB
MAX_PERMUTED = 128  # lists longer than this are not searched for a reordering
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


def reordered(values: Sequence[bytes], root: bytes, root_of: Callable[[Sequence[bytes]], bytes]) -> str | None:
    """Which swap of two or move of one value gives ``root``: ``"5 and 9 swapped"``, ``"9 moved to 2"``, else None.

    Tells a shuffled record (the list is not that block's) from a wrong root. Raises Malformed above MAX_PERMUTED.
    """
    if len(values) > MAX_PERMUTED:
        raise Malformed(f"{len(values)} entries are too many to search for a reordering")
    items = list(values)
    for left in range(len(items)):
        for right in range(left + 1, len(items)):
            items[left], items[right] = items[right], items[left]
            if root_of(items) == root:
                return f"{left} and {right} swapped"
            items[left], items[right] = items[right], items[left]
    for start in range(len(items)):
        rest = items[:start] + items[start + 1 :]
        for end in range(len(items)):
            if abs(start - end) > 1 and root_of([*rest[:end], items[start], *rest[end:]]) == root:
                return f"{start} moved to {end}"
    return None
