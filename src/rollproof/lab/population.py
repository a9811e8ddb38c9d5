"""Who is in the lab: contracts on the L2, operators of the rollup, and actors with interests of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollproof.lab.deployments import venue

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack


def populate(stack: Stack) -> None:
    """Deploys what there is to trade, and lets everybody begin. A few steps of the clock."""
    venue.venue(stack)
