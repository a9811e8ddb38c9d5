"""A token of L1 with its twin on L2, for those who use the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.lab.contract import Contract
from rollproof.rollup.op_stack import predeploys

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

TOKEN: Final = ("Lab Coin", "LAB", 18)  # name, symbol, decimals
WALLET: Final = 1_000 * 10**18  # of every bridge user
USERS: Final = tuple(f"bridge-user-{number}" for number in range(4))
# The L2's first accounts have ether that nobody deposited; this is what the portal has to pay withdrawals of it with.
BACKING: Final = 500_000 * 10**18
_ANYTHING: Final = 2**256 - 1


def bridge_token(stack: Stack) -> None:
    """Sends what makes "BridgeToken" on L1 and "L2BridgeToken" on L2, and gives bridge users and the portal money.

    Both are registered at once; they are there with the next block of either layer.
    """
    token = stack.deploy("BridgeToken", "ERC20", *TOKEN, layer="l1", gas=3_000_000)
    bridge = stack.deployed["L1StandardBridge"]
    for name in USERS:
        user = stack.account(name, "l1").address
        stack.send("l1", "deployer", token.address, data=token.encode("mint", user, WALLET))
        stack.send("l1", name, token.address, data=token.encode("approve", bridge.address, _ANYTHING))
    portal = stack.deployed["OptimismPortal"]
    stack.send("l1", "deployer", portal.address, data=portal.encode("donateETH"), value=BACKING)
    factory = stack.deployed["OptimismMintableERC20Factory"]
    twin = Contract.load("OptimismMintableERC20")
    init = twin.deployment(predeploys.L2_STANDARD_BRIDGE, token.address, *TOKEN)
    salt = _core.keccak256(abi.encode(["address", "string", "string", "uint8"], [token.address, *TOKEN]))
    # CREATE2 (EIP-1014): the address follows from what is created.
    address = _core.keccak256(b"\xff" + factory.address + salt + _core.keccak256(init))[12:]
    data = factory.encode("createOptimismMintableERC20WithDecimals", token.address, *TOKEN)
    stack.send("l2", "deployer", factory.address, data=data, gas=3_000_000)
    stack.deployed["L2BridgeToken"] = twin.at(address)
