"""Ordinary care for the rollup's L1 contracts: the owner sets what is in force again, and a permissioned proposal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rollproof.errors import Missing
from rollproof.lab.actors.customer import Customer
from rollproof.replay import extra_data
from rollproof.rollup.op_stack import dispute_game, output_root
from rollproof.rollup.op_stack.dispute_game import GameType

NAME: Final = "rollup-owner"
_OWNER: Final = "deployer"
_REST: Final = 60


def rollup_owner() -> Customer:
    return Customer(NAME, [_settings, _fee_settings, _upgrade, _factory, _guardian, _permissioned], rest=_REST)


def _set(me: Customer, contract: str, function: str, *arguments: Any, by: str = _OWNER) -> None:
    me.call(contract, function, *arguments, by=by, layer="l1")


def _settings(me: Customer) -> Iterator[None]:
    def of(name: str) -> Any:
        return me.ask("SystemConfig", name, layer="l1")

    _set(me, "SystemConfig", "setBatcherHash", of("batcherHash"))
    _set(me, "SystemConfig", "setGasLimit", of("gasLimit"))
    _set(me, "SystemConfig", "setUnsafeBlockSigner", of("unsafeBlockSigner"))
    _set(me, "SystemConfig", "transferOwnership", of("owner"))
    _set(me, "SystemConfig", "setGasLimit", 1)  # too low
    _set(me, "SystemConfig", "setGasLimit", of("gasLimit"), by=NAME)  # not the owner
    yield


def _fee_settings(me: Customer) -> Iterator[None]:
    """What the L2's blocks go by, whether the contract has said so before or not."""

    def of(name: str) -> Any:
        return me.ask("SystemConfig", name, layer="l1")

    denominator, elasticity, least = extra_data.decode_params(me.stack.l2.head.header.extra_data, jovian=True)
    _set(me, "SystemConfig", "setGasConfigEcotone", of("basefeeScalar"), of("blobbasefeeScalar"))
    _set(me, "SystemConfig", "setOperatorFeeScalars", of("operatorFeeScalar"), of("operatorFeeConstant"))
    _set(me, "SystemConfig", "setDAFootprintGasScalar", of("daFootprintGasScalar"))
    _set(me, "SystemConfig", "setEIP1559Params", denominator, elasticity)
    _set(me, "SystemConfig", "setMinBaseFee", least or 0)
    yield


def _upgrade(me: Customer) -> Iterator[None]:
    """A proxy, to the code it has."""
    proxy = me.of("SystemConfig").address
    code = me.ask("ProxyAdmin", "getProxyImplementation", proxy, layer="l1")
    _set(me, "ProxyAdmin", "upgrade", proxy, code)
    _set(me, "ProxyAdmin", "upgrade", proxy, code, by=NAME)  # not the owner
    yield


def _factory(me: Customer) -> Iterator[None]:
    kind = me.ask("OptimismPortal", "respectedGameType", layer="l1")
    _set(me, "DisputeGameFactory", "setInitBond", kind, me.ask("DisputeGameFactory", "initBonds", kind, layer="l1"))
    _set(me, "DisputeGameFactory", "create", 99, bytes(32), b"", by=NAME)  # there is no such game
    _set(me, "AnchorStateRegistry", "tryUpdateAnchorState", by=NAME)  # only a game may
    yield


def _guardian(me: Customer) -> Iterator[None]:
    """The guardian asks for the type of game that is respected already; somebody else cannot pause."""
    _set(me, "SuperchainConfig", "paused", by=NAME)
    _set(me, "SuperchainConfig", "pause", "no", by=NAME)
    _set(me, "OptimismPortal", "setRespectedGameType", 0, by=NAME)
    yield


def _permissioned(me: Customer) -> Iterator[None]:
    """The proposer's claim in the game that only it may begin; the portal takes no withdrawals from it."""
    stack = me.stack
    block = stack.l2.block(stack.safe)
    if block is None or not block.number or stack.faults:
        raise Missing("nothing to claim without a doubt")
    kind = GameType.PERMISSIONED_CANNON
    data = dispute_game.create(kind, output_root.of_block(block.header, block.hash).root, block.number)
    bond = me.ask("DisputeGameFactory", "initBonds", kind, layer="l1")
    factory = me.of("DisputeGameFactory").address
    me.send(factory, data, value=bond, by=NAME, layer="l1", gas=2_000_000)  # BadAuth
    me.send(factory, data, value=bond, by="proposer", layer="l1", gas=2_000_000)
    yield
