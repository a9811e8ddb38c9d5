"""Prices of the world outside: a seeded jump diffusion in whole numbers, or a recorded series from a CSV file.

A price is in US dollars with 8 decimals. The same seed gives the same prices on any machine: no floating point, and
nothing of `random` but getrandbits and randrange.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Final, Protocol

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.lab import genesis

STEP: Final = 2  # seconds between two prices of a diffusion: an L2 block
YEAR: Final = 365 * 86_400
DECIMALS: Final = 8
MAX_STEPS: Final = 5_000_000
MAX_BYTES: Final = 32 * 2**20
MAX_ROWS: Final = 1_000_000
MAX_SYMBOLS: Final = 32
HIGHEST: Final = 10**24  # ten thousand trillion dollars: far below what the oracle's contract takes
_PART: Final = 10**12  # returns are in millionths of a millionth
_BPS: Final = _PART // 10_000
_PRICE: Final = re.compile(r"(\d{1,16})(?:\.(\d{1,8}))?", re.ASCII)
_TIME: Final = re.compile(r"\d{1,12}", re.ASCII)
_SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{0,31}", re.ASCII)


class Series(Protocol):
    """One symbol's prices."""

    def price(self, time: int) -> int:
        """At a time, Unix seconds; 8 decimals, above zero."""
        ...


