"""Which setting of a venue keeps the loss within a budget: one recommender a setting.

All price the loss at every value tried with the same random numbers, and say how they searched (`recommend.search`).
The names can be listed without what a recommender computes with.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from rollproof.errors import Unsupported

if TYPE_CHECKING:
    from rollproof.risk.recommend.question import Progress, Question
    from rollproof.risk.recommend.result import Recommendation

__all__ = ["NAMES", "Question", "Recommendation", "Recommender", "named"]


class Recommender(Protocol):
    """Answers a question. Raises Unsupported, by name, for a failure that the setting says nothing about."""

    def __call__(self, question: Question, *, progress: Progress | None = None) -> Recommendation: ...


_KNOWN: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "maximum-leverage": ("leverage:maximum_leverage", "highest leverage that a subaccount may have"),
        "maintenance-margin": (
            "maintenance_margin:maintenance_margin",
            "maintenance margin, as a multiple of the family's rates",
        ),
        "insurance-fund": ("insurance_fund:insurance_fund", "fund for a year's bad debt"),
        "open-interest-cap": ("open_interest:open_interest_cap", "open interest of the venue, and of each asset"),
        "grace-period": ("grace_period:grace_period", "seconds after a halt in which nobody is liquidated"),
        "price-band": ("price_band:price_band", "probability of the price band beyond which trading stops"),
        "order-throttle": ("throttle:order_throttle", "new open interest a second, by realised volatility"),
        "oracle-staleness": ("oracle_staleness:oracle_staleness", "seconds that a price may be old"),
    }
)
NAMES: Final[Mapping[str, str]] = MappingProxyType({name: what for name, (_, what) in _KNOWN.items()})
_SHAPES: Final[Mapping[str, str]] = MappingProxyType({"Question": "question", "Recommendation": "result"})


def named(name: str) -> Recommender:
    """The recommender of a setting. Raises Unsupported for a name that is not in `NAMES`."""
    if name not in _KNOWN:
        raise Unsupported(f"setting {name[:60]!a}: known are {', '.join(_KNOWN)}")
    module, _, attribute = _KNOWN[name][0].partition(":")
    found: Recommender = getattr(import_module(f"rollproof.risk.recommend.{module}"), attribute)
    return found


def __getattr__(name: str) -> Any:
    if name not in _SHAPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"rollproof.risk.recommend.{_SHAPES[name]}"), name)
