"""What a node's own tracers say about a block, for where it cannot be executed again: less is shown, none proven.

Source: geth, debug namespace (``callTracer`` with logs, ``prestateTracer`` in diff mode); Parity's ``trace_block``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from rollproof.chain import wire
from rollproof.chain.claims import Served
from rollproof.chain.node import Node
from rollproof.detect.foreign.combine import group
from rollproof.detect.foreign.source import TraceFile
from rollproof.detect.inspect import inspect_recording, one_line
from rollproof.detect.inspection import Inspection, Options
from rollproof.errors import Missing, RollproofError

CALLS: Final[Mapping[str, Any]] = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
DIFFERENCE: Final[Mapping[str, Any]] = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}


def inspect(served: Served, options: Options) -> Inspection:
    """The inspection of a served block by its nodes' traces. Never raises for what a node may say."""
    claim = served.claim
    place = Inspection(claim.source, claim.chain_id, claim.number)
    failed = ""
    for node in served.source.nodes:
        try:
            files, missing = ask(node, served.source.sealed.hash, claim.number)
            [recording] = group(files, options.tables)
            found = inspect_recording(recording, options, claim.chain_id)
        except (RollproofError, ValueError) as error:
            failed = failed or one_line(error)
            continue
        if not found.looked:
            failed = failed or found.reason
            continue
        shown = ", ".join(file.name for file in files)
        found = replace(found, source=claim.source, chain_id=claim.chain_id, number=claim.number)
        return found.noted(f"from traces that nobody proves ({shown})", *missing)
    return replace(place, reason=failed or "no node traces it")


def ask(node: Node, block: bytes, number: int) -> tuple[list[TraceFile], tuple[str, ...]]:
    """What a node serves about one block as files of their own, and a line for each thing that it does not serve.

    Raises Missing, Retry or Unsupported where it traces calls in neither form.
    """
    name, missing = wire.to_data(block), []

    def served(what: str, method: str, *params: Any) -> TraceFile:
        answer = node.rpc.call(method, *params)
        if answer is None:
            raise Missing(f"{node.label}: {method} of block {number}: not served")
        return TraceFile(f"{node.label}:{what}", json.dumps(answer).encode())

    try:
        files = [served("callTracer", "debug_traceBlockByHash", name, CALLS)]
    except RollproofError as error:
        try:
            files = [served("trace_block", "trace_block", wire.to_quantity(number))]
        except RollproofError:
            raise error from None
        missing.append(one_line(error))
    for what, method, *params in (
        ("prestateTracer", "debug_traceBlockByHash", name, DIFFERENCE),
        ("receipts", "eth_getBlockReceipts", name),
        ("block", "eth_getBlockByHash", name, True),
    ):
        try:
            files.append(served(str(what), str(method), *params))
        except RollproofError as error:
            missing.append(one_line(error))
    return files, tuple(missing)
