"""Our own execution of a block, as checks see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rollproof import _core
from rollproof.detect.ether import EtherHeld
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.shows import Shows
from rollproof.errors import Missing
from rollproof.replay.trace import Trace

if TYPE_CHECKING:
    from rollproof.detect.ordering.waiting import Waiting
    from rollproof.detect.protocols import Protocols
    from rollproof.replay.counterfactual import Counterfactual


def executed_block(
    done: _core.Done,
    *,
    transactions: Sequence[bytes],
    chain_id: int | None,
    number: int | None,
    family: str,
    timestamp: int | None = None,
    base_fee: int | None = None,
    beneficiary: bytes | None = None,
    gas_limit: int | None = None,
    protocols: Protocols | None = None,
    counterfactual: Counterfactual | None = None,
    pending: Mapping[bytes, Waiting] | None = None,
    ordering: str | None = None,
    source: str = "",
    steps: bool = True,
) -> ExecutedBlock:
    """The block that ``done`` is the result of; it was run with ``inspect``. Raises Missing where it was not traced.

    ``transactions`` are those given to the core; ``done.included`` says which of them are in the block. ``steps``: the
    second pass was allowed to run.
    """
    if done.trace is None:
        raise Missing(f"block {number}: executed without a trace")
    trace = Trace(done.trace)
    facts = {each.index: each for each in done.trace.facts()}
    shows = Shows.reexecuted()
    if counterfactual is None:
        shows &= ~Shows.STATE
    if not steps:
        shows &= ~Shows.STEPS
    included = done.included or range(len(done.outcomes))
    executions = [
        Execution(
            trace,
            facts[index],
            shows,
            chain_id=chain_id,
            block=number,
            transaction=outcome["hash"],
            sender=outcome["sender"],
            to=outcome["to"],
            success=bool(outcome["status"]),
            gas_used=outcome["gas_used"],
            raw=transactions[place] if place < len(transactions) else None,
            family=family,
            protocols=protocols,
        )
        for index, (place, outcome) in enumerate(zip(included, done.outcomes, strict=True))
        if index in facts
    ]
    ether = EtherHeld.of_changes(done.changes, executions)
    for each in executions:
        each.ether = ether
    return ExecutedBlock(
        trace=trace,
        executions=executions,
        shows=shows,
        chain_id=chain_id,
        number=number,
        timestamp=timestamp,
        base_fee=base_fee,
        beneficiary=beneficiary,
        gas_limit=gas_limit,
        source=source,
        counterfactual=counterfactual,
        pending=pending,
        ordering=ordering,
    )
