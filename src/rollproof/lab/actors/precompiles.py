"""Inputs of the precompiled contracts: valid ones, of which what comes out is known, and ones that are not.

Source: EIP-196, 197, 198, 152, 4844 (point evaluation), 2537, 7951; the curves' generators as those state them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from typing import Final

from rollproof import _core
from rollproof.lab.transaction import Account

ECRECOVER, SHA256, RIPEMD160, IDENTITY, MODEXP, BN_ADD, BN_MUL, BN_PAIRING, BLAKE2F, POINT_EVALUATION = range(1, 11)
G1_ADD, G1_MSM, G2_ADD, G2_MSM, BLS_PAIRING, MAP_TO_G1, MAP_TO_G2 = range(11, 18)
P256_VERIFY: Final = 0x100
ALL: Final = (*range(1, 18), P256_VERIFY)

# bn254 (alt_bn128).
_BN_FIELD: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
_BN_G1: Final = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
_BN_MINUS_G1: Final = (1).to_bytes(32, "big") + (_BN_FIELD - 2).to_bytes(32, "big")
_BN_G2: Final = b"".join(
    each.to_bytes(32, "big")
    for each in (
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
    )
)

# BLS12-381.
_BLS_FIELD: Final = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
_BLS_ORDER: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
_G1_X: Final = 0x17F1D3A73197D7942695638C4FA9AC0FC3688C4F9774B905A14E3A3F171BAC586C55E83FF97A1AEFFB3AF00ADB22C6BB
_G1_Y: Final = 0x08B3F481E3AAA0F1A09E30ED741D8AE4FCF5E095D5D00AF600DB18CB2C04B3EDD03CC744A2888AE40CAA232946C5E7E1
_G2: Final = (
    0x024AA2B2F08F0A91260805272DC51051C6E47AD4FA403B02B4510B647AE3D1770BAC0326A805BBEFD48056C8C121BDB8,
    0x13E02B6052719F607DACD3A088274F65596BD0D09920B61AB5DA61BBDC7F5049334CF11213945D57E5AC7D055D042B7E,
    0x0CE5D527727D6E118CC9CDC6DA2E351AADFD9BAA8CBDD3A76D429A695160D12C923AC9CC3BACA289E193548608B82801,
    0x0606C4A02EA734CC32ACD2B02BC28B99CB3E287E85A763AF267492AB572E99AB3F370D275CEC1DA1AAA9075FF05F79BE,
)


def _bls(*coordinates: int) -> bytes:
    """A point as EIP-2537 encodes it: 64 bytes a coordinate."""
    return b"".join(each.to_bytes(64, "big") for each in coordinates)


_BLS_G1: Final = _bls(_G1_X, _G1_Y)
_BLS_MINUS_G1: Final = _bls(_G1_X, _BLS_FIELD - _G1_Y)
_BLS_G2: Final = _bls(*_G2)
# BLAKE2b's state before its first block: initial values, the first of them with the length of the digest, 64.
_BLAKE2B: Final = bytes.fromhex(
    "48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"
    "d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b"
)
# A signature on P-256: hash, r, s, x, y. Made for this purpose with a key that nobody needs.
_P256: Final = bytes.fromhex(
    "4fc205222b0ade7d4875c9e2efb9fcaef1a4dab1c59cde28ca2efa98eadea815"
    "525ecf14abdc00799e7d16f9ead9a708b5eb5ac3a7551e0b3656825d7bf46b72"
    "ba97a9a6da5a8d948e9457ea34c16692aedd29c88ad0a55b64973dd1d69c3352"
    "81906544a19b462d1db28dd53dac85a6d50c82cd3b1eb947a95f5cd1aef7451f"
    "645d9b95a1cca5fd2898f480a22a80b05447741ea71118cf0a878ed3def3f6fd"
)


def valid(precompile: int, draw: random.Random) -> bytes:
    """An input that the precompiled contract takes, of drawn values where that is possible.

    Raises KeyError for an address that has none.
    """
    return _VALID[precompile](draw)


def invalid(precompile: int, draw: random.Random) -> bytes:
    """An input that is wrong by its length, or by one byte of a valid one. SHA-256 and the like take anything."""
    data = valid(precompile, draw)
    if precompile in (BN_ADD, BN_MUL):  # these pad and cut: only a wrong point is wrong
        data, kind = data[:64], 2
    else:
        kind = draw.randrange(3)
    if kind == 0:
        return data[:-1]
    if kind == 1:
        return data + b"\1"
    at = draw.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]


def modexp(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    """EIP-198: three lengths, and the three numbers."""
    return b"".join(len(each).to_bytes(32, "big") for each in (base, exponent, modulus)) + base + exponent + modulus


def _ecrecover(draw: random.Random) -> bytes:
    account, hashed = Account.named(f"signer {draw.randrange(4)}", 0), draw.randbytes(32)
    parity, r, s = _core.sign_hash(hashed, account.key)
    return hashed + b"".join(each.to_bytes(32, "big") for each in (27 + parity, r, s))


def _modexp(draw: random.Random) -> bytes:
    base, exponent, modulus = (draw.randbytes(draw.choice([0, 1, 31, 32, 33, 64, 200])) for _ in range(3))
    return modexp(base, exponent[:40], modulus)


def _bn_pair(draw: random.Random) -> bytes:
    """True: the points cancel each other; false: only one pair of them."""
    pair = _BN_G1 + _BN_G2
    return pair + _BN_MINUS_G1 + _BN_G2 if draw.randrange(2) else pair


def _blake2f(draw: random.Random) -> bytes:
    """The one block of a short message's BLAKE2b-512: 12 rounds."""
    message = draw.randbytes(draw.randrange(129))
    block = message.ljust(128, b"\0")
    return (12).to_bytes(4, "big") + _BLAKE2B + block + len(message).to_bytes(8, "little") + bytes(8) + b"\1"


