"""The figures of a risk report. Needs matplotlib: the extra ``rollproof[risk]``."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rollproof.errors import Missing
from rollproof.report.risk_numbers import named
from rollproof.report.risk_report import HEAT_MAPS

if TYPE_CHECKING:
    from rollproof.report.figures.drawn import Drawn

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]+")
LONGEST: Final = 60  # characters of a name from outside in a file's name


def all_of(record: Mapping[str, Any], *, only: Container[str] | None = None) -> dict[str, Drawn]:
    """By name, what there is to draw: ``exceedance``, ``heat-map`` (``-2``, ``-3`` where assets differ), ``cascade-1``
    for each failure, ``recommendation-1``, ``network``; ``only`` these. Raises Missing without matplotlib.
    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError:
        raise Missing("figures need matplotlib: pip install 'rollproof[risk]'") from None
    made = ((name, draw()) for name, draw in _figures(record) if only is None or name in only)
    return {name: drawn for name, drawn in made if drawn is not None}


def stem(record: Mapping[str, Any]) -> str:
    """Venue and scenario as the beginning of a file's name: letters, digits and hyphens, whatever they are called."""
    parts = (record.get("venue"), (record.get("scenario") or {}).get("name"))
    return "-".join(_UNSAFE.sub("-", str(part))[:LONGEST].strip("-").lower() or "unnamed" for part in parts)


def _figures(record: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], Drawn | None]]]:
    """By name, what draws it; None where there is nothing to draw."""
    from rollproof.report.figures import cascade_path, exceedance, heat_map, network, recommendation

    quote = named(record.get("quote"), 12)
    yield "exceedance", partial(exceedance.draw, record)
    for name, (found, assets) in zip(HEAT_MAPS, _distinct(record), strict=False):
        yield name, partial(heat_map.draw, found, assets)
    for at, failure in enumerate(record.get("failures") or (), 1):
        yield f"cascade-{at}", partial(cascade_path.draw, failure, quote)
    for at, each in enumerate(record.get("recommendations") or (), 1):
        yield f"recommendation-{at}", partial(recommendation.draw, each, quote)
    if record.get("network") is not None:
        yield "network", partial(network.draw, record["network"], quote)


def _distinct(record: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], list[str]]]:
    """Heat maps, with the names of all assets that have the same one."""
    out: list[tuple[Mapping[str, Any], list[str]]] = []
    for each in record.get("heat_maps") or ():
        same = next((names for found, names in out if _values(found) == _values(each)), None)
        if same is None:
            out.append((each, [str(each.get("asset"))]))
        else:
            same.append(str(each.get("asset")))
    return out


def _values(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "asset"}
