"""The lab's rollup contracts look to tools as the OP Stack's own do: contracts-bedrock 0.17.3, from npm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import pytest

from node.op_bed import MISSING, MODULES
from rollproof.chain import abi
from rollproof.lab import genesis
from rollproof.lab.block import Holder
from rollproof.lab.chain import Chain
from rollproof.lab.contract import Contract

CONTRACTS = {
    "AnchorStateRegistry": "AnchorStateRegistry",
    "DisputeGameFactory": "DisputeGameFactory",
    "FaultDisputeGame": "FaultDisputeGame",
    "FeeVault": "SequencerFeeVault",
    "GasPriceOracle": "GasPriceOracle",
    "L1Block": "L1Block",
    "L1CrossDomainMessenger": "L1CrossDomainMessenger",
    "L1StandardBridge": "L1StandardBridge",
    "L2CrossDomainMessenger": "L2CrossDomainMessenger",
    "L2StandardBridge": "L2StandardBridge",
    "L2ToL1MessagePasser": "L2ToL1MessagePasser",
    "OptimismMintableERC20": "OptimismMintableERC20",
    "OptimismMintableERC20Factory": "OptimismMintableERC20Factory",
    "OptimismPortal2": "OptimismPortal2",
    "PermissionedDisputeGame": "PermissionedDisputeGame",
    "Proxy": "Proxy",
    "ProxyAdmin": "ProxyAdmin",
    "SuperchainConfig": "SuperchainConfig",
    "SystemConfig": "SystemConfig",
    "WETH": "WETH",
}
# What the OP Stack's contracts have and the lab's do not, on purpose.
LEFT_OUT = {
    "AnchorStateRegistry": set[str](),
    "DisputeGameFactory": set[str](),
    # No execution trace, no virtual machine, no delayed payout.
    "FaultDisputeGame": {
        "absolutePrestate()", "addLocalData(uint256,uint256,uint256)", "splitDepth()", "vm()", "weth()",
    },
    "PermissionedDisputeGame": {
        "absolutePrestate()", "addLocalData(uint256,uint256,uint256)", "splitDepth()", "vm()", "weth()",
    },
    "FeeVault": {"l1FeeWallet()"},
    # Formulas of forks before Jovian, and switching to later ones.
    "GasPriceOracle": {"overhead()", "scalar()", "setEcotone()", "setFjord()"},
    "L1Block": {
        "gasPayingToken()", "gasPayingTokenName()", "gasPayingTokenSymbol()",
        "setGasPayingToken(address,uint8,bytes32,bytes32)",
    },
    "L1CrossDomainMessenger": set[str](),
    "L1StandardBridge": set[str](),
    # Predeploys are set up by their storage at genesis.
    "L2CrossDomainMessenger": {"initialize(address)"},
    "L2StandardBridge": {"initialize(address)"},
    "L2ToL1MessagePasser": set[str](),
    "OptimismMintableERC20": {"decreaseAllowance(address,uint256)", "increaseAllowance(address,uint256)"},
    "OptimismMintableERC20Factory": {"initialize(address)"},
    "OptimismPortal2": set[str](),
    "Proxy": set[str](),
    # Proxies of before EIP-1967.
    "ProxyAdmin": {
        "addressManager()", "implementationName(address)", "isUpgrading()", "proxyType(address)", "renounceOwnership()",
        "setAddress(string,address)", "setAddressManager(address)", "setImplementationName(address,string)",
        "setProxyType(address,uint8)", "setUpgrading(bool)",
    },
    "SuperchainConfig": set[str](),
    # Gas tokens of one's own, ERC-721, scalars of before Ecotone.
    "SystemConfig": {
        "L1_ERC_721_BRIDGE_SLOT()", "OPTIMISM_MINTABLE_ERC20_FACTORY_SLOT()", "gasPayingToken()",
        "gasPayingTokenName()", "gasPayingTokenSymbol()", "l1ERC721Bridge()", "optimismMintableERC20Factory()",
        "setGasConfig(uint256,uint256)",
    },
    "WETH": set[str](),
}  # fmt: skip
NO_EVENT = {
    ("L1Block", "GasPayingTokenSet(address,uint8,bytes32,bytes32)"),
    ("OptimismMintableERC20Factory", "Initialized(uint8)"),
}
# Slots that others read: by proofs, in genesis states, by eth_getStorageAt.
SLOTS = {
    "DisputeGameFactory": ("_owner", "gameImpls", "initBonds"),
    "FaultDisputeGame": ("createdAt", "resolvedAt", "status", "claimData", "credit", "resolvedSubgames"),
    "L1Block": (
        "number", "timestamp", "basefee", "hash", "sequenceNumber", "blobBaseFeeScalar", "baseFeeScalar", "batcherHash",
        "l1FeeOverhead", "l1FeeScalar", "blobBaseFee",
    ),
    "L1CrossDomainMessenger": ("successfulMessages", "failedMessages", "otherMessenger", "superchainConfig", "portal"),
    "L1StandardBridge": ("deposits", "messenger", "otherBridge", "superchainConfig", "systemConfig"),
    "L2CrossDomainMessenger": ("successfulMessages", "failedMessages", "otherMessenger"),
    "L2StandardBridge": ("deposits", "messenger", "otherBridge"),
    "L2ToL1MessagePasser": ("sentMessages",),
    "OptimismMintableERC20Factory": ("bridge",),
    "OptimismPortal2": (
        "params", "l2Sender", "finalizedWithdrawals", "superchainConfig", "systemConfig", "disputeGameFactory",
        "provenWithdrawals", "disputeGameBlacklist", "respectedGameType", "respectedGameTypeUpdatedAt",
        "proofSubmitters",
    ),
    "SystemConfig": (
        "_owner", "overhead", "scalar", "batcherHash", "gasLimit", "basefeeScalar", "blobbasefeeScalar",
        "_resourceConfig",
    ),
    "WETH": ("balanceOf", "allowance"),
}  # fmt: skip


def theirs(name: str) -> Mapping[str, Any]:
    path = MODULES / "@eth-optimism" / "contracts-bedrock" / "forge-artifacts" / f"{name}.sol" / f"{name}.json"
    if not path.is_file():
        pytest.skip(MISSING)
    return dict(json.loads(path.read_text(encoding="utf-8")))


def ours(name: str) -> Mapping[str, Any]:
    path = resources.files("rollproof.lab") / "artifacts" / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def functions(record: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Signature -> types of what is returned; Foundry's own IS_TEST() and the like are not the contract's."""
    items = [item for item in record["abi"] if item["type"] == "function" and not item["name"].startswith("IS_")]
    return {abi.function(item): abi.types_of(item.get("outputs", [])) for item in items}


