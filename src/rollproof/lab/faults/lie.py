"""A block as a faulty machine would have sealed it: values, receipts and fees changed together, so that it fits itself.

Fees: EIP-1559; OP Stack specification, "Fee vaults", "Operator fee" (Isthmus, Jovian).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from rollproof import _core
from rollproof.lab.block import Block, Written
from rollproof.lab.chain import Chain
from rollproof.lab.faults.effect import Expected
from rollproof.lab.receipts import Receipt, decode
from rollproof.replay.eels.l1_fee import L1_BLOCK, L1Values, operator_fee

BASE_FEE_VAULT: Final = bytes.fromhex("4200000000000000000000000000000000000019")
L1_FEE_VAULT: Final = bytes.fromhex("420000000000000000000000000000000000001a")
OPERATOR_FEE_VAULT: Final = bytes.fromhex("420000000000000000000000000000000000001b")
MESSAGE_PASSER: Final = bytes.fromhex("4200000000000000000000000000000000000016")
DEPOSIT: Final = 0x7E


class Lie:
    """Changes to an honest block's results; `seal` gives the block that claims them, `expected` what they break."""

    def __init__(self, chain: Chain, block: Block) -> None:
        self.chain, self.block = chain, block
        self.receipts: list[Receipt] = [decode(each) for each in block.receipts]
        self._honest = list(self.receipts)
        self._balances: dict[bytes, int] = {}
        self._nonces: dict[bytes, int] = {}
        self._slots: dict[tuple[bytes, int], int] = {}
        self._header: dict[str, Any] = {}

    # Changing.

    def pay(self, address: bytes, wei: int) -> None:
        """The account has this much more than it should; what comes to nothing is no change."""
        self._balances[address] = self._balances.get(address, 0) + wei

    def nonce(self, address: bytes, value: int) -> None:
        self._nonces[address] = value

    def write(self, address: bytes, slot: int, value: int) -> None:
        self._slots[address, slot] = value

    def use_gas(self, index: int, gas: int) -> None:
        """Transaction ``index`` used ``gas`` more (less where negative): receipts, fees and the block's gas follow."""
        before = self.block.outcomes[index]["gas_used"]
        for place in range(index, len(self.receipts)):
            receipt = self.receipts[place]
            self.receipts[place] = receipt._replace(cumulative_gas_used=receipt.cumulative_gas_used + gas)
        self._header["gas_used"] = self._header.get("gas_used", self.block.header.gas_used) + gas
        fields = self.transaction(index)
        base_fee, header = self.block.header.base_fee or 0, self.block.header
        cap, tip = fields["max_fee_per_gas"], fields["max_priority_fee_per_gas"]
        price = cap if tip is None else min(cap, base_fee + tip)
        self.pay(fields["sender"], -gas * price)
        self.pay(header.beneficiary, gas * (price - base_fee))
        if self.op:
            self.pay(BASE_FEE_VAULT, gas * base_fee)
            charged = self.operator_fee(before + gas) - self.operator_fee(before)
            self.pay(OPERATOR_FEE_VAULT, charged)
            self.pay(fields["sender"], -charged)

    # Reading.

    @property
    def op(self) -> bool:
        return self.chain.config.family == "op"

    @property
    def empty(self) -> bool:
        """Whether nothing was changed."""
        return not (self._accounts() or self._header or self.receipts != self._honest)

    @property
    def possible(self) -> bool:
        """Whether no balance falls below zero."""
        return all(self.chain.account(address, self.block)[1] + more >= 0 for address, more in self._balances.items())

    def transaction(self, index: int) -> Mapping[str, Any]:
        """The decoded fields of a transaction."""
        return _core.decode_transaction(self.block.transactions[index], self.chain.config.family)

    def signed(self) -> list[int]:
        """Indices of the transactions that somebody signed and pays for."""
        return [index for index, raw in enumerate(self.block.transactions) if raw[0] != DEPOSIT]

    def touched(self) -> set[bytes]:
        """Every account that the honest block reads or writes."""
        done = self.chain.run(self.block)
        return {address for address, _ in done.touched} | {address for address, *_ in done.changes}

    def operator_fee(self, gas: int, fork: str = "jovian") -> int:
        """The operator fee of a transaction of the block, by the parameters that its L1 attributes set; wei."""
        values = L1Values.read(lambda slot: self.chain.storage(L1_BLOCK, slot, self.block), fork)
        return operator_fee(gas, values, fork)

    # What comes of it.

    def seal(self) -> Block:
        """The block with these results and a header that commits to them."""
        encoded = [each.encode() for each in self.receipts] if self.receipts != self._honest else None
        sealed = self.chain.reseal(self.block, accounts=self._accounts(), receipts=encoded, header=self._header)
        return sealed if encoded is None else replace(sealed, outcomes=self._outcomes())

    def expected(self, sealed: Block) -> tuple[Expected, ...]:
        """Every place where the sealed block departs from the honest one."""
        found = [Expected.account(address, "balance") for address, more in sorted(self._balances.items()) if more]
        found += [Expected.account(address, "nonce") for address in sorted(self._nonces)]
        if self._slots:
            touched = self.touched()
            found += [Expected.slot(*place, touched=place[0] in touched) for place in sorted(self._slots)]
        fields = ("state_root", "receipts_root", "logs_bloom", "gas_used", "withdrawals_root")
        changed = (name for name in fields if getattr(sealed.header, name) != getattr(self.block.header, name))
        return (*map(Expected.header, changed), *self._first_receipt(), *found)

    def _first_receipt(self) -> list[Expected]:
        """The first transaction whose receipt departs; those behind it follow from it."""
        pairs = list(zip(self.receipts, self._honest, strict=True))
        index = next((at for at, (ours, honest) in enumerate(pairs) if ours != honest), None)
        if index is None:
            return []
        ours, honest = pairs[index]
        found = [Expected.transaction(index, "status")] if ours.status != honest.status else []
        if ours.cumulative_gas_used != honest.cumulative_gas_used:
            found += [Expected.transaction(index, name) for name in ("gas_used", "cumulative_gas_used")]
        for place, (left, right) in enumerate(zip(ours.logs, honest.logs, strict=False)):
            for name, one, other in zip(("address", "topics", "data"), left, right, strict=True):
                if one != other:
                    return [*found, Expected.transaction(index, f"logs[{place}].{name}")]
        if len(ours.logs) != len(honest.logs):
            found.append(Expected.transaction(index, "logs"))
        return found

    def _accounts(self) -> list[Written]:
        written: list[Written] = []
        touched = {address for address, more in self._balances.items() if more} | set(self._nonces)
        touched |= {address for address, _ in self._slots}
        for address in sorted(touched):
            more = self._balances.get(address, 0)
            balance = self.chain.account(address, self.block)[1] + more if more else None
            slots = [(slot, value) for (held, slot), value in sorted(self._slots.items()) if held == address]
            written.append((address, self._nonces.get(address), balance, None, slots))
        return written

    def _outcomes(self) -> tuple[Mapping[str, Any], ...]:
        """What the faulty machine says that each transaction gave, as its receipts say."""
        found, before = [], 0
        for outcome, receipt in zip(self.block.outcomes, self.receipts, strict=True):
            found.append(
                {
                    **outcome,
                    "status": receipt.status,
                    "gas_used": receipt.cumulative_gas_used - before,
                    "cumulative_gas_used": receipt.cumulative_gas_used,
                    "logs": list(receipt.logs),
                }
            )
            before = receipt.cumulative_gas_used
        return tuple(found)
