"""The few contracts that the lab's chains need, written out in opcodes."""

from __future__ import annotations

_OPCODES = {
    "STOP": 0x00, "ADD": 0x01, "SUB": 0x03, "MOD": 0x06, "LT": 0x10, "OR": 0x17, "SHL": 0x1B, "SHR": 0x1C,
    "CALLER": 0x33, "CALLDATALOAD": 0x35, "CODECOPY": 0x39, "TIMESTAMP": 0x42, "NUMBER": 0x43, "MSTORE": 0x52,
    "SLOAD": 0x54, "SSTORE": 0x55, "JUMPI": 0x57, "JUMPDEST": 0x5B, "PUSH0": 0x5F, "DUP1": 0x80, "DUP2": 0x81,
    "DUP3": 0x82, "SWAP1": 0x90, "LOG2": 0xA2, "RETURN": 0xF3, "REVERT": 0xFD,
}  # fmt: skip


def assemble(source: str) -> bytes:
    """Bytecode of opcodes and decimal numbers (pushed); ``name:`` marks a jump target below 256, ``@name`` pushes it.

    Raises KeyError for an unknown opcode or label.
    """
    code = bytearray()
    labels: dict[str, int] = {}
    uses: list[tuple[int, str]] = []
    for token in source.split():
        if token.endswith(":"):
            labels[token[:-1]] = len(code)
            code.append(_OPCODES["JUMPDEST"])
        elif token.startswith("@"):
            uses.append((len(code) + 1, token[1:]))
            code += b"\x60\x00"
        elif token.isdigit():
            value = int(token)
            pushed = value.to_bytes((value.bit_length() + 7) // 8, "big")
            code += bytes([_OPCODES["PUSH0"] + len(pushed)]) + pushed
        else:
            code.append(_OPCODES[token])
    for at, label in uses:
        code[at] = labels[label]
    return bytes(code)


def deployment(runtime: bytes) -> bytes:
    """Init code that leaves ``runtime`` (1 to 255 bytes)."""
    copy = assemble(f"{len(runtime)} DUP1 9 PUSH0 CODECOPY PUSH0 RETURN")
    return copy + runtime


# transfer(to, amount), two words of input: balance of an account in the slot of its address. It writes first and checks
# afterwards, so that a transfer of too much is a reverted call whose writes must be gone.
TOKEN = assemble(
    """
    PUSH0 CALLDATALOAD 32 CALLDATALOAD CALLER SLOAD
    DUP2 DUP2 SUB CALLER SSTORE
    DUP2 SWAP1 LT @poor JUMPI
    DUP1 DUP3 SLOAD ADD DUP3 SSTORE
    PUSH0 MSTORE CALLER 32 PUSH0 LOG2 STOP
    poor: PUSH0 PUSH0 REVERT
    """
)

# EIP-4788 and EIP-2935 as system calls use them: ring buffers of 8191 entries.
BEACON_ROOTS = assemble(
    "TIMESTAMP 8191 TIMESTAMP MOD SSTORE PUSH0 CALLDATALOAD 8191 8191 TIMESTAMP MOD ADD SSTORE STOP"
)
HISTORY = assemble("PUSH0 CALLDATALOAD 8191 1 NUMBER SUB MOD SSTORE STOP")
# EIP-7002 and EIP-7251: a queue that is always empty.
NO_REQUESTS = assemble("STOP")

# OP Stack's L1Block: unpacks the input of setL1BlockValuesJovian into the slots that fees are read from.
L1_BLOCK = assemble(
    """
    4 CALLDATALOAD 128 SHR 3 SSTORE
    20 CALLDATALOAD 128 SHR PUSH0 SSTORE
    36 CALLDATALOAD 1 SSTORE
    68 CALLDATALOAD 7 SSTORE
    100 CALLDATALOAD 2 SSTORE
    132 CALLDATALOAD 4 SSTORE
    176 CALLDATALOAD 240 SHR 96 SHL 164 CALLDATALOAD 160 SHR OR 8 SSTORE
    STOP
    """
)
# OP Stack's L2ToL1MessagePasser, reduced to its effect: the message's hash, one word of input, is marked as sent.
MESSAGE_PASSER = assemble("1 PUSH0 CALLDATALOAD SSTORE STOP")
