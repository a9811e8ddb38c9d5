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

# Called by every block from their fork on: EIP-4788, EIP-2935, EIP-7002, EIP-7251. Without a code none of them may do.
SYSTEM_CONTRACTS = tuple(
    bytes.fromhex(address)
    for address in (
        "000f3df6d732807ef1319fb7b8bb8522d0beac02",
        "0000f90827f1c53a10cb7a02335b175320002935",
        "00000961ef480eb55e80d19ad83579a64c007002",
        "0000bbddc7ce488642fb579f8b00f3a590007251",
    )
)


_REQUESTS = SYSTEM_CONTRACTS[2:]
_STOP = b"\x00"


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
        self.lent: tuple[bytes, ...] = ()
        start = source.touched()
        for address in SYSTEM_CONTRACTS:
            start.setdefault(address, set())
        for raw in source.block.transactions:
            for address in _parties(raw):
                start.setdefault(address, set())
        self.learn(start.items())

    @property
    def values(self) -> Mapping[bytes, Values]:
        """What was read, by account."""
        return self._values

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
        self._make()
        return True

    def lend(self) -> bool:
        """Put a contract without requests wherever one that every block has to call is not there; False if all are.

        A development node that leaves these calls out is followed all the same, and ``lent`` says where.
        """
        missing = tuple(a for a in _REQUESTS if a not in self.lent and not self._values[a].code)
        self.lent += missing
        self._make()
        return bool(missing)

    def _make(self) -> None:
        made = [_account(a, v) for a, v in self._values.items() if _exists(v) and a not in self.lent]
        made += [(a, 1, self._values[a].balance, _STOP, []) for a in self.lent]
        self.root, self.preimages = _core.genesis(made)


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