def events(record: Mapping[str, Any]) -> dict[str, tuple[bool, ...]]:
    items = [item for item in record["abi"] if item["type"] == "event"]
    return {abi.function(item): tuple(bool(each["indexed"]) for each in item["inputs"]) for item in items}


def errors(record: Mapping[str, Any]) -> Iterator[str]:
    return (abi.function(item) for item in record["abi"] if item["type"] == "error")


@pytest.mark.parametrize("name", CONTRACTS)
def test_functions_and_events_are_the_op_stack_s(name: str) -> None:
    real, made = theirs(CONTRACTS[name]), ours(name)
    missing = {signature for signature in functions(real) if signature not in functions(made)}
    assert missing == LEFT_OUT[name]
    shared = functions(real).keys() & functions(made).keys()
    assert {each: functions(made)[each] for each in shared} == {each: functions(real)[each] for each in shared}
    wanted = {signature: indexed for signature, indexed in events(real).items() if (name, signature) not in NO_EVENT}
    assert wanted.items() <= events(made).items()


@pytest.mark.parametrize("name", SLOTS)
def test_slots_are_the_op_stack_s(name: str) -> None:
    real = Contract.from_artifact(
        {"name": name, "abi": [], "bytecode": "", "runtime": "", "storage": theirs(CONTRACTS[name])["storageLayout"]}
    )
    made = Contract.load(name)
    real_places, places = (
        {
            each["label"]: (int(each["slot"]), int(each["offset"]))
            for each in contract.storage
            if each["label"] in SLOTS[name]
        }
        for contract in (real, made)
    )
    assert len(places) == len(SLOTS[name])
    assert places == real_places


@pytest.mark.parametrize("name", ["OptimismPortal2", "DisputeGameFactory", "FaultDisputeGame", "L1Block"])
def test_errors_are_the_op_stack_s(name: str) -> None:
    # Errors of its own: none but those that are listed.
    own = {"OptimismPortal2": set[str](), "DisputeGameFactory": {"CreationFailed()"}, "L1Block": set[str](),
           "FaultDisputeGame": {"BadAuth()", "BadExtraData()"}}[name]  # fmt: skip
    assert set(errors(ours(name))) - set(errors(theirs(name))) == own


def test_constants_are_the_op_stack_s() -> None:
    """The slots that contracts name themselves, from the real contract's code."""
    config = genesis.configs()["l1"]
    for name in ("SystemConfig", "SuperchainConfig"):
        real, made = theirs(name), Contract.load(name)
        accounts = genesis.l1_accounts([])
        accounts[b"\x01" * 20] = Holder(code=bytes.fromhex(real["deployedBytecode"]["object"][2:]))
        accounts[b"\x02" * 20] = Holder(code=made.runtime)
        chain = Chain(config, accounts, timestamp=genesis.TIME, gas_limit=genesis.L1_GAS_LIMIT)
        getters = [each for each in functions(ours(name)) if each.endswith("_SLOT()")]
        assert getters
        for getter in getters:
            said = [chain.call(bytes([which]) * 20, abi.selector(getter)).output for which in (1, 2)]
            assert said[0] == said[1], getter
            assert any(said[0])
