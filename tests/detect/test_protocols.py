"""Protocol tables: what they know, what a user's file adds, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof import _core
from rollproof.chain import abi
from rollproof.detect import protocols
from rollproof.detect.protocols import Account, Event, Function, Slot, table
from rollproof.errors import Malformed, Missing, RollproofError, Unsupported

KNOWN = protocols.default()

# As the standards print them, or as everybody's traces show them; none is computed by us.
SELECTORS = {
    "a9059cbb": "transfer",
    "23b872dd": "transferFrom",
    "095ea7b3": "approve",
    "022c0d9f": "swap",
    "128acb08": "swap",
    "00a718a9": "liquidationCall",
    "f5e3c462": "liquidateBorrow",
    "aae40a2a": "liquidateBorrow",
    "150b7a02": "onERC721Received",
    "f23a6e61": "onERC1155Received",
    "bc197c81": "onERC1155BatchReceived",
    "23e30c8b": "onFlashLoan",
    "10d1e85c": "uniswapV2Call",
    "fa461e33": "uniswapV3SwapCallback",
    "3659cfe6": "upgradeTo",
    "4f1ef286": "upgradeToAndCall",
    "f2fde38b": "transferOwnership",
    "6a761202": "execTransaction",
    "feaf968c": "latestRoundData",
    "0902f1ac": "getReserves",
    "d0e30db0": "deposit",
    "2e1a7d4d": "withdraw",
    "8129fc1c": "initialize",
}
TOPICS = {
    "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef": "Transfer",
    "d78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822": "Swap",
    "c42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67": "Swap",
    "e413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286": "LiquidationCall",
    "298637f684da70674f26509b10f07ec2fbc77a335ab1e7d6215a4b2484d8bb52": "LiquidateBorrow",
    "1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1": "Sync",
    "8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0": "OwnershipTransferred",
    "0559884fd3a460db3073b7fc896cc77986f16e378210ded43186175bf646fc5f": "AnswerUpdated",
}
SLOTS = {
    "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc": ("EIP-1967", "implementation"),
    "b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103": ("EIP-1967", "admin"),
    "a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50": ("EIP-1967", "beacon"),
    "c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7": ("EIP-1822", "implementation"),
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_well_known_functions(selector: str) -> None:
    assert KNOWN.functions[bytes.fromhex(selector)].name == SELECTORS[selector]


@pytest.mark.parametrize("topic", TOPICS)
def test_well_known_events(topic: str) -> None:
    found = KNOWN.events.get(bytes.fromhex(topic))
    assert (found.name if found else None) == TOPICS[topic]


@pytest.mark.parametrize("slot", SLOTS)
def test_slots_that_standards_fix(slot: str) -> None:
    found = KNOWN.slots[bytes.fromhex(slot)]
    assert (found.standard, found.name) == SLOTS[slot]


def test_an_argument_stands_where_the_encoder_puts_it() -> None:
    """Every named argument of every function, held against the ABI encoder; tuples of plain words taken apart."""
    looked = 0
    for function in KNOWN.functions.values():
        types = table._types(function.signature, "x")
        if any("[" in each or each in ("bytes", "string") for each in types):
            continue
        values, number = [], 0
        for each in types:
            members = table._split(each[1:-1]) if each.startswith("(") else [each]
            made = []
            for member in members:
                number += 1
                made.append(_value(member, number))
            values.append(made if each.startswith("(") else made[0])
        if any(None in (each if isinstance(each, list) else [each]) for each in values):
            continue
        data = function.selector + abi.encode(types, values)
        for argument, at in function.words.items():
            looked += 1
            assert function.word(data, argument) == at + 1, (function.signature, argument)
    assert looked > 60


def _value(kind: str, number: int) -> object:
    if kind == "address":
        return number.to_bytes(20, "big")
    if kind == "bytes32":
        return number.to_bytes(32, "big")
    if kind.startswith(("uint", "int")):
        return number
    return None


def test_a_log_s_arguments_are_topics_or_data() -> None:
    event = KNOWN.events[bytes.fromhex("e413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286")]
    words = [at.to_bytes(32, "big") for at in range(1, 8)]
    topics, data = [event.topic, *words[:3]], b"".join(words[3:])
    said = {name: event.word(topics, data, name) for name in ("collateral", "debt", "borrower", "amount", "seized")}
    assert said == {"collateral": 1, "debt": 2, "borrower": 3, "amount": 4, "seized": 5}
    assert event.address(topics, data, "liquidator") == (6).to_bytes(20, "big")
    assert event.word(topics[:3], data, "debt") is None  # another event of the same name
    assert event.word(topics, data[:31], "amount") is None
    assert event.word(topics, data, "nothing") is None


def test_short_call_data_has_no_argument() -> None:
    function = KNOWN.functions[bytes.fromhex("a9059cbb")]
    assert function.word(function.selector + bytes(63), "amount") is None
    assert function.word(function.selector + bytes(64), "amount") == 0
    assert function.address(function.selector + b"\xff" * 64, "recipient") is None


def test_accounts_by_kind() -> None:
    assert bytes.fromhex("7a250d5630b4cf539739df2c5dacb4c659f2488d") in KNOWN.routers
    assert bytes.fromhex("4200000000000000000000000000000000000006") in KNOWN.wrappers
    assert KNOWN.selectors("liquidate") == KNOWN.liquidation_selectors
    assert not KNOWN.selectors("swap") & KNOWN.selectors("route")


OWN = """
[[function]]
signature = "punish(address,uint96)"
action = "liquidate"
protocol = "Mine"
arguments = { borrower = 0, amount = 1 }

