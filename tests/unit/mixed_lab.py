"""A lab in which customers and the passerby are at work, run once, and what its chains hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from rollproof import _core
from rollproof.lab.actors import customers
from rollproof.lab.actors.passerby import Passerby
from rollproof.lab.block import Block
from rollproof.lab.contract import Contract
from rollproof.lab.deployments import rollup
from rollproof.lab.stack import Layer, Stack
from rollproof.replay.trace import Frame, Trace

STEPS = 900
LAYERS: tuple[Layer, Layer] = ("l1", "l2")
# Enough of the others for the venue and the bridge to be used; the rest is what this is about.
BESIDE = ("oracle-keeper", "arbitrageur", "trader-0", "trader-1", "bridge-user-0", "bridge-user-1")


@dataclass(frozen=True)
class Seen:
    """A transaction in a canonical block: its fields as they are signed, and what executing it gave."""

    layer: Layer
    block: Block
    index: int
    fields: Mapping[str, Any]
    outcome: Mapping[str, Any]

    @property
    def words(self) -> list[int]:
        """The words of its only log."""
        [(_, _, data)] = self.outcome["logs"]
        return [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]


class Mixed:
    def __init__(self, seed: int) -> None:
        self.stack = Stack(seed, names=customers.NAMES)
        self.stack.populate()
        kept = [actor for actor in self.stack.actors if actor.name in BESIDE]
        self.stack.actors = [*kept, Passerby(activity=1_000), *customers.customers()]
        # Deploying is no use of what is deployed: only what comes after it counts.
        self.first = {layer: self.stack.chain(layer).head.number + 1 for layer in LAYERS}
        self.stack.run(STEPS)
        self._done: dict[tuple[Layer, int], _core.Done] = {}

    def blocks(self, layer: Layer) -> Iterator[Block]:
        chain = self.stack.chain(layer)
        for number in range(self.first[layer], chain.head.number + 1):
            block = chain.block(number)
            assert block is not None
            yield block

    @cached_property
    def seen(self) -> list[Seen]:
        found = []
        for layer in LAYERS:
            family = self.stack.chain(layer).config.family
            for block in self.blocks(layer):
                for index, (raw, outcome) in enumerate(zip(block.transactions, block.outcomes, strict=True)):
                    found.append(Seen(layer, block, index, _core.decode_transaction(raw, family), outcome))
        return found

    def running(self, layer: Layer, data: bytes) -> list[Seen]:
        """Creations by this very init code, in order; not those that are deposits."""
        found = [each for each in self.seen if each.layer == layer and each.outcome["type"] != 0x7E]
        found = [each for each in found if each.fields["to"] is None and each.fields["input"] == data]
        assert found, f"nothing of it on the {layer}"
        return found

    def calls(self, layer: Layer, to: bytes) -> list[Seen]:
        found = [each for each in self.seen if (each.layer, each.fields["to"]) == (layer, to)]
        assert found, f"no call of 0x{to.hex()} on the {layer}"
        return found

    def done(self, layer: Layer, block: Block) -> _core.Done:
        """What executing the block once more says of it."""
        key = layer, block.number
        if key not in self._done:
            self._done[key] = self.stack.chain(layer).run(block, trace=True)
        return self._done[key]

    def frames(self, seen: Seen) -> list[Frame]:
        trace = self.done(seen.layer, seen.block).trace
        assert trace is not None
        return [frame for frame in Trace(trace).frames if frame.transaction == seen.index]

    def deployed(self, layer: Layer) -> dict[str, Contract]:
        """What stands on a layer, by name. Addresses repeat: the same deployer has the same nonces on both."""
        predeploys = rollup.l2_contracts()
        first = {
            name
            for name, each in Stack(0, names=customers.NAMES).deployed.items()
            if each.deployed_at not in predeploys
        }
        first.add("BridgeToken")
        return {name: each for name, each in self.stack.deployed.items() if (name in first) == (layer == "l1")}


@lru_cache(maxsize=1)
def mixed() -> Mixed:
    return Mixed(3)
