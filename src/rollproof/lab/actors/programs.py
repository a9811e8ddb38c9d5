"""What the passerby has run: small programs in opcodes that together use every instruction and meet every limit.

Most are init code that does its work while it is created and leaves nothing, so that a creation is all they need. Where
a program logs words, it is for whoever looks at the chain to see what the machine said.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from rollproof.lab.bytecode import assemble, deployment

BEACON_ROOTS: Final = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02"  # EIP-4788
HISTORY: Final = "0x0000f90827f1c53a10cb7a02335b175320002935"  # EIP-2935
MAX_CODE: Final = 24_576  # EIP-170
MAX_INIT: Final = 2 * MAX_CODE  # EIP-3860
_IN, _OUT, _KEPT, _CHILD = 1_024, 1_056, 1_984, 2_048  # where in memory: input, output, an address, init code


def _logged(*expressions: str) -> str:
    """Logs the word that each expression leaves, in order, and stops."""
    stored = " ".join(f"{expression} {32 * index} MSTORE" for index, expression in enumerate(expressions))
    return f"{stored} {32 * len(expressions)} PUSH0 LOG0 STOP"


def _making(init: bytes, *, value: str = "PUSH0", salt: str = "") -> str:
    """Creates a contract by init code; leaves its address, or zero."""
    padded = init.ljust(-(-len(init) // 32) * 32, b"\0")
    stored = " ".join(f"0x{padded[at : at + 32].hex()} {_CHILD + at} MSTORE" for at in range(0, len(padded), 32))
    return f"{stored} {salt} {len(init)} {_CHILD} {value} {'CREATE2' if salt else 'CREATE'}"


def _child(runtime: bytes, *, value: str = "PUSH0") -> str:
    """Creates a contract with this code and remembers where."""
    return f"{_making(deployment(runtime), value=value)} {_KEPT} MSTORE"


def _called(by: str = "CALL", *, gas: str = "GAS", value: str = "PUSH0") -> str:
    """Calls the remembered contract with one word of input and of output; leaves whether it succeeded."""
    paid = value if by in ("CALL", "CALLCODE") else ""
    return f"32 {_OUT} 32 {_IN} {paid} {_KEPT} MLOAD {gas} {by}"


def _answer(address: str, word: str) -> tuple[str, str]:
    """What a contract answers to a word: whether it succeeded, and the answer, or zero."""
    return (
        f"PUSH0 {_OUT} MSTORE {word} {_IN} MSTORE 32 {_OUT} 32 {_IN} {address} GAS STATICCALL",
        f"{_OUT} MLOAD",
    )


# Contracts that stay.

# Writes pairs of words of its input: slot, value. Slots that are cleared give gas back (EIP-3529).
LEDGER: Final = assemble(
    """
    PUSH0
    next: DUP1 CALLDATASIZE EQ @end JUMPI
    DUP1 32 ADD CALLDATALOAD DUP2 CALLDATALOAD SSTORE 64 ADD @next JUMP
    end: STOP
    """
)
DIVER: Final = assemble("PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL STOP")  # calls itself until no gas is left
MORTAL: Final = assemble("CALLER SELFDESTRUCT")  # it only sends its ether away, once it is older than its transaction
BLOBS: Final = assemble(_logged("PUSH0 BLOBHASH", "1 BLOBHASH", "9 BLOBHASH", "BLOBBASEFEE"))  # EIP-4844, EIP-7516
COUNTER: Final = assemble("PUSH0 TLOAD 1 ADD DUP1 PUSH0 TSTORE PUSH0 MSTORE 32 PUSH0 RETURN")  # EIP-1153
_WRITER: Final = assemble("1 PUSH0 SSTORE 1 PUSH0 MSTORE 32 PUSH0 RETURN")
_LOGGER: Final = assemble("PUSH0 PUSH0 LOG0")
_BOMB: Final = assemble("65536 PUSH0 RETURN")
_REVERTING_BOMB: Final = assemble("65536 PUSH0 REVERT")
_BURNS: Final = assemble("ADDRESS SELFDESTRUCT")
_ENDLESS: Final = assemble("again: @again JUMP")
_EF: Final = assemble("239 PUSH0 MSTORE8 1 PUSH0 RETURN")  # init code of a contract that begins with 0xef: EIP-3541

# Programs that are run by creating with them.

ENVIRONMENT: Final = assemble(
    _logged(
        "ADDRESS", "ADDRESS BALANCE", "ORIGIN", "CALLER", "CALLVALUE", "CALLDATASIZE", "PUSH0 CALLDATALOAD", "CODESIZE",
        "GASPRICE", "CALLER EXTCODESIZE", "CALLER EXTCODEHASH", "RETURNDATASIZE", "COINBASE", "TIMESTAMP", "NUMBER",
        "PREVRANDAO", "GASLIMIT", "CHAINID", "SELFBALANCE", "BASEFEE", "BLOBBASEFEE", "PUSH0 BLOBHASH", "MSIZE", "PC",
        "GAS",
    )
)  # fmt: skip
MEMORY: Final = assemble(
    "32 PUSH0 PUSH0 CODECOPY 32 PUSH0 32 CALLDATACOPY 32 PUSH0 64 CALLER EXTCODECOPY "
    "255 7 MSTORE8 40 1 9 MCOPY 40 9 1 MCOPY "  # EIP-5656, overlapping both ways
    "128 PUSH0 KECCAK256 PUSH0 SSTORE PUSH0 SLOAD POP 128 PUSH0 LOG0 STOP"
)
STACK: Final = assemble(
    " ".join(f"0x{'5b' * size}" for size in range(1, 33))
    + " "
    + " ".join(f"DUP{depth} SWAP{depth}" for depth in range(1, 17))
    + " "
    + " ".join(f"PUSH0 PUSH0 LOG{topics}" for topics in range(5))
    + " STOP"
)
BLOCK_HASHES: Final = assemble(
    _logged(*(f"{back} NUMBER SUB BLOCKHASH" for back in (1, 256, 257)), "NUMBER BLOCKHASH", "1 NUMBER ADD BLOCKHASH")
)
HISTORY_READS: Final = assemble(
    _logged(
        *_answer(HISTORY, "1 NUMBER SUB"), *_answer(HISTORY, "300 NUMBER SUB"), *_answer(HISTORY, "NUMBER"),
        *_answer(HISTORY, "8192 NUMBER SUB"), *_answer(BEACON_ROOTS, "TIMESTAMP"), *_answer(BEACON_ROOTS, "1"),
    )
)  # fmt: skip
TRANSIENT: Final = assemble(
    f"7 1 TSTORE {_child(COUNTER)} "
    + _logged(
        "1 TLOAD", "2 TLOAD", _called(), f"{_OUT} MLOAD", _called(), f"{_OUT} MLOAD", _called("STATICCALL", gas="9999")
    )
)
CALLS: Final = assemble(
    f"{_child(_WRITER)} "
    + _logged(
        _called("DELEGATECALL"),
        _called("CALLCODE"),
        _called("STATICCALL", gas="50000"),
        _called(gas="2300"),
        _called(),
        "PUSH0 SLOAD",
    )
)  # fmt: skip
# A word of value to a contract that logs, on the stipend alone; to an account that is new; and more than there is.
PAYMENTS: Final = assemble(
    f"{_child(_LOGGER)} "
    + _logged(
        _called(gas="PUSH0", value="1"),
        "PUSH0 PUSH0 PUSH0 PUSH0 1 GAS GAS CALL",
        "PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 GAS GAS CALL",
        "PUSH0 PUSH0 PUSH0 PUSH0 SELFBALANCE 1 ADD CALLER GAS CALL",
        "PUSH0 PUSH0 SELFBALANCE 1 ADD CREATE",
    )
)  # fmt: skip
COLLISION: Final = assemble(_logged(*[_making(deployment(_WRITER), salt="1")] * 2, "GAS"))
DESTRUCTION: Final = assemble(
    f"{_child(MORTAL, value='3')} {_called()} POP {_KEPT} MLOAD EXTCODESIZE POP "
    f"{_child(_BURNS, value='2')} {_called()} POP " + _logged(f"{_KEPT} MLOAD BALANCE", f"{_KEPT} MLOAD EXTCODESIZE")
)
STARVATION: Final = assemble(_logged(_making(_ENDLESS), "GAS"))  # EIP-150: one part in 64 is left
BOMBS: Final = assemble(
    " ".join(
        f"{_child(bomb)} {_called(gas='60000')} POP 32 65504 PUSH0 RETURNDATACOPY "
        "RETURNDATASIZE PUSH0 MSTORE 32 PUSH0 LOG0"
        for bomb in (_BOMB, _REVERTING_BOMB)
    )
)
NO_EF_CHILD: Final = assemble(_logged(_making(_EF)))
INIT_TOO_LONG: Final = assemble(f"{MAX_INIT + 1} PUSH0 PUSH0 CREATE")
LONGEST_INIT: Final = assemble("STOP").ljust(MAX_INIT, b"\0")
LONGEST_CODE: Final = assemble(f"{MAX_CODE} PUSH0 RETURN")
CODE_TOO_LONG: Final = assemble(f"{MAX_CODE + 1} PUSH0 RETURN")
LEADING_ZEROS: Final = assemble(_logged("PUSH0 CLZ", "1 CLZ", "0x00ff CLZ", "PUSH0 NOT CLZ"))  # EIP-7939
SHORT_LIVED: Final = assemble("CALLER SELFDESTRUCT")

# Ways to end badly, by what goes wrong; none needs more gas than 100,000.
FAILURES: Final[Mapping[str, bytes]] = {
    "invalid": assemble("INVALID"),
    "unknown opcode": b"\x0c",
    "underflow": assemble("POP"),
    "overflow": assemble("PUSH0") * 1_025,
    "bad jump": assemble("1 JUMP"),
    "jump into pushed data": assemble("4 JUMP 0x5b"),
    "endless": _ENDLESS,
    "memory without end": assemble("1 0xffffffffffffffff MSTORE"),
    "return data out of bounds": assemble("1 PUSH0 PUSH0 RETURNDATACOPY"),
    "revert": assemble("1 PUSH0 SSTORE 7 PUSH0 MSTORE 32 PUSH0 REVERT"),
    "written, then invalid": assemble("PUSH0 CALLDATALOAD PUSH0 SSTORE 1 1 SSTORE INVALID"),
    "code begins with 0xef": _EF,
}

_BINARY: Final = (
    "ADD", "MUL", "SUB", "DIV", "SDIV", "MOD", "SMOD", "EXP", "SIGNEXTEND", "LT", "GT", "SLT", "SGT", "EQ", "AND", "OR",
    "XOR", "BYTE", "SHL", "SHR", "SAR",
)  # fmt: skip


def arithmetic(draw: random.Random) -> bytes:
    """Every operation on words of all sizes, some of them zero."""

    def word() -> str:
        size = draw.randrange(33)
        return f"0x{draw.randbytes(size).hex()}" if size else "PUSH0"

    expressions = [f"{word()} {word()} {name}" for name in _BINARY]
    expressions += [f"{word()} {word()} {word()} {name}" for name in ("ADDMOD", "MULMOD")]
    return assemble(_logged(*expressions, f"{word()} ISZERO", f"{word()} NOT"))


def asking(precompile: int, data: bytes, gas: int) -> bytes:
    """Calls a precompiled contract with ``data`` and so much gas; logs what it returns, whether it failed or not."""
    length = f"0x{len(data):04x}"
    program = (
        f"{length} 0x%04x PUSH0 CODECOPY PUSH0 PUSH0 {length} PUSH0 PUSH0 {precompile} 0x{gas:08x} CALL "
        "RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY RETURNDATASIZE PUSH0 LOG1 STOP"
    )
    return assemble(program % len(assemble(program % 0))) + data


def asking_zeros(precompile: int, size: int, gas: int) -> bytes:
    """As `asking`, with input of ``size`` zero bytes, which need not be sent."""
    return assemble(
        f"PUSH0 PUSH0 {size} PUSH0 PUSH0 {precompile} {gas} CALL RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY "
        "RETURNDATASIZE PUSH0 LOG1 STOP"
    )
