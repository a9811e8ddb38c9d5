"""How far orders move a price, and how fast the price recovers.

An order flow of ``notional`` (quote) that the book has not absorbed yet displaces the logarithm of the price by

    square_root * sqrt(notional) + linear * notional

with ``square_root`` = Y * daily volatility / sqrt(daily volume) (B. Tóth et al., Anomalous price impact and the
critical nature of liquidity in financial markets, Phys. Rev. X 1 (2011), equation 1; for Bitcoin: J. Donier and
J. Bonart, A million metaorder analysis of market impact on the Bitcoin, arXiv 1412.4503). The book absorbs flow
exponentially: half of it in ``half_life_seconds``. So impact does not depend on how an order is cut up in an instant.

In stress the depth is ``stress_depth`` times the usual: an order of Q moves the price as Q / stress_depth would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np

from rollproof.errors import Malformed, Unsupported
from rollproof.venue.book import Floats

MAX_BYTES = 1 << 20
MAX_ASSETS = 10_000


class Depth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One asset's market, as a file gives it. The defaults are illustrative: they are not measured on any venue.

    Raises Malformed for a value out of range, by name.
    """

    daily_volume: float = 1e9  # quote
    daily_volatility: float = 0.04  # of the log price
    coefficient: float = 1.0  # Y: of order one in the papers above
    linear: float = 0.0  # log price per quote of notional
    half_life_seconds: float = 600.0
    stress_depth: float = 0.3

    def __post_init__(self) -> None:
        _ranged("daily_volume", self.daily_volume, 1e-9, math.inf)
        _ranged("daily_volatility", self.daily_volatility, 0.0, 10.0)
        _ranged("coefficient", self.coefficient, 0.0, 1e3)
        _ranged("linear", self.linear, 0.0, 1e3)
        _ranged("half_life_seconds", self.half_life_seconds, 1e-9, math.inf)
        _ranged("stress_depth", self.stress_depth, 1e-6, 1e3)

    @property
    def square_root(self) -> float:
        """Log price per square root of quote."""
        return self.coefficient * self.daily_volatility / math.sqrt(self.daily_volume)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    default: Depth | None = None  # of assets that are not named
    assets: dict[str, Depth] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Liquidity:
    """The markets of ``assets``; see the module's head."""

    assets: tuple[str, ...]
    # (assets,)
    square_root: Floats  # log price per square root of quote
    linear: Floats  # log price per quote
    half_life_seconds: Floats  # infinite: the price never recovers
    stress_depth: Floats  # what depth is multiplied with in stress
    sources: tuple[str, ...] = field(default=())  # where the figures are from

    @classmethod
    def of(cls, depths: Mapping[str, Depth], *, sources: Sequence[str] = ()) -> Liquidity:
        """From each asset's market."""
        chosen = list(depths.values())

        def column(name: str) -> Floats:
            return np.array([getattr(each, name) for each in chosen], dtype=np.float64)

        return cls(
            assets=tuple(depths),
            square_root=column("square_root"),
            linear=column("linear"),
            half_life_seconds=column("half_life_seconds"),
            stress_depth=column("stress_depth"),
            sources=tuple(sources),
        )

    def impact(self, notional: Floats | float, asset: int, *, stressed: bool = False) -> Floats:
        """How far |notional| (quote) moves the log price of the asset with this index, at its last unit."""
        size = np.abs(notional) / (self.stress_depth[asset] if stressed else 1.0)
        return np.asarray(self.square_root[asset] * np.sqrt(size) + self.linear[asset] * size)

    def cost(self, notional: Floats | float, asset: int, *, stressed: bool = False) -> Floats:
        """What |notional| costs on average over its units, as a share of it: 2/3 of the square root, half of linear."""
        size = np.abs(notional) / (self.stress_depth[asset] if stressed else 1.0)
        return np.asarray(self.square_root[asset] * np.sqrt(size) * 2 / 3 + self.linear[asset] * size / 2)

    def only(self, assets: Sequence[str]) -> Liquidity:
        """The same markets, of some of the assets in the order given. Raises Malformed for one that is not there."""
        for asset in assets:
            if asset not in self.assets:
                raise Malformed(f"liquidity: nothing is said of asset {asset[:40]!r}")
        chosen = [self.assets.index(asset) for asset in assets]
        names = ("square_root", "linear", "half_life_seconds", "stress_depth")
        return replace(self, assets=tuple(assets), **{name: getattr(self, name)[chosen] for name in names})

    @property
    def infinite(self) -> bool:
        """Whether no order moves any price."""
        return not (self.square_root.any() or self.linear.any())


def illustrative(assets: Sequence[str], depth: Depth | None = None) -> Liquidity:
    """The same market for every asset: round numbers, not measured."""
    chosen = depth or Depth()
    return Liquidity.of(dict.fromkeys(assets, chosen), sources=("illustrative, not measured",))


def infinite(assets: Sequence[str]) -> Liquidity:
    """Markets that no order moves: an oracle, not a model."""
    return illustrative(assets, Depth(coefficient=0.0))


def linear(assets: Sequence[str], per_quote: float, half_life_seconds: float = math.inf) -> Liquidity:
    """Markets with linear impact only, log price per quote."""
    return illustrative(assets, Depth(coefficient=0.0, linear=per_quote, half_life_seconds=half_life_seconds))


def load(path: str | Path, assets: Sequence[str]) -> Liquidity:
    """The markets of ``assets`` from a TOML file: tables ``assets.NAME``, and ``default`` for those not named.

    Raises:
        Malformed: too large, not TOML, an unknown key, a value out of range, or an asset that the file says nothing of.
        Unsupported: not a .toml file.
        OSError: the file cannot be read.
    """
    path = Path(path)
    if path.suffix != ".toml":
        raise Unsupported(f"liquidity {path.name[:60]!r}: a .toml file is known, and nothing else")
    with path.open("rb") as file:
        return parsed(file.read(MAX_BYTES + 1), path.name, assets)


def parsed(data: bytes, what: str, assets: Sequence[str]) -> Liquidity:
    """As `load`, from TOML. Raises Malformed."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"{what}: more than {MAX_BYTES} bytes")
    try:
        file = msgspec.toml.decode(data, type=_File)
    except Malformed as error:
        raise Malformed(f"{what}: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:  # names the key and the path to it
        raise Malformed(f"{what}: {str(error)[:200]}") from None
    if len(file.assets) > MAX_ASSETS:
        raise Malformed(f"{what}: more than {MAX_ASSETS} assets")
    depths = {}
    for asset in assets:
        depth = file.assets.get(asset, file.default)
        if depth is None:
            raise Malformed(f"{what}: asset {asset[:40]!r} is not named and there is no default")
        depths[asset] = depth
    return Liquidity.of(depths, sources=(what,))


def _ranged(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # NaN fails too
        raise Malformed(f"liquidity: {name} {value} is not from {low:g} to {high:g}")
