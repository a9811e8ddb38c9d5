"""``rollproof.risk(...)``: positions, rules and a scenario by name or as values -> what the failure costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rollproof.risk import market_given, preset
from rollproof.risk.failure import Scenario
from rollproof.risk.liquidity import Liquidity
from rollproof.risk.market_given import Market
from rollproof.risk.price import price
from rollproof.risk.result import Priced
from rollproof.risk.settings import Settings
from rollproof.risk.work import Stages
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
    market: Market | Source | None = None,
    volatility: Mapping[str, float] | None = None,
    liquidity: Liquidity | None = None,
    settings: Settings | None = None,
    progress: Stages | None = None,
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
        market: prices over time that a model is fitted to, or a `market_given.Market`; illustrative if not given.
        volatility: annual, of the illustrative market; by asset, "" for all others.

    Raises as `venue.positions.read`, `venue.rules.registry.load`, `risk.preset.load` and `risk.price.price`.
    """
    if isinstance(positions, Book):
        book = positions
    else:
        book = position_files.read(positions, quote=quote, prices=prices, venue=venue)
    if market is None:
        market = market_given.illustrative(book.assets, volatility)
    elif not isinstance(market, Market):
        market = market_given.fitted(market, book.assets)
    return price(
        book,
        rules if isinstance(rules, Rules) else registry.load(rules),
        scenario if isinstance(scenario, Scenario) else preset.load(scenario),
        state=VenueState.of(book, insurance_fund=insurance_fund, pool=pool),
        model=market.model,
        liquidity=liquidity,
        settings=replace(settings or Settings(), markets=market.markets),
        notes=market.notes,
        progress=progress,
    )
