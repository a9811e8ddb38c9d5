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


CASCADE_PATHS = 4_096, 64  # where nobody says how many: the most and the fewest
STEPPED_ROWS = 50_000_000  # over all paths, where nobody says: about a minute on two cores
NOT_STEPPED = 200_000  # rows from which on nobody's book is stepped unasked: minutes for the fewest paths


@dataclass(frozen=True, slots=True)
class Settings:
    """Results depend on ``seed`` and the numbers of paths, never on ``engine`` and ``workers``."""

    paths: int = 131_072  # of the terminal layer
    replicates: int = 16
    cascade_paths: int | None = None  # 0: no cascade; None: what `stepped` says
    step_seconds: float = 60.0  # of the cascade
    variant_paths: int = 16_384  # for each other truth that is tried; 0: none
    seed: int = 0
    engine: str = "threads"
    workers: int | None = None
    markets: Markets = Markets()
    accounts: int = 50  # of the table of who is wiped out first

    def stepped(self, rows: int) -> int:
        """Paths of the cascade for a book of so many rows: fewer, or none, of a large one where nobody says."""
        if self.cascade_paths is not None:
            return self.cascade_paths
        if rows >= NOT_STEPPED:
            return 0
        most, least = CASCADE_PATHS
        return min(most, max(STEPPED_ROWS // max(rows, 1), least))
