"""The presets that are shipped, by name: what a list needs, without what prices are computed with."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable


def names() -> tuple[str, ...]:
    """Of all presets, sorted."""
    return tuple(sorted(each.name.removesuffix(".toml") for each in _incidents().iterdir() if _is_preset(each)))


def title(name: str) -> str:
    """Of one of `names`, in a few words."""
    return str(tomllib.loads(text(name).decode())["title"])


def text(name: str) -> bytes:
    """The TOML of one of `names`."""
    return _incidents().joinpath(f"{name}.toml").read_bytes()


def _is_preset(entry: Traversable) -> bool:
    return entry.name.endswith(".toml")


def _incidents() -> Traversable:
    return files("rollproof.risk").joinpath("incidents")
