"""The rollup's contracts on the lab's L1: wiring, proxies, deposits, configuration.

Expected encodings are the specification's, or those of our own encoders, which other tests hold against the OP Stack's
contracts.
"""

from __future__ import annotations

import pytest

from rollproof.lab.contract import Contract
from rollproof.rollup.op_stack import deposit, output_root, system_config
from unit.rollup_bed import CANNON, Bed, balance


@pytest.fixture(scope="module")
def fresh() -> Bed:
    return Bed()


@pytest.fixture
def bed(fresh: Bed) -> Bed:
    return fresh.branch()


def test_it_is_wired(fresh: Bed) -> None:
    bed = fresh
    guardian = bed.stack.account("guardian-1", "l1").address
    assert bed.view("OptimismPortal", "guardian") == guardian
    assert bed.view("OptimismPortal", "version") == "3.10.0"
    assert bed.view("OptimismPortal", "paused") is False
    assert bed.view("SystemConfig", "optimismPortal") == bed["OptimismPortal"].address
    assert bed.view("SystemConfig", "batchInbox") == bed.stack.rollup.inbox
    assert bed.view("L1CrossDomainMessenger", "otherMessenger") == bed["L2CrossDomainMessenger"].address
    assert bed.view("L2CrossDomainMessenger", "otherMessenger", layer="l2") == bed["L1CrossDomainMessenger"].address
    assert bed.view("L2StandardBridge", "otherBridge", layer="l2") == bed["L1StandardBridge"].address
    genesis = bed.stack.l2.genesis
    start = output_root.of_block(genesis.header, genesis.hash).root
    assert bed.view("AnchorStateRegistry", "anchors", CANNON) == (start, 0)
    # An implementation is nobody's to set up.
    code = Contract.load("SuperchainConfig").at(bed["SuperchainConfig implementation"].address)
    refused = bed.refusal("attacker", code, code.encode("initialize", guardian, False))
    assert refused == "Initializable: contract is already initialized"
    assert bed.refusal("attacker", bed["SuperchainConfig"], code.encode("initialize", guardian, False)) == refused


def test_the_proxy_is_its_implementation_to_all_but_its_admin(bed: Bed) -> None:
    proxy = Contract.load("Proxy").at(bed["OptimismPortal"].address)
    admin, code = bed["ProxyAdmin"], bed["OptimismPortal implementation"]
    assert bed.view("ProxyAdmin", "getProxyAdmin", proxy.address) == admin.address
    assert bed.view("ProxyAdmin", "getProxyImplementation", proxy.address) == code.address
    # The slot that everybody reads: keccak256("eip1967.proxy.implementation") - 1.
    slot = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
    assert bed.stack.l1.storage(proxy.address, slot) == int.from_bytes(code.address, "big")
    for function, arguments in (("upgradeTo", (code.address,)), ("changeAdmin", (code.address,)), ("admin", ())):
        assert bed.refusal("attacker", proxy, proxy.encode(function, *arguments)) is not None
    upgrade = admin.encode("upgrade", proxy.address, code.address)
    assert bed.refusal("attacker", admin, upgrade) == "Ownable: caller is not the owner"
    assert bed.refusal("deployer", admin, upgrade) is None


def test_a_deposit_is_executed_on_l2(bed: Bed) -> None:
    user, to = bed.stack.account("bridge-user-0", "l1").address, b"\xaa" * 20
    data = deposit.calldata(to, value=3, gas=60_000, data=b"\x01\x02")
    receipt = bed.send("l1", "bridge-user-0", bed["OptimismPortal"], data, value=5)
    found = bed.stack.l1.locate(receipt["hash"])
    assert receipt["status"] == 1
    assert found is not None
    [log] = receipt["logs"]
    said = bed["OptimismPortal"].event("TransactionDeposited", log)
    # Packed: mint, value, gas, whether it creates, data (OP Stack specification, deposits).
    opaque = (5).to_bytes(32, "big") + (3).to_bytes(32, "big") + (60_000).to_bytes(8, "big") + b"\0\x01\x02"
    assert said == {"from": user, "to": to, "version": 0, "opaqueData": opaque}
    before = balance(bed, "l2", user)
    made = deposit.from_log(log[1], log[2], block_hash=found[0].hash, log_index=0)
    while (held := bed.stack.receipt("l2", made.hash)) is None:
        bed.step()
    assert (held["status"], held["sender"], held["to"]) == (1, user, to)
    assert balance(bed, "l2", to) == 3
    assert balance(bed, "l2", user) == before + 5 - 3  # deposits pay no fee


