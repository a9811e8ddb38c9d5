"""Every family by name, and rules read from a name or a file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rollproof.errors import Malformed, Missing, Unsupported

if TYPE_CHECKING:
    from rollproof.venue.rules.rules import Rules

_MAX_FILE: Final = 1 << 20  # bytes

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dydx": "dydx:Dydx",
        "gmx": "gmx:Gmx",
        "synthetix": "synthetix:Synthetix",
        "hyperliquid": "hyperliquid:Hyperliquid",
        "perp-v2": "perp_v2:PerpV2",
        "vega": "vega:Vega",
        "lab": "lab:Lab",
        "drift": "drift:Drift",
        "derive-pm": "derive_portfolio:DerivePortfolio",
        "derive-standard": "derive_standard:DeriveStandard",
        "deribit": "deribit:Deribit",
        "paradex": "paradex:Paradex",
        "lending": "lending:Lending",
    }
)


def family(name: str) -> type[Rules]:
    """The class of a family. Raises Unsupported for a name that is not in `FAMILIES`."""
    place = FAMILIES.get(name)
    if place is None:
        raise Unsupported(f"rules {name[:80]!a} are not known: {', '.join(FAMILIES)}, or a TOML file")
    module, _, attribute = place.partition(":")
    found: type[Rules] = getattr(import_module(f"rollproof.venue.rules.{module}"), attribute)
    return found


def load(name_or_path: str | Path, overrides: Mapping[str, Any] | None = None) -> Rules:
    """Rules with a family's defaults, changed by a file's keys and then by ``overrides``.

    A name of `FAMILIES`, or a TOML file with ``family = "gmx"`` and the family's parameters (docs/rules.md). Keys of
    ``overrides`` may be dotted: ``{"liquidation.penalty": 0.01, "markets.ETH.initial_ratio": 0.05}``.

    Raises Missing (no such file), Unsupported (a family or key that is not known) and Malformed (a value out of its
    range, or no TOML of at most 1 MiB).
    """
    name = str(name_or_path)
    if name in FAMILIES or not (name.endswith(".toml") or Path(name).is_file()):
        given: dict[str, Any] = {}
        chosen, what = family(name), name
    else:
        what = Path(name).name
        given = _read(Path(name), what)
        named = given.pop("family", None)
        if not isinstance(named, str):
            raise Malformed(f'{what}: no family named: add family = "gmx", or another of {", ".join(FAMILIES)}')
        chosen = family(named)
    values = _merged(msgspec.to_builtins(chosen()), given)
    for key, value in (overrides or {}).items():
        *path, last = key.split(".")
        nested: dict[str, Any] = {last: value}
        for part in reversed(path):
            nested = {part: nested}
        values = _merged(values, nested)
    try:
        return msgspec.convert(values, chosen)
    except msgspec.ValidationError as error:
        said = f"{what}: {str(error)[:300]}"
        raise (Unsupported(said) if "unknown field" in said else Malformed(said)) from None


def describe() -> str:
    """One line for each family: its name, and where its rules were read."""
    return "\n".join(f"{name:16} {family(name).source}" for name in FAMILIES)


def _read(path: Path, what: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise Missing(f"{what}: cannot be read ({error.strerror or type(error).__name__})") from None
    if len(data) > _MAX_FILE:
        raise Malformed(f"{what}: over {_MAX_FILE} bytes for margin rules")
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{what}: not TOML ({str(error)[:200]})") from None


def _merged(old: Any, new: Any) -> Any:
    """Tables key by key, anything else replaced."""
    if not (isinstance(old, dict) and isinstance(new, Mapping)):
        return new
    return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
