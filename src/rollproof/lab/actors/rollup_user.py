"""Ordinary use of the rollup's own contracts: predeploys on the L2, and every form of deposit from the L1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rollproof.lab.actors.customer import ETHER, REST, Customer, Errand
from rollproof.lab.bytecode import TOKEN, assemble, deployment
from rollproof.rollup.op_stack import deposit

USER: Final = "rollup-user"
# Somebody else, as a deposit takes up a nonce on the L2, under the feet of what waits there.
DEPOSITOR: Final = "depositor"
VAULTS: Final = ("FeeVault 11", "FeeVault 19", "FeeVault 1a", "FeeVault 1b")
_L1_GAS: Final = 1_500_000  # a deposit burns what its L2 gas costs
_SMALL: Final = ETHER // 1_000
_ENDLESS: Final = assemble("again: @again JUMP")  # as init code: runs out of gas
_REVERTS: Final = assemble("1 PUSH0 SSTORE PUSH0 PUSH0 REVERT")


def rollup_user() -> Customer:
    return Customer(USER, [_fees, _origin, _passer, _messenger, _factory, _bridge, *map(_vault, VAULTS)])


def depositor() -> Customer:
    return Customer(DEPOSITOR, [_deposits, _failing_deposits], rest=2 * REST)


def _fees(me: Customer) -> Iterator[None]:
    """Asks what a transaction costs, in a transaction."""
    oracle = me.of("GasPriceOracle")
    me.call(oracle, "getL1Fee", me.draw.randbytes(me.draw.randrange(1, 300)))
    me.call(oracle, "getL1FeeUpperBound", me.draw.randrange(1, 1_000))
    me.call(oracle, "getOperatorFee", me.draw.randrange(21_000, 10**6))
    me.call(oracle, "isJovian")
    yield


def _origin(me: Customer) -> Iterator[None]:
    block = me.of("L1Block")
    for name in ("number", "hash", "daFootprintGasScalar"):
        me.call(block, name)
    me.call(block, "setL1BlockValuesJovian")  # only the depositor may
    yield


def _passer(me: Customer) -> Iterator[None]:
    passer = me.of("L2ToL1MessagePasser")
    me.call(passer, "initiateWithdrawal", me.address, 100_000, me.draw.randbytes(me.draw.randrange(100)), value=_SMALL)
    me.send(passer.address, value=_SMALL)  # by the fallback: a withdrawal to oneself
    yield
    me.call(passer, "burn")
    yield


def _messenger(me: Customer) -> Iterator[None]:
    """A message each way, with and without ether."""
    for value in (0, _SMALL):
        me.call("L2CrossDomainMessenger", "sendMessage", me.address, me.draw.randbytes(40), 100_000, value=value)
    me.call("L2CrossDomainMessenger", "relayMessage", 2**240, me.address, me.address, 0, 0, b"")  # not from the L1
    yield
    me.call("L1CrossDomainMessenger", "sendMessage", me.address, b"", 100_000, value=_SMALL, layer="l1", gas=_L1_GAS)
    yield


def _factory(me: Customer) -> Iterator[None]:
    """A twin of a token that the L1 does not have; creating it twice fails."""
    remote = me.draw.randbytes(20)
    for _ in range(2):
        me.call("OptimismMintableERC20Factory", "createOptimismMintableERC20", remote, "Twin", "TWIN", gas=3_000_000)
    me.call("OptimismMintableERC20Factory", "createStandardL2Token", bytes(20), "", "", gas=3_000_000)
    yield


def _bridge(me: Customer) -> Iterator[None]:
    me.call("L2StandardBridge", "bridgeETH", 100_000, b"", value=_SMALL)
    me.send(me.of("L2StandardBridge").address, value=_SMALL)  # by the fallback
    me.call("L2StandardBridge", "withdraw", me.of("USDC").address, 1, 100_000, b"")  # no token of the bridge
    me.send(me.of("L1StandardBridge").address, value=_SMALL, layer="l1", gas=_L1_GAS)
    yield


def _vault(name: str) -> Errand:
    def vault(me: Customer) -> Iterator[None]:
        """Fees alone reach the least that is paid out only after many blocks; somebody adds the rest."""
        me.call(name, "withdraw")
        least = me.ask(name, "minWithdrawalAmount")
        held = me.stack.l2.account(me.of(name).address)[1]
        if held < least:
            me.send(me.of(name).address, value=least - held)
        yield
        me.call(name, "withdraw")
        me.call(name, "withdraw")  # nothing left
        yield

    return vault


def _deposits(me: Customer) -> Iterator[None]:
    """By the portal: ether to an account that is new, to oneself, a call, a creation."""
    to_new = me.draw.randbytes(20)
    _deposit(me, to_new, mint=_SMALL, value=_SMALL)
    _deposit(me, me.address, mint=_SMALL, value=0)
    _deposit(me, me.of("WETH").address, mint=_SMALL, value=_SMALL // 2, data=me.of("WETH").encode("deposit"))
    _deposit(me, None, mint=0, value=0, data=deployment(TOKEN))
    yield
    me.send(me.stack.rollup.portal, value=_SMALL, layer="l1", gas=_L1_GAS)  # by the fallback
    me.call("OptimismPortal", "donateETH", value=_SMALL, layer="l1")
    yield


def _failing_deposits(me: Customer) -> Iterator[None]:
    """Those that fail on the L2, where they still mint and count; and those that the portal refuses."""
    _deposit(me, me.address, mint=_SMALL, value=10**30)  # more than it has
    _deposit(me, me.of("WETH").address, mint=_SMALL, value=0, data=me.of("WETH").encode("withdraw", 10**30))
    _deposit(me, None, mint=_SMALL, value=_SMALL, data=_ENDLESS)
    _deposit(me, None, mint=0, value=0, data=_REVERTS)
    yield
    portal = me.of("OptimismPortal")
    me.call(portal, "depositTransaction", me.address, 0, 100_000, True, b"", layer="l1", gas=_L1_GAS)  # BadTarget
    me.call(portal, "depositTransaction", me.address, 0, 20_999, False, b"", layer="l1", gas=_L1_GAS)  # SmallGasLimit
    yield


def _deposit(me: Customer, to: bytes | None, *, mint: int, value: int, data: bytes = b"") -> None:
    called = deposit.calldata(to, value=value, gas=200_000, data=data)
    me.send(me.stack.rollup.portal, called, value=mint, layer="l1", gas=_L1_GAS)
