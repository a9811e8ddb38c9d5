"""Who is in the lab: contracts on the L2, operators of the rollup, and actors with interests of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollproof.lab.actors.arbitrageur import Arbitrageur
from rollproof.lab.actors.bridge_user import BridgeUser
from rollproof.lab.actors.customers import customers
from rollproof.lab.actors.liquidator import Liquidator
from rollproof.lab.actors.liquidity_provider import LiquidityProvider
from rollproof.lab.actors.oracle_keeper import OracleKeeper
from rollproof.lab.actors.passerby import Passerby
from rollproof.lab.actors.trader import Trader
from rollproof.lab.challenger import Challenger
from rollproof.lab.deployments import defi, op_stack, venue
from rollproof.lab.proposer import Proposer
from rollproof.lab.relayer import Relayer

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack


def populate(stack: Stack) -> None:
    """Deploys what there is to trade, and lets everybody begin. A few steps of the clock."""
    venue.venue(stack)
    defi.defi(stack)
    op_stack.bridge_token(stack)
    stack.actors += [
        OracleKeeper(venue.SYMBOLS),
        *(Trader(number, markets=len(venue.SYMBOLS)) for number in range(len(venue.TRADERS))),
        Liquidator(),
        LiquidityProvider(),
        Arbitrageur(),
        *(BridgeUser(number) for number in range(4)),
        *customers(),
        Passerby(),
    ]
    stack.operators += [Proposer(stack), Challenger(stack), Relayer(stack)]
