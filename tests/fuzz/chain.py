"""Small honest blocks that inputs are made from: those of the lab's demonstration, untampered."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path

import demonstration as demo
from rollproof.chain import config
from rollproof.chain.schedule import ChainConfig
from small_chain import Built

ETHEREUM, OP_STACK = 1337, 1338
_TEXTS = {ETHEREUM: demo.ETHEREUM, OP_STACK: demo.OP_STACK}


@cache
def configs() -> dict[int, ChainConfig]:
    """The configurations of the two chains by chain id."""
    found = {}
    for chain_id in _TEXTS:
        with _file(chain_id) as path:
            found[chain_id] = config.from_file(path)
    return found


@cache
def blocks() -> tuple[Built, ...]:
    """Four blocks under Osaka (a token, a creation, blobs, delegated code) and two under Jovian."""
    with _file(ETHEREUM) as path:
        found = list(islice(demo.ethereum_blocks(path, 0), 4))
    with _file(OP_STACK) as path:  # the demonstration tampers with the third
        return (*found, *islice(demo.op_stack_blocks(path, 0), 2))


@contextmanager
def _file(chain_id: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "chain.toml"
        path.write_text(_TEXTS[chain_id], encoding="utf-8")
        yield path
