"""A chain entry of a TOML file, built in or a user's own, read into a ChainConfig. Unknown keys are refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from rollproof.chain.fork import ENABLED, ORDER, Blob, Fork, implies
from rollproof.chain.schedule import DENOMINATOR, ELASTICITY, ChainConfig
from rollproof.errors import Malformed, Unsupported

_UINT64: Final = 2**64 - 1
_MAX_FORKS: Final = 64
_NUMBERS: Final = (
    "chain_id", "l1_chain_id", "block_time", "genesis_number", "genesis_time", "netsplit_block",
    "eip1559_elasticity", "eip1559_denominator", "eip1559_denominator_canyon",
)  # fmt: skip
_KEYS: Final = frozenset(
    (*_NUMBERS, "name", "family", "genesis_hash", "deposit_contract", "as_of", "blocks", "times", "blobs")
)


def read_entry(entry: Mapping[str, Any], *, source: str, builtin: bool = False) -> ChainConfig:
    """One chain: ``name``, ``chain_id``, ``family``, then ``blocks`` and ``times`` (fork -> activation, in order).

    Raises Malformed (a missing or ill-typed value, activations out of order) or Unsupported (an unknown key).
    """
    for key in entry:
        if key not in _KEYS:
            raise Unsupported(f"{source}: unknown key {str(key)[:64]!r} in a chain entry")
    for key in ("name", "chain_id", "family"):
        if key not in entry:
            raise Malformed(f"{source}: a chain entry has no {key!r}")
    where = f"{source}: {_text(entry, 'name', source)}"
    numbers = {key: uint(entry[key], f"{where}: {key}") for key in _NUMBERS if key in entry}
    family = _text(entry, "family", where)
    return ChainConfig(
        chain_id=numbers["chain_id"],
        name=_text(entry, "name", source),
        family=family,
        forks=read_forks(
            family,
            _activations(entry, "blocks", where),
            _activations(entry, "times", where),
            _blobs(entry, where),
            where,
        ),
        eip1559_elasticity=_positive(numbers, "eip1559_elasticity", ELASTICITY, where),
        eip1559_denominator=_positive(numbers, "eip1559_denominator", DENOMINATOR, where),
        eip1559_denominator_canyon=_positive(numbers, "eip1559_denominator_canyon", 1, where)
        if "eip1559_denominator_canyon" in numbers
        else None,
        deposit_contract=_hex(entry, "deposit_contract", 20, where),
        l1_chain_id=numbers.get("l1_chain_id"),
        genesis_number=numbers.get("genesis_number", 0),
        genesis_time=numbers.get("genesis_time"),
        genesis_hash=_hex(entry, "genesis_hash", 32, where),
        block_time=numbers.get("block_time"),
        netsplit_block=numbers.get("netsplit_block"),
        builtin=builtin,
        as_of=_day(entry, where),
        source=source,
    )


def read_forks(
    family: str,
    blocks: Iterable[tuple[str, int]],
    times: Iterable[tuple[str, int]],
    blobs: Mapping[str, Blob],
    where: str,
) -> tuple[Fork, ...]:
    """The schedule, by block and then by time; a fork that is not enabled for the family gets ``runs_as`` None.

    Raises Malformed when activations go backwards, in the file or against the order that the family's forks build in.
    """
    forks = [Fork(name, ENABLED.get((family, name)), block=at) for name, at in blocks]
    forks += [Fork(name, ENABLED.get((family, name)), time=at) for name, at in times]
    if not forks:
        raise Malformed(f"{where}: the fork schedule is empty")
    if len(forks) > _MAX_FORKS:
        raise Malformed(f"{where}: more than {_MAX_FORKS} forks")
    if len({fork.name for fork in forks}) < len(forks):
        raise Malformed(f"{where}: a fork stands twice in the schedule")
    if left := set(blobs) - {fork.name for fork in forks}:
        raise Malformed(f"{where}: blob schedule of {min(left)[:64]!r}, which is not in the fork schedule")
    order = ORDER.get(family, ORDER["op"])
    last_rank = -1
    for earlier, fork in zip([None, *forks], forks, strict=False):
        if earlier is not None and _before(fork, earlier):
            raise Malformed(f"{where}: fork {fork.name!r} activates before {earlier.name!r}, which it follows")
        if fork.name in order:
            if order.index(fork.name) < last_rank:
                raise Malformed(f"{where}: fork {fork.name!r} comes after a fork that builds on it")
            last_rank = order.index(fork.name)
    blob: Blob | None = None
    for index, fork in enumerate(forks):
        blob = blobs.get(fork.name, blob)
        forks[index] = replace(fork, blob=blob)
        own = fork.name in blobs if fork.name.startswith("bpo") else blob is not None
        if family == "ethereum" and not own and (implies(family, fork.name, "cancun") or fork.name.startswith("bpo")):
            raise Malformed(f"{where}: fork {fork.name!r} has no blob schedule")
    return tuple(forks)


def uint(value: object, where: str) -> int:
    """An unsigned 64-bit integer, given as a number or as a 0x string; Malformed otherwise."""
    if isinstance(value, str) and 2 < len(value) <= 66 and value[:2] == "0x":
        try:
            value = int(value, 16)
        except ValueError:
            raise Malformed(f"{where} is not a number") from None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _UINT64:
        raise Malformed(f"{where} is not an unsigned 64-bit number")
    return value


def _before(fork: Fork, earlier: Fork) -> bool:
    if fork.block is not None and earlier.block is not None:
        return fork.block < earlier.block
    return fork.time is not None and earlier.time is not None and fork.time < earlier.time


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not 0 < len(value) <= 64 or not value.isprintable():
        raise Malformed(f"{where}: {key!r} is not a short text")
    return value


def _positive(numbers: Mapping[str, int], key: str, default: int, where: str) -> int:
    value = numbers.get(key, default)
    if not 0 < value < 2**32:
        raise Malformed(f"{where}: {key} is not between 1 and 2^32")
    return value


def _hex(entry: Mapping[str, Any], key: str, size: int, where: str) -> bytes | None:
    if key not in entry:
        return None
    value = entry[key]
    try:
        data = bytes.fromhex(value[2:]) if isinstance(value, str) and value[:2] == "0x" else b""
    except ValueError:
        data = b""
    if len(data) != size:
        raise Malformed(f"{where}: {key} is not 0x and {size} bytes")
    return data


def _day(entry: Mapping[str, Any], where: str) -> int | None:
    value = entry.get("as_of")
    if value is None:
        return None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Malformed(f"{where}: as_of is not a date")
    return (value.toordinal() - date(1970, 1, 1).toordinal()) * 86_400


def _activations(entry: Mapping[str, Any], key: str, where: str) -> list[tuple[str, int]]:
    table = entry.get(key, {})
    if not isinstance(table, Mapping):
        raise Malformed(f"{where}: {key!r} is not a table")
    for name in table:
        if not isinstance(name, str) or not name.isidentifier() or len(name) > 64:
            raise Malformed(f"{where}: {key}: {str(name)[:64]!r} is not a fork name")
    return [(name, uint(at, f"{where}: {key}.{name}")) for name, at in table.items()]


def _blobs(entry: Mapping[str, Any], where: str) -> dict[str, Blob]:
    table = entry.get("blobs", {})
    if not isinstance(table, Mapping):
        raise Malformed(f"{where}: 'blobs' is not a table")
    blobs: dict[str, Blob] = {}
    for name, values in table.items():
        if not isinstance(values, list) or len(values) != 3:
            raise Malformed(f"{where}: blobs.{name[:64]} is not [target, max, base fee update fraction]")
        target, most, fraction = (uint(value, f"{where}: blobs.{name[:64]}") for value in values)
        if target > most or fraction == 0:
            raise Malformed(f"{where}: blobs.{name[:64]} has a target above its maximum, or no update fraction")
        blobs[name] = (target, most, fraction)
    return blobs