def test_what_the_portal_takes_no_deposit_of(bed: Bed) -> None:
    contract = bed["OptimismPortal"]

    def refused(to: bytes, gas: int, creation: bool, size: int) -> str | None:
        return bed.refusal(
            "victim", contract, contract.encode("depositTransaction", to, 0, gas, creation, b"\x01" * size)
        )

    assert bed.view("OptimismPortal", "minimumGasLimit", 100) == 21_000 + 1_600
    assert refused(b"\xaa" * 20, 22_600, False, 100) is None
    assert refused(b"\xaa" * 20, 22_599, False, 100) == "SmallGasLimit()"
    assert refused(b"\xaa" * 20, 50_000, True, 0) == "BadTarget()"
    assert refused(bytes(20), 50_000, True, 0) is None
    assert refused(b"\xaa" * 20, 3_000_000, False, 120_000) is None
    assert refused(b"\xaa" * 20, 3_000_000, False, 120_001) == "LargeCalldata()"
    assert refused(b"\xaa" * 20, 20_000_000, False, 0) is None
    assert refused(b"\xaa" * 20, 20_000_001, False, 0) == "OutOfGas()"


def test_demand_for_deposits_raises_their_price_and_burns_gas(bed: Bed) -> None:
    contract, to = bed["OptimismPortal"], b"\xaa" * 20
    bed.wait(24)
    # 10 million of L2 gas where 2 million are the target: (10 - 2) / 2 / 8 = half as much again for the next block.
    first = bed.send("l1", "victim", contract, deposit.calldata(to, value=0, gas=10_000_000), gas=16_000_000)
    assert first["status"] == 1
    fee, bought, number = bed.view("OptimismPortal", "params")
    assert (fee, bought) == (10**9, 10_000_000)
    assert number == bed.stack.l1.head.number
    # The price is 1 gwei and L1's base fee counts as at least that, so a gas bought is a gas burnt.
    paid = max(10**9, bed.stack.l1.head.header.base_fee or 0)
    burnt = 10_000_000 * 10**9 // paid
    assert burnt < first["gas_used"] < burnt + 100_000
    second = bed.send("l1", "victim", contract, deposit.calldata(to, value=0, gas=21_000))
    assert second["status"] == 1
    found = bed.stack.l1.locate(second["hash"])
    assert found is not None
    passed = found[0].number - number
    assert passed == 1
    assert bed.view("OptimismPortal", "params")[0] == 10**9 * 3 // 2


def test_a_contract_is_its_alias_on_l2(bed: Bed) -> None:
    messenger = bed["L1CrossDomainMessenger"]
    receipt = bed.call("victim", messenger, "sendMessage", b"\xaa" * 20, b"", 0)
    log = next(each for each in receipt["logs"] if each[1][0] == deposit.TOPIC)
    alias = (int.from_bytes(messenger.address, "big") + 0x1111000000000000000000000000000000001111) % 2**160
    assert int.from_bytes(log[1][1], "big") == alias


def test_a_configuration_change_is_announced_as_nodes_read_it(bed: Bed) -> None:
    config = system_config.SystemConfig(b"\x01" * 32, 1)
    contract = bed["SystemConfig"]
    for function, arguments, changed in (
        ("setBatcherHash", (b"\x02" * 32,), {"batcher_hash": b"\x02" * 32}),
        ("setGasConfigEcotone", (7, 8), {"base_fee_scalar": 7, "blob_base_fee_scalar": 8}),
        ("setGasLimit", (50_000_000,), {"gas_limit": 50_000_000}),
        ("setUnsafeBlockSigner", (b"\x03" * 20,), {"unsafe_block_signer": b"\x03" * 20}),
        ("setEIP1559Params", (250, 6), {"eip1559_denominator": 250, "eip1559_elasticity": 6}),
        ("setOperatorFeeScalars", (9, 10), {"operator_fee_scalar": 9, "operator_fee_constant": 10}),
        ("setMinBaseFee", (11,), {"min_base_fee": 11}),
        ("setDAFootprintGasScalar", (12,), {"da_footprint_gas_scalar": 12}),
    ):
        data = contract.encode(function, *arguments)
        assert bed.refusal("attacker", contract, data) == "Ownable: caller is not the owner"
        owner = bed.stack.account("deployer", "l1").address
        call = bed.stack.l1.call(contract.address, data, sender=owner)
        [(_, topics, body)] = call.logs
        after = system_config.apply(config, topics, body)
        assert {name: getattr(after, name) for name in changed} == changed
    assert bed.refusal("deployer", contract, contract.encode("setGasLimit", 20_999_999)) == (
        "SystemConfig: gas limit too low"
    )
    assert bed.refusal("deployer", contract, contract.encode("setGasLimit", 21_000_000)) is None
