"""Single paths out of many: what happened on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.market import YEAR
from rollproof.risk.terminal.draw import Paths
from rollproof.venue.book import Floats


@dataclass(frozen=True, slots=True)
class Event:
    """One path: what happened, and what it cost."""

    loss: float  # quote, bad debt and what was taken
    seconds: float  # the failure's length, and the grace period
    stressed: bool  # load caused it
    moves: Mapping[str, float]  # asset -> price when liquidations are possible again over price before, less 1


def at_levels(loss: Floats, weights: Floats, levels: Sequence[float]) -> NDArray[np.int64]:
    """Paths at the value at risk of each level, under the weights."""
    order = np.argsort(-loss, kind="stable")
    beyond = np.cumsum(weights[order]) / len(loss)
    at = np.searchsorted(beyond, 1.0 - np.asarray(levels))
    return np.asarray(order[np.minimum(at, len(loss) - 1)])


def beyond_level(loss: Floats, weights: Floats, level: float, count: int) -> NDArray[np.int64]:
    """``count`` paths beyond a level, evenly spread over the probability beyond it, the dearest first."""
    return at_levels(loss, weights, [1 - (1 - level) * (step + 0.5) / count for step in range(count)])


def events(
    paths: Paths, assets: Sequence[str], marks: Floats, loss: Floats, chosen: NDArray[np.int64]
) -> tuple[Event, ...]:
    """The chosen paths."""
    moves = paths.prices[-1][:, chosen] / marks[:, None] - 1
    seconds = np.sum([length[chosen] for length in paths.years], axis=0) * YEAR
    return tuple(
        Event(
            float(loss[path]),
            float(seconds[index]),
            bool(paths.stressed[path]),
            dict(zip(assets, moves[:, index].tolist(), strict=True)),
        )
        for index, path in enumerate(chosen)
    )
