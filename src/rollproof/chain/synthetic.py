"""A state of our own making over plain values, for nodes whose tries mean nothing (``Node.compliant``).

It holds only what was read, and what it does not hold reads as absent. So a run on it is right once everything the run
touched has been read: run, ``learn``, and run again until nothing new was touched. Its root is not the chain's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rollproof import _core
from rollproof.chain.pinned import Values
from rollproof.chain.witness import NodeSource
from rollproof.errors import Unsupported


class Synthetic:
    """The parent's state of a source's block, as far as it has been read. ``preimages`` are all of its trie and codes.

    Raises:
        Missing, Retry, Reset: the node does not serve the values.
    """

    def __init__(self, source: NodeSource) -> None:
        self._source = source
        self._values: dict[bytes, Values] = {}
        self.root = b""
        self.preimages: list[bytes] = []
        start = source.touched()
        for raw in source.block.transactions:
            for address in _parties(raw):
                start.setdefault(address, set())
        self.learn(start.items())

    def learn(self, touched: Iterable[tuple[bytes, Iterable[bytes]]]) -> bool:
        """Read what a run touched (``Done.touched``) and was not read before; False where there was nothing new."""
        wanted: dict[bytes, list[bytes]] = {}
        for address, slots in touched:
            known = self._values.get(address)
            new = [slot for slot in slots if known is None or slot not in known.storage]
            if known is None or new:
                wanted.setdefault(address, []).extend(new)
        if not wanted and self.root:
            return False
        for address, read in self._source.read_values(wanted, wanted, after=False).items():
            known = self._values.get(address)
            storage = {**(known.storage if known is not None else {}), **read.storage}
            self._values[address] = Values(read.nonce, read.balance, read.code, storage)
        self.root, self.preimages = _core.genesis([_account(a, v) for a, v in self._values.items() if _exists(v)])
        return True


def _account(address: bytes, values: Values) -> tuple[bytes, int, int, bytes, list[tuple[int, int]]]:
    storage = [(int.from_bytes(slot, "big"), value) for slot, value in values.storage.items() if value]
    return address, values.nonce, values.balance, values.code, storage


def _exists(values: Values) -> bool:
    """EIP-161: an empty account is no account."""
    return bool(values.nonce or values.balance or values.code)


def _parties(raw: bytes) -> list[bytes]:
    """Sender and recipient: whether a transaction may be in the block at all depends on the first."""
    decoded: Mapping[str, bytes | None] | None = None
    for family in ("ethereum", "op"):
        try:
            decoded = _core.decode_transaction(raw, family)
            break
        except _core.CoreError:
            continue
    if decoded is None:
        raise Unsupported(f"transaction type 0x{raw[:1].hex()}")
    return [address for address in (decoded["sender"], decoded["to"]) if address is not None]
