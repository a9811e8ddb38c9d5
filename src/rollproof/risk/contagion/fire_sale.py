"""Clearing with fire sales: who has to sell a common asset lowers its price for all who hold it.

R. Cifuentes, G. Ferrucci and H. S. Shin, Liquidity risk and contagion, Journal of the European Economic Association 3
(2005): an inverse demand p = p0 exp(-(value sold at p0) / depth), and sales that bring the ratio of net worth to marked
assets back to its minimum; all of it where there is no net worth. Nodes also sell to pay what is called in cash, as in
H. Amini, D. Filipovic and A. Minca, Uniqueness of equilibrium in a payment system with liquidation costs, Operations
Research Letters 44 (2016).

Payments and prices are monotone in each other, so the iteration from full payments and untouched prices falls to the
greatest solution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.errors import Stop
from rollproof.risk.contagion.clearing import TOLERANCE, payments, short_of
from rollproof.risk.contagion.network import Network
from rollproof.venue.book import Floats

_TURNS = 100_000
_SETTLED = 1e-14


@dataclass(frozen=True, slots=True, eq=False)
class Equilibrium:
    """Payments and prices that fit each other."""

    paid: Floats  # (nodes,) quote
    rounds: NDArray[np.int64]  # (nodes,) in which it defaults; -1: it does not
    prices: Floats  # (assets,) quote per unit, sales and issuers' defaults in it
    sold: Floats  # (nodes,) share of its holdings that each sells

    def means(self, network: Network) -> Floats:
        """(nodes,) what each has besides what nodes pay it, quote."""
        return network.liquid + network.holdings @ self.prices


def equilibrium(network: Network) -> Equilibrium:
    """The greatest one, and the order of defaults. Raises Stop where prices do not settle."""
    due, shares = network.due, network.shares
    rounds = np.full(len(due), -1, dtype=np.int64)
    now = _settled(network, due, network.prices, rounds)
    for turn in range(len(due)):
        new = short_of(due, shares, now.means(network), now.paid) & (rounds < 0)
        if not new.any():
            break
        rounds = np.where(new, turn, rounds)
        now = _settled(network, now.paid, now.prices, rounds)
    return now


def _settled(network: Network, paid: Floats, prices: Floats, rounds: NDArray[np.int64]) -> Equilibrium:
    """At most ``paid`` and ``prices``, where just those who have a round pay less than is due."""
    due, shares = network.due, network.shares
    for _ in range(_TURNS):
        sold = _sales(network, paid, prices)
        lowered = np.minimum(prices, _prices(network, sold, paid))
        means = network.liquid + network.holdings @ lowered
        less = np.minimum(paid, payments(due, shares, means, rounds >= 0, paid))
        still = (np.abs(lowered - prices) <= _SETTLED * network.prices).all()
        if still and (np.abs(less - paid) <= _SETTLED * due).all():
            return Equilibrium(less, rounds, lowered, sold)
        paid, prices = less, lowered
    raise Stop(f"network: prices do not settle in {_TURNS} turns of the fire sale")


def _prices(network: Network, sold: Floats, paid: Floats) -> Floats:
    """(assets,) after the sales, times the share that an issuer pays of what it owes."""
    units = sold @ network.holdings
    out = network.prices * np.exp(-units * network.prices / network.depth)
    due = network.due
    recovery = np.where(due > 0, paid / np.where(due > 0, due, 1.0), 1.0)
    return np.where(network.issuer >= 0, out * recovery[network.issuer], out)


def _sales(network: Network, paid: Floats, prices: Floats) -> Floats:
    """(nodes,) share of its holdings that each has to sell at ``prices``, the same of every asset."""
    value = network.holdings @ prices
    claims = network.shares.T @ paid
    worth = value + network.liquid + claims - network.due
    to_pay = np.where(worth < -TOLERANCE * network.due, np.inf, network.called * network.due - network.liquid - claims)
    ratio = network.capital_ratio
    allowed = np.where(ratio > 0, np.maximum(worth, 0.0) / np.where(ratio > 0, ratio, 1.0), np.inf)  # marked assets
    to_regain = np.where(ratio > 0, value + claims - allowed, 0.0)
    needed = np.maximum(np.maximum(to_pay, to_regain), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(needed > 0, np.where(value > 0, np.minimum(needed / value, 1.0), 1.0), 0.0)
