"""Messengers and standard bridges: ether and a token over and back, failed messages, impostors."""

from __future__ import annotations

import pytest

from rollproof import _core
from rollproof.rollup.op_stack import portal
from rollproof.rollup.op_stack import withdrawal as withdrawals
from unit.rollup_bed import ETHER, Bed, balance, bridged, events, relay


@pytest.fixture(scope="module")
def fresh() -> Bed:
    return Bed()


@pytest.fixture
def bed(fresh: Bed) -> Bed:
    return fresh.branch()


def test_ether_goes_over_the_bridge_and_back(bed: Bed) -> None:
    user, name = bed.stack.account("bridge-user-0", "l1").address, "bridge-user-0"
    before = balance(bed, "l2", user)
    receipt = bed.call(name, bed["L1StandardBridge"], "depositETH", 200_000, b"hi", value=5 * ETHER)
    said = {"from": user, "to": user, "amount": 5 * ETHER, "extraData": b"hi"}
    assert events(bed, "L1StandardBridge", "ETHDepositInitiated", receipt) == [said]
    assert events(bed, "L1StandardBridge", "ETHBridgeInitiated", receipt) == [said]
    assert balance(bed, "l1", bed["OptimismPortal"].address) == 5 * ETHER
    bed.step(30)
    assert balance(bed, "l2", user) == before + 5 * ETHER
    bridge = bed["L2StandardBridge"]
    data = bridge.encode("bridgeETHTo", b"\xcc" * 20, 200_000, b"")
    withdrawal, block = bed.passed(bed.send("l2", name, bridge, data, value=3 * ETHER))
    assert (withdrawal.sender, withdrawal.target) == (
        bed["L2CrossDomainMessenger"].address, bed["L1CrossDomainMessenger"].address,
    )  # fmt: skip
    done = relay(bed, withdrawal, block)
    assert balance(bed, "l1", b"\xcc" * 20) == 3 * ETHER
    assert len(events(bed, "L1StandardBridge", "ETHBridgeFinalized", done)) == 1
    assert len(events(bed, "L1CrossDomainMessenger", "RelayedMessage", done)) == 1
    assert balance(bed, "l1", bed["OptimismPortal"].address) == 2 * ETHER


def test_a_token_goes_over_the_bridge_and_back(bed: Bed) -> None:
    bridged(bed)
    name, user = "bridge-user-1", bed.stack.account("bridge-user-1", "l1").address
    l1, l2 = bed["BridgeToken"], bed["L2BridgeToken"]
    assert bed.view("L2BridgeToken", "remoteToken", layer="l2") == l1.address
    bed.call(name, bed["L1StandardBridge"], "depositERC20", l1.address, l2.address, 100, 200_000, b"")
    assert bed.view("L1StandardBridge", "deposits", l1.address, l2.address) == 100
    bed.step(30)
    assert bed.view("L2BridgeToken", "balanceOf", user, layer="l2") == 100
    mint = bed.stack.l2.call(l2.address, l2.encode("mint", user, 1), sender=user)
    assert l2.reason(mint.output) == "OptimismMintableERC20: only bridge can mint and burn"
    bridge = bed["L2StandardBridge"]
    receipt = bed.send("l2", name, bridge, bridge.encode("withdraw", l2.address, 60, 200_000, b""))
    assert receipt["status"] == 1
    assert bed.view("L2BridgeToken", "totalSupply", layer="l2") == 40
    before = bed.view("BridgeToken", "balanceOf", user)
    relay(bed, *bed.passed(receipt))
    assert bed.view("BridgeToken", "balanceOf", user) == before + 60
    assert bed.view("L1StandardBridge", "deposits", l1.address, l2.address) == 40


def test_nobody_poses_as_the_other_bridge(bed: Bed) -> None:
    only = "StandardBridge: function can only be called from the other bridge"
    bridge = bed["L1StandardBridge"]
    data = bridge.encode("finalizeBridgeETH", b"\xaa" * 20, b"\xaa" * 20, 0, b"")
    assert bed.refusal("attacker", bridge, data) == only
    assert bed.refusal("attacker", bed["L1CrossDomainMessenger"], bed["L1CrossDomainMessenger"].encode(
        "relayMessage", withdrawals.versioned(0), bed["L2StandardBridge"].address, bridge.address, 0, 0, data
    )) == "CrossDomainMessenger: message cannot be replayed"  # fmt: skip
    # A message from L2 by somebody else, relayed to the bridge, is refused there and kept as failed.
    messenger = bed["L2CrossDomainMessenger"]
    sent = bed.send("l2", "attacker", messenger, messenger.encode("sendMessage", bridge.address, data, 200_000))
    withdrawal, block = bed.passed(sent)
    done = relay(bed, withdrawal, block)
    assert len(events(bed, "L1CrossDomainMessenger", "FailedRelayedMessage", done)) == 1


def test_a_message_that_fails_can_be_tried_again(bed: Bed) -> None:
    bridged(bed)
    token, messenger, l1_messenger = bed["BridgeToken"], bed["L2CrossDomainMessenger"], bed["L1CrossDomainMessenger"]
    owner, to = bed.stack.account("bridge-user-2", "l1").address, b"\xcc" * 20
    # The messenger may not take the owner's tokens yet.
    move = token.encode("transferFrom", owner, to, 5)
    sent = bed.send("l2", "attacker", messenger, messenger.encode("sendMessage", token.address, move, 100_000))
    withdrawal, block = bed.passed(sent)
    done = relay(bed, withdrawal, block)
    assert portal.finalized_from_log(*done["logs"][-1][1:])[1] is True  # the messenger took it
    [failed] = events(bed, "L1CrossDomainMessenger", "FailedRelayedMessage", done)
    # A message's hash is that of the call that relays it, which is the withdrawal's data.
    assert failed["msgHash"] == _core.keccak256(withdrawal.data)
    assert bed.view("L1CrossDomainMessenger", "failedMessages", failed["msgHash"]) is True
    assert bed.refusal("victim", l1_messenger, withdrawal.data, value=1) == (
        "CrossDomainMessenger: value must be zero unless message is from a system address"
    )
    paused = bed.branch()
    paused.call("guardian-1", bed["SuperchainConfig"], "pause", "")
    assert paused.refusal("victim", l1_messenger, withdrawal.data) == "CrossDomainMessenger: paused"
    again = bed.send("l1", "victim", l1_messenger, withdrawal.data)
    assert events(bed, "L1CrossDomainMessenger", "FailedRelayedMessage", again) == [failed]
    bed.call("bridge-user-2", token, "approve", l1_messenger.address, 5)
    # Less gas than was promised does not use the message up either.
    starved = bed.send("l1", "victim", l1_messenger, withdrawal.data, gas=180_000)
    assert events(bed, "L1CrossDomainMessenger", "FailedRelayedMessage", starved) == [failed]
    third = bed.send("l1", "victim", l1_messenger, withdrawal.data)
    assert events(bed, "L1CrossDomainMessenger", "RelayedMessage", third) == [failed]
    assert bed.view("BridgeToken", "balanceOf", to) == 5
    assert bed.refusal("victim", l1_messenger, withdrawal.data) == (
        "CrossDomainMessenger: message has already been relayed"
    )
