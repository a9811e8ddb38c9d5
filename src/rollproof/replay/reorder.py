"""A block from a file, or one at hand, with its transactions in another order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rollproof import _core
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Missing
from rollproof.replay import disclosure, sources
from rollproof.replay.counterfactual import MAX_ROUNDS, Counterfactual
from rollproof.replay.draft import Draft, Inconclusive
from rollproof.replay.execute import Inputs, Source
from rollproof.replay.judge import judge
from rollproof.replay.replayed import Nonces, Replay
from rollproof.types import Claim


def replay(
    block: sources.PathLike | Inputs,
    order: Sequence[int],
    *,
    nonces: Nonces = "keep",
    config: ChainConfig | None = None,
) -> Replay:
    """A block of a witness or evidence file, or of inputs at hand, with its transactions in another order.

    ``order`` lists places in the original block; what it leaves out is removed. What that means for nonces and for
    what a removed transaction made: see `replay.counterfactual`. Raises Malformed and Unsupported for an order that
    there is not or that a chain's rules forbid, and as `trace` where the block itself cannot be run.
    """
    return Counterfactual(block if isinstance(block, Inputs) else inputs(block, config)).replay(order, nonces=nonces)


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
