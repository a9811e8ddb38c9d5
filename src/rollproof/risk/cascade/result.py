"""What the cascade answers. Money is in the book's quote currency, of one failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.estimate import Estimate, Losses
from rollproof.venue.book import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """One path, step by step: the one whose bad debt is nearest the 99 % value at risk. (steps,)"""

    seconds: Floats  # since the failure began
    price: Floats  # over the price of the start, assets weighted by the book's notional
    liquidated: Floats  # notional at the marks, so far
    bad_debt: Floats  # realised so far
    queue: Floats  # notional that is below its maintenance margin and still open
    insurance_fund: Floats
    resumed: float  # seconds at which the venue was back
    path: int  # its number


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Bad debt path by path, its weight (1), and its own number: paths are independent."""

    losses: Floats
    weights: Floats
    groups: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cascade:
    """See `cascade`. Notional is counted at the marks; what is liquidated and what stays open add up to the book."""

    kind: str
    bad_debt: Losses
    liquidated: Losses  # notional; its quantiles are the liquidations at risk
    penalties: Estimate  # users' loss to liquidation penalties
    slippage: Estimate  # paid for by liquidated positions, or by keepers who hedge
    extracted: Estimate  # by who orders transactions, or trades at a stale price
    wrongful: Estimate  # notional liquidated at the venue's price, healthy at the market's
    undone: Estimate  # notional liquidated and then restored by a reorganisation
    topped_up: Estimate  # collateral added
    # who pays the bad debt
    insurance_used: Estimate
    adl: Estimate
    socialised: Estimate
    providers: Estimate
    adl_haircut: Estimate  # share of winners' profits, where deleveraging happens
    # shares
    liquidation_failure: Estimate  # of subaccounts that crossed their liquidation level: ended in bad debt
    refused: Estimate  # of them: a liquidation reverted because the fund could not pay
    unpaid: Estimate  # of them: a liquidation paid no keeper
    # with the market's reaction by without, on the same paths
    cascade_multiplier: Estimate  # notional liquidated
    price_multiplier: Estimate  # largest move of the price, on paths with liquidations
    clear_seconds: Estimate  # from when liquidations may begin to the last one, on paths with liquidations
    path: Path
    sample: Sample
    paths: int
    seed: int
    kernel: str
    notes: tuple[str, ...]

    def shown(self) -> Mapping[str, Any]:
        """The figures by name, without the sample."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "sample"}
