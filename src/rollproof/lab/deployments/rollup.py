"""The rollup's own contracts: on L1 by transactions, on L2 as predeploys of the genesis state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rollproof.lab import genesis
from rollproof.lab.block import Holder
from rollproof.lab.contract import Contract
from rollproof.rollup.op_stack import output_root, predeploys
from rollproof.rollup.op_stack.derivation import batch_inbox
from rollproof.rollup.op_stack.dispute_game import GameType
from rollproof.rollup.op_stack.system_config import SystemConfig, batcher_hash

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

# Seconds. The real ones are days; the lab's let a withdrawal come out within minutes of simulated time.
PROOF_MATURITY: Final = 60
GAME_FINALITY: Final = 30
GAME_CLOCK: Final = 60
GAME_EXTENSION: Final = 12
GAME_DEPTH: Final = 4
BOND: Final = 8 * 10**16  # wei, of a proposal and of a first move
# maxResourceLimit, elasticity, denominator, minimum base fee, system transaction's gas, maximum base fee
RESOURCES: Final = (20_000_000, 10, 8, 10**9, 1_000_000, 2**128 - 1)
_NOBODY: Final = 0xDEAD
_VAULTS: Final = (
    predeploys.SEQUENCER_FEE_VAULT, predeploys.BASE_FEE_VAULT, predeploys.L1_FEE_VAULT, predeploys.OPERATOR_FEE_VAULT,
)  # fmt: skip


@dataclass(frozen=True)
class Rollup:
    """Where the rollup's contracts are on L1, and its configuration as of the L2's genesis."""

    portal: bytes
    system_config_address: bytes
    system_config: SystemConfig
    inbox: bytes
    messenger: bytes
    bridge: bytes
    fee_recipient: bytes

    def predeploys(self) -> dict[bytes, Holder]:
        """Accounts of the L2's genesis state. Slots: as the contracts state them."""
        number = int.from_bytes
        storage: dict[bytes, dict[int, int]] = {
            predeploys.L2_CROSS_DOMAIN_MESSENGER: {204: _NOBODY, 207: number(self.messenger, "big")},
            predeploys.L2_STANDARD_BRIDGE: {
                3: number(predeploys.L2_CROSS_DOMAIN_MESSENGER, "big"),
                4: number(self.bridge, "big"),
            },
            predeploys.OPTIMISM_MINTABLE_ERC20_FACTORY: {1: number(predeploys.L2_STANDARD_BRIDGE, "big")},
            **{vault: {1: number(self.fee_recipient, "big"), 2: 10**18} for vault in _VAULTS},
        }
        return {
            address: Holder(nonce=1, code=contract.runtime, storage=storage.get(address, {}))
            for address, contract in l2_contracts().items()
        }


def l2_contracts() -> dict[bytes, Contract]:
    """The predeploys by their addresses."""
    artifacts = {
        predeploys.WETH: "WETH",
        predeploys.L2_CROSS_DOMAIN_MESSENGER: "L2CrossDomainMessenger",
        predeploys.GAS_PRICE_ORACLE: "GasPriceOracle",
        predeploys.L2_STANDARD_BRIDGE: "L2StandardBridge",
        predeploys.OPTIMISM_MINTABLE_ERC20_FACTORY: "OptimismMintableERC20Factory",
        predeploys.L1_BLOCK: "L1Block",
        predeploys.L2_TO_L1_MESSAGE_PASSER: "L2ToL1MessagePasser",
        **dict.fromkeys(_VAULTS, "FeeVault"),
    }
    return {address: Contract.load(name).at(address) for address, name in artifacts.items()}


