"""What looks at the lab's chains from outside while a drill runs, and what it finds: re-execution first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Final, Protocol

import msgspec

from rollproof.chain import crosscheck
from rollproof.chain.node import Node as Client
from rollproof.chain.rpc import Limits, nodes_of
from rollproof.errors import RollproofError
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.lab.node import block as wire_form
from rollproof.lab.node.node import Node
from rollproof.lab.stack import Stack
from rollproof.replay.online import Options, verify_payload, verify_range
from rollproof.types import Difference, Outcome, Verdict

PATIENCE: Final = 45  # seconds, simulated: as long as the client waits for a silent node
_ONCE: Final = Limits(attempts=1)  # the lab's clock does not move while somebody waits


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that a check says about a block. It looked at ``time``, simulated seconds, when ``head`` was the head.

    ``subject`` is what it looked at: block (as a node serves it) or payload (that the honest node refused).
    """

    check: str
    layer: str
    number: int
    head: int
    time: int
    outcome: Outcome
    sentence: str
    differences: tuple[Difference, ...] = ()
    subject: str = "block"


@dataclass(frozen=True, slots=True)
class Outside:
    """The lab as somebody outside sees it: its nodes by name (l1, l2, l2-follower), and the clock.

    ``known`` are hashes of blocks that were looked at before, in a run without a fault, and nothing was found.
    """

    stack: Stack
    nodes: Mapping[str, Node]
    known: Collection[bytes] = ()

    @classmethod
    def of(cls, stack: Stack, known: Collection[bytes] = ()) -> Outside:
        """With nodes that answer in process."""
        lock = threading.RLock()
        served = {
            "l1": Node(stack.l1, pool=stack.l1_pool, stack=stack, name="l1", lock=lock),
            "l2": Node(stack.l2, pool=stack.l2_pool, stack=stack, name="l2", lock=lock),
            "l2-follower": Node(stack.follower.chain, stack=stack, name="l2-follower", lock=lock),
        }
        return cls(stack, served, known)

    def unknown(self, blocks: Sequence[Block]) -> list[Block]:
        """Those that are to be looked at: all as soon as a fault is there, since a node may lie about any of them."""
        return [each for each in blocks if self.stack.faults or each.hash not in self.known]


class Check(Protocol):
    """Something that looks at the lab after every step, and says what is wrong. One object for each run."""

    id: ClassVar[str]

    def look(self, outside: Outside) -> Iterator[Detection]:
        """What it finds in what is new since it looked last."""
        ...


class LabNode:
    """A node as a provider; an answer that comes later than `PATIENCE` does not come."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def make_request(self, method: str, params: Any, /) -> Any:
        """Raises TimeoutError for an answer that is held back for too long, ConnectionError for a dropped one."""
        before = self._node.delayed
        answer = self._node.make_request(method, params)
        if self._node.delayed - before > PATIENCE:
            raise TimeoutError
        return answer


@dataclass
class NewBlocks:
    """Which blocks somebody has seen, by layer."""

    _seen: dict[str, set[bytes]] = field(default_factory=dict)

    def of(self, layer: str, chain: Chain) -> list[Block]:
        """Blocks that were not asked for yet, oldest first; after a reorganisation, all that replace others."""
        seen = self._seen.setdefault(layer, {chain.genesis.hash})
        found, block = [], chain.head
        while block.hash not in seen:
            found.append(block)
            before = chain.block(block.number - 1)
            if before is None:
                break
            block = before
        seen.update(each.hash for each in found)
        return found[::-1]


@dataclass
class Verify:
    """Every new block of both chains from its node, its receipts, what the L2's other node shows in its place, and
    every payload that the honest L2 node refused."""

    id: ClassVar[str] = "verify"

    _new: NewBlocks = field(default_factory=NewBlocks)
    _refused: int = 0

    def look(self, outside: Outside) -> Iterator[Detection]:
        stack = outside.stack
        for layer, chain in (("l1", stack.l1), ("l2", stack.l2)):
            for block in outside.unknown(self._new.of(layer, chain)):
                for each in self._block(outside, layer, block):
                    yield Detection(self.id, layer, block.number, chain.head.number, stack.time, *each)
        refused = stack.follower.refused
        for block, _ in refused[self._refused :]:
            payload = msgspec.json.encode(wire_form.payload(block))
            asked = partial(verify_payload, [LabNode(outside.nodes["l2-follower"])], payload, _options(stack.l2))
            for each in _judged(asked):
                yield Detection(self.id, "l2", block.number, stack.l2.head.number, stack.time, *each, "payload")
        self._refused = len(refused)

    def _block(self, outside: Outside, layer: str, block: Block) -> Iterator[_Found]:
        stack = outside.stack
        provider = LabNode(outside.nodes[layer])
        yield from _judged(partial(verify_range, [provider], str(block.number), _options(stack.chain(layer))))
        names = [layer]
        if layer == "l2" and stack.follower.chain.block(block.number) is not None:
            names.append("l2-follower")
        asked = nodes_of([LabNode(outside.nodes[name]) for name in names], limits=_ONCE)
        clients = [Client(rpc.named(name)) for rpc, name in zip(asked, names, strict=True)]
        try:
            try:
                clients[0].receipts(clients[0].block(block.number))
            except RollproofError as error:
                yield Outcome.UNKNOWN, str(error), ()
            if len(clients) > 1:
                for each in crosscheck.headers(clients, block.number):
                    said = tuple(Difference(each.scope, each.key, answer, None) for _, answer in each.answers)
                    yield Outcome.UNKNOWN, str(each), said if each.contradiction else ()
        finally:
            for client in clients:
                client.rpc.close()


_Found = tuple[Outcome, str, tuple[Difference, ...]]


def _options(chain: Chain) -> Options:
    return Options(limits=_ONCE, config=chain.config, audit_rate=0.0)


def _judged(verdicts: Callable[[], Iterable[Verdict]]) -> Iterator[_Found]:
    """What is not right, also where nothing could be looked at."""
    found: list[Verdict] = []
    try:
        found = list(verdicts())
    except RollproofError as error:
        yield Outcome.UNKNOWN, str(error), ()
    for verdict in found:
        if verdict.outcome is not Outcome.HOLDS:
            yield verdict.outcome, verdict.reason or _sentence(verdict), verdict.differences


def _sentence(verdict: Verdict) -> str:
    named = ", ".join(f"{each.scope} {each.key}" for each in verdict.differences[:3])
    more = f" and {len(verdict.differences) - 3} more" if len(verdict.differences) > 3 else ""
    confirmed = "; a second machine agrees" if verdict.confirmed else ""
    return f"computed otherwise: {named}{more}{confirmed}"
