"""Where preimages come from: the ``Source`` that replay asks, and the one that asks nodes.

Best first: ``debug_executionWitness``; else ``prestateTracer`` to learn what to prove in one go; else proofs as needs
arise. Every preimage is found by its own hash, so a wrong one is never used; what was asked for and does not come, or
comes wrong, is an error that names the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from typing import Any, Protocol

from rollproof import _core
from rollproof.chain import execution_witness, header, prestate, wire
from rollproof.chain.blocks import still
from rollproof.chain.header import EMPTY_ROOT, Sealed
from rollproof.chain.node import Block, Node
from rollproof.chain.nodes import Nodes
from rollproof.chain.pinned import Pinned, Values, Wanted, code_hash
from rollproof.chain.proof import Noncompliant
from rollproof.chain.sibling import Siblings
from rollproof.chain.subtree import Subtree
from rollproof.errors import Lying, Missing, Reset, Retry, RollproofError, Unsupported

BLOCKHASH_WINDOW = 256
MAX_LOOSE = 1 << 16  # keys of a witness that are tried in the search for siblings
FIND_KEY_BUDGET = 1 << 25  # hashes for one sibling: sure for six nibbles, seconds of work


class Needs(Protocol):
    """What the core could not read: `_core.Needs` is one."""

    @property
    def first(self) -> str: ...
    @property
    def accounts(self) -> Sequence[bytes]: ...
    @property
    def slots(self) -> Sequence[tuple[bytes, bytes]]: ...
    @property
    def codes(self) -> Sequence[tuple[bytes, bytes]]: ...
    @property
    def headers(self) -> Sequence[tuple[int, bytes]]: ...
    @property
    def nodes(self) -> Sequence[tuple[bytes | None, bytes, bytes]]: ...


class Source(Protocol):
    """Preimages for one block."""

    label: str

    def begin(self) -> list[bytes]:
        """What can be had before the first run."""
        ...

    def fetch(self, needs: Needs) -> list[bytes]:
        """What the core could not read. At least something of it, or an error that says why not."""
        ...


class NodeSource(Nodes):
    """Preimages for ``block`` from nodes, proven at ``parent``; the first node that can serve a thing serves it.

    ``nodes`` are views with counters of their own, so that ``usage`` is what this block costs. ``notes``
    collects what went wrong without stopping anything; ``method`` says how the witness was begun.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        block: Block,
        parent: Sealed,
        *,
        seed: int = 0,
        budget: int = FIND_KEY_BUDGET,
    ) -> None:
        super().__init__(nodes)
        self.block, self.parent = block, parent
        self.sealed = Sealed(block.hash, block.header)
        self.method = "eth_getProof"
        self._seed, self._budget = seed, budget
        self._touched: dict[bytes, set[bytes]] = {}
        self._loose: list[bytes] = []  # keys of a witness that do not say which account they belong to
        self.post_nodes: list[bytes] = []  # of the claimed state's trie, as far as it was proven
        self._ancestors = 8
        self._started: Future[list[bytes]] | None = None

    def __repr__(self) -> str:
        return f"NodeSource(block {self.block.header.number}, {self.label})"

    def start(self, pool: Executor) -> None:
        """Have ``begin`` read in the background."""
        self._started = pool.submit(self._begin)

    def begin(self) -> list[bytes]:
        """The parent's header, and all that one or two calls can give. A node that offers less costs nothing more.

        Raises:
            Reset: the block was replaced by another one.
            Noncompliant: the parent's root says that there are no accounts, which nothing can be executed on.
        """
        started, self._started = self._started, None
        if started is not None:
            with suppress(CancelledError):  # the range was given up before its turn came
                return started.result()
        return self._begin()

    def _begin(self) -> list[bytes]:
        if self.parent.header.state_root == EMPTY_ROOT and not self.compliant:
            raise Noncompliant(
                f"{self.label}: state root of block {self.parent.header.number} is empty, its state is not"
            )
        start = [header.encode(self.parent.header)]
        for read in (self._execution_witness, self._prestate):
            for node in self.nodes:
                try:
                    found = read(node)
                except Reset:
                    raise
                except RollproofError as error:
                    self.notes.append(str(error))
                else:
                    if found is not None:
                        return start + found
        return start

    def fetch(self, needs: Needs) -> list[bytes]:
        """Proofs at the parent, codes, ancestor headers and sibling nodes, as asked for.

        Raises:
            Missing: no node has any of it; Retry: none answers; Lying: an answer fails its own proof or hash.
            Reset: the block was replaced by another one.
        """
        wanted: dict[bytes, set[bytes]] = {address: set() for address in needs.accounts}
        for address, slot in needs.slots:
            wanted.setdefault(address, set()).add(slot)
        parts: list[Callable[[], list[bytes]]] = []
        if wanted:
            parts.append(lambda: self.ask(lambda node: self._proofs(node, wanted)))
        if needs.codes:
            parts.append(lambda: self.ask(lambda node: Pinned(node, self.parent).codes(needs.codes)))
        parts += [self._header_part(number, h) for number, h in needs.headers]
        if needs.nodes:
            parts.append(lambda: self._siblings(needs.nodes))
        out: list[bytes] = []
        failed: RollproofError | None = None
        for part in parts:
            try:
                out += part()
            except (Missing, Retry) as error:
                self.notes.append(str(error))
                failed = failed or error
        if not out:
            raise failed or Missing(f"{self.label}: nothing to serve for: {needs.first}")
        return out

    def receipts(self) -> tuple[Mapping[str, Any], ...] | None:
        """Receipts as ``types.Claim.receipts``, held against the header's root; None (and a note) where none hold."""
        try:
            return tuple(r.claim() for r in self.ask(lambda node: node.receipts(self.block)))
        except (Missing, Lying, Retry) as error:
            self.notes.append(str(error))
            return None

    def post_state(self, accounts: Iterable[bytes], slots: Wanted) -> dict[bytes, dict[str, Any]]:
        """Claimed values after the block as ``types.Claim.post_state``, proven against the header's state root.

        Raises: as ``fetch``.
        """
        wanted = {address: set(slots.get(address, ())) for address in {*accounts, *slots}}
        found = self.ask(lambda node: Pinned(node, self.sealed).proofs(wanted))
        self.post_nodes += [raw for p in found.values() for raw in p.nodes()]
        return {
            address: {
                "nonce": p.nonce,
                "balance": p.balance,
                "code_hash": code_hash(b"") if p.code_hash == bytes(32) else p.code_hash,
                "storage": {slot: value for slot, (value, _) in p.slots.items()},
            }
            for address, p in found.items()
        }

    def below(self, address: bytes | None, path: bytes) -> list[bytes]:
        """Nodes below a path of the states before and after the block; see ``Subtree.below``."""
        subtree = Subtree(self, self.parent, self.sealed, budget=self._budget, seed=self._seed)
        return subtree.below(address, path, len(self.block.transactions))

    def read_values(self, accounts: Iterable[bytes], slots: Wanted, *, after: bool) -> dict[bytes, Values]:
        """Plain values without proof, before the block or ``after`` it: for nodes whose roots mean nothing.

        Raises: as ``fetch``.
        """
        accounts = list(accounts)
        at = self.sealed if after else self.parent
        return self.ask(lambda node: Pinned(node, at).values(accounts, slots))

    def _execution_witness(self, node: Node) -> list[bytes] | None:
        """One call by number: geth takes a hash too, reth does not. The parent's root shows that it is our block."""
        if node.traits.execution_witness is False:
            return None
        number = self.block.header.number
        try:
            answer = node.rpc.call("debug_executionWitness", wire.to_quantity(number))
        except Unsupported:
            node.traits.execution_witness = False
            return None
        node.traits.execution_witness = True
        witness = execution_witness.from_json(answer, f"{node.label}: debug_executionWitness of block {number}")
        root = self.parent.header.state_root
        if root != EMPTY_ROOT and all(_core.keccak256(raw) != root for raw in witness.nodes):
            if not still(node, self.sealed):
                raise Reset(f"{node.label}: block {number} was replaced while it was read")
            raise Lying(f"{node.label}: debug_executionWitness of block {number} is not about its parent's state")
        self.method, self._loose = "debug_executionWitness", list(witness.keys[:MAX_LOOSE])
        return witness.preimages()

    def touched(self) -> dict[bytes, set[bytes]]:
        """Accounts and slots the block is said to touch: where ``read_values`` starts. Empty where no node traces."""
        wanted: dict[bytes, set[bytes]] = {}
        try:
            wanted = self.ask(lambda node: prestate.touched(node, self.block.hash))
        except RollproofError as error:
            self.notes.append(str(error))
        for address in (self.block.header.beneficiary, *(w.address for w in self.block.withdrawals or ())):
            wanted.setdefault(address, set())
        return wanted

    def _prestate(self, node: Node) -> list[bytes] | None:
        """What the tracer says is touched, and what every block touches, proven at the parent in one go."""
        if node.traits.prestate_trace is False:
            return None
        try:
            wanted = prestate.touched(node, self.block.hash)
        except Unsupported:
            node.traits.prestate_trace = False
            return None
        node.traits.prestate_trace = True
        for address in (self.block.header.beneficiary, *(w.address for w in self.block.withdrawals or ())):
            wanted.setdefault(address, set())
        found = self._proofs(node, wanted)
        self.method = "prestateTracer"
        return found

    def _proofs(self, node: Node, wanted: Mapping[bytes, set[bytes]]) -> list[bytes]:
        for address, slots in wanted.items():
            self._touched.setdefault(address, set()).update(slots)
        return [raw for p in Pinned(node, self.parent).proofs(wanted).values() for raw in p.nodes()]

    def _header_part(self, number: int, wanted: bytes) -> Callable[[], list[bytes]]:
        return lambda: self.ask(lambda node: self._headers(node, number, wanted))

    def _headers(self, node: Node, number: int, wanted: bytes) -> list[bytes]:
        """The header that was asked for and some of its ancestors, more each time: BLOCKHASH walks back one by one."""
        last = max(0, number - self._ancestors + 1, self.block.header.number - BLOCKHASH_WINDOW)
        self._ancestors *= 4
        out = []
        for sealed in node.headers(range(number, min(last, number) - 1, -1)):
            if sealed.hash != wanted:
                if not still(node, self.parent):  # not the block itself: a payload's block no node has
                    raise Reset(f"{node.label}: block {self.parent.header.number} was replaced while it was read")
                raise Lying(f"{node.label}: block {sealed.header.number} is not the ancestor 0x{wanted.hex()}")
            out.append(header.encode(sealed.header))
            wanted = sealed.header.parent_hash
        return out

    def _siblings(self, nodes: Sequence[tuple[bytes | None, bytes, bytes]]) -> list[bytes]:
        search = Siblings(self, self.parent, self.sealed, self._budget, self._seed)
        out: list[bytes] = []
        failed: RollproofError | None = None
        for address, path, wanted in nodes:
            length, known = (20, self._touched) if address is None else (32, self._touched.get(address, ()))
            keys = {*known, *(key for key in self._loose if len(key) == length)}
            try:
                out.append(search.cut(address, path, wanted, keys) or search.dig(address, path, wanted))
            except (Missing, Retry) as error:
                failed = failed or error
        if not out and failed is not None:
            raise failed
        return out
