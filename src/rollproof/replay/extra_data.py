"""The header's extra data: length, the DAO fork's mark, and the OP Stack's base-fee parameters.

Sources: yellow paper 4.4.3 (32 bytes), EIP-779 (DAO mark), OP Stack specs holocene/exec-engine and jovian/exec-engine.
"""

from __future__ import annotations

from rollproof.errors import Malformed

MAX_EXTRA_DATA = 32
DAO_EXTRA_DATA = b"dao-hard-fork"
DAO_EXTRA_RANGE = 10  # the fork block and the nine after it


def decode_params(extra: bytes, *, jovian: bool) -> tuple[int, int, int | None]:
    """(denominator, elasticity, minimum base fee in wei or None) of a Holocene or Jovian block's extra data.

    Parameters may be zero here: that is the caller's to judge. Raises Malformed when version or length is wrong.
    """
    length, version = (17, 1) if jovian else (9, 0)
    if len(extra) != length:
        raise Malformed(f"extra data is {len(extra)} bytes long, not {length}")
    if extra[0] != version:
        raise Malformed(f"extra data has version {extra[0]}, not {version}")
    denominator, elasticity = int.from_bytes(extra[1:5], "big"), int.from_bytes(extra[5:9], "big")
    return denominator, elasticity, int.from_bytes(extra[9:17], "big") if jovian else None


def encode_params(denominator: int, elasticity: int, min_base_fee: int | None) -> bytes:
    """Extra data of a Holocene block, or of a Jovian one when ``min_base_fee`` (wei) is given."""
    params = denominator.to_bytes(4, "big") + elasticity.to_bytes(4, "big")
    if min_base_fee is None:
        return b"\0" + params
    return b"\1" + params + min_base_fee.to_bytes(8, "big")


def from_attributes(params: bytes, min_base_fee: int | None, default: tuple[int, int], *, jovian: bool) -> bytes:
    """Extra data for the engine API's ``eip1559Params`` (8 bytes); 0,0 means the chain's Canyon parameters.

    ``default`` is (denominator, elasticity). Raises Malformed when a parameter is absent, half zero or superfluous.
    """
    if len(params) != 8:
        raise Malformed(f"eip1559Params is {len(params)} bytes long, not 8")
    if jovian != (min_base_fee is not None):
        raise Malformed("minBaseFee is absent" if jovian else "minBaseFee is given before Jovian")
    denominator, elasticity = int.from_bytes(params[:4], "big"), int.from_bytes(params[4:], "big")
    if (denominator, elasticity) == (0, 0):
        denominator, elasticity = default
    if denominator == 0 or elasticity == 0:
        raise Malformed("eip1559Params has one parameter zero")
    return encode_params(denominator, elasticity, min_base_fee)
