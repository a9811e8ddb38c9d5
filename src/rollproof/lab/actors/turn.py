"""One turn of the passerby: where it stands, what it draws, and the contracts that it has put there before."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rollproof import _core
from rollproof.lab.bytecode import deployment
from rollproof.lab.transaction import Account, created

if TYPE_CHECKING:
    from rollproof.lab.chain import Chain
    from rollproof.lab.stack import Layer, Stack

Kind = Callable[["Turn"], bytes]  # the raw transaction of a turn
_CROWD: Final = 500


@dataclass(slots=True)
class Turn:
    """``account`` has the right nonce for one transaction; ``programs`` are addresses by layer and code."""

    stack: Stack
    layer: Layer
    account: Account
    draw: random.Random
    programs: dict[tuple[str, bytes], bytes]

    @property
    def chain(self) -> Chain:
        return self.stack.chain(self.layer)

    def stranger(self) -> bytes:
        """An address of a small crowd, so that accounts are new at first and old later."""
        return _core.keccak256(b"stranger %d" % self.draw.randrange(_CROWD))[12:]

    def find(self, code: bytes) -> bytes | None:
        """Where a program of the passerby's stands; None where it has to be created first."""
        found = self.programs.get((self.layer, code))
        return found if found is not None and self.chain.code(found) == code else None

    def create(self, code: bytes) -> bytes:
        """The transaction that creates it."""
        self.programs[self.layer, code] = created(self.account.address, self.account.nonce)
        return self.account.send(None, data=deployment(code), gas=400_000)


def words(*values: int) -> bytes:
    """Words of calldata."""
    return b"".join(each.to_bytes(32, "big") for each in values)


def slots(numbers: Sequence[int]) -> list[bytes]:
    return [each.to_bytes(32, "big") for each in numbers]
