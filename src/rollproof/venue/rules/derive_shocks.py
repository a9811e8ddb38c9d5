"""Derive's scenarios, and how they move volatilities and discounts."""

from __future__ import annotations

import msgspec
import numpy as np

from rollproof.venue.book import Floats
from rollproof.venue.rules import parameters
from rollproof.venue.rules.scenario import Scenario, Skew, grid

_UP, _DOWN = 0.5, -0.3
# Moves whose profit or loss counts by 0.1386 / |move|.
_TAILS = ((-0.66, 0.21), (-0.33, 0.42), (0.5, 0.2772), (1.0, 0.1386), (2.0, 0.0693), (3.0, 0.0462), (4.0, 0.03465),
          (5.0, 0.02772))  # fmt: skip

# derivexyz/v2-core@42a4e48 scripts/config-mainnet.sol, getDefaultPM2Scenarios
SCENARIOS = (
    Scenario(0.18, _UP),
    *grid((0.135, 0.09, 0.045, 0.0, -0.045, -0.09, -0.135), _UP, _DOWN),
    Scenario(-0.18, _UP),
    *(Scenario(move, _UP, weight) for move, weight in _TAILS),
    Scenario(0.0, skew=Skew.LINEAR),
    Scenario(0.0, skew=Skew.ABSOLUTE),
)


class SkewShock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far a skew scenario raises or lowers a volatility, by log-moneyness."""

    linear_cap: float = 0.25
    absolute_cap: float = 0.25
    linear_slope: float = -0.1  # of the cap, by the square root of the years to expiry
    absolute_slope: float = -0.1
    narrowest: float = 0.01  # log-moneyness, at least, at which the cap is reached
    width: float = 4.0
    level: float = 0.6
    level_slope: float = 0.0

    def multiplier(self, moneyness: Floats, years: Floats, skew: Skew) -> Floats:
        """(options,) what a volatility is multiplied with; ``moneyness`` is log(strike / forward)."""
        root = np.sqrt(years)
        if skew is Skew.LINEAR:
            cap, along = self.linear_cap + root * self.linear_slope, moneyness
        else:
            cap, along = self.absolute_cap + root * self.absolute_slope, np.abs(moneyness)
        reached = np.maximum(self.narrowest, root * self.width * (self.level + root * self.level_slope))
        tilt = along * cap / reached
        bounded = np.where(along >= 0, np.minimum(cap, tilt), np.maximum(-cap, tilt))
        return np.asarray(np.maximum(1 + bounded, 0.0))


class StaticDiscount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the shocked value of an expiry is multiplied with, against time value that may not be realised."""

    long_base: float = 0.95
    short_base: float = 1.05
    long_rate_multiple: float = 0.0
    short_rate_multiple: float = 0.0
    long_rate_add: float = 0.16
    short_rate_add: float = 0.16

    def factor(self, value: Floats, years: Floats, rate: float) -> Floats:
        """(expiries,) for a shocked ``value`` of each, quote, discounted at ``rate`` a year."""
        long = self.long_base * np.exp(-years * (rate * self.long_rate_multiple + self.long_rate_add))
        short = self.short_base * np.exp(years * (rate * self.short_rate_multiple + self.short_rate_add))
        return np.where(value >= 0, long, np.minimum(np.exp(rate * years), short))


class Haircut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Share of a collateral's value that does not count."""

    maintenance: float
    initial: float  # on top of it

    def __post_init__(self) -> None:
        parameters.shares(self, "maintenance", "initial")
