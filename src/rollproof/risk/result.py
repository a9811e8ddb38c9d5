"""What pricing a scenario answers. Money is in the book's quote currency; docs/risk.md describes its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rollproof.risk.estimate import Estimate, Losses
from rollproof.risk.heat_map import HeatMap
from rollproof.risk.plain import plain
from rollproof.risk.terminal.event import Event
from rollproof.risk.uncertainty import Uncertainty
from rollproof.types import SHOWN

FORMAT = "rollproof-risk/1"


@dataclass(frozen=True, slots=True, eq=False)
class FailurePrice:
    """One failure of the scenario. A part that no layer could price is None, and ``not_priced`` says why."""

    kind: str
    intensity_per_year: float
    duration: str  # in words
    bad_debt: Losses | None  # one failure's; terminal layer
    basis_points: Mapping[str, float] = field(default_factory=dict)  # mean and shortfalls, of open interest
    by_asset: Mapping[str, float] = field(default_factory=dict)  # contributions to the 99.9 % shortfall
    users: Losses | None = None  # taken by trades at a stale price or by withdrawals of wrong balances
    loss: Losses | None = None  # bad debt and ``users`` together, where there are users' losses
    cascade: Mapping[str, Any] | None = None  # liquidations, multiplier, waterfall, slippage: `risk.cascade`
    hedge: Mapping[str, Any] | None = None  # gap of a delta-neutral hedge that stands still
    uncertainty: Uncertainty | None = None
    worst: tuple[Event, ...] = ()  # paths of the worst 0.1 %, the dearest first
    notes: tuple[str, ...] = ()
    not_priced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountRisk:
    """One subaccount. ``seconds`` is the shortest halt after which equity is below nothing with 1 % probability."""

    account: str
    mode: str
    equity: float
    notional: float
    leverage: float
    assets: tuple[str, ...]
    seconds: float | None  # None: no halt of up to 30 days does
    probability: float  # in this scenario's first failure
    bad_debt: float  # expected in it


@dataclass(frozen=True, slots=True)
class Compared:
    """A published figure beside the model's; ``model`` is None where the model has no such figure, ``why`` says why."""

    what: str
    published: float
    unit: str
    source: str
    model: float | None
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class YearlyLoss:
    """A year's loss from all failures of the scenario, and P(more) at rising losses."""

    mean: Estimate
    tails: tuple[tuple[float, Estimate, Estimate], ...]  # level, VaR, ES
    exceedance: tuple[tuple[float, ...], tuple[float, ...]]
    intensity: tuple[float, float, float]  # failures a year: the scenario's, and the prior's 95 % interval
    uncertainty: Uncertainty | None = None  # with one failure's variant, or the prior's intensity, at a time
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Priced:
    """A scenario priced for one venue's book."""

    venue: str
    quote: str
    rules: Mapping[str, Any]  # family, parameters, source, assumes
    scenario: Mapping[str, Any]  # as it was read
    market: Mapping[str, Any]
    book: Mapping[str, Any]  # accounts, subaccounts, rows, open_interest, insurance_fund, assets with marks
    failures: tuple[FailurePrice, ...]
    annual: YearlyLoss | None
    accounts: tuple[AccountRisk, ...]
    heat_maps: tuple[HeatMap, ...]
    compared: tuple[Compared, ...]
    seed: int
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    seconds: float
    cpu_seconds: float
    recommendations: tuple[Mapping[str, Any], ...] = ()
    network: Mapping[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """As plain values that JSON can hold, field by field; arrays become lists, what is not finite null."""
        return {"format": FORMAT, **plain(self)}

    def __repr__(self) -> str:
        return SHOWN["priced"][0](self.record())

    def _repr_html_(self) -> str:
        return SHOWN["priced"][1](self.record())
