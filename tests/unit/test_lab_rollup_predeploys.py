"""The L2 predeploys: L1 attributes, fees, the message passer, wrapped ether."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.lab import transaction
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.lab.contract import Contract
from rollproof.replay.eels.fastlz import fastlz_size
from rollproof.rollup.op_stack import l1_attributes
from rollproof.rollup.op_stack.predeploys import L1_ATTRIBUTES_DEPOSITOR, SEQUENCER_FEE_VAULT
from unit.rollup_bed import ETHER, Bed, balance


@pytest.fixture(scope="module")
def fresh() -> Bed:
    return Bed()


@pytest.fixture
def bed(fresh: Bed) -> Bed:
    return fresh.branch()


@pytest.mark.parametrize("form", ["ecotone", "isthmus", "jovian"])
def test_l1_block_reads_every_form_of_the_attributes(fresh: Bed, form: str) -> None:
    contract = fresh["L1Block"]
    names = {
        "number": ("number", 64), "timestamp": ("timestamp", 64), "base_fee": ("basefee", 256),
        "block_hash": ("hash", 0), "sequence_number": ("sequenceNumber", 64), "batcher_hash": ("batcherHash", 0),
        "blob_base_fee": ("blobBaseFee", 256), "base_fee_scalar": ("baseFeeScalar", 32),
        "blob_base_fee_scalar": ("blobBaseFeeScalar", 32),
    }  # fmt: skip
    if form != "ecotone":
        names |= {
            "operator_fee_scalar": ("operatorFeeScalar", 32),
            "operator_fee_constant": ("operatorFeeConstant", 64),
        }
    if form == "jovian":
        names["da_footprint_gas_scalar"] = ("daFootprintGasScalar", 16)
    values: dict[str, Any] = {
        field: bytes([index + 1]) * 32 if bits == 0 else (1 << bits) - 1 - index
        for index, (field, (_, bits)) in enumerate(names.items())
    }
    data = l1_attributes.encode(l1_attributes.L1Attributes(**values), form)
    chain = fresh.stack.l2.branch()
    refused = chain.call(contract.address, data, sender=b"\xaa" * 20)
    assert contract.reason(refused.output) == "NotDepositor()"
    state = written(chain, contract.address, data)
    for field, (getter, _) in names.items():
        [found] = contract.decode(getter, call_at(chain, state, contract, getter))
        assert found == values[field], getter


def written(chain: Chain, to: bytes, data: bytes) -> Block:
    """A block whose first transaction says this about L1, in place of what the sequencer says."""
    raw = transaction.deposit(b"\x01" * 32, L1_ATTRIBUTES_DEPOSITOR, to, gas=1_000_000, data=data)
    built = chain.build([raw], timestamp=chain.head.timestamp + 2)
    assert built.block.outcomes[0]["status"] == 1
    chain.append(built.block)
    return built.block


def call_at(chain: Chain, block: Block, contract: Contract, function: str, *arguments: Any) -> bytes:
    return bytes(chain.call(contract.address, contract.encode(function, *arguments), at=block).output)


def test_the_gas_price_oracle_says_what_a_transaction_pays(bed: Bed) -> None:
    oracle, stack = bed["GasPriceOracle"], bed.stack
    sender = stack.account("victim", "l2").address
    for size in (0, 40, 900, 4_000):
        data = bytes(stack.rng(f"size {size}").getrandbits(8) for _ in range(size))
        fee = stack.l2.account(sender)[1]
        hashed = stack.send("l2", "victim", b"\xdd" * 20, data=data, value=1, gas=400_000, tip=0)
        pending = stack.l2_pool.get(hashed)
        assert pending is not None
        bed.step()
        receipt = stack.receipt("l2", hashed)
        assert receipt is not None
        assert receipt["status"] == 1
        head = stack.l2.head
        gas = receipt["gas_used"] * (head.header.base_fee or 0)
        operator = call_at(stack.l2, head, oracle, "getOperatorFee", receipt["gas_used"])
        upfront = fee - stack.l2.account(sender)[1] - 1 - gas - int.from_bytes(operator, "big")
        # The oracle is asked about the unsigned transaction and adds 68 bytes for the signature, so it is exact only
        # where the size's lower bound holds; the upper bound always is one.
        l1_fee = int.from_bytes(call_at(stack.l2, head, oracle, "getL1Fee", pending.raw[:-67]), "big")
        bound = int.from_bytes(call_at(stack.l2, head, oracle, "getL1FeeUpperBound", len(pending.raw)), "big")
        assert upfront <= bound
        assert l1_fee == upfront if size <= 40 else abs(l1_fee - upfront) * 10 <= upfront


def test_the_compressed_size_is_fast_lz_s(fresh: Bed) -> None:
    oracle, chain = fresh["GasPriceOracle"], fresh.stack.l2

    @given(
        st.binary(max_size=600)
        | st.lists(st.sampled_from([b"abcabcabc", b"\0" * 300, b"xyz", b"q"]), max_size=12).map(b"".join)
    )
    @settings(max_examples=50, deadline=None, database=None)
    def same(data: bytes) -> None:
        # getL1GasUsed is the estimated size times 16: max(100, -42.5856 + 0.8365 * compressed).
        estimate = max(100_000_000, -42_585_600 + 836_500 * (fastlz_size(data) + 68))
        call = chain.call(oracle.address, oracle.encode("getL1GasUsed", data))
        assert oracle.decode("getL1GasUsed", call.output) == (estimate * 16 // 10**6,)

    same()


def test_fees_are_paid_out_on_l1(bed: Bed) -> None:
    vault = Contract.load("FeeVault").at(SEQUENCER_FEE_VAULT)
    withdraw = vault.encode("withdraw")
    early = bed.stack.l2.call(vault.address, withdraw)
    assert vault.reason(early.output).startswith("FeeVault: withdrawal amount must be greater than minimum")
    bed.send("l2", "victim", vault, value=2 * ETHER)
    receipt = bed.send("l2", "bystander", vault, withdraw)
    withdrawal, _ = bed.passed(receipt)
    assert withdrawal.target == bed.stack.account("deployer", "l1").address
    assert withdrawal.value >= 2 * ETHER
    assert bed.stack.view("l2", vault, "totalProcessed") == (withdrawal.value,)


def test_ether_that_left_can_be_burnt(bed: Bed) -> None:
    bed.withdraw("victim", 5 * ETHER, b"\xbb" * 20)
    passer = bed["L2ToL1MessagePasser"]
    assert balance(bed, "l2", passer.address) == 5 * ETHER
    root = bed.stack.l2.account(passer.address)[2]
    assert bed.send("l2", "bystander", passer, passer.encode("burn"))["status"] == 1
    assert balance(bed, "l2", passer.address) == 0
    assert bed.stack.l2.account(passer.address)[2] == root


def test_wrapped_ether_is_one_for_one(bed: Bed) -> None:
    weth, user = bed["WETH"], bed.stack.account("victim", "l2").address
    bed.send("l2", "victim", weth, value=5)
    assert bed.send("l2", "victim", weth, weth.encode("withdraw", 2))["status"] == 1
    assert bed.stack.view("l2", weth, "balanceOf", user) == (3,)
    assert bed.send("l2", "victim", weth, weth.encode("withdraw", 4))["status"] == 0
    assert bed.stack.view("l2", weth, "totalSupply") == (3,)
