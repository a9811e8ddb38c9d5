"""An honest L2 node: it executes every block that the sequencer hands out, and refuses what is wrong."""

from __future__ import annotations

from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome, Verdict


class Follower:
    """Follows another chain block by block; ``refused`` is what it would not take, with why.

    After a refusal it stays where it is until the sequencer offers another block for that place.
    """

    def __init__(self, source: Chain) -> None:
        self._source = source
        self.chain = source.branch()
        self.refused: list[tuple[Block, Verdict]] = []

    def sync(self) -> None:
        """Takes what the sequencer has by now."""
        self._rewind()
        while (block := self._source.block(self.chain.head.number + 1)) is not None:
            if any(block.hash == refused.hash for refused, _ in self.refused):
                return
            verdict = verify_claim(
                self._source.claim(block), self._source.preimages, config=self._source.config, second_opinion="never"
            )
            if verdict.outcome is not Outcome.HOLDS:
                self.refused.append((block, verdict))
                return
            self.chain.append(block)

    def _rewind(self) -> None:
        """Drops what is no longer the sequencer's, unless the sequencer's own stands on a refused block."""
        number = self.chain.head.number
        while number > 0:
            theirs, ours = self._source.block(number), self.chain.block(number)
            if theirs is not None and ours is not None and theirs.hash == ours.hash:
                break
            number -= 1
        if number < self.chain.head.number:
            self.chain.rewind(number)
