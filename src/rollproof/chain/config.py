"""Chain configurations: the built-in ones by chain id, a user's own from a file, and which of the two counts.

The built-in data is in ``data/*.toml``; docs/chains.md says where each fact comes from. A configuration from a file or
a record is never built in and never overrides one that is.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from rollproof.chain.entry import read_entry
from rollproof.chain.eth_config import compare_eth_config, unchecked_of_eth_config
from rollproof.chain.fork import Fork
from rollproof.chain.nesting import bounded
from rollproof.chain.rollup_config import from_rollup_config
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Malformed, Missing, RollproofError, Unsupported

__all__ = [
    "ChainConfig",
    "Fork",
    "builtin",
    "compare_eth_config",
    "from_file",
    "from_rollup_config",
    "load",
    "resolve",
    "unchecked_of_eth_config",
]

_MAX_FILE: Final = 1 << 20  # bytes


@cache
def builtin() -> Mapping[int, ChainConfig]:
    """Every built-in configuration by chain id."""
    configs: dict[int, ChainConfig] = {}
    for data in sorted(files("rollproof").joinpath("chain", "data").iterdir(), key=lambda item: item.name):
        if not data.name.endswith(".toml"):
            continue
        for entry in tomllib.loads(data.read_text("utf-8"))["chain"]:
            config = read_entry(entry, source=data.name, builtin=True)
            if config.chain_id in configs:
                raise Malformed(f"{data.name}: chain {config.chain_id} stands twice in the built-in data")
            configs[config.chain_id] = config
    return MappingProxyType(configs)


def load(chain_id: int) -> ChainConfig:
    """The built-in configuration; raises Unsupported, naming the chain id, when there is none."""
    config = builtin().get(chain_id)
    if config is None:
        raise Unsupported(f"chain {chain_id} is not built in: give its configuration as a file")
    return config


def from_file(path: str | Path, *, family: str | None = None) -> ChainConfig:
    """A user's own configuration: one TOML chain entry (as in docs/chains.md), or op-node's rollup.json.

    A rollup.json does not say its rule family: name it with ``family``, or add a ``family`` key to the file. Raises
    Missing (no such file), Malformed (its shape, or over 1 MiB) and Unsupported (an unknown key, by name).
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise Missing(f"{path.name}: cannot be read ({error.strerror or type(error).__name__})") from None
    if len(data) > _MAX_FILE:
        raise Malformed(f"{path.name}: over {_MAX_FILE} bytes for a chain configuration")
    document = _parse(data, path.name, as_json=path.suffix == ".json")
    named = document.get("family", family)
    if not isinstance(named, str) or not named.isidentifier() or len(named) > 64:
        raise Malformed(f"{path.name}: no rule family named (ethereum, op, ...): add a 'family' key")
    if family is not None and named != family:
        raise Malformed(f"{path.name}: the file's family is {named[:64]!r}, not {family!r}")
    if path.suffix == ".json":
        return from_rollup_config(document, family=named, source=path.name)
    return read_entry({**document, "family": named}, source=path.name)


def resolve(
    chain_id: int, record: Mapping[str, Any] | ChainConfig | None = None
) -> tuple[ChainConfig, tuple[str, ...]]:
    """The configuration that counts for a chain, and what using it assumes.

    The built-in one always wins; where the record differs, a line says in what. Otherwise the record's, which the
    second value then names as taken on trust. Raises Unsupported when there is neither, Malformed when the record is of
    another chain.
    """
    if record is None:
        return load(chain_id), ()
    own = builtin().get(chain_id)
    try:
        given = record if isinstance(record, ChainConfig) else from_rollup_config(record)
    except RollproofError as error:
        if own is None:
            raise
        return own, (f"built-in configuration of chain {chain_id}; the record's was not readable: {error}",)
    if own is not None:
        return own, _disagreements(own, given)
    if given.chain_id != chain_id:
        raise Malformed(f"{given.source}: the configuration is of chain {given.chain_id}, the block of {chain_id}")
    return given, (f"rollup configuration of chain {chain_id} from the {given.source}",)


def _disagreements(own: ChainConfig, given: ChainConfig) -> tuple[str, ...]:
    """One line when what a record states differs; what it leaves out is an older record's silence, not a claim."""
    differ = [] if given.chain_id == own.chain_id else [f"chain id {given.chain_id}"]
    ours = {fork.name: fork for fork in own.forks}
    for fork in given.forks:
        known = ours.get(fork.name)
        if known is None or (known.block, known.time) != (fork.block, fork.time):
            differ.append(f"{fork.name} {fork.since()}")
    differ += [
        f"{name} {getattr(given, name)}"
        for name in ("eip1559_elasticity", "eip1559_denominator", "eip1559_denominator_canyon")
        if getattr(given, name) != getattr(own, name)
    ]
    if not differ:
        return ()
    shown = ", ".join(differ[:8]) + (", ..." if len(differ) > 8 else "")
    return (f"built-in configuration of chain {own.chain_id}; the {given.source} says otherwise: {shown}",)


def _parse(data: bytes, name: str, *, as_json: bool) -> Mapping[str, Any]:
    try:
        document = json.loads(bounded(data, name)) if as_json else tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Malformed(f"{name}: not {'JSON' if as_json else 'TOML'}") from None
    if not isinstance(document, dict):
        raise Malformed(f"{name}: not an object")
    return document
