"""What a recording's parts say together, as one recorded block. Contradictions between them are refused by name."""

from __future__ import annotations

from collections.abc import Sequence

from rollproof.detect.foreign import event_trace, fields, from_struct_logs, from_trees
from rollproof.detect.foreign.around import Around
from rollproof.detect.foreign.digest import digest
from rollproof.detect.foreign.part import Form, Part
from rollproof.detect.foreign.recorded import RecordedBlock
from rollproof.errors import Malformed, Unsupported


def recorded(parts: Sequence[Part], where: str) -> RecordedBlock:
    """One block of the parts. Raises Malformed where they contradict themselves or each other."""
    values = {id(part): fields.result_of(part.document.value()) for part in parts}
    around = Around.of(parts, values, where)
    shown = [part for part in parts if part.form.executes]
    if not shown:
        raise Unsupported(f"{where}: {parts[0].form.value} alone do not show an execution: give call traces as well")
    given = [(part.where, values[id(part)]) for part in shown]
    place = shown[0].where if len(shown) == 1 else where
    if shown[0].form is Form.EVENTS:
        block = event_trace.read(given[0][1], place)
    elif shown[0].form is Form.STRUCT:
        block = from_struct_logs.recorded(given, around, place)
    elif shown[0].form is Form.CALLS:
        block = from_trees.call_trees(given, around, place)
    else:
        block = from_trees.parity_traces(given, around, place)
    block.where = where
    _header(block, around)
    if any(each.hash is None for each in block.transactions):
        block.digest = digest(values[id(each)] for each in parts)
    return block


def _header(block: RecordedBlock, around: Around) -> None:
    header = around.block
    if header.number is not None and block.number not in (None, header.number):
        raise Malformed(f"{block.where}: traces of block {block.number} with block {header.number}")
    block.number = block.number if header.number is None else header.number
    block.timestamp = block.timestamp if header.timestamp is None else header.timestamp
    block.base_fee = block.base_fee if header.base_fee is None else header.base_fee
    block.beneficiary = header.beneficiary or block.beneficiary
    block.chain_id, block.gas_limit, block.hash = header.chain_id, header.gas_limit, header.hash or block.hash
