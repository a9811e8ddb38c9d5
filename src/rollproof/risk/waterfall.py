"""Who pays bad debt: the insurance fund, then winners by deleveraging, then everybody or the liquidity providers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollproof.venue.book import Floats
from rollproof.venue.rules.liquidation import AdlRank, Backstop


@dataclass(frozen=True, slots=True, eq=False)
class Waterfall:
    """Quote, one number a path; they add up to the shortfall."""

    shortfall: Floats
    insurance: Floats  # paid by the fund
    adl: Floats  # given up by winners
    socialised: Floats  # shared by all open interest
    providers: Floats  # borne by liquidity providers
    haircut: Floats  # share of the winners' profits that deleveraging takes


def waterfall(shortfall: Floats, fund: Floats | float, profits: Floats, backstop: Backstop) -> Waterfall:
    """Layers of (paths,) shortfalls, all quote: ``fund`` what the insurance fund has, ``profits`` what winners have.

    A fund that does not come first (`Backstop.fund_first`) pays nothing. How winners are ranked (`risk.adl`) moves
    what is given among them and not its sum.
    """
    owed = np.maximum(np.asarray(shortfall, dtype=np.float64), 0.0)
    insurance = np.minimum(owed, np.maximum(fund, 0.0)) if backstop.fund_first else np.zeros_like(owed)
    return layers(owed, insurance, profits, backstop)


def layers(shortfall: Floats, insurance: Floats, profits: Floats, backstop: Backstop) -> Waterfall:
    """As `waterfall`, where what the fund paid is known."""
    rest = np.maximum(shortfall - insurance, 0.0)
    won = np.maximum(profits, 0.0)
    adl = np.zeros_like(rest) if backstop.adl_rank is AdlRank.NONE else np.minimum(rest, won)
    left = rest - adl
    nothing = np.zeros_like(left)
    return Waterfall(
        shortfall=np.asarray(shortfall),
        insurance=np.asarray(insurance),
        adl=adl,
        socialised=left if backstop.socialised else nothing,
        providers=nothing if backstop.socialised else left,
        haircut=np.divide(adl, won, out=np.zeros_like(adl), where=won > 0),
    )
