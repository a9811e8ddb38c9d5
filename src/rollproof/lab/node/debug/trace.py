"""``debug_trace*``: a transaction, block or call executed again, as a tracer shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rollproof import _core
from rollproof.chain import wire
from rollproof.chain.wire import to_data
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.lab.block import Block
from rollproof.lab.node import message
from rollproof.lab.node.debug import call_tracer, prestate_tracer
from rollproof.lab.node.debug.call_tracer import Top
from rollproof.lab.node.error import EXECUTION, LIMIT, JsonRpcError, not_found
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params
from rollproof.replay import execute
from rollproof.replay.trace import Trace

_OPTIONS: Final = {
    "callTracer": ("onlyTopCall", "withLog"),
    "prestateTracer": ("diffMode", "disableCode", "disableStorage"),
}
MAX_FRAMES: Final = 20_000
# Of a request, not of a tracer: how long, and how far back state may be rebuilt. Neither matters here.
_ASIDE: Final = frozenset({"tracer", "tracerConfig", "timeout", "reexec"})


@dataclass(frozen=True, slots=True)
class Tracer:
    """A tracer by name, with its options."""

    name: str
    options: dict[str, bool]

    def __getitem__(self, option: str) -> bool:
        return self.options.get(option, False)


def read(params: Params, place: int) -> Tracer:
    """The tracer that is asked for. JsonRpcError -32602 for one that is not there, by its name."""
    return params.read(place, _tracer) if params.given(place) else _tracer_of({}, f"argument {place}")


def _tracer(value: Any, what: str) -> Tracer:
    return _tracer_of(wire.mapping(value, what), what)


def _tracer_of(record: dict[str, Any], what: str) -> Tracer:
    served = ", ".join(_OPTIONS)
    name = record.get("tracer")
    if name is None or name == "":
        raise JsonRpcError(EXECUTION, f"the struct logger is not served: ask for one of {served}")
    if not isinstance(name, str) or name not in _OPTIONS:
        raise JsonRpcError(EXECUTION, f"tracer {wire.short(name)} is not served: ask for one of {served}")
    for key, value in record.items():
        if key not in _ASIDE and value is not None:
            raise Malformed(f"{what}: {wire.short(key)} is not known")
    given = record.get("tracerConfig")
    options = {} if given is None else wire.mapping(given, f"{what}: tracerConfig")
    for key, value in options.items():
        if key not in _OPTIONS[name]:
            raise Malformed(f"{what}: {name} has no option {wire.short(key)}")
        if not isinstance(value, bool):
            raise Malformed(f"{what}: {key} is not a boolean")
    return Tracer(name, options)


def transaction(node: Node, params: Params) -> Any:
    """``debug_traceTransaction``."""
    tracer = read(params, 1)
    found = node.chain.locate(params.hash(0))
    if found is None:
        raise not_found("transaction")
    block, index = found
    return _results(node, block, tracer, range(index, index + 1))[0]


def by_number(node: Node, params: Params) -> list[dict[str, Any]]:
    """``debug_traceBlockByNumber``: a result for every transaction, with its hash."""
    return _block(node, params.block(0, node), read(params, 1))


def by_hash(node: Node, params: Params) -> list[dict[str, Any]]:
    """``debug_traceBlockByHash``."""
    found = node.chain.block(params.hash(0))
    if found is None:
        raise not_found("block")
    return _block(node, found, read(params, 1))


def _block(node: Node, block: Block, tracer: Tracer) -> list[dict[str, Any]]:
    results = _results(node, block, tracer, range(len(block.transactions))) if block.transactions else []
    return [{"txHash": to_data(each), "result": result} for each, result in zip(block.hashes, results, strict=True)]


def _results(node: Node, block: Block, tracer: Tracer, indices: range) -> list[Any]:
    if tracer.name == "callTracer":
        done = node.chain.run(block, trace=True)
        trace = _trace(done.trace)
        return [_calls(node, block, done, trace, index, tracer) for index in indices]
    return [_prestate(node, block, index, tracer) for index in indices]


def _calls(node: Node, block: Block, done: _core.Done, trace: Trace, index: int, tracer: Tracer) -> dict[str, Any]:
    sent = _core.decode_transaction(block.transactions[index], node.family)
    outcome = done.outcomes[index]
    top = Top(
        sent["gas_limit"], outcome["gas_used"], sent["sender"], sent["to"], sent["value"], sent["input"],
        outcome["output"], outcome["status"], sum(len(each["logs"]) for each in done.outcomes[:index]),
    )  # fmt: skip
    return call_tracer.calls(trace, index, top, only_top=tracer["onlyTopCall"], with_log=tracer["withLog"])


def _prestate(node: Node, block: Block, index: int, tracer: Tracer) -> dict[str, Any]:
    """By running the block up to the transaction, and then that one alone.

    The states in between go into the chain's preimages: again asked for, they are there. What a block does after its
    transactions (EIP-7002 and 7251 queues) is then done before this one; the lab's queues are always empty.
    """
    chain = node.chain
    parent = chain.block(block.header.parent_hash)
    if parent is None:
        raise Missing("the genesis block is made, not executed")
    inputs = execute.Inputs(
        config=chain.config,
        fork=chain.config.require_fork_at(block.number, block.timestamp),
        env=block.header,
        parent=parent.header,
        pre_state_root=parent.header.state_root,
        transactions=block.transactions,
        withdrawals=None,
        block_hashes={},
        preimages=chain.preimages,
    )
    rules, env = _core.Rules(**execute.arguments(inputs)), execute.environment(inputs)
    before = _done(
        _core.build_block(chain.preimages, parent.header.state_root, rules, env, block.transactions[:index]), block
    )
    done = _done(
        _core.run_transactions(
            chain.preimages, before.state_root, rules, env, block.transactions[index : index + 1], trace=True
        ),
        block,
    )
    code, storage = not tracer["disableCode"], not tracer["disableStorage"]
    if tracer["diffMode"]:
        return prestate_tracer.difference(chain, done, code=code, storage=storage)
    return prestate_tracer.prestate(chain, before.state_root, done.touched, code=code, storage=storage)


def _done(result: _core.Done | _core.Invalid | _core.Needs, block: Block) -> _core.Done:
    if isinstance(result, _core.Done):
        return result
    why = result.reason if isinstance(result, _core.Invalid) else result.first
    raise Missing(f"block {block.number} cannot be executed again: {why}")


def call(node: Node, params: Params) -> Any:
    """``debug_traceCall`` with the call tracer; on a block's state, as ``eth_call``."""
    block = params.block(1, node)
    options = params.mapping(2)
    for name in ("stateOverrides", "blockOverrides", "txIndex"):
        if options.pop(name, None) is not None:
            raise Unsupported(f"{name} are not supported")
    tracer = _tracer_of(options, "argument 2")
    if tracer.name != "callTracer":
        raise JsonRpcError(EXECUTION, f"{tracer.name} is not served for calls: ask for callTracer")
    sent = message.read(params, 0, node.chain.config.chain_id, block.header.base_fee or 0)
    done = sent.call(node.chain, block, trace=True)
    top = Top(sent.limit(block), done.gas_used, sent.sender, sent.to, sent.value, sent.data, done.output, done.status)
    return call_tracer.calls(_trace(done.trace), 0, top, only_top=tracer["onlyTopCall"], with_log=tracer["withLog"])


def _trace(trace: _core.Trace | None) -> Trace:
    if trace is None:
        raise Missing("the core gave no trace")
    frames = len(trace.column("frame_depth")) // 4
    if frames > MAX_FRAMES:
        raise JsonRpcError(LIMIT, f"a trace of {frames} calls: more than {MAX_FRAMES} are not shown")
    return Trace(trace)


METHODS: Final = {
    "debug_traceTransaction": Method(transaction, 1, 2),
    "debug_traceBlockByNumber": Method(by_number, 1, 2),
    "debug_traceBlockByHash": Method(by_hash, 1, 2),
    "debug_traceCall": Method(call, 2, 3),
}
