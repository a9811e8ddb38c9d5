"""Ranges of a family's parameters, and parameters that differ by asset. A message names the struct and the field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from rollproof.errors import Malformed

_Value = TypeVar("_Value")


def _name(struct: msgspec.Struct) -> str:
    return getattr(struct, "family", "") or type(struct).__name__.lower()


def _refuse(struct: msgspec.Struct, field: str, value: object, wanted: str) -> Malformed:
    return Malformed(f"{_name(struct)}: {field} is {value!r:.40}, but has to be {wanted}")


LARGEST = 1e30  # more is no money and no size, and its products overflow


def numbers(struct: msgspec.Struct, may_be_infinite: Iterable[str] = ()) -> None:
    """Every float is a number of at most LARGEST, and finite unless named. Raises Malformed."""
    unbounded = frozenset(may_be_infinite)
    for field in struct.__struct_fields__:
        value = getattr(struct, field)
        if isinstance(value, float) and (math.isnan(value) or (math.isinf(value) and field not in unbounded)):
            raise _refuse(struct, field, value, "a finite number")
        if isinstance(value, float) and not math.isinf(value) and abs(value) > LARGEST:
            raise _refuse(struct, field, value, f"at most {LARGEST:g}")


def shares(struct: msgspec.Struct, *fields: str) -> None:
    """Each between 0 and 1. Raises Malformed."""
    for field in fields:
        if not 0 <= getattr(struct, field) <= 1:
            raise _refuse(struct, field, getattr(struct, field), "between 0 and 1")


def at_least_zero(struct: msgspec.Struct, *fields: str) -> None:
    """Raises Malformed."""
    for field in fields:
        if not getattr(struct, field) >= 0:
            raise _refuse(struct, field, getattr(struct, field), "at least 0")


def above_zero(struct: msgspec.Struct, *fields: str) -> None:
    """Raises Malformed."""
    for field in fields:
        if not getattr(struct, field) > 0:
            raise _refuse(struct, field, getattr(struct, field), "above 0")


def at_most(struct: msgspec.Struct, lower: str, upper: str) -> None:
    """The first field is at most the second. Raises Malformed."""
    if not getattr(struct, lower) <= getattr(struct, upper):
        raise _refuse(struct, lower, getattr(struct, lower), f"at most {upper} ({getattr(struct, upper)!r:.40})")


def of_asset(table: Mapping[str, _Value], asset: str) -> _Value | None:
    """The entry of an asset: by its name, or by what stands before the first of ``-/_`` in it ("ETH" for "ETH-USD")."""
    if asset in table:
        return table[asset]
    for separator in "-/_":
        asset = asset.split(separator, 1)[0]
    return table.get(asset)
