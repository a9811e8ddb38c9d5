"""Run a block on a state of plain values, for nodes whose tries break consensus rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from rollproof import _core
from rollproof.chain.synthetic import Synthetic
from rollproof.errors import Missing
from rollproof.replay import execute
from rollproof.replay.execute import Inputs, Source

Result = _core.Done | _core.Invalid | _core.Needs


@runtime_checkable
class ByValue(Source, Protocol):
    """A source whose state is to be read by value. ``ran`` takes what the last run rested on and came to."""

    def made(self) -> Synthetic:
        """The parent's state as far as it has been read. Raises Missing, Retry, Reset."""
        ...

    def ran(self, made: Synthetic, result: Result) -> None: ...

    @property
    def notes(self) -> Sequence[str]:
        """What of the node's state could not be taken as it is, for ``not_checked``."""
        ...


def run(inputs: Inputs, source: ByValue, max_rounds: int, *, inspect: str | None = None) -> tuple[Inputs, Result]:
    """Run, read what was touched, and run again until nothing new is touched; the inputs that the result rests on.

    Raises as `execute.run`, and Missing when the rounds are spent.
    """
    made = source.made()
    for _ in range(max_rounds):
        inputs.preimages.add(made.preimages)
        inputs = replace(inputs, pre_state_root=made.root)
        result = seen = execute.run(inputs, source, max_rounds, inspect=inspect)
        if isinstance(result, _core.Invalid) and result.transaction is not None:
            # What the transactions before it touched may not have been read, and be why.
            part = replace(inputs, transactions=inputs.transactions[: result.transaction])
            seen = execute.run(part, source, max_rounds)
        if isinstance(result, _core.Invalid) and result.transaction is None and made.lend():
            continue
        if not isinstance(seen, _core.Done) or not made.learn(seen.touched):
            source.ran(made, result)
            return inputs, result
    raise Missing(f"values of accounts and slots: still new ones after {max_rounds} round(s)")
