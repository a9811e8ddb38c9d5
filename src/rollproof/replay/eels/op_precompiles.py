"""What the OP Stack changes in the table of precompiles.

Sources: OP Stack specs fjord (RIP-7212), granite, isthmus and jovian (exec-engine: input limits that keep one call
provable). An input above its limit fails the call and takes its gas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ethereum.crypto.elliptic_curve import (
    SECP256R1N,
    SECP256R1P,
    is_on_curve_secp256r1,
    secp256r1_verify,
)
from ethereum.crypto.hash import Hash32
from ethereum.exceptions import InvalidSignatureError
from ethereum_types.bytes import Bytes20
from ethereum_types.numeric import U256, Uint

from rollproof.replay.eels.machine import Machine
from rollproof.replay.eels.op_fork import since

P256_GAS: Final = 3450  # RIP-7212; Ethereum's own P256VERIFY (EIP-7951) costs 6900
P256_ADDRESS: Final = 0x100
BN256_PAIRING, G1_MSM, G2_MSM, BLS_PAIRING = 0x08, 0x0C, 0x0E, 0x0F

# Fork -> precompile -> most bytes of input.
LIMITS: Final = {
    "granite": {BN256_PAIRING: 112_687},
    "isthmus": {G1_MSM: 513_760, G2_MSM: 488_448, BLS_PAIRING: 235_008},
    "jovian": {BN256_PAIRING: 81_984, G1_MSM: 288_960, G2_MSM: 278_784, BLS_PAIRING: 156_672},
}

Precompile = Callable[[Any], None]


def address(number: int) -> Bytes20:
    """A precompile's address."""
    return Bytes20(number.to_bytes(20, "big"))


def install(copy: Machine, fork: str) -> None:
    """Changes the table of a private copy to that of OP Stack fork ``fork``."""
    table: dict[Bytes20, Precompile] = copy["vm.precompiled_contracts.mapping"].PRE_COMPILED_CONTRACTS
    if since(fork, "fjord"):
        table[address(P256_ADDRESS)] = _p256_verify(copy)
    limits = {number: most for first, group in LIMITS.items() if since(fork, first) for number, most in group.items()}
    for number, most in limits.items():
        table[address(number)] = _limited(copy, table[address(number)], most)


def _limited(copy: Machine, precompile: Precompile, most: int) -> Precompile:
    out_of_gas = copy["vm.exceptions"].OutOfGasError

    def limited(evm: Any) -> None:
        if len(evm.message.data) > most:
            raise out_of_gas
        precompile(evm)

    return limited


def _p256_verify(copy: Machine) -> Precompile:
    charge_gas = copy["vm.gas"].charge_gas

    def p256_verify(evm: Any) -> None:
        """Input: hash, r, s, x, y, 32 bytes each. Output: one in 32 bytes where the signature holds, else nothing."""
        charge_gas(evm, Uint(P256_GAS))
        data = bytes(evm.message.data)
        if len(data) != 160:
            return
        r, s, x, y = (U256.from_be_bytes(data[i : i + 32]) for i in range(32, 160, 32))
        if not (U256(0) < r < SECP256R1N and U256(0) < s < SECP256R1N and x < SECP256R1P and y < SECP256R1P):
            return
        if not is_on_curve_secp256r1(x, y):
            return
        try:
            secp256r1_verify(r, s, x, y, Hash32(data[:32]))
        except InvalidSignatureError:
            return
        evm.output = (1).to_bytes(32, "big")

    return p256_verify
