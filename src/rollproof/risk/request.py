"""``rollproof.risk(...)``: positions, rules and a scenario by name or as values -> what the failure costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rollproof.risk import calibration, preset
from rollproof.risk.failure import Scenario
from rollproof.risk.liquidity import Liquidity
from rollproof.risk.market import Model, jump_diffusion
from rollproof.risk.price import Progress, price
from rollproof.risk.result import Priced
from rollproof.risk.settings import Settings
from rollproof.venue import positions as position_files
from rollproof.venue.book import Book
from rollproof.venue.positions import Source
from rollproof.venue.rules import registry
from rollproof.venue.rules.rules import Rules
from rollproof.venue.state import VenueState


def risk(
    positions: Source | Book,
    *,
    rules: str | Rules,
    scenario: str | Scenario = "outage",
    quote: str = "USD",
    prices: Mapping[str, float] | None = None,
    venue: str | None = None,
    insurance_fund: float = 0.0,
    pool: float = float("inf"),
    market: Model | str | Path | None = None,
    volatility: float | Mapping[str, float] = 0.8,
    liquidity: Liquidity | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Priced:
    """Price a scenario for one venue's positions.

    Args:
        positions: a book, or what `venue.positions.read` takes: a file or a data frame.
        rules: a family's name, a TOML file, or rules.
        scenario: a preset's name, a TOML file, or a scenario.
        prices: marks by asset, where the positions have none.
        venue: which one, where the positions are of several.
        insurance_fund: in the quote currency.
        pool: liquidity that faces the traders; infinite: they face each other.
        market: a model, or a file of prices over time that one is fitted to.
        volatility: annual, of the illustrative market where none is given; by asset, the others have 0.8.

    Raises as `venue.positions.read`, `venue.rules.registry.load`, `risk.preset.load` and `risk.price.price`.
    """
    book = (
        positions
        if isinstance(positions, Book)
        else position_files.read(positions, quote=quote, prices=prices, venue=venue)
    )
    settings = settings or Settings()
    if isinstance(market, str | Path):
        market = calibration.fit_file(market).model
        settings = replace(settings, calibrated=True)
    elif market is not None:
        settings = replace(settings, calibrated=True)
    else:
        by_asset = volatility if isinstance(volatility, Mapping) else dict.fromkeys(book.assets, volatility)
        market = jump_diffusion(book.assets, [by_asset.get(asset, 0.8) for asset in book.assets])
    return price(
        book,
        rules if isinstance(rules, Rules) else registry.load(rules),
        scenario if isinstance(scenario, Scenario) else preset.load(scenario),
        state=VenueState.of(book, insurance_fund=insurance_fund, pool=pool),
        model=market,
        liquidity=liquidity,
        settings=settings,
        progress=progress,
    )