@dataclass(frozen=True, slots=True)
class Diffusion:
    """What a jump diffusion is made of. Rates are by the year of 365 days, in basis points.

    Every step of 2 seconds multiplies the price by 1 + drift + deviation * Z + jump. Z is the sum of twelve uniform
    draws less six (Irwin-Hall: mean 0, variance 1, never beyond 6). From a year to a step, whole numbers all the way:
    drift * 2 / YEAR, and the whole root of volatility² * 2 / YEAR, both in units of 1e-12. A jump comes in a step with
    probability jumps * 2 / YEAR, and is mean + deviation * Z of its own. ``drift`` is that of the expected price (its
    logarithm has half the variance less), and jumps come on top of it.
    """

    start: int  # price
    volatility: int = 8_000
    drift: int = 0
    jumps: int = 4_000  # a year
    jump_mean: int = 0  # basis points
    jump_deviation: int = 100

    def __post_init__(self) -> None:
        if not 0 < self.start <= HIGHEST:
            raise Malformed(f"a start price from 1 to {HIGHEST}, not {self.start}")
        for name, low, high in (
            ("volatility", 0, 1_000_000), ("drift", -1_000_000, 1_000_000), ("jumps", 0, YEAR // STEP),
            ("jump_mean", -5_000, 5_000), ("jump_deviation", 0, 2_000),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise Malformed(f"{name} from {low} to {high}, not {getattr(self, name)}")

    @property
    def step_deviation(self) -> int:
        """Of one step's return, in 1e-12."""
        return isqrt(self.volatility**2 * _BPS**2 * STEP // YEAR)

    @property
    def step_drift(self) -> int:
        """Of one step's return, in 1e-12; rounded towards minus infinity."""
        return self.drift * _BPS * STEP // YEAR


class Diffused:
    """A seeded path. Prices are made in order and kept, so that reading forward costs one step each."""

    def __init__(self, diffusion: Diffusion, draw: random.Random, *, time: int) -> None:
        """``time`` is that of the start price; before it, that is the price."""
        self._diffusion, self._draw, self._time = diffusion, draw, time
        self._drift, self._deviation = diffusion.step_drift, diffusion.step_deviation
        self._level = diffusion.start * _PART  # finer than a price, so that small returns are not lost
        self._prices = [diffusion.start]

    def price(self, time: int) -> int:
        """Raises Unsupported more than MAX_STEPS after the start."""
        index = max(0, (time - self._time) // STEP)
        if index > MAX_STEPS:
            raise Unsupported(f"a price {time - self._time} s after the start: {MAX_STEPS * STEP} s are the most")
        while len(self._prices) <= index:
            self._prices.append(self._next())
        return self._prices[index]

    def _next(self) -> int:
        diffusion = self._diffusion
        change = self._drift + (self._deviation * _normal(self._draw) >> 32)
        if self._draw.randrange(YEAR) < diffusion.jumps * STEP:
            change += diffusion.jump_mean * _BPS + (diffusion.jump_deviation * _BPS * _normal(self._draw) >> 32)
        change = max(-_PART // 2, min(_PART, change))  # no step halves or doubles the price more than once
        level = self._level * (_PART + change) // _PART
        self._level = max(_PART, min(HIGHEST * _PART, level))
        return self._level // _PART


def _normal(draw: random.Random) -> int:
    """Close to normal, mean 0, standard deviation 2**32."""
    bits = draw.getrandbits(384)
    total = 0
    for _ in range(12):
        total += bits & 0xFFFFFFFF
        bits >>= 32
    return total - 6 * 0xFFFFFFFF


class Recorded:
    """Prices at given times; each holds until the next. The first row is moved to the lab's first second."""

    def __init__(self, rows: Sequence[tuple[int, int]], *, time: int) -> None:
        """``rows`` are (seconds, price), times rising."""
        first = rows[0][0]
        self._times = [time + each - first for each, _ in rows]
        self._prices = [price for _, price in rows]

    def price(self, time: int) -> int:
        return self._prices[max(0, bisect_right(self._times, time) - 1)]


DEFAULTS: Final[Mapping[str, Diffusion]] = {
    "ETH-USD": Diffusion(2_500 * 10**DECIMALS),
    "BTC-USD": Diffusion(60_000 * 10**DECIMALS, volatility=5_500, jump_deviation=70),
}


class Market:
    """What everything is worth outside the lab, by symbol. The first symbol is the one where none is named."""

    def __init__(self, paths: Mapping[str, Series]) -> None:
        if not paths:
            raise Malformed("a market without symbols")
        self._paths = dict(paths)

    @classmethod
    def seeded(
        cls, seed: int = 0, diffusions: Mapping[str, Diffusion] = DEFAULTS, *, time: int = genesis.TIME
    ) -> Market:
        """Jump diffusions from ``time`` on. A symbol's path depends on the seed and its own name only."""
        return cls({symbol: Diffused(each, _stream(seed, symbol), time=time) for symbol, each in diffusions.items()})

    @classmethod
    def from_csv(cls, file: str | Path, seed: int = 0, *, time: int = genesis.TIME) -> Market:
        """Recorded prices; the first row is what holds at ``time``, later ones follow at their distance from it.

        Columns ``time,price`` (of the first symbol, ETH-USD) or ``time,symbol,price``, with this first line. Times are
        whole seconds and rise for each symbol, prices decimal numbers above zero with at most 8 decimals. Symbols that
        the lab needs and the file lacks are seeded. Raises Malformed, naming the line.
        """
        name = Path(file).name
        try:
            with Path(file).open("rb") as source:
                data = source.read(MAX_BYTES + 1)
        except OSError as error:
            raise Malformed(f"{name}: cannot be read: {error.strerror}") from None
        if len(data) > MAX_BYTES:
            raise Malformed(f"{name}: more than {MAX_BYTES} bytes")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Malformed(f"{name}: line {data[: error.start].count(10) + 1}: not UTF-8") from None
        recorded: dict[str, Series] = {
            symbol: Recorded(rows, time=time) for symbol, rows in parse_csv(text, name).items()
        }
        rest = {symbol: each for symbol, each in DEFAULTS.items() if symbol not in recorded}
        return cls({**recorded, **(cls.seeded(seed, rest, time=time)._paths if rest else {})})

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._paths)

    def price(self, time: int, symbol: str | None = None) -> int:
        """At a time, Unix seconds; 8 decimals, above zero. Raises Unsupported for a symbol that is not here."""
        wanted = next(iter(self._paths)) if symbol is None else symbol
        if wanted not in self._paths:
            raise Unsupported(f"no prices of {wanted[:40]!r}; there are {', '.join(self._paths)}")
        return self._paths[wanted].price(time)


def parse_csv(text: str, name: str = "prices") -> dict[str, list[tuple[int, int]]]:
    """Rows by symbol, in the order of the file. Raises Malformed with the number of the line that is wrong."""
    lines = text.splitlines()
    columns = [each.strip() for each in lines[0].split(",")] if lines else []
    if columns not in (["time", "price"], ["time", "symbol", "price"]):
        raise Malformed(f"{name}: line 1: the columns are time,price or time,symbol,price")
    if len(lines) - 1 > MAX_ROWS:
        raise Malformed(f"{name}: line {MAX_ROWS + 2}: more than {MAX_ROWS} rows")
    found: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            _add_row(found, [each.strip() for each in line.split(",", 3)], len(columns), f"{name}: line {number}")
    if not found:
        raise Malformed(f"{name}: line 1: no rows follow")
    return found


def _add_row(found: dict[str, list[tuple[int, int]]], values: list[str], columns: int, where: str) -> None:
    if len(values) != columns:
        raise Malformed(f"{where}: {columns} columns, not {len(values)}")
    time, price = values[0], _PRICE.fullmatch(values[-1])
    symbol = values[1] if columns == 3 else next(iter(DEFAULTS))
    if not _TIME.fullmatch(time):
        raise Malformed(f"{where}: time is whole seconds, not {time[:40]!r}")
    if not _SYMBOL.fullmatch(symbol):
        raise Malformed(f"{where}: symbol is up to 32 letters, digits and . / _ -, not {symbol[:40]!r}")
    if price is None or not int(values[-1].replace(".", "")):
        raise Malformed(f"{where}: price is a decimal number above zero, not {values[-1][:40]!r}")
    rows = found.setdefault(symbol, [])
    if len(found) > MAX_SYMBOLS:
        raise Malformed(f"{where}: more than {MAX_SYMBOLS} symbols")
    if rows and int(time) <= rows[-1][0]:
        raise Malformed(f"{where}: time {time} does not rise")
    rows.append((int(time), int(price[1]) * 10**DECIMALS + int((price[2] or "").ljust(DECIMALS, "0"))))


def _stream(seed: int, symbol: str) -> random.Random:
    digest = _core.keccak256(seed.to_bytes(32, "big", signed=True) + b"market " + symbol.encode())
    return random.Random(int.from_bytes(digest, "big"))
