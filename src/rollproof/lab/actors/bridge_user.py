"""Moves ether and a token between the layers, at times and in amounts drawn from its own seeded stream."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from rollproof.rollup.op_stack import deposit

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

EVERY: Final = 240  # steps between two uses of one way, on average
ETHER: Final = 10**18
MOST: Final = 5_000  # thousandths of an ether, or of a token
MIN_GAS: Final = 200_000  # for the call on the other layer
L1_GAS: Final = 1_500_000  # a deposit burns what its L2 gas costs


class BridgeUser:
    """Needs "BridgeToken" and "L2BridgeToken", as `deployments.op_stack` leaves them, and ether in the portal."""

    def __init__(self, number: int) -> None:
        self.name = f"bridge-user-{number}"
        self._rng: random.Random | None = None

    def act(self, stack: Stack) -> None:
        rng = self._rng = self._rng or stack.rng(self.name)
        # Every draw is made in every step: what is held never shifts the stream.
        drawn, amount = rng.randrange(EVERY), rng.randrange(1, MOST + 1) * ETHER // 1_000
        ways = (
            self._deposit_ether, self._deposit_token, self._deposit_plain,
            self._withdraw_ether, self._withdraw_token, self._withdraw_plain,
        )  # fmt: skip
        if drawn < len(ways):
            ways[drawn](stack, amount)

    def _deposit_ether(self, stack: Stack, amount: int) -> None:
        bridge = stack.deployed["L1StandardBridge"]
        stack.send(
            "l1", self.name, bridge.address, data=bridge.encode("depositETH", MIN_GAS, b""), value=amount, gas=L1_GAS
        )

    def _deposit_token(self, stack: Stack, amount: int) -> None:
        bridge, token = stack.deployed["L1StandardBridge"], stack.deployed["BridgeToken"]
        [held] = stack.view("l1", token, "balanceOf", stack.account(self.name, "l1").address)
        if held >= amount:
            twin = stack.deployed["L2BridgeToken"].address
            data = bridge.encode("depositERC20", token.address, twin, amount, MIN_GAS, b"")
            stack.send("l1", self.name, bridge.address, data=data, gas=L1_GAS)

    def _deposit_plain(self, stack: Stack, amount: int) -> None:
        """By the portal itself."""
        to = stack.account(self.name, "l2").address
        data = deposit.calldata(to, value=amount, gas=100_000)
        stack.send("l1", self.name, stack.rollup.portal, data=data, value=amount, gas=L1_GAS)

    def _withdraw_ether(self, stack: Stack, amount: int) -> None:
        bridge = stack.deployed["L2StandardBridge"]
        to = stack.account(self.name, "l1").address
        data = bridge.encode("bridgeETHTo", to, MIN_GAS, b"")
        stack.send("l2", self.name, bridge.address, data=data, value=amount)

    def _withdraw_token(self, stack: Stack, amount: int) -> None:
        bridge, twin = stack.deployed["L2StandardBridge"], stack.deployed["L2BridgeToken"]
        [held] = stack.view("l2", twin, "balanceOf", stack.account(self.name, "l2").address)
        if held:
            data = bridge.encode("withdraw", twin.address, min(held, amount), MIN_GAS, b"")
            stack.send("l2", self.name, bridge.address, data=data)

    def _withdraw_plain(self, stack: Stack, amount: int) -> None:
        """By the message passer itself."""
        passer = stack.deployed["L2ToL1MessagePasser"]
        data = passer.encode("initiateWithdrawal", stack.account(self.name, "l1").address, 100_000, b"")
        stack.send("l2", self.name, passer.address, data=data, value=amount)