def _point_evaluation(draw: random.Random) -> bytes:
    """A constant polynomial: its commitment is the constant times the generator, and the proof is infinity."""
    constant = draw.choice([0, 1, _BLS_ORDER - 1])
    infinity = b"\xc0" + bytes(47)
    x = _G1_X.to_bytes(48, "big")
    # Compressed: the first bit; the third one where y is the greater of the two.
    commitment = infinity
    if constant:
        y = _G1_Y if constant == 1 else _BLS_FIELD - _G1_Y
        commitment = bytes([x[0] | 0x80 | (0x20 if 2 * y > _BLS_FIELD else 0)]) + x[1:]
    versioned = b"\1" + hashlib.sha256(commitment).digest()[1:]
    point = draw.randrange(_BLS_ORDER).to_bytes(32, "big")
    return versioned + point + constant.to_bytes(32, "big") + commitment + infinity


def _scalar(draw: random.Random) -> bytes:
    return draw.randbytes(32)


def _msm(point: bytes, minus: bytes | None) -> Callable[[random.Random], bytes]:
    def msm(draw: random.Random) -> bytes:
        points = [point if minus is None else draw.choice([point, minus, bytes(len(point))])]
        points += [point] * draw.randrange(3)
        return b"".join(each + _scalar(draw) for each in points)

    return msm


def _bls_pair(draw: random.Random) -> bytes:
    pair = _BLS_G1 + _BLS_G2
    return pair + _BLS_MINUS_G1 + _BLS_G2 if draw.randrange(2) else pair


_VALID: Final[Mapping[int, Callable[[random.Random], bytes]]] = {
    ECRECOVER: _ecrecover,
    SHA256: lambda draw: draw.randbytes(draw.randrange(1, 200)),
    RIPEMD160: lambda draw: draw.randbytes(draw.randrange(1, 200)),
    IDENTITY: lambda draw: draw.randbytes(draw.randrange(1, 200)),
    MODEXP: _modexp,
    BN_ADD: lambda draw: _BN_G1 + draw.choice([_BN_G1, _BN_MINUS_G1, bytes(64)]),
    BN_MUL: lambda draw: _BN_G1 + _scalar(draw),
    BN_PAIRING: _bn_pair,
    BLAKE2F: _blake2f,
    POINT_EVALUATION: _point_evaluation,
    G1_ADD: lambda draw: _BLS_G1 + draw.choice([_BLS_G1, _BLS_MINUS_G1, bytes(128)]),
    G1_MSM: _msm(_BLS_G1, _BLS_MINUS_G1),
    G2_ADD: lambda draw: _BLS_G2 + draw.choice([_BLS_G2, bytes(256)]),
    G2_MSM: _msm(_BLS_G2, None),
    BLS_PAIRING: _bls_pair,
    MAP_TO_G1: lambda draw: _bls(draw.randrange(_BLS_FIELD)),
    MAP_TO_G2: lambda draw: _bls(draw.randrange(_BLS_FIELD), draw.randrange(_BLS_FIELD)),
    P256_VERIFY: lambda _: _P256,
}
