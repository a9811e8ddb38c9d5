"""Which setting of a venue keeps the loss within a budget: one recommender a setting.

All price the loss at every value tried with the same random numbers, and say how they searched (`recommend.search`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from rollproof.errors import Unsupported
from rollproof.risk.recommend.grace_period import grace_period
from rollproof.risk.recommend.insurance_fund import insurance_fund
from rollproof.risk.recommend.leverage import maximum_leverage
from rollproof.risk.recommend.maintenance_margin import maintenance_margin
from rollproof.risk.recommend.open_interest import open_interest_cap
from rollproof.risk.recommend.oracle_staleness import oracle_staleness
from rollproof.risk.recommend.price_band import price_band
from rollproof.risk.recommend.question import Progress, Question
from rollproof.risk.recommend.result import Recommendation
from rollproof.risk.recommend.throttle import order_throttle

__all__ = ["NAMES", "Question", "Recommendation", "Recommender", "named"]


class Recommender(Protocol):
    """Answers a question. Raises Unsupported, by name, for a failure that the setting says nothing about."""

    def __call__(self, question: Question, *, progress: Progress | None = None) -> Recommendation: ...


_KNOWN: Final[Mapping[str, tuple[Recommender, str]]] = MappingProxyType(
    {
        "maximum-leverage": (maximum_leverage, "highest leverage that a subaccount may have"),
        "maintenance-margin": (maintenance_margin, "maintenance margin, as a multiple of the family's rates"),
        "insurance-fund": (insurance_fund, "fund for a year's bad debt"),
        "open-interest-cap": (open_interest_cap, "open interest of the venue, and of each asset"),
        "grace-period": (grace_period, "seconds after a halt in which nobody is liquidated"),
        "price-band": (price_band, "probability of the price band beyond which trading stops"),
        "order-throttle": (order_throttle, "new open interest a second, by realised volatility"),
        "oracle-staleness": (oracle_staleness, "seconds that a price may be old"),
    }
)
NAMES: Final[Mapping[str, str]] = MappingProxyType({name: what for name, (_, what) in _KNOWN.items()})


def named(name: str) -> Recommender:
    """The recommender of a setting. Raises Unsupported for a name that is not in `NAMES`."""
    if name not in _KNOWN:
        raise Unsupported(f"setting {name[:60]!a}: known are {', '.join(_KNOWN)}")
    return _KNOWN[name][0]
