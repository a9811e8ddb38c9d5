"""Recorded blocks of honest traffic: detectors of arithmetic, calls, gas and balances raise nothing above low."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollproof.detect.inspect import inspect_file
from rollproof.detect.inspection import Options
from rollproof.types import Severity

BLOCKS = [
    "base-sepolia-37312300",
    "eth-holesky-2971845",
    "eth-mainnet-1150000",
    "eth-mainnet-18884864",
    "eth-mainnet-21230867",
    "op-mainnet-109279676",
    "op-mainnet-132796100",
    "op-sepolia-26207962",
]
IDS = (
    "denial-of-service",
    "forced-ether",
    "gas-griefing",
    "gas-growth",
    "gas-limit-manipulation",
    "integer-wrap",
    "return-bomb",
    "selfdestruct",
    "truncation",
    "unchecked-call",
)


@pytest.mark.parametrize("name", BLOCKS)
def test_nothing_above_low(name: str, shared_data: Path) -> None:
    found = inspect_file(shared_data / "blocks" / f"{name}.json.gz", Options(only=IDS))
    assert found.looked, found.reason
    assert not [each for each in found if each.severity.rank > Severity.LOW.rank]
