"""Several nodes, one question: where their answers differ, which node said what.

A node that does not answer disagrees with nobody; it is listed, so that silence is not taken for agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rollproof.chain.header import Sealed
from rollproof.chain.node import Block, Node
from rollproof.chain.pinned import Pinned, Wanted
from rollproof.errors import RollproofError


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One question with more than one answer. ``answers`` and ``silent`` hold (node label, what it said or why not)."""

    question: str
    answers: tuple[tuple[str, str], ...]
    silent: tuple[tuple[str, str], ...] = ()

    @property
    def contradiction(self) -> bool:
        """Whether two nodes said different things, and not only one kept silent."""
        return len({text for _, text in self.answers}) > 1

    def __str__(self) -> str:
        said = "; ".join(f"{label} says {answer}" for label, answer in self.answers)
        return f"{self.question}: {said}" + "".join(f"; {why}" for _, why in self.silent)


def headers(nodes: Sequence[Node], number: int) -> tuple[Disagreement, ...]:
    """Whether all nodes have the same block at a height."""
    return _compare(f"hash of block {number}", nodes, lambda node: f"0x{node.header(number).hash.hex()}")


def receipts(nodes: Sequence[Node], block: Block) -> tuple[Disagreement, ...]:
    """Whether all nodes give the block's receipts; one whose receipts fail the header's root says so by name."""
    return _compare(
        f"receipts of block {block.header.number}",
        nodes,
        lambda node: "; ".join(
            f"{i}: status {r.status}, gas {r.gas_used}, {len(r.logs)} logs" for i, r in enumerate(node.receipts(block))
        ),
    )


def proofs(nodes: Sequence[Node], block: Sealed, wanted: Wanted) -> tuple[Disagreement, ...]:
    """Whether all nodes prove the same values of the wanted accounts and slots after a block."""
    out: list[Disagreement] = []
    for address, slots in wanted.items():
        asked = {address: list(slots)}

        def read(node: Node, asked: dict[bytes, list[bytes]] = asked, address: bytes = address) -> str:
            found = Pinned(node, block).proofs(asked)[address]
            held = ", ".join(f"0x{slot.hex()} = {value:#x}" for slot, (value, _) in sorted(found.slots.items()))
            return f"nonce {found.nonce}, balance {found.balance}, code 0x{found.code_hash.hex()}, {held or 'no slots'}"

        out += _compare(f"account 0x{address.hex()} after block {block.header.number}", nodes, read)
    return tuple(out)


def _compare(question: str, nodes: Sequence[Node], read: Callable[[Node], str]) -> tuple[Disagreement, ...]:
    def ask(node: Node) -> tuple[bool, str]:
        try:
            return True, read(node)
        except RollproofError as error:
            return False, str(error)

    with ThreadPoolExecutor(max(1, min(8, len(nodes)))) as pool:
        said = list(pool.map(ask, nodes))
    answers = tuple((node.label, text) for node, (ok, text) in zip(nodes, said, strict=True) if ok)
    silent = tuple((node.label, text) for node, (ok, text) in zip(nodes, said, strict=True) if not ok)
    if len({text for _, text in answers}) > 1 or (silent and answers):
        return (Disagreement(question, answers, silent),)
    return ()
