"""Wrong executions: what a faulty node would have made of a block, sealed with all that follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from rollproof import _core
from rollproof.replay import execute
from rollproof.replay.header import header_hash
from rollproof.replay.trace import Trace
from rollproof.replay.verify import verify_claim
from rollproof.types import Claim, Verdict
from tamper.post import PostState, Receipts
from tamper.seal import Executed

SEQUENCER_VAULT = bytes.fromhex("4200000000000000000000000000000000000011")
BASE_FEE_VAULT = bytes.fromhex("4200000000000000000000000000000000000019")
L1_FEE_VAULT = bytes.fromhex("420000000000000000000000000000000000001a")
OPERATOR_FEE_VAULT = bytes.fromhex("420000000000000000000000000000000000001b")
BEACON_ROOTS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")
HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")


@dataclass(frozen=True)
class Paid:
    """One transaction's gas: who paid, and per gas the price and what the beneficiary gets of it (wei)."""

    sender: bytes
    price: int
    tip: int


class Faulty:
    """An honest block beside what a faulty node claims of it; change ``state`` and ``receipts``, then `seal`."""

    def __init__(self, block: Executed) -> None:
        self.block = block
        self.honest = PostState(block)
        self.state = PostState(block)
        self.receipts = Receipts(block)
        self.gas_used = block.header.gas_used

    @property
    def op(self) -> bool:
        return self.block.inputs.config.family == "op"

    def paid(self, index: int) -> Paid:
        """What transaction ``index`` pays by EIP-1559, or by its gas price before."""
        raw = _core.decode_transaction(self.block.claim.transactions[index], self.block.inputs.config.family)
        base = self.block.header.base_fee or 0
        cap, tip = raw["max_fee_per_gas"], raw["max_priority_fee_per_gas"]
        price = cap if tip is None else min(cap, base + tip)
        return Paid(raw["sender"], price, price - base)

    def signed(self) -> list[int]:
        """Indices of the transactions that somebody signed and pays for."""
        return [index for index, raw in enumerate(self.block.claim.transactions) if raw[:1] != b"\x7e"]

    def use_gas(self, index: int, gas: int) -> None:
        """Transaction ``index`` used ``gas`` more: everybody's fees, the receipts and the block's gas follow."""
        paid, base = self.paid(index), self.block.header.base_fee or 0
        self.state.add(paid.sender, -gas * paid.price)
        self.state.add(self.block.header.beneficiary, gas * paid.tip)
        if self.op:
            self.state.add(BASE_FEE_VAULT, gas * base)
        self.receipts.add_gas(index, gas)
        self.gas_used += gas

    def reverted_writes(self) -> Iterator[tuple[bytes, bytes, int]]:
        """Address, slot and value of writes in calls that were undone, where something else is there in the end."""
        inputs = self.block.inputs
        rules = _core.Rules(**execute.arguments(inputs))
        listed = None
        if inputs.withdrawals is not None and not self.op:
            listed = [(each.index, each.validator_index, each.address, each.amount) for each in inputs.withdrawals]
        done = _core.run_block(
            inputs.preimages,
            inputs.pre_state_root,
            rules,
            execute.environment(inputs),
            inputs.transactions,
            listed,
            trace=True,
        )
        assert isinstance(done, _core.Done)
        assert done.trace is not None
        trace = Trace(done.trace)
        for access in trace.accesses:
            if access.write and not access.transient and trace.reverted(access.frame):
                address = trace.frames[access.frame].target
                if self.honest.slot(address, access.slot) != access.value:
                    yield address, access.slot, access.value

    def seal(self, **fields: Any) -> Claim:
        """The wrong claim, consistent in itself, with its receipts and the post-state it believes in beside it."""
        sealed = replace(
            self.block.header,
            **{
                "state_root": self.state.root(),
                "receipts_root": _core.ordered_root(self.receipts.encoded()),
                "logs_bloom": self.receipts.bloom(),
                "gas_used": self.gas_used,
                **fields,
            },
        )
        return replace(
            self.block.claim,
            claimed_hash=header_hash(sealed),
            header=sealed,
            attributes=None,
            partial_header=None,
            parent_hash=sealed.parent_hash,
            receipts=self.receipts.claimed(),
            post_state=self.state.claimed(),
        )

    def verdict(self, claim: Claim, **options: Any) -> Verdict:
        return verify_claim(claim, self.block.values, **{"second_opinion": "never", **options})

    def header_differences(self, claim: Claim) -> dict[str, tuple[str, str]]:
        """What differs between the claimed header and the real one, by name."""
        assert claim.header is not None
        names = ("state_root", "receipts_root", "logs_bloom", "gas_used", "withdrawals_root")
        pairs = {name: (getattr(claim.header, name), getattr(self.block.header, name)) for name in names}
        return {name: (_shown(one), _shown(other)) for name, (one, other) in pairs.items() if one != other}

    def state_differences(self) -> dict[str, tuple[str, str]]:
        """What differs between the faulty and the honest post-state, as ``0xADDRESS.field`` and ``0xADDRESS[slot]``."""
        found: dict[str, tuple[str, str]] = {}
        for address, slots in self.state.wrong.items():
            pairs = zip(
                ("nonce", "balance", "", "code_hash"),
                self.state.account(address),
                self.honest.account(address),
                strict=True,
            )
            for name, one, other in pairs:
                if name and one != other:
                    found[f"0x{address.hex()}.{name}"] = (_shown(one), _shown(other))
            for slot in slots:
                one, other = self.state.slot(address, slot), self.honest.slot(address, slot)
                if one != other:
                    found[f"0x{address.hex()}[0x{slot.hex()}]"] = (f"0x{one:064x}", f"0x{other:064x}")
        return found


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
