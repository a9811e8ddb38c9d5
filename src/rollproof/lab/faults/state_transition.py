"""Wrong state transitions: the block fits itself, and only executing it again shows that it is not what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.lab import bytecode
from rollproof.lab.faults.fault import register
from rollproof.lab.faults.lie import BASE_FEE_VAULT, DEPOSIT, L1_FEE_VAULT, OPERATOR_FEE_VAULT, Lie
from rollproof.lab.faults.sealing import Ordinary, Provoked, Sealing
from rollproof.replay.trace import Access, Trace

if TYPE_CHECKING:
    from rollproof.lab.chain import Chain
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Layer, Stack

ETHER: Final = 10**18
INTRINSIC_GAS: Final = 21_000
PREDEPLOYS: Final = bytes.fromhex("42") + bytes(17)  # OP Stack predeploys begin with this
_SYSTEM: Final = frozenset(
    bytes.fromhex(each)
    for each in (
        "000f3df6d732807ef1319fb7b8bb8522d0beac02",  # EIP-4788
        "0000f90827f1c53a10cb7a02335b175320002935",  # EIP-2935
        "00000961ef480eb55e80d19ad83579a64c007002",  # EIP-7002
        "0000bbddc7ce488642fb579f8b00f3a590007251",  # EIP-7251
    )
)


@register
@dataclass
class StateBalance(Sealing):
    """An account has ``amount`` wei more (less where negative) than any transaction gave it.

    ``address``: by default the attacker's, which the block need not touch. Shows in the state root alone.
    """

    address: bytes | None = None
    amount: int = 1_000 * ETHER

    id: ClassVar[str] = "state-balance"
    title: ClassVar[str] = "A balance changes outside any transaction."

    def lie(self, stack: Stack, lie: Lie) -> None:
        lie.pay(self.address or stack.account("attacker", self.layer).address, self.amount)


@register
@dataclass
class StateSlot(Ordinary):
    """A storage slot holds ``amount`` more than any transaction wrote, modulo 2**256.

    ``address`` and ``slot`` name it. By default it is the attacker's balance of the L2's USDC, in a block that moves
    some (it is paid a little for that); where there is no USDC, the first slot that a transaction of the block writes.
    """

    address: bytes | None = None
    slot: int | None = None
    amount: int = 10**12

    id: ClassVar[str] = "state-slot"
    title: ClassVar[str] = "A storage slot changes outside any transaction."

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if (self.address is None) != (self.slot is None):
            raise Malformed(f"{self.id}: address and slot go together")
        if self._token(stack) is not None:
            self._next = stack.time  # traffic moves USDC, but hardly ever the attacker's

    def cause(self, stack: Stack, layer: Layer) -> None:
        token = self._token(stack)
        if token is None:
            super().cause(stack, layer)
            return
        paid = token.encode("transfer", stack.account("attacker", layer).address, 1)
        stack.send(layer, self.sender, token.address, data=paid, gas=150_000)

    def lie(self, stack: Stack, lie: Lie) -> None:
        place = self._place(stack, lie)
        if place is not None:
            held = lie.chain.storage(*place, lie.block)
            lie.write(*place, (held + self.amount) % 2**256)

    def _place(self, stack: Stack, lie: Lie) -> tuple[bytes, int] | None:
        if self.address is not None and self.slot is not None:
            return self.address, self.slot
        token = self._token(stack)
        if token is None:
            return next(_written(lie), None)
        if token.address not in lie.touched():
            return None
        holder = stack.account("attacker", self.layer).address
        key = bytes(12) + holder + token.slots["balanceOf"].to_bytes(32, "big")
        return token.address, int.from_bytes(_core.keccak256(key), "big")

    def _token(self, stack: Stack) -> Contract | None:
        """The USDC whose balance is meant by default."""
        token = stack.deployed.get("USDC")
        named = self.address is not None or self.layer != "l2" or token is None or "balanceOf" not in token.slots
        return None if named else token


@register
@dataclass
class GasAfterFailure(Provoked):
    """A failed transaction is charged ``gas`` more (less where negative) than it used, and everything follows from it.

    Base, June 2026: what a failed transaction left in the journal made the gas that was charged wrong; nodes refused
    the block and the chain stood still. Needs a transaction with status 0; sends one that reverts.
    """

    gas: int = -2_000  # a storage slot that is taken for warm (EIP-2929)

    id: ClassVar[str] = "gas-after-failure"
    title: ClassVar[str] = "The gas of a failed transaction is accounted wrong, in its receipt, fees and the header."

    def lie(self, stack: Stack, lie: Lie) -> None:
        for index in lie.signed():
            outcome = lie.block.outcomes[index]
            charged = outcome["gas_used"] + self.gas
            if outcome["status"] == 0 and INTRINSIC_GAS <= charged <= lie.transaction(index)["gas_limit"]:
                lie.use_gas(index, self.gas)
                return

    def cause(self, stack: Stack, layer: Layer) -> None:
        # A creation that reads a slot and reverts: PUSH0 SLOAD POP PUSH0 PUSH0 REVERT.
        stack.send(layer, self.sender, None, data=bytes.fromhex("5f54505f5ffd"), gas=150_000)


@register
@dataclass
class RevertedWriteKept(Provoked):
    """A storage write of a call that reverted stays in the state.

    Starknet, January 2026: the sequencer kept a write of a reverted inner call, the prover did not; blocks were rolled
    back. Needs a reverted call that wrote; sends a transaction that succeeds, with such a call inside.
    """

    id: ClassVar[str] = "reverted-write-kept"
    title: ClassVar[str] = "A write of a reverted call is kept."

    def lie(self, stack: Stack, lie: Lie) -> None:
        for address, access in _reverted(lie):
            slot = int.from_bytes(access.slot, "big")
            if lie.chain.storage(address, slot, lie.block) != access.value:
                lie.write(address, slot, access.value)
                return

    def cause(self, stack: Stack, layer: Layer) -> None:
        creator = stack.account(self.sender, layer).address
        nonce = stack.next_nonce(layer, stack.account(self.sender, layer))
        target = _core.keccak256(_core.rlp_encode([creator, nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")]))[12:]
        stack.send(layer, self.sender, None, data=bytecode.deployment(_WRITES_AND_REVERTS_WITHIN), gas=300_000)
        stack.send(layer, self.sender, target, gas=300_000)


# Called by another it calls itself and stops; called by itself it writes the block's number to slot 0 and reverts:
# CALLER ADDRESS EQ PUSH1 15 JUMPI; CALL(GAS, ADDRESS, 0, 0, 0, 0, 0) STOP; NUMBER PUSH0 SSTORE PUSH0 PUSH0 REVERT.
_WRITES_AND_REVERTS_WITHIN: Final = bytes.fromhex("333014600f575f5f5f5f5f305af1005b435f555f5ffd")


@register
@dataclass
class WrongReceipts(Ordinary):
    """A receipt says what did not happen; the state is right.

    ``kind``: log-altered (the data of a log, or its last topic), log-dropped, log-added, status. Needs a signed
    transaction; for the first two, one with a log.
    """

    kind: str = "log-altered"

    id: ClassVar[str] = "wrong-receipts"
    title: ClassVar[str] = "A receipt has a log or a status that is not the transaction's."

    _KINDS: ClassVar[tuple[str, ...]] = ("log-altered", "log-dropped", "log-added", "status")

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.kind not in self._KINDS:
            raise Unsupported(f"{self.id}: no kind {self.kind[:40]!r}; there are {', '.join(self._KINDS)}")

    def lie(self, stack: Stack, lie: Lie) -> None:
        for index in lie.signed():
            receipt = lie.receipts[index]
            logs = list(receipt.logs)
            if self.kind == "status":
                lie.receipts[index] = receipt._replace(status=1 - receipt.status)
                return
            if self.kind == "log-added":
                logs.append((b"\xab" * 20, [b"\xcd" * 32], b""))
            elif not logs:
                continue
            elif self.kind == "log-dropped":
                logs.pop()
            else:
                address, topics, data = logs[-1]
                if data:
                    data = data[:-1] + bytes([data[-1] ^ 1])
                elif topics:
                    topics = [*topics[:-1], topics[-1][:-1] + bytes([topics[-1][-1] ^ 1])]
                else:
                    continue
                logs[-1] = (address, topics, data)
            lie.receipts[index] = receipt._replace(logs=tuple(logs))
            return


@register
@dataclass
class WrongFeeVault(Ordinary):
    """Who is paid for a block gets ``amount`` wei more than the transactions paid.

    ``vault``: base-fee, l1-fee or operator-fee (L2), or beneficiary (on the L2 the sequencer's vault). Needs a signed
    transaction.
    """

    vault: str = ""  # base-fee on the L2, beneficiary on the L1
    amount: int = 10**15

    id: ClassVar[str] = "wrong-fee-vault"
    title: ClassVar[str] = "A fee vault is credited with more than the block's transactions paid."

    _VAULTS: ClassVar[dict[str, bytes]] = {
        "base-fee": BASE_FEE_VAULT,
        "l1-fee": L1_FEE_VAULT,
        "operator-fee": OPERATOR_FEE_VAULT,
    }

    def start(self, stack: Stack) -> None:
        super().start(stack)
        known = ("beneficiary", *(self._VAULTS if self.layer == "l2" else ()))
        if self.vault and self.vault not in known:
            raise Unsupported(f"{self.id}: no vault {self.vault[:40]!r} on {self.layer}; there are {', '.join(known)}")

    def lie(self, stack: Stack, lie: Lie) -> None:
        if lie.signed():
            vault = self.vault or ("base-fee" if lie.op else "beneficiary")
            lie.pay(self._VAULTS.get(vault, lie.block.header.beneficiary), self.amount)


_DEPOSITED: Final = ("address", "uint256", "uint64", "bool", "bytes")  # to, value, gas limit, creation, data


@register
@dataclass
class DepositMint(Provoked):
    """A deposit's ETH is minted twice.

    Needs a deposit that mints; sends one through the portal, which reaches the L2 some blocks later.
    """

    layer: str = field(default="l2", init=False)

    id: ClassVar[str] = "deposit-mint"
    title: ClassVar[str] = "A deposit mints its ETH twice."

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.provoke and not any(stack.rollup.portal):
            raise Missing(f"{self.id}: there is no portal to deposit through")

    def lie(self, stack: Stack, lie: Lie) -> None:
        for index, raw in enumerate(lie.block.transactions):
            if raw[0] == DEPOSIT and (fields := lie.transaction(index)).get("mint"):
                lie.pay(fields["sender"], fields["mint"])
                return

    def cause(self, stack: Stack, layer: Layer) -> None:
        to = stack.account(self.sender, "l2").address
        call = abi.selector(f"depositTransaction({','.join(_DEPOSITED)})")
        call += abi.encode(_DEPOSITED, (to, ETHER, 100_000, False, b""))
        stack.send("l1", self.sender, stack.rollup.portal, data=call, value=ETHER, gas=600_000)


@register
@dataclass
class NonceKept(Ordinary):
    """A sender's nonce is not raised, so that the same signed transaction can be included again.

    Needs a signed transaction; of a block's senders the last one is chosen.
    """

    id: ClassVar[str] = "nonce-kept"
    title: ClassVar[str] = "A transaction does not raise its sender's nonce."

    def lie(self, stack: Stack, lie: Lie) -> None:
        for index in reversed(lie.signed()):
            sender = lie.transaction(index)["sender"]
            nonce = lie.chain.account(sender, lie.block)[0]
            if nonce > 0:
                lie.nonce(sender, nonce - 1)
                return


def _written(lie: Lie) -> Iterator[tuple[bytes, int]]:
    """Contract and slot of every storage write of the block's signed transactions that lasted."""
    trace, chain = _trace(lie), lie.chain
    for access in trace.accesses:
        frame = trace.frames[access.frame]
        if not access.write or access.transient or trace.reverted(access.frame):
            continue
        if frame.transaction not in lie.signed():
            continue
        slot = int.from_bytes(access.slot, "big")
        if not _of_the_system(frame.target) and chain.storage(frame.target, slot, lie.block) == access.value:
            yield frame.target, slot


def _reverted(lie: Lie) -> Iterator[tuple[bytes, Access]]:
    """Writes of reverted calls to contracts that are there; those inside a successful transaction come first."""
    trace, chain = _trace(lie), lie.chain
    stored = (access for access in trace.accesses if access.write and not access.transient)
    found = [access for access in stored if trace.reverted(access.frame)]
    for wanted in (1, 0):
        for access in found:
            frame = trace.frames[access.frame]
            if frame.transaction is None or lie.block.outcomes[frame.transaction]["status"] != wanted:
                continue
            if _has_code(chain, lie, frame.target):
                yield frame.target, access


def _trace(lie: Lie) -> Trace:
    done = lie.chain.run(lie.block, trace=True)
    if done.trace is None:
        raise Unsupported("the core gave no trace")
    return Trace(done.trace)


def _has_code(chain: Chain, lie: Lie, address: bytes) -> bool:
    return bool(chain.code(address, lie.block))


def _of_the_system(address: bytes) -> bool:
    return address in _SYSTEM or address.startswith(PREDEPLOYS)
