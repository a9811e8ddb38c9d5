"""One market under both states. Sizes and prices have 18 decimals."""

from __future__ import annotations

from dataclasses import dataclass

from rollproof.venue.snapshot import MarketAt


@dataclass(frozen=True, slots=True)
class MarketConsequence:
    """``claimed`` or ``computed`` is None where that state does not have the market."""

    symbol: str
    claimed: MarketAt | None
    computed: MarketAt | None

    @property
    def changed(self) -> bool:
        """Whether anything of it differs."""
        return self.claimed != self.computed

    @property
    def index_move(self) -> float | None:
        """Claimed index price by the computed one, less one."""
        if self.claimed is None or self.computed is None or self.computed.index_price == 0:
            return None
        return self.claimed.index_price / self.computed.index_price - 1

    @property
    def mark_move(self) -> float | None:
        """The same of the mark price."""
        if self.claimed is None or self.computed is None or self.computed.mark_price == 0:
            return None
        return self.claimed.mark_price / self.computed.mark_price - 1


def markets(claimed: tuple[MarketAt, ...], computed: tuple[MarketAt, ...]) -> tuple[MarketConsequence, ...]:
    """Every market of either state, in order."""
    said, made = ({each.symbol: each for each in several} for several in (claimed, computed))
    return tuple(
        MarketConsequence(symbol, said.get(symbol), made.get(symbol)) for symbol in dict.fromkeys((*made, *said))
    )
