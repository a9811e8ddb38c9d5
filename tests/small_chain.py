"""Builds a chain block by block on the core: every root is that of the state, every block comes with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rollproof import _core
from rollproof.chain.schedule import ChainConfig
from rollproof.replay import consensus, execute
from rollproof.replay.header import EMPTY_ROOT, encode_header, from_attributes, header_hash, with_results
from rollproof.types import Claim, Header, PayloadAttributes, Withdrawal

_MAX_ROUNDS = 1_000
_ETHEREUM_BENEFICIARY = b"\xfe" * 20


@dataclass(slots=True)
class Holder:
    """One account of the lab's state; ``balance`` in wei, ``storage`` by 32-byte slot without zeros."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    storage: dict[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """A block as its builder claims it, and exactly the preimages that recomputing it reads."""

    claim: Claim
    preimages: _core.Preimages
    done: _core.Done
    chain: Chain = field(repr=False)


class Chain:
    """A chain of its own; it starts with a genesis block that has the given accounts. No clock, no randomness."""

    def __init__(
        self,
        config: ChainConfig,
        accounts: Mapping[bytes, Holder],
        *,
        timestamp: int,
        gas_limit: int,
        fee_recipient: bytes = _ETHEREUM_BENEFICIARY,
        extra_data: bytes = b"",
    ) -> None:
        """``timestamp`` in seconds; ``extra_data`` is every block's (on the OP Stack: the base-fee parameters)."""
        self.config = config
        self.state = {address: replace(holder, storage=dict(holder.storage)) for address, holder in accounts.items()}
        self.preimages = _core.Preimages()
        root = self.state_root()
        attributes = PayloadAttributes(timestamp, bytes(32), fee_recipient, gas_limit, bytes(32))
        genesis = from_attributes(attributes, 0, bytes(32), base_fee=10**9, extra_data=extra_data, excess_blob_gas=0)
        self.head = replace(
            genesis,
            state_root=root,
            withdrawals_root=EMPTY_ROOT,
            blob_gas_used=0,
            requests_hash=consensus.EMPTY_REQUESTS_HASH,
        )

    def build(
        self,
        transactions: Sequence[bytes],
        *,
        seconds: int,
        withdrawals: Sequence[Withdrawal] = (),
        tampered: Mapping[tuple[bytes, bytes], int] | None = None,
    ) -> Built:
        """The next block, ``seconds`` after its parent; the chain goes on from it.

        ``tampered`` (address, slot -> value) is written into the claimed state outside any transaction, and the header
        sealed over it. Raises ValueError when the transactions do not make a block.
        """
        listed = None if self.config.family == "op" else tuple(withdrawals)
        inputs = self._inputs(tuple(transactions), listed, seconds)
        done = execute.run(inputs, self, _MAX_ROUNDS)
        if not isinstance(done, _core.Done):
            raise ValueError(f"no block: {done.reason if isinstance(done, _core.Invalid) else done.first}")
        self._keep(inputs)
        changed = self._apply(done)
        parent, self.head = self.head, with_results(inputs.env, done)
        if tampered:
            for (address, slot), value in tampered.items():
                self.state[address].storage[slot] = value
                changed.setdefault(address, set()).add(slot)
            self.head = replace(self.head, state_root=self.state_root())
        claim = Claim(
            chain_id=self.config.chain_id,
            number=self.head.number,
            transactions=inputs.transactions,
            claimed_hash=header_hash(self.head),
            header=self.head,
            withdrawals=listed,
            parent=parent,
            receipts=tuple(
                {name: outcome[name] for name in ("status", "gas_used", "cumulative_gas_used", "logs")}
                for outcome in done.outcomes
            ),
            post_state={address: self._claimed(address, slots) for address, slots in sorted(changed.items())},
            source="rollproof lab",
        )
        return Built(claim, inputs.preimages, done, self)

    def fetch(self, needs: _core.Needs) -> list[bytes]:
        """What execution asks for: proofs at the head, and the rest by hash (`replay.execute.Source`)."""
        state = _core.State(self.preimages, self.head.state_root)
        proofs = [state.prove(address) for address in needs.accounts]
        proofs += [state.prove(address, slot) for address, slot in needs.slots]
        hashes = [node for _, _, node in needs.nodes] + [code for _, code in needs.codes]
        hashes += [block for _, block in needs.headers]
        found = [value for value in map(self.preimages.get, hashes) if value is not None]
        return [node for proof in proofs for node in proof] + found

    def state_root(self) -> bytes:
        """Root of the trie of `state`, made anew; its nodes are kept."""
        root, preimages = _core.genesis(
            [
                (
                    address,
                    holder.nonce,
                    holder.balance,
                    holder.code,
                    [(int.from_bytes(slot, "big"), value) for slot, value in sorted(holder.storage.items())],
                )
                for address, holder in sorted(self.state.items())
            ]
        )
        self.preimages.add(preimages)
        return root

    def _inputs(
        self, transactions: tuple[bytes, ...], withdrawals: tuple[Withdrawal, ...] | None, seconds: int
    ) -> execute.Inputs:
        parent = self.head
        number, timestamp = parent.number + 1, parent.timestamp + seconds
        self.preimages.add([encode_header(parent)])
        attributes = PayloadAttributes(
            timestamp,
            _core.keccak256(b"randao" + number.to_bytes(8, "big")),
            parent.beneficiary,
            parent.gas_limit,
            _core.keccak256(b"beacon" + number.to_bytes(8, "big")),
        )
        draft = from_attributes(
            attributes, number, header_hash(parent), base_fee=0, extra_data=parent.extra_data, excess_blob_gas=0
        )
        block = consensus.Block(self.config, draft, transactions, parent, withdrawals)
        env: Header = replace(
            draft,
            base_fee=consensus.expected_base_fee(block),
            excess_blob_gas=consensus.expected_excess_blob_gas(block),
        )
        return execute.Inputs(
            config=self.config,
            fork=self.config.require_fork_at(number, timestamp),
            env=env,
            parent=parent,
            pre_state_root=parent.state_root,
            transactions=transactions,
            withdrawals=withdrawals,
            block_hashes={},
            preimages=_core.Preimages(),
        )

    def _keep(self, inputs: execute.Inputs) -> None:
        """Keeps the nodes and codes of the state after a block, to be served for the next."""
        _core.build_block(
            self.preimages,
            inputs.pre_state_root,
            _core.Rules(**execute.arguments(inputs)),
            execute.environment(inputs),
            inputs.transactions,
            execute.withdrawals(inputs),
        )

    def _apply(self, done: _core.Done) -> dict[bytes, set[bytes]]:
        """Writes a block's changes into `state`; returns the accounts and slots that changed."""
        changed: dict[bytes, set[bytes]] = {}
        for address, before, after, slots in done.changes:
            changed[address] = {slot for slot, _, _ in slots}
            if after is None:
                self.state.pop(address, None)
                continue
            holder = self.state.setdefault(address, Holder())
            holder.nonce, holder.balance = after[0], after[1]
            if before is None or before[3] != after[3]:
                holder.code = self.preimages.get(after[3]) or b""
            for slot, _, value in slots:
                if value:
                    holder.storage[slot] = value
                else:
                    holder.storage.pop(slot, None)
        return changed

    def _claimed(self, address: bytes, slots: set[bytes]) -> dict[str, Any]:
        """An account as a node would report it after the block, with the given slots."""
        holder = self.state.get(address, Holder())
        return {
            "balance": holder.balance,
            "nonce": holder.nonce,
            "code_hash": _core.keccak256(holder.code),
            "storage": {slot: holder.storage.get(slot, 0) for slot in sorted(slots)},
        }
