"""A run of the lab as the command line has it: to a block, or served over JSON-RPC until somebody stops it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rollproof.errors import Malformed, Missing
from rollproof.lab import genesis, scenario
from rollproof.lab.market import Market
from rollproof.lab.node.node import Node
from rollproof.lab.node.server import Server
from rollproof.lab.sequencer import BLOCK_TIME
from rollproof.lab.stack import Stack

_PATIENCE: Final = 1_000  # steps beyond twice the blocks: a sequencer that a fault has stopped may come back
SPEED: Final = 10  # times real time, where nothing else is said
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. ``ports`` of the L1's node, the L2 sequencer's and an honest L2 follower's; 0 is any free one.

    ``blocks``: run to that L2 block and end, without serving. ``faults`` (``id:name=value,...``) start before L2 block
    ``at``. ``speed`` is how often faster than real time the served clock runs.
    """

    seed: int = 0
    ordering: str = "fifo"
    prices: Path | None = None
    faults: tuple[str, ...] = ()
    at: int = 20
    blocks: int | None = None
    speed: int = SPEED
    host: str = "127.0.0.1"
    ports: tuple[int, int, int] = (0, 0, 0)
    directory: Path | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to tell: its kind, a sentence, and the values in it."""

    kind: str
    sentence: str
    values: dict[str, Any]

    def text(self) -> str:
        return self.sentence

    def as_json(self) -> str:
        return json.dumps({"kind": self.kind, **self.values}, separators=(",", ":"))


def run(options: Options, say: Say | None = None) -> Iterator[Line]:
    """Runs the lab; ends by itself only with ``blocks``. Raises what bad options deserve before anything starts."""
    faults = [each.make() for each in scenario.chosen(options.faults, None, ())] if options.faults else []
    tell = say or (lambda _: None)
    market = None if options.prices is None else Market.from_csv(options.prices, options.seed)
    began = time.monotonic()
    stack = Stack(options.seed, ordering=options.ordering, market=market)
    if options.directory is not None:
        genesis.write_configs(options.directory)
    with ExitStack() as serving:
        lock = threading.RLock()
        servers: list[Server] = []
        if options.blocks is None:
            for node, port in zip(_nodes(stack, lock), options.ports, strict=True):
                servers.append(serving.enter_context(Server(node, host=options.host, port=port, speed=options.speed)))
        with lock:
            stack.populate()
        tell(
            f"deployed in {time.monotonic() - began:.1f} s: L1 block {stack.l1.head.number}, L2 {stack.l2.head.number}"
        )
        for server in servers:
            yield _served(server)
        if options.directory is not None:
            shown = options.directory / "lab-l2.toml"
            yield Line("config", f"verify takes --config {shown}", {"directory": str(options.directory)})
        if options.blocks is not None and options.blocks < stack.l2.head.number:
            raise Malformed(f"the lab is ready at L2 block {stack.l2.head.number}, not before {options.blocks}")
        yield from _advance(stack, options, faults, lock, tell)
        yield _summary(stack, time.monotonic() - began)


def _nodes(stack: Stack, lock: threading.RLock) -> tuple[Node, Node, Node]:
    l1 = Node(stack.l1, pool=stack.l1_pool, stack=stack, name="l1", lock=lock, admin=True)
    l2 = Node(stack.l2, pool=stack.l2_pool, stack=stack, name="l2", lock=lock, admin=True, heads=stack.l2_heads)
    follower = Node(
        stack.follower.chain, pool=stack.l2_pool, stack=stack, name="l2-follower", lock=lock, heads=stack.l2_heads
    )
    return l1, l2, follower


def _served(server: Server) -> Line:
    node = server.node
    chain_id = node.chain.config.chain_id
    sentence = f"{node.name:12} chain {chain_id}  {server.url}  {server.ws_url}"
    values = {"name": node.name, "chain_id": chain_id, "url": server.url, "ws_url": server.ws_url}
    return Line("node", sentence, values)


def _advance(stack: Stack, options: Options, faults: list[Any], lock: threading.RLock, tell: Say) -> Iterator[Line]:
    """Steps until the last block, or for ever."""
    if options.blocks is not None and faults and options.at > options.blocks:
        raise Malformed(f"faults at L2 block {options.at} do not come: the run ends at {options.blocks}")
    waiting, due, steps = list(faults), time.monotonic(), 0
    while options.blocks is None or stack.l2.head.number < options.blocks:
        if waiting and stack.l2.head.number + 1 >= options.at:
            number = stack.l2.head.number + 1
            with lock:
                for fault in waiting:
                    stack.inject(fault)
            for fault in waiting:
                sentence = f"before L2 block {number}: {fault.id}: {fault.title}"
                yield Line("fault", sentence, {"id": fault.id, "block": number, "title": fault.title})
            waiting = []
        with lock:
            stack.step()
            steps += 1
            if options.blocks is None:
                stack.follower.sync()
        if options.blocks is not None:
            if steps > 2 * options.blocks + _PATIENCE:
                raise Missing(f"L2 block {options.blocks} does not come: the chain stands at {stack.l2.head.number}")
            if stack.l2.head.number % 1_000 == 0:
                tell(f"L2 block {stack.l2.head.number} of {options.blocks}")
            continue
        due += BLOCK_TIME / options.speed
        time.sleep(max(0.0, due - time.monotonic()))


def _summary(stack: Stack, seconds: float) -> Line:
    stack.follower.sync()
    values: dict[str, Any] = {"seed": stack.seed, "time": stack.time}
    for layer in ("l1", "l2"):
        chain = stack.chain(layer)
        blocks = [chain.block(number) for number in range(chain.head.number + 1)]
        values[layer] = {
            "number": chain.head.number,
            "hash": "0x" + chain.head.hash.hex(),
            "transactions": sum(len(each.transactions) for each in blocks if each is not None),
            "gas_used": sum(each.header.gas_used for each in blocks if each is not None),
        }
    values["refused"] = [
        {"number": block.number, "hash": "0x" + block.hash.hex()} for block, _ in stack.follower.refused
    ]
    values["seconds"] = round(seconds, 3)
    l1, l2 = values["l1"], values["l2"]
    refused = values["refused"]
    sentence = (
        f"seed {stack.seed}: L1 block {l1['number']} {l1['hash']}, L2 block {l2['number']} {l2['hash']}, "
        f"{l2['transactions']} transactions on L2, {seconds:.1f} s; "
        + (f"an honest node refused block {refused[0]['number']}" if refused else "an honest node refused nothing")
    )
    return Line("summary", sentence, values)
