"""The stepped cascade: liquidations that move the price that liquidates."""

from rollproof.risk.cascade.cascade import cascade, outcomes
from rollproof.risk.cascade.conduct import Funding, Keepers
from rollproof.risk.cascade.result import Cascade, Path

__all__ = ["Cascade", "Funding", "Keepers", "Path", "cascade", "outcomes"]
