"""A block from a file, at hand or from a node, with its transactions in another order."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from rollproof import _core
from rollproof.chain.claims import Served, claims
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Malformed, Missing
from rollproof.replay import disclosure, sources
from rollproof.replay.advice import advised
from rollproof.replay.counterfactual import MAX_ROUNDS, Counterfactual
from rollproof.replay.draft import Draft, Inconclusive
from rollproof.replay.execute import Inputs, Source
from rollproof.replay.judge import judge
from rollproof.replay.recorder import ByValue
from rollproof.replay.replayed import Nonces, Replay
from rollproof.replay.run import Options, Run, source_of
from rollproof.types import Claim


def replay(
    source: sources.PathLike | Inputs | Sequence[str | Any],
    order: Sequence[int],
    *,
    block: int | str | None = None,
    nonces: Nonces = "keep",
    config: ChainConfig | None = None,
) -> Replay:
    """A block with its transactions in another order.

    ``source`` is a witness or evidence file or inputs at hand; or, with ``block`` (a number, a hash or a tag), RPC URLs
    or provider objects, which prove what the other order reads. ``order`` lists places in the original block; what it
    leaves out is removed. What that means for nonces and for what a removed transaction made: see
    `replay.counterfactual`.

    Raises Malformed and Unsupported for an order that there is not or that a chain's rules forbid, Missing where the
    block itself cannot be run, and as `chain.claims.claims` what nodes say.
    """
    if isinstance(source, Inputs):
        return Counterfactual(source).replay(order, nonces=nonces)
    if isinstance(source, (str, os.PathLike)) and block is None:
        return Counterfactual(inputs(source, config)).replay(order, nonces=nonces)
    if block is None:
        raise Malformed("nodes need the block that is to be reordered")
    urls = [source] if isinstance(source, (str, os.PathLike)) else source
    run = Run.begin(urls, Options(config=config, second_opinion="never"))
    with closing(cast("Generator[Served]", claims(run.nodes, str(block)))) as served_blocks, advised():
        served = next(served_blocks)
        state, preimages = source_of(served, run), _core.Preimages()
        if not isinstance(state, ByValue):
            preimages.add(served.source.begin())
        found = inputs_of(served.claim, preimages, config, state)
        return Counterfactual(found, state).replay(order, nonces=nonces)


def inputs(path: sources.PathLike, config: ChainConfig | None = None) -> Inputs:
    """What execution of the block in a file rests on. Raises as `replay.verify.trace`."""
    claim, preimages = sources.read(Path(path))
    try:
        return inputs_of(claim, preimages, config)
    except Missing as error:
        raise Missing(f"{Path(path).name}: {error}") from None


def inputs_of(
    claim: Claim, preimages: _core.Preimages, config: ChainConfig | None = None, source: Source | None = None
) -> Inputs:
    """What execution of a claimed block rests on, after it was judged once. Raises Missing where it cannot be run."""
    try:
        _, reason, found = judge(Draft(claim, disclosure.without(source)), preimages, source, config, MAX_ROUNDS)
    except (Inconclusive, _core.CoreError) as error:
        raise Missing(str(error)) from None
    if found is None:
        raise Missing(f"the block cannot be run: {reason or 'its inputs are not all there'}")
    return found
