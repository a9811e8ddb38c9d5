"""More gas than any machine has time or memory for: refused before the core, which cannot be interrupted, begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollproof.replay import execute
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome, Verdict
from tamper import synthetic
from tamper.known_state import accounts
from tamper.synthetic import OP_ISTHMUS

LOOP = bytes.fromhex("5b5f56")  # JUMPDEST PUSH0 JUMP
TERABYTE = bytes.fromhex("5f650100000000005200")  # MSTORE at 2**40
TARGET = b"\x77" * 20


def _verdict(code: bytes, gas: int, limit: int) -> Verdict:
    """On a parent that nobody knows anybody may have any balance, and no rule bounds an OP Stack block's limit."""
    mallory = synthetic.account("mallory", OP_ISTHMUS[0])
    state = {**accounts(OP_ISTHMUS), mallory.address: (0, 2**200, b"", {}), TARGET: (1, 0, code, {})}
    claim, preimages = synthetic.propose(OP_ISTHMUS, state, [mallory.send(TARGET, gas=gas)])
    assert claim.header is not None
    claim = replace(claim, header=replace(claim.header, gas_limit=limit))
    return verify_claim(claim, preimages, second_opinion="never")


@pytest.mark.parametrize("code", [LOOP, TERABYTE])
@pytest.mark.parametrize("gas", [execute.MAX_GAS, 2**62])
def test_more_gas_than_is_executed(code: bytes, gas: int) -> None:
    result = _verdict(code, gas, 2**63 - 1)
    assert result.outcome is Outcome.UNKNOWN
    assert f"more than {execute.MAX_GAS} is not executed" in result.reason


def test_a_wide_limit_that_is_not_used_is_executed() -> None:
    assert _verdict(TERABYTE, 1_000_000, 2**63 - 1).gas_used is not None


def test_more_gas_than_the_block_has_is_an_invalid_transaction() -> None:
    """Nothing of it is executed, so nothing has to be refused."""
    result = _verdict(LOOP, 2**62, 30_000_000)
    assert result.outcome is Outcome.BROKEN
    assert "block-gas-exceeded" in (result.differences[-1].computed or "")
