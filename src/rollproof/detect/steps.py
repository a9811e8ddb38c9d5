"""What the second pass found in one transaction: where the values that matter came from, and what was tested.

The core runs it (``rust/src/shadow``) only for transactions that the first pass picked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollproof import _core


class Taint(IntFlag):
    """Where a value came from. Bits are set by the core (``rust/src/shadow/taint.rs``)."""

    CALLDATA = 1 << 0  # of the frame's own call data, whoever wrote it
    CALLER = 1 << 1
    ORIGIN = 1 << 2
    STORAGE = 1 << 3
    CALLVALUE = 1 << 4
    TIMESTAMP = 1 << 5  # and NUMBER
    BLOCK_HASH = 1 << 6  # BLOCKHASH, PREVRANDAO, DIFFICULTY, COINBASE
    OWN_BALANCE = 1 << 7  # BALANCE of the account itself, SELFBALANCE
    BALANCE = 1 << 8  # of another account
    GAS = 1 << 9  # GAS, GASPRICE, BASEFEE
    RETURNED = 1 << 10  # what a call returned
    SIGNER = 1 << 11  # what ecrecover returned
    CALLER_SLOT = 1 << 12  # read from a slot whose key was made of the caller
    HASH = 1 << 13  # went through keccak256
    SUCCESS = 1 << 14  # whether a call succeeded
    WRAPPED = 1 << 15  # an addition, subtraction or multiplication that wrapped
    TRUNCATED = 1 << 16  # a mask or shift that lost set bits
    ADDRESS = 1 << 17  # the account's own address
    CHAIN_ID = 1 << 18


class Guard(IntFlag):
    """What had decided a jump before an instruction, in its own call of its account (delegated code included).

    Where nothing there asked who calls, the bits of the nearest frame above that did are added, with ``ABOVE``.
    """

    CALLER = 1 << 0  # the caller was compared with something that is not call data
    ORIGIN = 1 << 1
    SIGNATURE = 1 << 2  # a recovered signer was
    CALLER_SLOT = 1 << 3  # something stored for the caller was (a role, a balance, an allowance)
    STORAGE = 1 << 4  # some stored value was (an initialised flag, a lock)
    PROOF = 1 << 5  # a hash of call data was compared, or what is stored for one (a Merkle proof, a commitment)
    RETURNED = 1 << 6  # another contract was asked
    ABOVE = 1 << 7  # who calls was looked at in a frame above, of another account


@dataclass(frozen=True, slots=True)
class Write:
    """One live SSTORE: ``access`` is its row. Taints of the slot's key and of the value, and the guards before it."""

    access: int
    frame: int
    pc: int
    slot: Taint
    value: Taint
    guards: Guard


@dataclass(frozen=True, slots=True)
class Call:
    """One call or creation: ``frame`` is the row of what was called. Taints of address, wei and call data.

    ``selector`` is the taint of the first four bytes of call data. ``success_checked``: a jump was decided by its
    success, or it was stored or returned; ``result_checked``: the same for what it returned.
    """

    frame: int
    pc: int
    target: Taint
    value: Taint
    selector: Taint
    arguments: Taint
    guards: Guard
    success_checked: bool
    result_checked: bool


@dataclass(frozen=True, slots=True)
class Wrap:
    """Arithmetic that lost something, and the result mattered.

    ``kind``: add, sub, mul; truncate (``left`` masked by ``right``); round-to-zero (``left`` divided by ``right``).
    ``sink``: storage, value (wei sent), argument (of transfer, transferFrom, mint, burn, withdraw), log;
    ``sink_order`` is the order at which it arrived there. ``tested``: some jump was decided by the result.
    """

    kind: str
    frame: int
    pc: int
    left: int
    right: int
    result: int
    sink: str
    sink_order: int
    tested: bool


@dataclass(frozen=True, slots=True)
class SelfdestructStep:
    """A live SELFDESTRUCT: who gets the ether, and what had been looked at before."""

    frame: int
    pc: int
    beneficiary: Taint
    guards: Guard


@dataclass(frozen=True, slots=True)
class Test:
    """A conditional jump that something unusual decided: ``taint`` says what.

    ``equality``: by whether it is equal to something, not by which is larger.
    """

    frame: int
    pc: int
    order: int
    taint: Taint
    equality: bool


# Making a flag from a number takes longer than all the rest of a row; few different ones occur.
_taint, _guard = lru_cache(1 << 14)(Taint), lru_cache(1 << 12)(Guard)


class Steps:
    """The second pass over one transaction."""

    def __init__(self, found: _core.Steps) -> None:
        self._found = found

    @cached_property
    def writes(self) -> tuple[Write, ...]:
        """Every live SSTORE, in order."""
        return tuple(
            Write(access, frame, pc, _taint(slot), _taint(value), _guard(guards))
            for access, frame, pc, slot, value, guards in self._found.writes
        )

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every call and creation but the first, in order."""
        return tuple(
            Call(
                frame,
                pc,
                _taint(target),
                _taint(value),
                _taint(selector),
                _taint(arguments),
                _guard(guards),
                tested,
                used,
            )
            for frame, pc, target, value, selector, arguments, guards, tested, used in self._found.calls
        )

    @cached_property
    def wraps(self) -> tuple[Wrap, ...]:
        """Arithmetic that lost something that mattered, at most 1,024."""
        return tuple(Wrap(*each) for each in self._found.wraps)

    @cached_property
    def tests(self) -> tuple[Test, ...]:
        """Jumps decided by the origin, the clock, randomness, gas, a signer or a balance; at most 4,096."""
        return tuple(
            Test(frame, pc, order, _taint(taint), equality) for frame, pc, order, taint, equality in self._found.tests
        )

    @cached_property
    def selfdestructs(self) -> tuple[SelfdestructStep, ...]:
        """Every live SELFDESTRUCT, in order."""
        return tuple(
            SelfdestructStep(frame, pc, _taint(taint), _guard(guards))
            for frame, pc, taint, guards in self._found.selfdestructs
        )

    @property
    def complete(self) -> bool:
        """Whether all of the transaction was followed; False where a bound was met."""
        return self._found.complete
