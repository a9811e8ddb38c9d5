"""Several nodes, one question: where their answers differ, which node said what.

A node that does not answer disagrees with nobody; it is listed, so that silence is not taken for agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from rollproof.chain.header import EMPTY_CODE, Sealed
from rollproof.chain.node import Block, Node
from rollproof.chain.pinned import Pinned, Wanted, code_hash
from rollproof.errors import RollproofError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One question with more than one answer. ``answers`` and ``silent`` hold (node label, what it said or why not)."""

    question: str
    answers: tuple[tuple[str, str], ...]
    silent: tuple[tuple[str, str], ...] = ()
    scope: str = "header"  # of a types.Difference
    key: str = "hash"

    @property
    def contradiction(self) -> bool:
        """Whether two nodes said different things, and not only one kept silent."""
        return len({text for _, text in self.answers}) > 1

    def __str__(self) -> str:
        said = "; ".join(f"{label} says {answer}" for label, answer in self.answers)
        return f"{self.question}: " + "; ".join([said] * bool(said) + [why for _, why in self.silent])


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
        "transaction",
        "receipts",
    )


def proofs(nodes: Sequence[Node], block: Sealed, wanted: Wanted) -> tuple[Disagreement, ...]:
    """Whether all nodes prove the same values of the wanted accounts and slots after a block."""
    asked = {address: list(slots) for address, slots in wanted.items()}

    def read(node: Node) -> dict[bytes, str]:
        return {
            address: _account(p.nonce, p.balance, p.code_hash, {slot: value for slot, (value, _) in p.slots.items()})
            for address, p in Pinned(node, block).proofs(asked).items()
        }

    return _accounts(nodes, block, list(asked), read)


def values(nodes: Sequence[Node], block: Sealed, wanted: Wanted) -> tuple[Disagreement, ...]:
    """The same of values that nobody proves, for nodes whose tries mean nothing."""
    asked = {address: list(slots) for address, slots in wanted.items()}

    def read(node: Node) -> dict[bytes, str]:
        found = Pinned(node, block).values(asked, asked)
        return {a: _account(v.nonce, v.balance, code_hash(v.code), v.storage) for a, v in found.items()}

    return _accounts(nodes, block, list(asked), read)


def _account(nonce: int, balance: int, code: bytes, storage: Mapping[bytes, int]) -> str:
    held = ", ".join(f"0x{slot.hex()} = {value:#x}" for slot, value in sorted(storage.items()))
    code = EMPTY_CODE if code == bytes(32) else code
    return f"nonce {nonce}, balance {balance}, code 0x{code.hex()}, {held or 'no slots'}"


def _accounts(
    nodes: Sequence[Node], block: Sealed, addresses: Sequence[bytes], read: Callable[[Node], Mapping[bytes, str]]
) -> tuple[Disagreement, ...]:
    """Every node is asked once, for all accounts; each account on which they differ is named by itself."""
    said, silent = _ask(nodes, read)
    out = []
    for address in addresses:
        answers = tuple((label, found[address]) for label, found in said)
        if len({text for _, text in answers}) > 1:
            name = f"0x{address.hex()}"
            question = f"account {name} after block {block.header.number}"
            out.append(Disagreement(question, answers, silent, "account", name))
    if silent and said and not out:
        out.append(Disagreement(f"accounts after block {block.header.number}", (), silent, "account"))
    return tuple(out)


def _compare(
    question: str, nodes: Sequence[Node], read: Callable[[Node], str], scope: str = "header", key: str = "hash"
) -> tuple[Disagreement, ...]:
    answers, silent = _ask(nodes, read)
    if len({text for _, text in answers}) > 1 or (silent and answers):
        return (Disagreement(question, answers, silent, scope, key),)
    return ()


def _ask(
    nodes: Sequence[Node], read: Callable[[Node], T]
) -> tuple[tuple[tuple[str, T], ...], tuple[tuple[str, str], ...]]:
    """What each node answers, and why each of the others does not."""

    def ask(node: Node) -> T | RollproofError:
        try:
            return read(node)
        except RollproofError as error:
            return error

    with ThreadPoolExecutor(max(1, min(8, len(nodes)))) as pool:
        said = list(zip(nodes, pool.map(ask, nodes), strict=True))
    answers = tuple((node.label, found) for node, found in said if not isinstance(found, RollproofError))
    silent = tuple((node.label, str(found)) for node, found in said if isinstance(found, RollproofError))
    return answers, silent
