"""Blocks of the Amsterdam draft: their witness is read, and they end as `unknown`, by the fork's name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.fixtures import blockchain_tests, unhex
from conformance.network import chain_of
from rollproof import _core
from rollproof.chain.execution_witness import from_json
from rollproof.errors import Unsupported
from rollproof.replay.payload import from_block_rlp
from rollproof.replay.verify import verify_claim
from rollproof.types import Claim, PayloadAttributes, Verdict


@dataclass
class Seen:
    """What a file's blocks showed."""

    tests: int = 0
    nodes: int = 0
    verdicts: tuple[Verdict, ...] = ()


def look(path: Path) -> Seen:
    """Reads every block's witness and judges the block. Raises AssertionError or RollproofError where one is not read.

    A header of the draft has two fields more than any final fork's: as a header it is refused, so that those of the
    witness count as preimages only, and the block is judged by its attributes, as an engine API payload gives them.
    """
    seen = Seen()
    for _, test in blockchain_tests(path):
        config = chain_of(test.network, test.config)
        seen.tests += 1
        for block in test.blocks:
            rlp = unhex(block.rlp)
            with pytest.raises(Unsupported, match="header with 23 fields"):
                from_block_rlp(rlp, "block")
            served = dict(block.execution_witness or {})
            preimages = _core.Preimages()
            preimages.add([unhex(header) for header in served.pop("headers")])
            seen.nodes += preimages.add(from_json(served, "witness").preimages())
            header, transactions, *_ = _core.rlp_decode(rlp)
            attributes = PayloadAttributes(
                timestamp=int.from_bytes(header[11], "big"),
                prev_randao=header[13],
                fee_recipient=header[2],
                gas_limit=int.from_bytes(header[9], "big"),
                parent_beacon_block_root=header[19],
            )
            claim = Claim(
                chain_id=config.chain_id,
                number=int.from_bytes(header[8], "big"),
                transactions=tuple(
                    each if isinstance(each, bytes) else _core.rlp_encode(each) for each in transactions
                ),
                attributes=attributes,
            )
            seen.verdicts += (verify_claim(claim, preimages, config=config, second_opinion="never"),)
    return seen
