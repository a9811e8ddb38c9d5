"""Run transactions on a block's state without what a block does around them, fetching what they need."""

from __future__ import annotations

from dataclasses import replace

from rollproof import _core
from rollproof.errors import Missing
from rollproof.replay import execute
from rollproof.replay.by_value import ByValue
from rollproof.replay.execute import Inputs, Source

Result = _core.Done | _core.Invalid


def run(inputs: Inputs, source: Source, max_rounds: int, *, inspect: str = "picked") -> tuple[Inputs, Result]:
    """Run, fetch, resume; the inputs that the result rests on, and the result with its trace.

    System calls, withdrawals and rewards are left out. Raises CoreError naming a family or fork that the core does not
    run, Unsupported as `execute.bounded`, Missing when the rounds are spent, and what the source raises.
    """
    execute.bounded(inputs)
    if not isinstance(source, ByValue):
        return inputs, _run(inputs, source, max_rounds, inspect)
    made = source.made()
    for _ in range(max_rounds):
        inputs.preimages.add(made.preimages)
        inputs = replace(inputs, pre_state_root=made.root)
        result = _run(inputs, source, max_rounds, inspect)
        if isinstance(result, _core.Invalid) or not made.learn(result.touched):
            source.ran(made, result)
            return inputs, result
    raise Missing(f"values of accounts and slots: still new ones after {max_rounds} round(s)")


def _run(inputs: Inputs, source: Source, max_rounds: int, inspect: str) -> Result:
    rules, env = _core.Rules(**execute.arguments(inputs)), execute.environment(inputs)
    first = ""
    for _ in range(max_rounds):
        result = _core.run_transactions(
            inputs.preimages, inputs.pre_state_root, rules, env, inputs.transactions, inspect=inspect
        )
        if not isinstance(result, _core.Needs):
            return result
        first = result.first
        if inputs.preimages.add(list(source.fetch(result))) == 0:
            raise Missing(f"{first}: the source served nothing new")
    raise Missing(f"{first}: still missing after {max_rounds} round(s)")
