"""A chain in memory, built block by block on the core: every root is that of the state, every state is kept.

State lives only in the preimages: a state is a root, so a snapshot or a reorganisation costs nothing, and building a
block costs what it touches, however long the chain is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rollproof import _core
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Malformed, Missing
from rollproof.lab.block import Block, Built, Call, Holder, Written
from rollproof.lab.receipts import bloom_of
from rollproof.replay import consensus, execute
from rollproof.replay.header import EMPTY_ROOT, encode_header, from_attributes, header_hash, with_results
from rollproof.types import Claim, Header, PayloadAttributes, Withdrawal

_ZERO = bytes(20)
_ETHEREUM_BENEFICIARY = b"\xfe" * 20
_EMPTY_CODE = _core.keccak256(b"")
_MESSAGE_PASSER = bytes.fromhex("4200000000000000000000000000000000000016")


class Chain:
    """A chain of its own, from a genesis block with the given accounts. No clock, no randomness, no policy."""

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
        self.preimages = _core.Preimages()
        root, nodes = _core.genesis(
            [
                (address, holder.nonce, holder.balance, holder.code, sorted(holder.storage.items()))
                for address, holder in sorted(accounts.items())
            ]
        )
        self.preimages.add(nodes)
        attributes = PayloadAttributes(timestamp, bytes(32), fee_recipient, gas_limit, bytes(32))
        draft = from_attributes(attributes, 0, bytes(32), base_fee=10**9, extra_data=extra_data, excess_blob_gas=0)
        header = replace(
            draft, state_root=root, withdrawals_root=EMPTY_ROOT, blob_gas_used=0,
            requests_hash=consensus.EMPTY_REQUESTS_HASH,
        )  # fmt: skip
        header = self._committed(header)
        self.genesis = self.head = Block(header, header_hash(header), withdrawals=self._listed(()))
        self._canonical = [self.genesis]
        self._known = {self.genesis.hash: self.genesis}
        self._at: dict[bytes, tuple[bytes, int]] = {}  # transaction hash -> hash of its canonical block, index
        self.preimages.add([encode_header(header)])

    # Reading.

    def block(self, at: int | bytes) -> Block | None:
        """The canonical block of a number, or any block that was ever appended by its hash."""
        if isinstance(at, bytes):
            return self._known.get(at)
        return self._canonical[at] if 0 <= at < len(self._canonical) else None

    def locate(self, transaction_hash: bytes) -> tuple[Block, int] | None:
        """The canonical block that holds a transaction, and its index there."""
        found = self._at.get(transaction_hash)
        return None if found is None else (self._known[found[0]], found[1])

    def state(self, at: Block | None = None) -> _core.State:
        return _core.State(self.preimages, (at or self.head).header.state_root)

    def account(self, address: bytes, at: Block | None = None) -> tuple[int, int, bytes, bytes]:
        """(nonce, balance in wei, storage root, code hash); one that is absent has zeros and the empty hashes."""
        return self.state(at).account(address) or (0, 0, EMPTY_ROOT, _EMPTY_CODE)

    def storage(self, address: bytes, slot: int, at: Block | None = None) -> int:
        return self.state(at).storage(address, slot.to_bytes(32, "big"))

    def code(self, address: bytes, at: Block | None = None) -> bytes:
        return self.preimages.get(self.account(address, at)[3]) or b""

    # Growing.

    def build(
        self,
        transactions: Sequence[bytes],
        *,
        timestamp: int,
        fee_recipient: bytes | None = None,
        prev_randao: bytes | None = None,
        parent_beacon_block_root: bytes | None = None,
        extra_data: bytes | None = None,
        gas_limit: int | None = None,
        withdrawals: Sequence[Withdrawal] = (),
        skip: bool = False,
        rules: str | None = None,
    ) -> Built:
        """A block on top of the head, not appended. What is not given is as in the parent, or made from the number.

        With ``skip`` a transaction that may not be included is left out; otherwise Malformed says which and why.
        ``rules`` names a fork of the family to run it by in place of the schedule's: a machine that is wrong.
        """
        parent = self.head.header
        number = (parent.number + 1).to_bytes(8, "big")
        attributes = PayloadAttributes(
            timestamp,
            prev_randao if prev_randao is not None else _core.keccak256(b"randao" + number),
            fee_recipient if fee_recipient is not None else parent.beneficiary,
            gas_limit if gas_limit is not None else parent.gas_limit,
            parent_beacon_block_root if parent_beacon_block_root is not None else _core.keccak256(b"beacon" + number),
        )
        draft = from_attributes(
            attributes, parent.number + 1, self.head.hash, base_fee=0,
            extra_data=parent.extra_data if extra_data is None else extra_data, excess_blob_gas=0,
        )  # fmt: skip
        listed = self._listed(withdrawals)
        priced = consensus.Block(self.config, draft, tuple(transactions), parent, listed)
        env = replace(
            draft,
            base_fee=consensus.expected_base_fee(priced),
            excess_blob_gas=consensus.expected_excess_blob_gas(priced),
        )
        inputs = self._inputs(env, parent, tuple(transactions), listed)
        arguments = execute.arguments(inputs)
        if rules is not None:
            arguments["fork"] = rules
        done = _core.build_block(
            self.preimages, parent.state_root, _core.Rules(**arguments), execute.environment(inputs),
            inputs.transactions, execute.withdrawals(inputs), skip=skip,
        )  # fmt: skip
        if isinstance(done, _core.Invalid):
            raise Malformed(f"transaction {done.transaction}: {done.reason}")
        if isinstance(done, _core.Needs):
            raise Missing(f"the lab's own state lacks {done.first}")
        header = with_results(env, done)
        included = tuple(inputs.transactions[index] for index in done.included)
        outcomes = tuple(done.outcomes)
        block = Block(
            header, header_hash(header), included, tuple(each["hash"] for each in outcomes), listed,
            tuple(done.receipts), outcomes,
        )  # fmt: skip
        return Built(block, done, done.included, done.refused)

    def append(self, block: Block) -> None:
        """Makes a block the head. Raises ValueError for one that is not the head's child."""
        if block.header.parent_hash != self.head.hash or block.number != self.head.number + 1:
            raise ValueError(f"block {block.number} is not the child of block {self.head.number}")
        self._known[block.hash] = self.head = block
        self._canonical.append(block)
        for index, each in enumerate(block.hashes):
            self._at[each] = (block.hash, index)
        self.preimages.add([encode_header(block.header)])

    def rewind(self, number: int) -> list[Block]:
        """Drops the blocks above ``number``, oldest first in the answer; they stay known by their hash."""
        if not 0 <= number <= self.head.number:
            raise ValueError(f"block {number} is not in the chain")
        dropped = self._canonical[number + 1 :]
        del self._canonical[number + 1 :]
        self.head = self._canonical[-1]
        for block in dropped:
            for each in block.hashes:
                self._at.pop(each, None)
        return dropped

    def branch(self) -> Chain:
        """A second chain with the same blocks so far and the same store of states; each goes on by itself."""
        twin = object.__new__(type(self))
        twin.config, twin.preimages, twin.genesis, twin.head = self.config, self.preimages, self.genesis, self.head
        twin._canonical, twin._known, twin._at = list(self._canonical), dict(self._known), dict(self._at)
        return twin

    def reseal(
        self,
        block: Block,
        *,
        accounts: Sequence[Written] = (),
        header: Mapping[str, Any] | None = None,
        receipts: Sequence[bytes] | None = None,
    ) -> Block:
        """The block with another claim, and a header that commits to it: a lie that no hash gives away.

        ``accounts`` are written into its state outside any transaction; ``header`` overrides fields by name.
        """
        sealed = block.header
        if accounts:
            root = _core.write_state(self.preimages, sealed.state_root, accounts)
            sealed = self._committed(replace(sealed, state_root=root))
        if receipts is not None:
            sealed = replace(sealed, receipts_root=_core.ordered_root(receipts), logs_bloom=bloom_of(receipts))
        sealed = replace(sealed, **dict(header or {}))
        listed = block.receipts if receipts is None else tuple(receipts)
        return replace(block, header=sealed, hash=header_hash(sealed), receipts=listed)

    # Executing again.

    def call(
        self,
        to: bytes | None,
        data: bytes = b"",
        *,
        sender: bytes = _ZERO,
        value: int = 0,
        gas: int = 30_000_000,
        gas_price: int = 0,
        at: Block | None = None,
        trace: bool = False,
    ) -> Call:
        """A message call on the state after a block, in that block's environment, as `eth_call` makes it.

        Raises Malformed where the message may not be sent at all: a value above the sender's balance, too little gas.
        """
        block = at or self.head
        inputs = self._inputs(block.header, self._parent(block), (), None)
        done = _core.call(
            self.preimages, block.header.state_root, _core.Rules(**execute.arguments(inputs)),
            execute.environment(inputs), sender=sender, to=to, value=value, input=data,
            gas_limit=min(gas, block.header.gas_limit),
            gas_price=gas_price, trace=trace,
        )  # fmt: skip
        if isinstance(done, _core.Invalid):
            raise Malformed(done.reason)
        if isinstance(done, _core.Needs):
            raise Missing(f"the lab's own state lacks {done.first}")
        [outcome] = done.outcomes
        return Call(
            outcome["status"], outcome["output"], outcome["gas_used"], outcome["halt"], outcome["logs"], done.trace
        )

    def inputs(self, block: Block) -> execute.Inputs:
        """What executing a known block again takes. Raises Missing for the genesis block."""
        parent = self._parent(block)
        if parent is None:
            raise Missing("the genesis block is made, not executed")
        return self._inputs(block.header, parent, block.transactions, block.withdrawals)

    def run(self, block: Block, *, trace: bool = False, inspect: str | None = None) -> _core.Done:
        """Executes a known block again by the schedule's rules. Raises Missing where it cannot be."""
        done = execute.run(self.inputs(block), None, 1, trace=trace, inspect=inspect)
        if not isinstance(done, _core.Done):
            why = done.reason if isinstance(done, _core.Invalid) else done.first
            raise Missing(f"block {block.number} cannot be executed again: {why}")
        return done

    def witness(self, block: Block) -> list[bytes]:
        """The preimages that executing the block again reads: trie nodes, codes, headers that BLOCKHASH asks for."""
        return self.run(block).witness

    def claim(self, block: Block) -> Claim:
        """The block as its builder claims it, to be judged with `witness`."""
        return Claim(
            chain_id=self.config.chain_id,
            number=block.number,
            transactions=block.transactions,
            claimed_hash=block.hash,
            header=block.header,
            withdrawals=block.withdrawals,
            parent=self._parent(block),
            source="rollproof lab",
        )

    def _parent(self, block: Block) -> Header | None:
        parent = self._known.get(block.header.parent_hash)
        return None if parent is None else parent.header

    def _listed(self, withdrawals: Sequence[Withdrawal]) -> tuple[Withdrawal, ...] | None:
        return None if self.config.family == "op" else tuple(withdrawals)

    def _inputs(
        self,
        env: Header,
        parent: Header | None,
        transactions: tuple[bytes, ...],
        withdrawals: tuple[Withdrawal, ...] | None,
    ) -> execute.Inputs:
        return execute.Inputs(
            config=self.config,
            fork=self.config.require_fork_at(env.number, env.timestamp),
            env=env,
            parent=parent,
            pre_state_root=env.state_root if parent is None else parent.state_root,
            transactions=transactions,
            withdrawals=withdrawals,
            block_hashes={},
            preimages=self.preimages,
        )

    def _committed(self, header: Header) -> Header:
        """On the OP Stack from Isthmus on, a header also commits to the message passer's storage."""
        if self.config.family != "op" or not self.config.active("isthmus", header.number, header.timestamp):
            return header
        passer = _core.State(self.preimages, header.state_root).account(_MESSAGE_PASSER)
        return replace(header, withdrawals_root=EMPTY_ROOT if passer is None else passer[2])
