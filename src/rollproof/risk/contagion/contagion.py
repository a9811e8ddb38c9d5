"""What a shock does to a network: who defaults in which order, who loses what, and how much more than at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollproof.risk.contagion.debt_rank import debt_rank, impact_of_default
from rollproof.risk.contagion.fire_sale import equilibrium
from rollproof.risk.contagion.network import Network
from rollproof.risk.contagion.shock import Shock
from rollproof.venue.book import Floats


@dataclass(frozen=True, slots=True)
class Default:
    """One node's."""

    node: str
    round: int  # 0: by the shock and the sales it forces; n: because of the defaults before
    recovery: float  # share of what it owes that it pays
    shortfall: float  # quote that it does not pay


@dataclass(frozen=True, slots=True, eq=False)
class Contagion:
    """(nodes,) and (assets,) columns in the network's order, money in its quote currency."""

    network: Network
    shock: Shock
    recovery: Floats  # share of what is due that each pays; 1 for who owes nothing
    shortfall: Floats  # what each does not pay
    equity: Floats  # left, at least 0
    equity_before: Floats  # of the same network without the shock
    prices: Floats
    sold: Floats  # share of its holdings that each sells
    defaults: tuple[Default, ...]  # by round, then in the network's order
    direct_loss: float  # the shock's: losses that nodes can bear, and haircuts on what they hold
    unborne: float  # losses beyond a node's liquid assets
    sale_loss: float  # by which holdings are worth less because of sales and of issuers' defaults
    multiplier: float  # (direct loss, shortfalls and sale loss) by direct loss; NaN where nothing is lost directly
    debt_rank: float  # share of all equity lost by marking down claims on who was hit; NaN without equity

    @property
    def equity_loss(self) -> Floats:
        """(nodes,) by which each is worth less than without the shock."""
        return np.maximum(self.equity_before - self.equity, 0.0)

    @property
    def outside_loss(self) -> float:
        """What creditors that are no node do not get, quote."""
        unpaid = 1 - self.recovery
        return float(unpaid @ self.network.outside)


def contagion(network: Network, shock: Shock | None = None) -> Contagion:
    """Clears ``network`` after ``shock``, and without it to compare.

    The multiplier is that of P. Glasserman and H. P. Young, How likely is contagion in financial networks?, Journal of
    Banking and Finance 50 (2015): first losses and all payment shortfalls, by first losses; here with fire sales.
    Raises Unsupported and Malformed as `Shock.on`, Stop as `equilibrium`.
    """
    shock = shock or Shock()
    hit, excess = shock.on(network)
    before, after = equilibrium(network), equilibrium(hit)
    equity_before = _equity(network, before.means(network), before.paid)
    equity = _equity(hit, after.means(hit), after.paid)
    due = network.due
    shortfall = np.maximum(due - after.paid, 0.0)
    recovery = np.where(due > 0, after.paid / np.where(due > 0, due, 1.0), 1.0)
    order = sorted(np.flatnonzero(after.rounds >= 0), key=lambda node: (after.rounds[node], node))
    defaults = tuple(
        Default(network.nodes[node], int(after.rounds[node]), float(recovery[node]), float(shortfall[node]))
        for node in order
    )
    direct = network.liquid.sum() - hit.liquid.sum() + (network.holdings @ (network.prices - hit.prices)).sum()
    sale = (hit.holdings @ (hit.prices - after.prices)).sum()
    multiplier = (direct + shortfall.sum() + sale) / direct if direct > 0 else float("nan")
    return Contagion(
        network, shock, recovery, shortfall, equity, equity_before, after.prices, after.sold, defaults,
        float(direct), float(excess.sum()), float(sale), float(multiplier), _spread(network, hit),
    )  # fmt: skip


def sweep(network: Network, node: str, losses: Sequence[float]) -> tuple[Floats, Floats]:
    """For each loss of ``node``, quote: what all others lose (payments not made, sales), and how many default.

    To be asked about an engine's bad debts: every quantile of a distribution, or every path.
    """
    lost, count = np.empty(len(losses)), np.empty(len(losses))
    for at, loss in enumerate(losses):
        result = contagion(network, Shock({node: float(loss)}))
        lost[at] = result.shortfall.sum() + result.sale_loss
        count[at] = len(result.defaults)
    return lost, count


def _equity(network: Network, means: Floats, paid: Floats) -> Floats:
    return np.maximum(means + network.shares.T @ paid - network.due, 0.0)


def _spread(network: Network, hit: Network) -> float:
    """DebtRank of the first distress: the share of its book equity that each node loses by the shock itself."""
    book = _equity(network, network.liquid + network.holdings @ network.prices, network.due)
    left = _equity(hit, hit.liquid + hit.holdings @ hit.prices, hit.due)
    if not book.sum() > 0:
        return float("nan")
    first = np.where(book > 0, 1 - left / np.where(book > 0, book, 1.0), 0.0)
    return debt_rank(impact_of_default(network, book), np.clip(first, 0.0, 1.0), book).debt_rank
