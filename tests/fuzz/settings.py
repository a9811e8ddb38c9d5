"""Settings in TOML: scenarios, margin rules, depth of markets, networks. A mutation changes lines or numbers."""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fuzz.mutate import mutate_bytes
from rollproof.errors import RollproofError
from rollproof.risk import liquidity, preset
from rollproof.risk.contagion import network_file
from rollproof.risk.contagion.contagion import contagion
from rollproof.risk.contagion.shock import Shock
from rollproof.venue import positions
from rollproof.venue.rules import registry
from rollproof.venue.state import VenueState

_NUMBERS = (b"0", b"-1", b"nan", b"inf", b"-inf", b"1e400", b"1e308", b"9223372036854775808", b"0.5", b'"x"', b"[]")
_NUMBER = re.compile(rb"-?\d[\d_.e-]*")


def run_settings(data: bytes) -> None:
    """Read as each kind of settings. Raises where it is none of them, as the last of them says."""
    refused: RollproofError | None = None
    accepted = 0
    for read in (_scenario, _network, _depth, _rules):
        try:
            read(data)
        except RollproofError as error:
            refused = error
        else:
            accepted += 1
    if not accepted and refused is not None:
        raise refused


def _scenario(data: bytes) -> None:
    for failure in preset.parsed(data, "fuzz").failures:
        seconds = failure.duration.quantile(np.array([0.01, 0.5, 0.99]))
        assert np.isfinite(seconds).all()
        assert (seconds >= 0).all()


def _network(data: bytes) -> None:
    network = network_file.parsed(data, "fuzz")
    found = contagion(network, Shock({network.nodes[0]: 1e6}))
    assert ((found.recovery >= 0) & (found.recovery <= 1)).all()


def _depth(data: bytes) -> None:
    depth = liquidity.parsed(data, "fuzz", ("BTC", "ETH", "SOL"))
    assert np.isfinite(depth.square_root).all()


def _rules(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "fuzz.toml"
        path.write_bytes(data)
        rules = registry.load(path)
    book = positions.example("loans" if rules.family == "lending" else "positions")
    needed = rules.maintenance(book, book.marks, VenueState.of(book))
    assert np.isfinite(needed).all()
    assert (needed >= 0).all()


def seeds_settings() -> Sequence[bytes]:
    """All presets, every family's defaults, the example network, a depth of markets."""
    out = [entry.read_bytes() for entry in files("rollproof.risk").joinpath("incidents").iterdir()]
    out.append(files("rollproof.risk.contagion").joinpath("example.toml").read_bytes())
    out.append(b"[default]\ndaily_volume = 1e9\n[assets.BTC]\ncoefficient = 0.8\nhalf_life_seconds = 60\n")
    for name in registry.FAMILIES:
        values = {"family": name, **msgspec.to_builtins(registry.load(name))}
        lines = [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
        out.append("\n".join(lines).encode())
    return out


def _toml(value: Any) -> str:
    """As one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, bool | str) else repr(value)


def mutate_settings(data: bytes, rng: random.Random) -> bytes:
    """One to three numbers replaced, or lines gone, twice or elsewhere; now and then bytes."""
    if rng.random() < 0.2:
        return mutate_bytes(data, rng)
    for _ in range(rng.randrange(1, 4)):
        found = list(_NUMBER.finditer(data))
        if found and rng.random() < 0.6:
            at = rng.choice(found)
            data = data[: at.start()] + rng.choice(_NUMBERS) + data[at.end() :]
            continue
        lines = data.split(b"\n")
        line = lines.pop(rng.randrange(len(lines)))
        for _ in range(rng.randrange(3)):
            lines.insert(rng.randrange(len(lines) + 1), line)
        data = b"\n".join(lines)
    return data[: 1 << 20]
