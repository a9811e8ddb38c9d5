"""A node's eth_config compared with the built-in schedule.

The agreeing answers are Hoodi's: EIP-7910's sample values for Cancun and Prague, execution-specs' schedule for BPO.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rollproof.chain.config import compare_eth_config, load, unchecked_of_eth_config
from rollproof.errors import Malformed, RollproofError, Unsupported


def period(at: int, target: int, most: int, fraction: int, fork_hash: str) -> dict[str, Any]:
    return {
        "activationTime": at,
        "blobSchedule": {"baseFeeUpdateFraction": fraction, "max": most, "target": target},
        "chainId": "0x88bb0",
        "forkId": fork_hash,
        "precompiles": {"ECREC": "0x0000000000000000000000000000000000000001"},
        "systemContracts": {"DEPOSIT_CONTRACT_ADDRESS": "0x00000000219ab540356cbb839cbe05303d7705fa"},
    }


CANCUN = period(0, 3, 6, 3338477, "0xbef71d30")
PRAGUE = period(1742999832, 6, 9, 5007716, "0x0929e24e")
BPO1 = period(1762365720, 10, 15, 8346193, "0x3893353e")
BPO2 = period(1762955544, 14, 21, 11684671, "0x23aa1351")


@pytest.mark.parametrize(
    "answer",
    [
        {"current": BPO2, "next": None, "last": None},
        {"current": BPO1, "next": BPO2, "last": BPO2},
        {"current": CANCUN, "next": PRAGUE, "last": BPO2},
    ],
)
def test_agreeing_node(answer: dict[str, Any]) -> None:
    assert compare_eth_config(load(560048), answer) == ()


@pytest.mark.parametrize(
    ("path", "value", "key", "computed"),
    [
        (("current", "blobSchedule", "max"), 22, "current.blobSchedule.max", "21"),
        (("current", "blobSchedule", "target"), 13, "current.blobSchedule.target", "14"),
        (("current", "blobSchedule"), None, "current.blobSchedule", "[14, 21, 11684671]"),
        (("current", "chainId"), "0x1", "current.chainId", "560048"),
        (("current", "forkId"), "0x00000000", "current.forkId", "0x23aa1351"),
        (("current", "activationTime"), 1762955545, "current.activationTime", None),
        (("next",), period(1800000000, 14, 21, 11684671, "0x01020304"), "next.activationTime", None),
        (
            ("current", "systemContracts", "DEPOSIT_CONTRACT_ADDRESS"),
            "0x4242424242424242424242424242424242424242",
            "current.systemContracts.DEPOSIT_CONTRACT_ADDRESS",
            "0x00000000219ab540356cbb839cbe05303d7705fa",
        ),
    ],
)
def test_differing_node(path: tuple[str, ...], value: Any, key: str, computed: str | None) -> None:
    answer: dict[str, Any] = copy.deepcopy({"current": BPO2, "next": None, "last": None})
    place = answer
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    found = {difference.key: difference for difference in compare_eth_config(load(560048), answer)}
    assert set(found) == {key}
    assert found[key].computed == computed
    assert found[key].scope == "config"


def test_fork_that_the_node_has_not_heard_of() -> None:
    found = compare_eth_config(load(560048), {"current": BPO1, "next": None, "last": None})
    assert [(d.key, d.claimed, d.computed) for d in found] == [
        ("next.activationTime", None, "1762955544"),
        ("last.activationTime", None, "1762955544"),
    ]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ([], Malformed, "not an object"),
        ({}, Malformed, "'current'"),
        ({"current": {}}, Malformed, "activationTime"),
        ({"current": {**BPO2, "activationTime": "soon"}}, Malformed, "activationTime"),
        ({"current": {**BPO2, "blobSchedule": 3}}, Malformed, "blobSchedule"),
        ({"current": {**BPO2, "forkId": "0x"}}, Malformed, "forkId"),
        ({"current": {**BPO2, "surprise": 1}}, Unsupported, "surprise"),
        ({"current": BPO2, "surprise": 1}, Unsupported, "surprise"),
        ({"current": BPO2, "next": 5}, Malformed, "'next'"),
    ],
)
def test_garbage(answer: Any, error: type[RollproofError], says: str) -> None:
    with pytest.raises(error, match=says):
        compare_eth_config(load(560048), answer)


def test_what_is_not_compared_is_said() -> None:
    assert not any("forkId" in line for line in unchecked_of_eth_config(load(1)))
    assert any("forkId" in line for line in unchecked_of_eth_config(load(10)))
