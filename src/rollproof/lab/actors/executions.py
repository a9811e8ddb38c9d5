"""What creations run, and calls of the precompiled contracts: every instruction and every limit of the machine.

Source: EIP-170 and 3860 (sizes of code), 3541, 6780, 7823 and 7883 (modular exponentiation); OP Stack specification,
Jovian, "Precompile input size limits".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rollproof.lab.actors import precompiles, programs
from rollproof.lab.actors.turn import Kind, Turn
from rollproof.lab.bytecode import TOKEN, deployment

_GAS: Final = 500_000
_INVALID: Final = deployment(b"\xfe")  # a contract of one invalid opcode
_CODE_GAS: Final = 5_200_000  # for 200 a byte of the longest code
_PRECOMPILE_GAS: Final = 400_000
# bytes of input that the L2 takes no more of (Jovian), each one pair or element above the limit
TOO_LONG: Final = {
    precompiles.BN_PAIRING: 81_984 + 192,
    precompiles.G1_MSM: 288_960 + 160,
    precompiles.G2_MSM: 278_784 + 288,
    precompiles.BLS_PAIRING: 156_672 + 384,
}
_LONG_GAS: Final = 15_000_000  # more than such an input costs where it is taken
_MODEXP_LIMIT: Final = 1_024  # EIP-7823: bytes of each number
_PLAIN: Final = (
    programs.ENVIRONMENT, programs.MEMORY, programs.STACK, programs.BLOCK_HASHES, programs.HISTORY_READS,
    programs.TRANSIENT, programs.CALLS, programs.COLLISION, programs.STARVATION, programs.BOMBS, programs.NO_EF_CHILD,
    programs.INIT_TOO_LONG, programs.LEADING_ZEROS, deployment(TOKEN), _INVALID,
)  # fmt: skip
_WITH_VALUE: Final = (programs.ENVIRONMENT, programs.PAYMENTS, programs.DESTRUCTION, programs.SHORT_LIVED)


def _running(init: bytes, *, value: int = 0, gas: int = _GAS) -> Kind:
    def running(turn: Turn) -> bytes:
        return turn.account.send(None, data=init, value=value, gas=gas)

    return running


def arithmetic(turn: Turn) -> bytes:
    return turn.account.send(None, data=programs.arithmetic(turn.draw), gas=_GAS)


def _valid(number: int) -> Kind:
    """Called directly: its answer is the transaction's output."""

    def valid(turn: Turn) -> bytes:
        data = precompiles.valid(number, turn.draw)
        return turn.account.send(number.to_bytes(20, "big"), data=data, gas=_PRECOMPILE_GAS)

    return valid


def _asked(number: int) -> Kind:
    """Called by a program, with an input that is probably wrong: it goes on after the failure."""

    def asked(turn: Turn) -> bytes:
        data = precompiles.invalid(number, turn.draw)
        return turn.account.send(None, data=programs.asking(number, data, 200_000), gas=_GAS)

    return asked


def random_input(turn: Turn) -> bytes:
    """Hardly ever valid."""
    draw = turn.draw
    data = draw.randbytes(draw.choice([0, 32, 64, 96, 128, 160, 192, 213, 256, 288]))
    return turn.account.send(draw.choice(precompiles.ALL).to_bytes(20, "big"), data=data, gas=_PRECOMPILE_GAS)


def _modexp(size: int) -> Kind:
    """A base and a modulus of so many bytes, and an exponent of one."""

    def modexp(turn: Turn) -> bytes:
        draw = turn.draw
        data = precompiles.modexp(draw.randbytes(size), b"\3", draw.randbytes(size))
        to = precompiles.MODEXP.to_bytes(20, "big")
        return turn.account.send(to, data=data, gas=_PRECOMPILE_GAS)

    return modexp


BOTH: Final[Sequence[Kind]] = (
    *(_running(init) for init in _PLAIN),
    *(_running(init, value=1_000) for init in _WITH_VALUE),
    *(_running(init, gas=100_000) for init in programs.FAILURES.values()),
    _running(programs.LONGEST_INIT, gas=600_000),
    _running(programs.LONGEST_CODE, gas=_CODE_GAS),
    _running(programs.CODE_TOO_LONG, gas=_CODE_GAS),
    arithmetic,
    arithmetic,
    *(_valid(number) for number in precompiles.ALL),
    *(_asked(number) for number in precompiles.ALL),
    random_input,
    _modexp(_MODEXP_LIMIT),
    _modexp(_MODEXP_LIMIT + 1),
)
L2: Final[Sequence[Kind]] = tuple(
    _running(programs.asking_zeros(number, size, _LONG_GAS), gas=16_000_000) for number, size in TOO_LONG.items()
)
