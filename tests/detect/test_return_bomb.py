"""Long answers, copied or not."""

from __future__ import annotations

import pytest

from detect.stage import Stage
from rollproof.detect.return_bomb import ReturnBomb, copying
from rollproof.detect.run import judge
from rollproof.types import Severity


@pytest.mark.parametrize(
    ("name", "length", "gas", "severities"),
    [
        ("Poller", 150_000, 10_000_000, [Severity.LOW]),  # paid for
        ("Poller", 180_000, 60_000, [Severity.MEDIUM]),  # and more than its caller had
        ("Poller", 8_000, 10_000_000, []),
        ("PollerFixed", 150_000, 10_000_000, []),
    ],
)
def test_an_answer_is_copied(name: str, length: int, gas: int, severities: list[Severity]) -> None:
    stage = Stage()
    bomb, poller = stage.deploy("Bomb"), stage.deploy(name)
    given = copying(length) + 5_000
    total = gas if gas > 1_000_000 else given + gas
    block = stage.run([poller.send("poll", bomb.address, length, given, gas=total)])
    found = judge(block, [ReturnBomb()]).findings
    assert [each.severity for each in found] == severities
    assert all({bomb.address, poller.address} <= set(each.addresses) for each in found)


def test_memory_costs_its_size_squared() -> None:
    """Yellow paper, appendix H: 3 gas a word and words**2 / 512; and 3 a word for the copying."""
    assert copying(32) == 6
    assert copying(512 * 32) == 2 * 3 * 512 + 512
