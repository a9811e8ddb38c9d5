"""What valid inputs of the precompiled contracts give, by hashlib, Python's integers, py_ecc and cryptography."""

from __future__ import annotations

import hashlib
import importlib
from functools import lru_cache
from typing import Any

from Crypto.Hash import RIPEMD160
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from rollproof import _core
from rollproof.lab.actors import precompiles as at

bls: Any = importlib.import_module("py_ecc.optimized_bls12_381")
bn: Any = importlib.import_module("py_ecc.optimized_bn128")
secp256k1: Any = importlib.import_module("py_ecc.secp256k1")
TRUE = (1).to_bytes(32, "big")
FALSE = bytes(32)


@lru_cache(maxsize=256)
def expected(number: int, data: bytes) -> bytes | None:
    """The output for an input as `precompiles.valid` makes them; None for another, and for maps to a curve."""
    try:
        return _KNOWN[number](data) if number in _KNOWN else None
    except (ValueError, AssertionError, ZeroDivisionError):
        return None


def _numbers(data: bytes, size: int = 32) -> list[int]:
    if len(data) % size:
        raise ValueError("length")
    return [int.from_bytes(data[start : start + size], "big") for start in range(0, len(data), size)]


def _recovered(data: bytes) -> bytes:
    hashed, v, r, s = _numbers(data)
    if len(data) != 128 or v not in (27, 28):
        raise ValueError("not a signature")
    x, y = secp256k1.ecdsa_raw_recover(hashed.to_bytes(32, "big"), (v, r, s))
    return bytes(12) + _core.keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]


def _power(data: bytes) -> bytes:
    sizes = _numbers(data[:96])
    ends = [96 + sum(sizes[: index + 1]) for index in range(3)]
    if len(sizes) != 3 or ends[-1] != len(data):
        raise ValueError("length")
    base, exponent, modulus = (
        int.from_bytes(data[end - size : end], "big") for end, size in zip(ends, sizes, strict=True)
    )
    return (pow(base, exponent, modulus) if modulus else 0).to_bytes(sizes[2], "big")


def _blake2(data: bytes) -> bytes:
    if len(data) != 213 or data[:4] != (12).to_bytes(4, "big") or data[212] != 1:
        raise ValueError("not one last block of a whole hash")
    return hashlib.blake2b(data[68 : 68 + int.from_bytes(data[196:204], "little")]).digest()


def _evaluated(data: bytes) -> bytes:
    """EIP-4844: what it answers to every valid proof. The commitment is to the claimed value, for all points."""
    _, _, claimed, *_ = _numbers(data)
    point = bls.normalize(bls.multiply(bls.G1, claimed)) if claimed else None
    x = data[96] & 0x1F
    if point is not None and (int(point[0]) != int.from_bytes(bytes([x]) + data[97:144], "big")):
        raise ValueError("not a commitment to a constant")
    return b"".join(int(each).to_bytes(32, "big") for each in (4_096, bls.curve_order))


def _p256(data: bytes) -> bytes:
    hashed, r, s, x, y = _numbers(data)
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    try:
        key.verify(
            utils.encode_dss_signature(r, s), hashed.to_bytes(32, "big"), ec.ECDSA(utils.Prehashed(hashes.SHA256()))
        )
    except InvalidSignature:
        return b""
    return TRUE


def _g1(curve: Any, x: int, y: int) -> Any:
    point = (curve.FQ(x), curve.FQ(y), curve.FQ(1)) if x or y else curve.Z1
    assert curve.is_on_curve(point, curve.b)
    return point


def _g2(curve: Any, *coordinates: int) -> Any:
    x, y = curve.FQ2(coordinates[:2]), curve.FQ2(coordinates[2:])
    point = (x, y, curve.FQ2.one()) if any(coordinates) else curve.Z2
    assert curve.is_on_curve(point, curve.b2)
    return point


def _encoded(curve: Any, point: Any, size: int, coordinates: int) -> bytes:
    if curve.is_inf(point):
        return bytes(size * coordinates)
    flat: list[int] = []
    for each in curve.normalize(point):
        flat += [int(part) for part in each.coeffs] if hasattr(each, "coeffs") else [int(each)]
    return b"".join(each.to_bytes(size, "big") for each in flat)


def _bn_add(data: bytes) -> bytes:
    a, b, c, d = _numbers(data)
    return _encoded(bn, bn.add(_g1(bn, a, b), _g1(bn, c, d)), 32, 2)


def _bn_mul(data: bytes) -> bytes:
    x, y, scalar = _numbers(data)
    return _encoded(bn, bn.multiply(_g1(bn, x, y), scalar % bn.curve_order), 32, 2)


def _bn_pairing(data: bytes) -> bytes:
    product = bn.FQ12.one()
    for start in range(0, len(data), 192):
        x, y, b, a, d, c = _numbers(data[start : start + 192])
        product *= bn.pairing(_g2(bn, a, b, c, d), _g1(bn, x, y))
    return TRUE if product == bn.FQ12.one() else FALSE


def _g1_add(data: bytes) -> bytes:
    a, b, c, d = _numbers(data, 64)
    return _encoded(bls, bls.add(_g1(bls, a, b), _g1(bls, c, d)), 64, 2)


def _g2_add(data: bytes) -> bytes:
    numbers = _numbers(data, 64)
    return _encoded(bls, bls.add(_g2(bls, *numbers[:4]), _g2(bls, *numbers[4:])), 64, 4)


def _g1_msm(data: bytes) -> bytes:
    total = bls.Z1
    for start in range(0, len(data), 160):
        x, y = _numbers(data[start : start + 128], 64)
        [scalar] = _numbers(data[start + 128 : start + 160])
        total = bls.add(total, bls.multiply(_g1(bls, x, y), scalar % bls.curve_order))
    return _encoded(bls, total, 64, 2)


def _g2_msm(data: bytes) -> bytes:
    total = bls.Z2
    for start in range(0, len(data), 288):
        [scalar] = _numbers(data[start + 256 : start + 288])
        point = _g2(bls, *_numbers(data[start : start + 256], 64))
        total = bls.add(total, bls.multiply(point, scalar % bls.curve_order))
    return _encoded(bls, total, 64, 4)


def _bls_pairing(data: bytes) -> bytes:
    product = bls.FQ12.one()
    for start in range(0, len(data), 384):
        numbers = _numbers(data[start : start + 384], 64)
        product *= bls.pairing(_g2(bls, *numbers[2:]), _g1(bls, *numbers[:2]))
    return TRUE if product == bls.FQ12.one() else FALSE


_KNOWN = {
    at.ECRECOVER: _recovered,
    at.SHA256: lambda data: hashlib.sha256(data).digest(),
    at.RIPEMD160: lambda data: bytes(12) + RIPEMD160.new(data).digest(),
    at.IDENTITY: lambda data: data,
    at.MODEXP: _power,
    at.BN_ADD: _bn_add,
    at.BN_MUL: _bn_mul,
    at.BN_PAIRING: _bn_pairing,
    at.BLAKE2F: _blake2,
    at.POINT_EVALUATION: _evaluated,
    at.G1_ADD: _g1_add,
    at.G1_MSM: _g1_msm,
    at.G2_ADD: _g2_add,
    at.G2_MSM: _g2_msm,
    at.BLS_PAIRING: _bls_pairing,
    at.P256_VERIFY: _p256,
}
