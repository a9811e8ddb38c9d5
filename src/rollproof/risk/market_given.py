"""The market that a scenario is priced in: fitted to prices, or illustrative with volatilities of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollproof.errors import Malformed
from rollproof.risk.estimate import Estimate
from rollproof.risk.market import Model, jump_diffusion
from rollproof.risk.settings import Markets

if TYPE_CHECKING:
    from rollproof.risk.calibration import Fitted
    from rollproof.venue.table import Source

VOLATILITY = 0.8  # annual, where none is given
ERRORS = 2.0  # standard errors to either side


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A model, what else it could have been, and what a reader must know."""

    model: Model
    markets: Markets
    notes: tuple[str, ...]


def fitted(source: Source, assets: Sequence[str]) -> Market:
    """Fitted to a series of prices with a column for each asset. Raises as `prices.read` and `calibration.fit`."""
    from rollproof.risk import calibration, prices  # most runs need no optimiser

    found = calibration.fit(prices.read(source).only(assets))
    spans = [_factors(each.volatility) for each in found.assets]
    volatility = (min(low for low, _ in spans), max(high for _, high in spans))
    return Market(found.model, Markets(volatility, _factors(found.common.intensity), calibrated=True), _notes(found))


def illustrative(assets: Sequence[str], volatility: Mapping[str, float] | None = None) -> Market:
    """A jump diffusion that nobody fitted; ``volatility`` is annual, by asset, "" for all others.

    Raises Malformed for an asset that is not there, or a volatility that is not from 0 to 100.
    """
    given = volatility or {}
    for asset, value in given.items():
        if asset and asset not in assets:
            raise Malformed(f"volatility: no asset {asset[:40]!r} in the positions: {', '.join(assets[:20])}")
        if not 0 <= value <= 100:
            raise Malformed(f"volatility of {asset[:40] or 'all assets'}: {value} is not from 0 to 100")
    every = given.get("", VOLATILITY)
    model = jump_diffusion(assets, [given.get(asset, every) for asset in assets])
    said = "volatility is as given; " if given else ""
    return Market(model, Markets(), (f"the market is not fitted: {said}jumps and correlation are illustrative",))


def _factors(estimate: Estimate) -> tuple[float, float]:
    """The ends of the interval as factors on the value; none where there is nothing to multiply."""
    if not estimate.value > 0:
        return (1.0, 1.0)
    width = ERRORS * estimate.standard_error / estimate.value
    return (max(1 - width, 0.05), 1 + width)


def _notes(found: Fitted) -> tuple[str, ...]:
    said = [
        f"{each.asset}: {each.returns} returns over {each.years * 365:.3g} days, "
        f"volatility {each.volatility.value:.3g}, {each.jumps.count} jumps"
        for each in found.assets
    ]
    return ("the market is fitted: " + "; ".join(said), *found.notes)
