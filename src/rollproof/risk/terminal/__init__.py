"""Terminal Monte Carlo: what a failure costs at the prices that hold when the layer is back."""

from rollproof.risk.terminal.answer import Sample, Terminal
from rollproof.risk.terminal.event import Event
from rollproof.risk.terminal.mixture import Mixture
from rollproof.risk.terminal.price import price

__all__ = ["Event", "Mixture", "Sample", "Terminal", "price"]