def deploy(stack: Stack) -> Rollup:
    """Builds the L1 blocks that hold the contracts; what the L2's genesis block decides is left to `anchor`."""
    l1 = {name: stack.account(name, "l1").address for name in ("deployer", "batcher", "guardian-1")}
    inbox = batch_inbox(genesis.L2_CHAIN_ID)
    config = SystemConfig(
        batcher_hash=batcher_hash(l1["batcher"]),
        gas_limit=genesis.L2_GAS_LIMIT,
        base_fee_scalar=5_227,
        blob_base_fee_scalar=1_014_213,
        operator_fee_scalar=1_000,
        operator_fee_constant=500,
        min_base_fee=genesis.MIN_BASE_FEE,
    )
    admin = stack.deploy("ProxyAdmin", "ProxyAdmin", l1["deployer"], layer="l1")
    superchain = _proxied(stack, "SuperchainConfig", "SuperchainConfig")
    system = _proxied(stack, "SystemConfig", "SystemConfig")
    factory = _proxied(stack, "DisputeGameFactory", "DisputeGameFactory")
    _proxied(stack, "AnchorStateRegistry", "AnchorStateRegistry", factory.address)
    portal = _proxied(stack, "OptimismPortal", "OptimismPortal2", PROOF_MATURITY, GAME_FINALITY)
    messenger = _proxied(stack, "L1CrossDomainMessenger", "L1CrossDomainMessenger")
    bridge = _proxied(stack, "L1StandardBridge", "L1StandardBridge")
    _settled(stack)
    addresses = (messenger.address, bytes(20), bridge.address, factory.address, portal.address, bytes(20), bytes(20))
    for name, arguments in {
        "SuperchainConfig": (l1["guardian-1"], False),
        "SystemConfig": (
            l1["deployer"], config.base_fee_scalar, config.blob_base_fee_scalar, config.batcher_hash, config.gas_limit,
            config.unsafe_block_signer, RESOURCES, inbox, addresses,
        ),
        "DisputeGameFactory": (l1["deployer"],),
        "OptimismPortal": (factory.address, system.address, superchain.address, GameType.CANNON),
        "L1CrossDomainMessenger": (superchain.address, portal.address, system.address),
        "L1StandardBridge": (messenger.address, superchain.address, system.address),
    }.items():  # fmt: skip
        _initialized(stack, admin, name, arguments)
    operator = system.encode("setOperatorFeeScalars", config.operator_fee_scalar, config.operator_fee_constant)
    stack.send("l1", "deployer", system.address, data=operator)
    stack.send("l1", "deployer", system.address, data=system.encode("setMinBaseFee", config.min_base_fee))
    _settled(stack)
    for address, contract in l2_contracts().items():
        stack.deployed[f"{contract.name} {address[-1]:02x}" if contract.name == "FeeVault" else contract.name] = (
            contract
        )
    return Rollup(
        portal.address, system.address, config, inbox, messenger.address, bridge.address, l1["deployer"],
    )  # fmt: skip


def anchor(stack: Stack) -> None:
    """Lets games begin: from the output root of the L2's genesis block."""
    start = output_root.of_block(stack.l2.genesis.header, stack.l2.genesis.hash)
    registry, factory = stack.deployed["AnchorStateRegistry"], stack.deployed["DisputeGameFactory"]
    anchors = [(kind, (start.root, 0)) for kind in (GameType.CANNON, GameType.PERMISSIONED_CANNON)]
    _initialized(stack, stack.deployed["ProxyAdmin"], "AnchorStateRegistry", (anchors,))
    challenger = stack.account("challenger", "l1").address
    common = (GAME_DEPTH, GAME_EXTENSION, GAME_CLOCK, BOND, registry.address, genesis.L2_CHAIN_ID, challenger)
    free = stack.deploy("FaultDisputeGame", "FaultDisputeGame", GameType.CANNON, *common, layer="l1")
    closed = stack.deploy(
        "PermissionedDisputeGame", "PermissionedDisputeGame", GameType.PERMISSIONED_CANNON, *common,
        stack.account("proposer", "l1").address, challenger, layer="l1",
    )  # fmt: skip
    for kind, game in ((GameType.CANNON, free), (GameType.PERMISSIONED_CANNON, closed)):
        for data in (
            factory.encode("setImplementation", kind, game.address),
            factory.encode("setInitBond", kind, BOND),
        ):
            stack.send("l1", "deployer", factory.address, data=data)


def _proxied(stack: Stack, name: str, artifact: str, *arguments: Any) -> Contract:
    """A contract behind a proxy that the proxy admin commands; not initialised."""
    implementation = stack.deploy(f"{name} implementation", artifact, *arguments, layer="l1")
    proxy = stack.deploy(f"{name} proxy", "Proxy", stack.deployed["ProxyAdmin"].address, layer="l1")
    contract = implementation.at(proxy.address)
    stack.deployed[name] = contract
    return contract


def _initialized(stack: Stack, admin: Contract, name: str, arguments: tuple[Any, ...]) -> None:
    contract = stack.deployed[name]
    implementation = stack.deployed[f"{name} implementation"].address
    called = contract.encode("initialize", *arguments)
    data = admin.encode("upgradeAndCall", contract.address, implementation, called)
    stack.send("l1", "deployer", admin.address, data=data, gas=3_000_000)


def _settled(stack: Stack) -> None:
    """L1 blocks until nothing waits."""
    while len(stack.l1_pool):
        stack.time += 12
        stack.l1_builder.build()
        failed = [each for each in stack.l1.head.outcomes if not each["status"]]
        if failed:
            raise AssertionError(f"a deployment failed: {failed[0]['halt'] or failed[0]['output'].hex()}")
