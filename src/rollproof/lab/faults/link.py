"""What L1 says and the L2 does not do: deposits and L1 attributes that are not those of the L1 blocks.

The L2 blocks are valid by themselves: a deposit carries no signature, and nothing in an L2 block proves what L1 holds.
Only who reads both chains finds these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from rollproof import _core
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.lab import multisig
from rollproof.lab.contract import Contract
from rollproof.lab.faults.effect import Effect, Expected
from rollproof.lab.faults.fault import Fault, register
from rollproof.lab.receipts import decode
from rollproof.rollup.op_stack import deposit
from rollproof.types import Outcome

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Built
    from rollproof.lab.stack import Layer, Stack
    from rollproof.rollup.op_stack.l1_attributes import L1Attributes

ETHER: Final = 10**18
DEPOSIT_GAS: Final = 100_000
L1_GAS: Final = 1_500_000  # the portal burns what the L2's gas costs


@dataclass
class Link(Fault):
    """Base: something between the two chains."""

    family: ClassVar[str] = "link"
    check: ClassVar[str] = "link"

    def declare(
        self, stack: Stack, layer: Layer, block: Block, *subjects: bytes, outcome: Outcome = Outcome.HOLDS
    ) -> None:
        """Says that this block shows it, once for each block; ``outcome`` is what re-execution says of it."""
        if all(effect.hash != block.hash for effect in self.effects):
            expected = (Expected.finding(self.id), *map(Expected.subject, subjects))
            self.effects.append(Effect(layer, block.number, block.hash, stack.time, expected, outcome, exact=False))


@dataclass
class Deposits(Link):
    """Base: the deposits of an L1 block are changed before the sequencer includes them.

    ``repeat``: every deposit from now on, not only the first. ``provoke`` makes one of 1 ETH from "bystander".
    """

    repeat: bool = False
    provoke: bool = True

    def __post_init__(self) -> None:
        self._wronged: list[bytes] = []
        self._done = False

    def start(self, stack: Stack) -> None:
        if self.provoke:
            make_deposit(stack, self.id)

    def deposits(self, stack: Stack, deposits: Sequence[bytes]) -> Sequence[bytes]:
        kept: list[bytes] = []
        for raw in deposits:
            changed = raw if self._done and not self.repeat else self.changed(stack, raw)
            if changed != raw:
                self._wronged.append(_core.keccak256(raw))
                self._done = True
            if changed is not None:
                kept.append(changed)
        return kept

    def changed(self, stack: Stack, raw: bytes) -> bytes | None:
        """What stands in the L2 block in place of a deposit (0x7e...); None: nothing."""
        raise NotImplementedError

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        if layer == "l2" and self._wronged:
            self.declare(stack, "l2", block, *self._wronged)
            self._wronged = []
        return block


@register
@dataclass
class DepositIgnored(Deposits):
    """A deposit that the L1 holds is left out of the L2 block that has to begin with it.

    Censorship that the protocol forbids: deposits are what users of a censoring sequencer turn to (Soneium, January
    2025). Shows: a TransactionDeposited log of the portal in an L1 block, and no transaction with its source hash in
    the first L2 block of that epoch. ``subject`` is the hash that the L2 transaction would have.
    """

    id: ClassVar[str] = "deposit-ignored"
    title: ClassVar[str] = "The sequencer leaves out a deposit that was made on L1."

    def changed(self, stack: Stack, raw: bytes) -> bytes | None:
        return None


@register
@dataclass
class DepositAltered(Deposits):
    """A deposit stands in the L2 block with another content than its L1 log has.

    ``name``: mint (``by`` wei more, which the L2 makes from nothing), value (``by`` wei more), gas (``by`` more),
    sender or to (the account "attacker"). Shows: the L2 transaction with the log's source hash differs from the one
    that the log makes.
    """

    name: str = "mint"
    by: int = 1_000 * ETHER

    id: ClassVar[str] = "deposit-altered"
    title: ClassVar[str] = "The sequencer changes what a deposit says."

    _NAMES: ClassVar[tuple[str, ...]] = ("mint", "value", "gas", "sender", "to")

    def start(self, stack: Stack) -> None:
        if self.name not in self._NAMES:
            raise Unsupported(f"{self.id}: no field {self.name[:40]!r}; there are {', '.join(self._NAMES)}")
        super().start(stack)

    def changed(self, stack: Stack, raw: bytes) -> bytes | None:
        found = deposit.decode(raw)
        if self.name in ("sender", "to"):
            return replace(found, **{self.name: stack.account("attacker", "l2").address}).encode()  # type: ignore[arg-type]
        bits = 64 if self.name == "gas" else 256
        value = getattr(found, self.name) + self.by
        return replace(found, **{self.name: max(0, min(value, 2**bits - 1))}).encode()


@register
@dataclass
class L1InfoLie(Link):
    """The L2 blocks say something false about their L1 origin.

    ``name``: number, timestamp, base_fee, blob_base_fee or sequence_number (``by`` more), or block_hash (of the L1
    block ``by`` blocks before). Starknet, September 2025: sequencers that saw different L1 states. A base fee that is
    too high makes users pay for L1 data that was cheap; a number or time that is too high releases what contracts lock
    until then. Shows: the L1 attributes in the first transaction of an L2 block are not those of the L1 block with
    their hash, or there is no such block.
    """

    name: str = "base_fee"
    by: int = 10**12

    id: ClassVar[str] = "l1-info-lie"
    title: ClassVar[str] = "The L2 says false things about its L1 origin."

    _NAMES: ClassVar[dict[str, int]] = {
        "number": 64, "timestamp": 64, "base_fee": 256, "blob_base_fee": 256, "sequence_number": 64, "block_hash": 0,
    }  # fmt: skip

    def __post_init__(self) -> None:
        self._lied = False

    def start(self, stack: Stack) -> None:
        if self.name not in self._NAMES:
            raise Unsupported(f"{self.id}: no field {self.name[:40]!r}; there are {', '.join(self._NAMES)}")

    def attributes(self, stack: Stack, attributes: L1Attributes) -> L1Attributes:
        if self.name == "block_hash":
            other = stack.l1.block(max(0, attributes.number - max(1, self.by)))
            changed = attributes if other is None else replace(attributes, block_hash=other.hash)
        else:
            value = max(0, min(getattr(attributes, self.name) + self.by, 2 ** self._NAMES[self.name] - 1))
            changed = replace(attributes, **{self.name: value})
        self._lied = changed != attributes
        return changed

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        if layer == "l2" and self._lied:
            self.declare(stack, "l2", block, block.hashes[0])
            self._lied = False
        return block


@register
@dataclass
class L1ReorgDeposit(Link):
    """An L1 reorganisation takes a deposit away, and the sequencer keeps the L2 blocks that hold it.

    Polygon zkEVM, March 2024: a reorganisation of one or two blocks was not undone on the L2, and the chain stood still
    for ten hours. One deposit of 1 ETH is made by "bystander"; as soon as an L2 block holds it, the L1 is reorganised
    from just below it, without it (``deeper``: by so many blocks more). The sequencer does not go back while this
    lasts. Shows: the L2's L1 origins from that block on are not in the L1 chain, and it holds a deposit that no L1
    block has; its ETH is covered by nothing. Once it is lifted the L2 is reorganised.
    """

    deeper: int = 0

    id: ClassVar[str] = "l1-reorg-deposit"
    title: ClassVar[str] = "L1 loses a deposit by a reorganisation, and the L2 keeps it."

    def __post_init__(self) -> None:
        self._sent = b""
        self._reorganised = False

    def start(self, stack: Stack) -> None:
        if not 0 <= self.deeper <= 1_000:
            raise Malformed(f"{self.id}: deeper from 0 to 1000, not {self.deeper}")
        self._sent = make_deposit(stack, self.id)

    def halts(self, stack: Stack, what: str) -> bool:
        return what == "reset"

    def after_step(self, stack: Stack) -> None:
        found = None if self._reorganised else stack.l1.locate(self._sent)
        if found is None:
            return
        block = found[0]
        on_l2 = holder(stack, block, self._sent)
        if on_l2 is None:
            return
        above = stack.l1.head.number - stack.sequencer.origins[0][0].number  # what the L2 stands on stays
        depth = min(stack.l1.head.number - block.number + 1 + self.deeper, above)
        stack.l1_builder.reorganise(depth, lose=frozenset({self._sent}))
        self._reorganised = True
        held, made = on_l2
        self.declare(stack, "l2", held, made, block.hash)


def make_deposit(stack: Stack, fault: str, name: str = "bystander", amount: int = ETHER) -> bytes:
    """Sends a deposit of ``amount`` wei to the sender's own account; returns the L1 transaction's hash.

    Raises Missing where the lab has no portal.
    """
    portal = contract(stack, fault, "OptimismPortal")
    to = stack.account(name, "l2").address
    data = deposit.calldata(to, value=amount, gas=DEPOSIT_GAS)
    return stack.send("l1", name, portal.address, data=data, value=amount, gas=L1_GAS)


def holder(stack: Stack, origin: Block, transaction: bytes) -> tuple[Block, bytes] | None:
    """The L2 block that holds the deposit of an L1 transaction, and the deposit's hash."""
    index = origin.hashes.index(transaction)
    before = [log for receipt in origin.receipts[:index] for log in decode(receipt).logs]
    logs = [*before, *decode(origin.receipts[index]).logs]
    made = deposit.in_block(logs, portal=stack.rollup.portal, block_hash=origin.hash)
    earlier = deposit.in_block(before, portal=stack.rollup.portal, block_hash=origin.hash)
    for each in made[len(earlier) :]:
        found = stack.l2.locate(each.hash)
        if found is not None:
            return found[0], each.hash
    return None


def contract(stack: Stack, fault: str, name: str) -> Contract:
    """The contract of a role. Raises Missing where the lab has none."""
    if name not in stack.deployed:
        raise Missing(f"{fault}: the lab has no {name}")
    return stack.deployed[name]


def send_as(stack: Stack, fault: str, owner: bytes, to: bytes, data: bytes) -> bytes:
    """Has whoever is at ``owner`` call a contract on L1: an account of the lab, or a Safe whose owners are such.

    Returns the transaction's hash. Raises Missing where the lab has not the keys.
    """
    names = {stack.account(name, "l1").address: name for name in stack.names}
    if owner in names:
        return stack.send("l1", names[owner], to, data=data)
    safe = Contract.load("GuardianSafe").at(owner)
    if stack.l1.code(owner):
        try:
            [owners], [threshold] = stack.view("l1", safe, "getOwners"), stack.view("l1", safe, "getThreshold")
        except (Malformed, Missing):
            owners, threshold = (), 1
        signers = [names[each] for each in owners if each in names][:threshold]
        if len(signers) == threshold:
            return multisig.execute(stack, "l1", safe, signers, to, data)
    raise Missing(f"{fault}: the lab has no key of 0x{owner.hex()}")
