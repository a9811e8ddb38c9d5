"""The few contracts that the lab's chains need, written out in opcodes."""

from __future__ import annotations

_OPCODES = {
    "STOP": 0x00, "ADD": 0x01, "MUL": 0x02, "SUB": 0x03, "DIV": 0x04, "SDIV": 0x05, "MOD": 0x06, "SMOD": 0x07,
    "ADDMOD": 0x08, "MULMOD": 0x09, "EXP": 0x0A, "SIGNEXTEND": 0x0B, "LT": 0x10, "GT": 0x11, "SLT": 0x12, "SGT": 0x13,
    "EQ": 0x14, "ISZERO": 0x15, "AND": 0x16, "OR": 0x17, "XOR": 0x18, "NOT": 0x19, "BYTE": 0x1A, "SHL": 0x1B,
    "SHR": 0x1C, "SAR": 0x1D, "CLZ": 0x1E, "KECCAK256": 0x20, "ADDRESS": 0x30, "BALANCE": 0x31, "ORIGIN": 0x32,
    "CALLER": 0x33, "CALLVALUE": 0x34, "CALLDATALOAD": 0x35, "CALLDATASIZE": 0x36, "CALLDATACOPY": 0x37,
    "CODESIZE": 0x38, "CODECOPY": 0x39, "GASPRICE": 0x3A, "EXTCODESIZE": 0x3B, "EXTCODECOPY": 0x3C,
    "RETURNDATASIZE": 0x3D, "RETURNDATACOPY": 0x3E, "EXTCODEHASH": 0x3F, "BLOCKHASH": 0x40, "COINBASE": 0x41,
    "TIMESTAMP": 0x42, "NUMBER": 0x43, "PREVRANDAO": 0x44, "GASLIMIT": 0x45, "CHAINID": 0x46, "SELFBALANCE": 0x47,
    "BASEFEE": 0x48, "BLOBHASH": 0x49, "BLOBBASEFEE": 0x4A, "POP": 0x50, "MLOAD": 0x51, "MSTORE": 0x52,
    "MSTORE8": 0x53, "SLOAD": 0x54, "SSTORE": 0x55, "JUMP": 0x56, "JUMPI": 0x57, "PC": 0x58, "MSIZE": 0x59,
    "GAS": 0x5A, "JUMPDEST": 0x5B, "TLOAD": 0x5C, "TSTORE": 0x5D, "MCOPY": 0x5E, "PUSH0": 0x5F,
    **{f"DUP{count}": 0x7F + count for count in range(1, 17)},
    **{f"SWAP{count}": 0x8F + count for count in range(1, 17)},
    **{f"LOG{count}": 0xA0 + count for count in range(5)},
    "CREATE": 0xF0, "CALL": 0xF1, "CALLCODE": 0xF2, "RETURN": 0xF3, "DELEGATECALL": 0xF4, "CREATE2": 0xF5,
    "STATICCALL": 0xFA, "REVERT": 0xFD, "INVALID": 0xFE, "SELFDESTRUCT": 0xFF,
}  # fmt: skip


def assemble(source: str) -> bytes:
    """Bytecode of opcodes and numbers (pushed); ``name:`` marks a jump target below 256, ``@name`` pushes it.

    A decimal number is pushed as short as it is; hexadecimal digits after ``0x`` as long as they are, 1 to 32 bytes.
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
        elif token[0].isdigit():
            value = 0 if token.startswith("0x") else int(token)
            pushed = (
                bytes.fromhex(token[2:]) if token[1:2] == "x" else value.to_bytes((value.bit_length() + 7) // 8, "big")
            )
            if len(pushed) > 32:
                raise KeyError(token[:80])
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

# EIP-4788 and EIP-2935: ring buffers of 8191 entries that the system writes, and anybody reads. These are the EIPs' own
# codes, byte for byte. BEACON_ROOTS takes a timestamp and reverts where no block had it; HISTORY takes a block number.
_SYSTEM = "CALLER 0xfffffffffffffffffffffffffffffffffffffffe EQ"
BEACON_ROOTS = assemble(
    f"""
    {_SYSTEM} @system JUMPI
    32 CALLDATASIZE EQ @sized JUMPI PUSH0 PUSH0 REVERT
    sized: PUSH0 CALLDATALOAD DUP1 ISZERO @zero JUMPI
    0x001fff DUP2 MOD SWAP1 DUP2 SLOAD EQ @known JUMPI PUSH0 PUSH0 REVERT
    known: 0x001fff ADD SLOAD PUSH0 MSTORE 32 PUSH0 RETURN
    zero: PUSH0 PUSH0 REVERT
    system: 0x001fff TIMESTAMP MOD TIMESTAMP DUP2 SSTORE PUSH0 CALLDATALOAD SWAP1 0x001fff ADD SSTORE STOP
    """
)
HISTORY = assemble(
    f"""
    {_SYSTEM} @system JUMPI
    32 CALLDATASIZE SUB @refused JUMPI
    PUSH0 CALLDATALOAD 1 NUMBER SUB DUP2 GT @refused JUMPI
    8191 DUP2 NUMBER SUB GT @refused JUMPI
    8191 SWAP1 MOD SLOAD PUSH0 MSTORE 32 PUSH0 RETURN
    refused: PUSH0 PUSH0 REVERT
    system: PUSH0 CALLDATALOAD 8191 1 NUMBER SUB MOD SSTORE STOP
    """
)
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
