"""Random streams that kernels carry along: one per path and purpose, so that a path's shocks depend on nothing else.

A stream is four 64-bit words of the generator SFC64 (C. Doty-Humphrey, PractRand), stepped as NumPy's SFC64 is. Normals
are drawn by the ziggurat (G. Marsaglia and W. W. Tsang, The Ziggurat Method for Generating Random Variables, Journal of
Statistical Software 5 (2000)) with 256 layers.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.compilation import njit
from rollproof.venue.book import Floats

Words: TypeAlias = NDArray[np.uint64]

STREAMS = 4  # of a path: diffusion, common jumps, the assets' own jumps, choices of its accounts
DIFFUSION, COMMON, OWN, CHOICES = range(STREAMS)

_LAYERS = 256
_EDGE = 3.6541528853610088  # where the tail begins: the paper's r for 256 layers
_AREA = 0.00492867323399  # of each layer


def _layers() -> tuple[Floats, Floats]:
    """Right edges x of the layers, from the base up, and exp(-x^2 / 2) at them."""
    edges = np.zeros(_LAYERS + 1)
    edges[0], edges[1] = _AREA * math.exp(_EDGE**2 / 2), _EDGE
    for layer in range(1, _LAYERS - 1):
        height = _AREA / edges[layer] + math.exp(-(edges[layer] ** 2) / 2)
        edges[layer + 1] = math.sqrt(-2 * math.log(height))
    return edges, np.exp(-(edges**2) / 2)


_X, _F = _layers()


def words(seed: int, block: int, paths: int) -> Words:
    """(paths, streams, 4) the streams of a block of paths, ready to be drawn from."""
    state = np.ones((paths, STREAMS, 4), dtype=np.uint64)
    source = np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(block,)))
    state[:, :, :3] = source.random_raw(paths * STREAMS * 3).reshape(paths, STREAMS, 3)
    _mix(state.reshape(-1, 4))
    return state


@njit(nogil=True)
def draw(stream: Words) -> np.uint64:
    """The next 64 bits."""
    out: np.uint64 = stream[0] + stream[1] + stream[3]
    stream[3] += np.uint64(1)
    stream[0] = stream[1] ^ (stream[1] >> np.uint64(11))
    stream[1] = stream[2] + (stream[2] << np.uint64(3))
    stream[2] = ((stream[2] << np.uint64(24)) | (stream[2] >> np.uint64(40))) + out
    return out


@njit(cache=True, nogil=True)
def _mix(streams: Words) -> None:
    """Twelve rounds, as SFC64 is seeded."""
    for index in range(len(streams)):
        for _ in range(12):
            draw(streams[index])


@njit(nogil=True)
def uniform(stream: Words) -> float:
    """Between 0 and 1, neither of them."""
    return (float(draw(stream) >> np.uint64(12)) + 0.5) * 2.0**-52


@njit(nogil=True)
def exponential(stream: Words) -> float:
    """With mean 1."""
    return -math.log(uniform(stream))


@njit(nogil=True)
def normal(stream: Words) -> float:
    """Standard normal."""
    bits = draw(stream)
    layer = int(bits & np.uint64(255))
    x = float(np.int64(bits) >> 11) * 2.0**-52 * _X[layer]
    return x if abs(x) < _X[layer + 1] else _beyond(stream, layer, x)


@njit(nogil=True)
def _beyond(stream: Words, layer: int, x: float) -> float:
    """What becomes of an ``x`` outside the rectangle that lies wholly under the density."""
    while True:
        if layer == 0:
            return _tail(stream, x < 0.0)
        if _F[layer] + uniform(stream) * (_F[layer + 1] - _F[layer]) < math.exp(-x * x / 2):
            return x
        bits = draw(stream)
        layer = int(bits & np.uint64(255))
        x = float(np.int64(bits) >> 11) * 2.0**-52 * _X[layer]
        if abs(x) < _X[layer + 1]:
            return x


@njit(nogil=True)
def _tail(stream: Words, negative: bool) -> float:
    while True:
        x = exponential(stream) / _EDGE
        if 2.0 * exponential(stream) >= x * x:
            return -(_EDGE + x) if negative else _EDGE + x


@njit(nogil=True)
def scattered(key: np.uint64, index: int) -> float:
    """A uniform number for each ``index`` under a ``key``, whatever is asked before (splitmix64's output function)."""
    z = key + np.uint64(index + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (float(z >> np.uint64(12)) + 0.5) * 2.0**-52


@njit(nogil=True)
def normals(stream: Words, out: Floats, count: int) -> None:
    """Fills the first ``count`` of ``out`` as `normal` would one by one; the state stays in registers."""
    a, b, c, counter = stream[0], stream[1], stream[2], stream[3]
    for index in range(count):
        bits = a + b + counter
        counter += np.uint64(1)
        a = b ^ (b >> np.uint64(11))
        b = c + (c << np.uint64(3))
        c = ((c << np.uint64(24)) | (c >> np.uint64(40))) + bits
        layer = int(bits & np.uint64(255))
        x = float(np.int64(bits) >> 11) * 2.0**-52 * _X[layer]
        if abs(x) >= _X[layer + 1]:  # one in a hundred
            stream[0], stream[1], stream[2], stream[3] = a, b, c, counter
            x = _beyond(stream, layer, x)
            a, b, c, counter = stream[0], stream[1], stream[2], stream[3]
        out[index] = x
    stream[0], stream[1], stream[2], stream[3] = a, b, c, counter