[[event]]
signature = "Punished(address,address)"
indexed = [1]
action = "liquidate"
protocol = "Mine"
arguments = { liquidator = 0, borrower = 1 }

[[function]]
signature = "transfer(address,uint256)"
action = "approve"
protocol = "Mine"

[[account]]
address = "0x00000000000000000000000000000000000000aa"
name = "My router"
kind = "router"
chain = 10

[[slot]]
name = "owner"
standard = "Mine"
slot = "0x0000000000000000000000000000000000000000000000000000000000000007"
"""


def test_a_user_s_file_adds_and_wins(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    found = KNOWN.extended(path)
    assert found.functions[abi.selector("punish(address,uint96)")].protocol == "Mine"
    assert found.events[_core.keccak256(b"Punished(address,address)")].topics == {"borrower": 1}
    assert found.functions[bytes.fromhex("a9059cbb")].action == "approve"
    assert bytes(19) + b"\xaa" in found.routers
    assert found.slots[(7).to_bytes(32, "big")].name == "owner"
    assert len(found.functions) == len(KNOWN.functions) + 1
    assert KNOWN.functions[bytes.fromhex("a9059cbb")].action == "transfer"  # the built-in ones stay


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("x = 1", Unsupported, "key 'x' is not known"),
        ("[[function]]\nsignature='a()'\naction='steal'\nprotocol='p'", Unsupported, "action 'steal' is not known"),
        ("[[function]]\nsignature='a()'\naction='swap'\nprotocol='p'\nmore=1", Unsupported, "key 'more' is not known"),
        ("[[function]]\nsignature='a('\naction='swap'\nprotocol='p'", Malformed, "is no signature"),
        ("[[function]]\nsignature='a(b)'\naction='swap'\nprotocol='p'", (Malformed, Unsupported), "function 1"),
        ("[[function]]\naction='swap'\nprotocol='p'", Malformed, "signature is no line of text"),
        ("[[function]]\nsignature='a(address)'\naction='swap'\nprotocol='p'\narguments={x=1}", Malformed, "no place"),
        ('[[function]]\nsignature="a()"\naction="swap"\nprotocol="p\\u001b"', Malformed, "protocol is no line"),
        ("[[event]]\nsignature='A(address)'\nindexed=[1]\naction='swap'\nprotocol='p'", Malformed, "indexed"),
        ("[[event]]\nsignature='A(address)'\nindexed=[true]\naction='swap'\nprotocol='p'", Malformed, "indexed"),
        ("[[account]]\naddress='0x12'\nname='n'\nkind='router'", Malformed, "no 0x hex of 20 bytes"),
        ("[[account]]\naddress='0x" + "1" * 40 + "'\nname='n'\nkind='bank'", Unsupported, "kind 'bank' is not known"),
        ("[[slot]]\nname='n'\nstandard='s'\nslot=5", Malformed, "slot is no line"),
        ("function = 1", Malformed, "function is no list"),
        ("[[function]", Malformed, "not TOML"),
        ("\udcff", Malformed, "not text"),
    ],
)
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, text: str, kind: type[Exception], says: str) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(kind, match=says) as caught:
        KNOWN.extended(path)
    assert str(caught.value).startswith("own.toml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"none\.toml"):
        KNOWN.extended(tmp_path / "none.toml")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        for entry in table.parse(text.encode(errors="replace"), "t"):
            assert isinstance(entry, (Account, Event, Function, Slot))
    except RollproofError as error:
        assert str(error).startswith("t")  # noqa: PT017
