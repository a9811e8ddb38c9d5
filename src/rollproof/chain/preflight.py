"""What a node can serve, and for how far back, found out before a long run by asking for little of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rollproof.chain import execution_witness, prestate, wire
from rollproof.chain.header import Sealed
from rollproof.chain.node import Node
from rollproof.chain.pinned import Pinned
from rollproof.errors import Missing, Retry, RollproofError, Unsupported

DEPTHS = (1, 128, 10_000)  # blocks below the head
_PROBE = bytes(20)  # any account: its absence is proven just as well


@dataclass(frozen=True, slots=True)
class Preflight:
    """What one node serves. ``refusals`` says why not, by the same names; an error there is never a yes."""

    label: str
    client: str
    chain_id: int
    head: int
    compliant: bool
    execution_witness: bool
    prestate_trace: bool
    raw_blocks: bool
    receipts: bool
    eth_config: bool
    by_hash: bool  # EIP-1898
    proof_depths: dict[int, bool]  # blocks below the head -> proofs served and verified
    refusals: dict[str, str]

    @property
    def proof_depth(self) -> int | None:
        """The largest probed depth with proofs; None where even the head's parent has none."""
        return max((depth for depth, served in self.proof_depths.items() if served), default=None)

    @property
    def method(self) -> str | None:
        """How a witness would be begun at the head, or None where it cannot be built."""
        if self.execution_witness:
            return "debug_executionWitness"
        if self.proof_depth is None:
            return None
        return "prestateTracer" if self.prestate_trace else "eth_getProof"

    def __str__(self) -> str:
        depths = ", ".join(f"-{d} {'yes' if ok else 'no'}" for d, ok in self.proof_depths.items())
        served = [
            f"{name} {'yes' if ok else 'no'}"
            for name, ok in (
                ("debug_executionWitness", self.execution_witness),
                ("prestateTracer", self.prestate_trace),
                ("receipts", self.receipts),
                ("raw blocks", self.raw_blocks),
                ("eth_config", self.eth_config),
            )
        ]
        roots = "" if self.compliant else "; state roots break consensus rules: values are compared, roots are not"
        return (
            f"{self.label} ({self.client or 'unnamed client'}): chain {self.chain_id}, head {self.head}; "
            f"{', '.join(served)}; proofs at {depths}{roots}"
        )


def preflight(node: Node) -> Preflight:
    """Ask a node for one of everything.

    Raises:
        Retry, Missing, Lying: not even its chain id and head can be read.
    """
    refusals: dict[str, str] = {}

    def probe(name: str, ask: Callable[[], object]) -> bool:
        try:
            served = ask() is not None
        except RollproofError as error:
            refusals[name] = str(error)
            return False
        if not served:
            refusals[name] = f"{node.label}: {name} is answered with null"
        return served

    chain_id, head = node.chain_id(), node.header("latest")
    number = wire.to_quantity(head.header.number)
    what = f"{node.label}: debug_executionWitness"
    depths = {
        depth: probe(f"eth_getProof at -{depth}", partial(_prove, node, head.header.number - depth))
        for depth in DEPTHS
        if depth <= head.header.number
    }
    return Preflight(
        node.label,
        node.client(),
        chain_id,
        head.header.number,
        node.compliant(),
        probe(
            "debug_executionWitness",
            lambda: execution_witness.from_json(node.rpc.call("debug_executionWitness", number), what),
        ),
        probe("prestateTracer", lambda: prestate.touched(node, head.hash)),
        probe("debug_getRawBlock", lambda: node.rpc.call("debug_getRawBlock", number)),
        probe("receipts", lambda: node.receipts(node.block(head.hash))),
        probe("eth_config", node.config),
        bool(node.traits.by_hash),
        depths,
        refusals,
    )


def _prove(node: Node, number: int) -> object:
    return Pinned(node, node.header(number)).proofs({_PROBE: []})


def reach(nodes: Sequence[Node], parent: Sealed, block: Sealed) -> None:
    """Make sure that some node has the state that ``block`` starts from: one call where the first node has.

    Raises:
        Missing, Retry: none has it, of the first node; the message says what would help.
    """
    refused: RollproofError | None = None
    for node in nodes:
        if not node.compliant():  # read by value
            return
        try:
            Pinned(node, parent).proofs({_PROBE: []})
        except (Missing, Retry, Unsupported) as error:
            refused = refused or error
            if not _witness(node, block):
                continue
        return
    if refused is not None:
        raise type(refused)(
            f"{refused}; block {block.header.number} needs the state before it: use a node that keeps proofs that far "
            "back, one with debug_executionWitness, or a newer range"
        )


def _witness(node: Node, block: Sealed) -> bool:
    try:
        return node.rpc.call("debug_executionWitness", wire.to_quantity(block.header.number)) is not None
    except RollproofError:
        return False
