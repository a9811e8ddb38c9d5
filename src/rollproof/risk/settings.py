"""How much is computed, and by whom."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Markets:
    """What other markets are tried: factors on volatility and on the intensity of jumps.

    The defaults are for a market that nobody fitted: no measurement, but days measured ranged over more than this.
    """

    volatility: tuple[float, ...] = (0.6, 1.5)
    jumps: tuple[float, ...] = (0.5, 2.0)
    calibrated: bool = False  # the model was fitted to prices, and the factors are of the fit's standard errors


@dataclass(frozen=True, slots=True)
class Settings:
    """Results depend on ``seed`` and the numbers of paths, never on ``engine`` and ``workers``."""

    paths: int = 131_072  # of the terminal layer
    replicates: int = 16
    cascade_paths: int = 4_096  # 0: no cascade
    step_seconds: float = 60.0  # of the cascade
    variant_paths: int = 16_384  # for each other truth that is tried; 0: none
    seed: int = 0
    engine: str = "threads"
    workers: int | None = None
    markets: Markets = Markets()
    accounts: int = 50  # of the table of who is wiped out first
