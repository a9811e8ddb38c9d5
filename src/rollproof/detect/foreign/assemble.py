"""A recorded block as executions that checks take."""

from __future__ import annotations

from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.foreign.recorded import RecordedBlock, RecordedTransaction
from rollproof.detect.foreign.writer import Writer
from rollproof.detect.protocols import Protocols
from rollproof.detect.shows import Shows
from rollproof.replay.trace import Trace


def assemble(block: RecordedBlock, protocols: Protocols | None = None) -> ExecutedBlock:
    """Writes the rows and lets the core look at them. Raises Malformed for rows that cannot be."""
    writer = Writer(block.where, logs=bool(block.shows & (Shows.LOGS | Shows.TOPICS)))
    by_index: dict[int, RecordedTransaction] = {}
    for at, transaction in enumerate(block.transactions):
        index = at if transaction.index is None else transaction.index
        writer.begin(index)
        transaction.write(writer)
        by_index[index] = transaction
    core = writer.finish()
    trace = Trace(core)
    executions = []
    for facts in core.facts():
        sent = by_index[facts.index]
        executions.append(
            Execution(
                trace,
                facts,
                block.shows,
                chain_id=block.chain_id,
                block=block.number,
                transaction=sent.hash,
                sender=sent.sender,
                to=sent.to,
                success=sent.success,
                gas_used=sent.gas_used,
                protocols=protocols,
                trace_hash=block.digest,
                names=block.names,
            )
        )
    return ExecutedBlock(
        trace,
        executions,
        block.shows,
        chain_id=block.chain_id,
        number=block.number,
        timestamp=block.timestamp,
        base_fee=block.base_fee,
        beneficiary=block.beneficiary,
        gas_limit=block.gas_limit,
        source=block.where,
        trace_hash=block.digest,
        gaps=tuple(block.gaps),
    )
