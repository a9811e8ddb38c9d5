"""The sequencer: orders L2 transactions into blocks, after what L1 says and the deposits that L1 made.

Source: OP Stack specification, derivation, "L1 origin", "Sequencer drift"; deposits, "L1 Attributes Deposited".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollproof.errors import Unsupported
from rollproof.lab.block import Block, Built
from rollproof.lab.pool import Pending, by_arrival, by_priority_fee
from rollproof.lab.receipts import decode
from rollproof.rollup.op_stack import deposit, l1_attributes, system_config

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

BLOCK_TIME = 2  # seconds
MAX_DRIFT = 1_800  # seconds, Fjord: how far an L2 block's time may be past its L1 origin's
CONFIRMATIONS = 2  # L1 blocks above an origin before the sequencer builds on it
MAX_TRANSACTIONS = 1_000
# What may become includable later; anything else that a block refuses leaves the pool.
_WAITS = frozenset(
    {
        "nonce-too-high", "fee-below-base-fee", "block-gas-exceeded", "da-footprint-exceeded", "blob-gas-exceeded",
        "blob-fee-too-low",
    }
)  # fmt: skip


class Sequencer:
    """Builds L2 blocks on the head; ``ordering`` is "fifo" or "priority-fee", as the chain says that it orders."""

    def __init__(self, stack: Stack, ordering: str = "fifo") -> None:
        if ordering not in ("fifo", "priority-fee"):
            raise Unsupported(f"ordering is fifo or priority-fee, not {ordering[:40]!r}")
        self._stack = stack
        self.ordering = ordering
        self.origins: list[tuple[Block, int]] = []  # by L2 block number: L1 origin, sequence number

    @property
    def origin(self) -> Block:
        """The L1 origin of the head."""
        return self.origins[-1][0]

    def begin(self, origin: Block) -> None:
        """The L2 genesis block stands on ``origin``."""
        self.origins = [(origin, 0)]
        self._config = {origin.hash: self._stack.rollup.system_config}

    def act(self) -> None:
        """Builds every block that is due by now."""
        stack = self._stack
        if stack.halted("sequencer"):
            return
        if not stack.halted("reset"):
            self._reset()
        while stack.l2.head.timestamp + BLOCK_TIME <= stack.time:
            self._build(stack.l2.head.timestamp + BLOCK_TIME)

    def rewind(self, number: int) -> None:
        """The unsafe head goes back to block ``number``; transactions of the dropped blocks go back to the pool."""
        stack = self._stack
        dropped = stack.l2.rewind(number)
        del self.origins[number + 1 :]
        for block in dropped:
            for raw in block.transactions:
                if raw[0] != deposit.TYPE:
                    stack.l2_pool.add(raw, stack.time)
        stack.dropped("l2", dropped)

    def _reset(self) -> None:
        """After an L1 reorganisation, the L2 goes back to where its origins are canonical again."""
        l1 = self._stack.l1
        number = len(self.origins) - 1
        while number > 0:
            origin = self.origins[number][0]
            held = l1.block(origin.number)
            if held is not None and held.hash == origin.hash:
                break
            number -= 1
        if number < len(self.origins) - 1:
            self.rewind(number)

    def _next_origin(self, timestamp: int) -> tuple[Block, int]:
        """The origin of the next block and its sequence number in that epoch."""
        stack = self._stack
        origin, sequence = self.origins[-1]
        following = stack.l1.block(origin.number + 1)
        if (
            following is not None
            and following.timestamp <= timestamp
            and following.header.parent_hash == origin.hash
            # Past the drift the next origin has to be taken as soon as it is there.
            and (stack.l1.head.number >= following.number + CONFIRMATIONS or timestamp - origin.timestamp > MAX_DRIFT)
        ):
            return following, 0
        return origin, sequence + 1

    def _build(self, timestamp: int) -> None:
        stack = self._stack
        origin, sequence = self._next_origin(timestamp)
        config = self._system_config(origin)
        attributes = l1_attributes.L1Attributes(
            number=origin.number,
            timestamp=origin.timestamp,
            base_fee=origin.header.base_fee or 0,
            blob_base_fee=stack.l1_blob_base_fee(origin),
            block_hash=origin.hash,
            sequence_number=sequence,
            batcher_hash=config.batcher_hash,
            base_fee_scalar=config.base_fee_scalar,
            blob_base_fee_scalar=config.blob_base_fee_scalar,
            operator_fee_scalar=config.operator_fee_scalar,
            operator_fee_constant=config.operator_fee_constant,
            da_footprint_gas_scalar=config.da_footprint_gas_scalar,
        )
        deposits: tuple[bytes, ...] = tuple(self._deposits(origin)) if sequence == 0 else ()
        for fault in stack.faults:
            attributes = fault.attributes(stack, attributes)
            deposits = tuple(fault.deposits(stack, deposits))
        forced = [l1_attributes.deposit(attributes), *deposits]
        chosen = self._chosen(timestamp - origin.timestamp)
        rules = next((name for fault in stack.faults if (name := fault.rules(stack, "l2"))), None)
        built = stack.l2.build(
            [*forced, *(each.raw for each in chosen)],
            timestamp=timestamp,
            prev_randao=origin.header.mix_hash,
            parent_beacon_block_root=origin.header.parent_beacon_block_root,
            gas_limit=config.gas_limit,
            extra_data=stack.extra_data(config),
            skip=True,
            rules=rules,
        )
        self.origins.append((origin, sequence))
        stack.seal("l2", built)
        settle(stack, "l2", built, chosen, len(forced))

    def _chosen(self, drift: int) -> list[Pending]:
        """The pool's transactions in order; none when the L1 origin is too far back (only deposits may go on)."""
        stack = self._stack
        if drift > MAX_DRIFT:
            return []
        ready = stack.l2_pool.executable(lambda sender: stack.l2.account(sender)[0])
        ordered = by_arrival if self.ordering == "fifo" else by_priority_fee
        base_fee = stack.l2.head.header.base_fee or 0
        return stack.ordered("l2", ordered(ready, base_fee))[:MAX_TRANSACTIONS]

    def _deposits(self, origin: Block) -> list[bytes]:
        """The deposits that an L1 block's receipts hold, in order."""
        portal = self._stack.rollup.portal
        found, index = [], 0
        for encoded in origin.receipts:
            receipt = decode(encoded)
            for address, topics, data in receipt.logs:
                if address == portal and topics and topics[0] == deposit.TOPIC:
                    found.append(deposit.from_log(topics, data, block_hash=origin.hash, log_index=index).encode())
                index += 1
        return found

    def _system_config(self, origin: Block) -> system_config.SystemConfig:
        """The configuration as of an L1 block: its parent's, and what its logs change."""
        if origin.hash not in self._config:
            parent = self._stack.l1.block(origin.header.parent_hash)
            if parent is None:
                raise ValueError(f"L1 block {origin.number} has no parent here")
            config = self._system_config(parent)
            for encoded in origin.receipts:
                for address, topics, data in decode(encoded).logs:
                    if address == self._stack.rollup.system_config_address and topics:
                        config = system_config.update(config, topics, data)
            self._config[origin.hash] = config
        return self._config[origin.hash]


def settle(stack: Stack, layer: str, built: Built, chosen: list[Pending], forced: int = 0) -> None:
    """Takes out of the pool what a block holds, and what no block ever can."""
    pool = stack.pool(layer)
    pool.remove([chosen[index - forced].hash for index in built.included if index >= forced])
    for index, kind, _ in built.refused:
        if index >= forced and kind not in _WAITS:
            pool.remove([chosen[index - forced].hash])
            stack.refused.append((layer, chosen[index - forced].hash, kind))
