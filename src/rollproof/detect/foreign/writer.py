"""The core's trace builder, held to the bounds of the EVM and with errors that name a place."""

from __future__ import annotations

from typing import Final

from rollproof import _core
from rollproof.detect.foreign.fields import MAX_GAS
from rollproof.errors import Malformed
from rollproof.replay.trace import Kind

MAX_FRAMES_DEEP: Final = 1025  # the transaction's own call, and 1,024 below it
MAX_ROWS: Final = 4_000_000


class Writer:
    """Rows of one block's trace, in time order. ``where`` names the file and what is being read of it."""

    def __init__(self, where: str, *, logs: bool = True) -> None:
        self.where = where
        self.depth = 0
        self._rows = 0
        self._builder = _core.TraceBuilder(logs=logs)

    def begin(self, index: int) -> None:
        """The next frames are those of the transaction at this index of the block. Raises Malformed: out of order."""
        try:
            self._builder.begin(index)
        except (_core.CoreError, OverflowError):
            raise Malformed(f"{self.where}: transaction {index} is out of order") from None

    def enter(
        self,
        kind: Kind,
        caller: bytes,
        target: bytes,
        code: bytes,
        *,
        value: int = 0,
        gas: int = 0,
        data: bytes = b"",
    ) -> None:
        """A frame begins. Raises Malformed where calls nest deeper than the EVM lets them."""
        if self.depth == MAX_FRAMES_DEEP:
            raise Malformed(f"{self.where}: calls nest deeper than {MAX_FRAMES_DEEP}")
        self._count()
        self.depth += 1
        self._builder.enter(int(kind), caller, target, code, value, min(gas, MAX_GAS), data)

    def leave(
        self, *, success: bool, gas_used: int = 0, output: bytes = b"", ran: bool = True, out_of_gas: bool = False
    ) -> None:
        """The innermost frame ends; ``ran``: it had code. Raises Malformed where none is open."""
        if not self.depth:
            raise Malformed(f"{self.where}: a call ends that did not begin")
        self.depth -= 1
        self._builder.leave(success, min(gas_used, MAX_GAS), output, ran=ran, out_of_gas=out_of_gas)

    def access(self, kind: int, slot: bytes, value: int, before: int, pc: int | None = None) -> None:
        """A storage access of the innermost frame: 0 SLOAD, 1 SSTORE, 2 TLOAD, 3 TSTORE."""
        self._inside()
        self._builder.access(kind, slot, value, before, pc)

    def hashed(self, key: bytes, base: bytes, result: bytes) -> None:
        """keccak256 of two words: the place of a mapping's entry. Raises Malformed where it is not their hash."""
        try:
            self._builder.hashed(key, base, result)
        except _core.CoreError as error:
            raise Malformed(f"{self.where}: {error}") from None

    def log(self, address: bytes, topics: list[bytes], data: bytes) -> None:
        """A log of the innermost frame."""
        self._inside()
        self._builder.log(address, topics, data)

    def selfdestruct(self, beneficiary: bytes, value: int) -> None:
        """A SELFDESTRUCT of the innermost frame."""
        self._inside()
        self._builder.selfdestruct(beneficiary, value)

    def finish(self) -> _core.Trace:
        """The trace. Raises Malformed where a frame is open."""
        if self.depth:
            raise Malformed(f"{self.where}: {self.depth} calls do not end")
        return self._builder.finish()

    def _inside(self) -> None:
        self._count()
        if not self.depth:
            raise Malformed(f"{self.where}: something happens outside any call")

    def _count(self) -> None:
        self._rows += 1
        if self._rows > MAX_ROWS:
            raise Malformed(f"{self.where}: more than {MAX_ROWS} rows")
