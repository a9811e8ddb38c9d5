"""Every rule of the forks in force shows in some block of a lab with a passerby, as its specification says it.

Expectations are worked out here from the EIPs, by other libraries, or by the second machine; not by the actor's notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from rollproof import _core
from rollproof.lab.actors import executions, precompiles, programs, transaction_types
from rollproof.lab.actors.programs import LEDGER
from rollproof.lab.block import Block
from rollproof.lab.bytecode import assemble, deployment
from rollproof.lab.stack import Layer
from rollproof.lab.transaction import created
from rollproof.replay.trace import Frame, Kind, Trace
from rollproof.replay.verify import verify_claim
from rollproof.rollup.op_stack import predeploys
from rollproof.types import Outcome
from unit.mixed_lab import LAYERS, Mixed, Seen, mixed

pytestmark = pytest.mark.slow
BOTH = pytest.mark.parametrize("layer", LAYERS)
MOST = 8  # inputs of a precompiled contract whose outputs are worked out again


@pytest.fixture(scope="module")
def lab() -> Mixed:
    return mixed()


def intrinsic(seen: Seen) -> tuple[int, int]:
    """(gas before execution, floor): EIP-2028, 2930, 3860, 7623, 7702."""
    data = seen.fields["input"]
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    gas = 21_000 + 4 * tokens
    if seen.fields["to"] is None:
        gas += 32_000 + 2 * (-(-len(data) // 32))
    gas += sum(2_400 + 1_900 * len(slots) for _, slots in seen.fields.get("access_list") or ())
    return gas + 25_000 * (seen.fields.get("authorizations") or 0), 21_000 + 10 * tokens


def halts(seen: Iterable[Seen]) -> set[str | None]:
    return {each.outcome["halt"] for each in seen}


# Transactions.


def test_every_transaction_type(lab: Mixed) -> None:
    there = {layer: {each.outcome["type"] for each in lab.seen if each.layer == layer} for layer in LAYERS}
    assert there == {"l1": {0, 1, 2, 3, 4}, "l2": {0, 1, 2, 4, 0x7E}}  # the L2 takes no blobs


@BOTH
def test_the_floor_of_calldata(lab: Mixed, layer: Layer) -> None:
    """EIP-7623: a transfer with data pays the floor, which is above what the data costs; so do 30,000 bytes."""
    found = []
    for seen in lab.seen:
        if seen.layer == layer and seen.fields["to"] is not None and seen.fields["input"] and seen.outcome["type"] == 2:
            gas, floor = intrinsic(seen)
            if floor > gas and seen.outcome["status"] and lab.frames(seen)[0].gas_used == 0:
                assert seen.outcome["gas_used"] == floor
                found.append(len(seen.fields["input"]))
    assert len(found) > 3
    assert transaction_types.BULK in found


@BOTH
def test_refunds_up_to_a_fifth(lab: Mixed, layer: Layer) -> None:
    """EIP-3529: 4,800 for each of ten cleared slots would be more than a fifth of the whole."""
    found = 0
    for seen in lab.seen:
        data = seen.fields["input"]
        words = [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]
        if (seen.layer, words) != (layer, [part for slot in range(10) for part in (slot, 0)]):
            continue
        gas, _ = intrinsic(seen)
        whole = gas + lab.frames(seen)[0].gas_used
        assert whole // 5 < 10 * 4_800
        assert seen.outcome["gas_used"] == whole - whole // 5
        found += 1
    assert found


@BOTH
def test_access_lists_that_pay_off(lab: Mixed, layer: Layer) -> None:
    """EIP-2930: a listed slot costs 1,900, and saves the 2,100 of a cold one; the address costs 2,400."""
    listed = tuple(each.to_bytes(32, "big") for each in transaction_types.LISTED)
    found = 0
    for seen in lab.seen:
        access = [(bytes(to), tuple(map(bytes, slots))) for to, slots in seen.fields.get("access_list") or ()]
        if seen.layer == layer and access == [(seen.fields["to"], listed)]:
            [changed] = [each[3] for each in lab.done(layer, seen.block).changes if each[0] == seen.fields["to"]]
            before = {slot: value for slot, value, _ in changed}
            assert set(before) == set(listed)
            # EIP-2200 and 2929, warm: 20,000 for a slot that was empty, else 2,900; the loop takes below 100 a slot.
            written = sum(2_900 if value else 20_000 for value in before.values())
            assert written < lab.frames(seen)[0].gas_used < written + 100 * len(listed)
            assert 2_400 + 1_900 * len(listed) < 2_100 * len(listed)
            found += 1
    assert found


def test_the_cap_of_a_transaction(lab: Mixed) -> None:
    """EIP-7825 on the L1 (Osaka), and not yet on the L2 (Jovian)."""
    limits = {
        layer: {each.fields["gas_limit"] for each in lab.seen if each.layer == layer and each.outcome["type"] != 0x7E}
        for layer in LAYERS
    }
    assert max(limits["l1"]) == 2**24
    assert max(limits["l2"]) == 2**24 + 1
    assert ("l1", "gas-limit-above-cap") in {(layer, kind) for layer, _, kind in lab.stack.refused}


# Delegated accounts (EIP-7702).


@BOTH
def test_delegations_are_set_used_and_cleared(lab: Mixed, layer: Layer) -> None:
    empty, ways = _core.keccak256(b""), set()
    ledgers = {
        created(each.fields["sender"], each.fields["nonce"])
        for each in lab.running(layer, deployment(LEDGER))
        if each.outcome["status"]
    }
    designators = {_core.keccak256(b"\xef\x01\x00" + each): each for each in ledgers}
    for block in lab.blocks(layer):
        if any(outcome["type"] == 4 for outcome in block.outcomes):
            for _, before, after, _ in lab.done(layer, block).changes:
                old, new = (empty if each is None else each[3] for each in (before, after))
                if new in designators and old not in designators:
                    ways.add("set")
                if old in designators and new == empty:
                    ways.add("cleared")
    for seen in lab.seen:
        to = seen.fields["to"]
        if seen.layer == layer and to is not None and seen.outcome["type"] == 2 and seen.outcome["status"]:
            frame = lab.frames(seen)[0] if to not in ledgers and len(seen.fields["input"]) == 64 else None
            if frame is not None and frame.target == to and frame.gas_used > 100:
                ways.add("used")
    assert ways == {"set", "used", "cleared"}


@BOTH
def test_void_authorizations_change_nothing(lab: Mixed, layer: Layer) -> None:
    """Four that do not hold cost 25,000 each; nobody's nonce counts up but those of senders and creators."""
    found = 0
    for seen in lab.seen:
        if seen.layer != layer or seen.outcome["type"] != 4 or seen.fields["authorizations"] != 4:
            continue
        gas, _ = intrinsic(seen)
        assert (seen.outcome["status"], seen.outcome["gas_used"]) == (1, gas)
        done, moved = lab.done(layer, seen.block), set()
        for address, before, after, _ in done.changes:
            if (before[0] if before else 0) != (after[0] if after else 0):
                moved.add(address)
        assert done.trace is not None
        creations = [each for each in Trace(done.trace).frames if each.kind in (Kind.CREATE, Kind.CREATE2)]
        senders = {outcome["sender"] for outcome in seen.block.outcomes}
        assert moved <= senders | {each.caller for each in creations} | {each.target for each in creations}
        found += 1
    assert found


# The machine.


@BOTH
def test_what_a_program_learns_of_its_block(lab: Mixed, layer: Layer) -> None:
    for seen in lab.running(layer, programs.ENVIRONMENT):
        header, words = seen.block.header, seen.words
        me = created(seen.fields["sender"], seen.fields["nonce"])
        sender, value = seen.fields["sender"], seen.fields["value"]
        base_fee = header.base_fee or 0
        price = base_fee + min(seen.fields["max_priority_fee_per_gas"], seen.fields["max_fee_per_gas"] - base_fee)
        number = int.from_bytes
        code = lab.stack.chain(layer).code(sender)
        assert not code  # the passerby's own account is delegated only within transactions
        assert words[:11] == [
            number(me, "big"), value, number(sender, "big"), number(sender, "big"), value, 0, 0,
            len(programs.ENVIRONMENT), price, 0, number(_core.keccak256(b""), "big"),
        ]  # fmt: skip
        assert words[11:20] == [
            0, number(header.beneficiary, "big"), header.timestamp, header.number, number(header.mix_hash, "big"),
            header.gas_limit, lab.stack.chain(layer).config.chain_id, value, base_fee,
        ]  # fmt: skip
        assert words[20] == (lab.stack.l1_blob_base_fee(seen.block) if layer == "l1" else 1)
        assert words[21] == 0


@BOTH
def test_hashes_of_blocks_near_and_far(lab: Mixed, layer: Layer) -> None:
    """BLOCKHASH knows 256 of them, EIP-2935's contract 8,191; EIP-4788's knows this block's beacon root."""
    chain, reached = lab.stack.chain(layer), 0

    def hashed(number: int) -> int:
        block = chain.block(number)
        assert block is not None
        return int.from_bytes(block.hash, "big")

    for seen in lab.running(layer, programs.BLOCK_HASHES):
        here = seen.block.number
        reached = max(reached, here)
        assert seen.words == [hashed(here - 1), hashed(here - 256) if here >= 256 else 0, 0, 0, 0]
    for seen in lab.running(layer, programs.HISTORY_READS):
        here, root = seen.block.number, seen.block.header.parent_beacon_block_root
        assert root is not None
        far = (1, hashed(here - 300)) if here >= 301 else (1, 0) if here == 300 else (0, 0)
        assert seen.words[:4] == [1, hashed(here - 1), *far]
        assert seen.words[4:] == [0, 0, 0, 0, 1, int.from_bytes(root, "big"), 0, 0]
        reached = max(reached, here)
    assert reached > (300 if layer == "l2" else 60)


@BOTH
def test_transient_storage(lab: Mixed, layer: Layer) -> None:
    """EIP-1153: lives for the transaction, is each contract's own, and cannot be written in a static call."""
    for seen in lab.running(layer, programs.TRANSIENT):
        assert seen.words == [7, 0, 1, 1, 1, 2, 0]


@BOTH
def test_calls_of_every_sort(lab: Mixed, layer: Layer) -> None:
    """A write fails in a static call and on the stipend (EIP-2200); delegated, it is the caller's slot."""
    for seen in lab.running(layer, programs.CALLS):
        assert seen.words == [1, 1, 0, 0, 1, 1]
    for seen in lab.running(layer, programs.PAYMENTS):
        *logs, (_, _, data) = seen.outcome["logs"]
        assert len(logs) == 1  # 2,300 of gas are enough for a log
        assert [data[at + 31] for at in range(0, len(data), 32)] == [1, 1, 1, 0, 0]


@BOTH
def test_create2_and_its_collision(lab: Mixed, layer: Layer) -> None:
    """EIP-1014: the second one, to the same address, takes all its gas (EIP-684)."""
    for seen in lab.running(layer, programs.COLLISION):
        me = created(seen.fields["sender"], seen.fields["nonce"])
        first, second, left = seen.words
        init = deployment(assemble("1 PUSH0 SSTORE 1 PUSH0 MSTORE 32 PUSH0 RETURN"))
        preimage = b"\xff" + me + (1).to_bytes(32, "big") + _core.keccak256(init)
        assert first == int.from_bytes(_core.keccak256(preimage)[12:], "big")
        assert second == 0
        assert left < seen.fields["gas_limit"] // 64


@BOTH
def test_selfdestruct_within_and_after_the_creating_transaction(lab: Mixed, layer: Layer) -> None:
    """EIP-6780."""
    chain = lab.stack.chain(layer)
    for seen in lab.running(layer, programs.DESTRUCTION):
        assert seen.words == [0, len(b"\x30\xff")]  # its ether is gone at once, its code with the transaction
        children = [frame.target for frame in lab.frames(seen) if frame.depth == 1 and frame.kind.name == "CREATE"]
        assert len(children) == 2
        for child in children:
            assert chain.account(child)[:2] == (0, 0)
    mortals = [
        created(each.fields["sender"], each.fields["nonce"]) for each in lab.running(layer, deployment(programs.MORTAL))
    ]
    calls = [seen for mortal in mortals for seen in lab.seen if (seen.layer, seen.fields["to"]) == (layer, mortal)]
    assert calls
    for seen in calls:
        trace = lab.done(layer, seen.block).trace
        assert trace is not None
        assert seen.fields["value"] in [each.value for each in Trace(trace).selfdestructs]
        assert chain.code(seen.fields["to"]) == programs.MORTAL
        assert chain.account(seen.fields["to"])[1] == 0


@BOTH
def test_limits_of_code(lab: Mixed, layer: Layer) -> None:
    """EIP-170, EIP-3860, EIP-3541."""
    chain = lab.stack.chain(layer)
    assert halts(lab.running(layer, programs.CODE_TOO_LONG)) == {"CreateContractSizeLimit"}
    assert halts(lab.running(layer, programs.INIT_TOO_LONG)) == {"CreateInitCodeSizeLimit"}
    assert halts(lab.running(layer, programs.FAILURES["code begins with 0xef"])) == {"CreateContractStartingWithEF"}
    for seen in lab.running(layer, programs.NO_EF_CHILD):
        assert seen.words == [0]
    for seen in lab.running(layer, programs.LONGEST_CODE):
        assert chain.code(created(seen.fields["sender"], seen.fields["nonce"])) == bytes(24_576)
    for seen in lab.running(layer, programs.LONGEST_INIT):
        assert len(seen.fields["input"]) == 49_152
        assert seen.outcome["status"] == 1


@BOTH
def test_one_part_in_64_is_kept(lab: Mixed, layer: Layer) -> None:
    """EIP-150: what is called can take all that is given, and its caller goes on; calls go hundreds deep."""
    for seen in lab.running(layer, programs.STARVATION):
        made, left = seen.words
        assert made == 0
        assert 0 < left < seen.fields["gas_limit"] // 64
    dived = [
        lab.frames(seen)
        for diver in lab.running(layer, deployment(programs.DIVER))
        for seen in lab.seen
        if (seen.layer, seen.fields["to"]) == (layer, created(diver.fields["sender"], diver.fields["nonce"]))
    ]
    assert dived
    assert all(max(frame.depth for frame in frames) > 250 for frames in dived)


@BOTH
def test_return_bombs(lab: Mixed, layer: Layer) -> None:
    for seen in lab.running(layer, programs.BOMBS):
        assert [int.from_bytes(data, "big") for _, _, data in seen.outcome["logs"]] == [65_536, 65_536]


@BOTH
def test_ways_to_fail(lab: Mixed, layer: Layer) -> None:
    expected = {
        "invalid": "InvalidFEOpcode", "unknown opcode": "OpcodeNotFound", "underflow": "StackUnderflow",
        "overflow": "StackOverflow", "bad jump": "InvalidJump", "jump into pushed data": "InvalidJump",
        "endless": "OutOfGas", "memory without end": "OutOfGas", "return data out of bounds": "OutOfOffset",
        "revert": None, "written, then invalid": "InvalidFEOpcode",
        "code begins with 0xef": "CreateContractStartingWithEF",
    }  # fmt: skip
    for name, init in programs.FAILURES.items():
        seen = lab.running(layer, init)
        assert halts(seen) == {expected[name]}, name
        assert {each.outcome["status"] for each in seen} == {0}, name


def test_counting_leading_zeros_is_the_l1s_only(lab: Mixed) -> None:
    """EIP-7939 is Osaka's."""
    for seen in lab.running("l1", programs.LEADING_ZEROS):
        assert seen.words == [256, 255, 248, 0]
    assert halts(lab.running("l2", programs.LEADING_ZEROS)) <= {"OpcodeNotFound", "NotActivated"}


def test_blobs_are_seen(lab: Mixed) -> None:
    """EIP-4844, EIP-7516."""
    probes = [
        created(each.fields["sender"], each.fields["nonce"]) for each in lab.running("l1", deployment(programs.BLOBS))
    ]
    found = [seen for probe in probes for seen in lab.seen if (seen.layer, seen.fields["to"]) == ("l1", probe)]
    assert found
    for seen in found:
        hashes = [int.from_bytes(each, "big") for each in seen.fields["blob_hashes"]]
        assert seen.words == [*hashes, 0, lab.stack.l1_blob_base_fee(seen.block)]


# Precompiled contracts.


@pytest.mark.eels
@BOTH
def test_valid_inputs_of_precompiled_contracts(lab: Mixed, layer: Layer) -> None:
    """Called directly, so that what they give is the transaction's output."""
    from unit.precompile_oracle import FALSE, TRUE, expected

    answered: dict[int, set[bytes]] = {}
    for number in precompiles.ALL:
        there = [each for each in lab.calls(layer, number.to_bytes(20, "big")) if each.fields["input"]]
        for seen in [each for each in there if each.outcome["status"]][:MOST]:
            output = expected(number, seen.fields["input"])
            if output is not None:
                assert seen.outcome["output"] == output, number
                answered.setdefault(number, set()).add(output)
    maps = {precompiles.MAP_TO_G1, precompiles.MAP_TO_G2}  # the second machine knows what comes out, below
    assert set(answered) == set(precompiles.ALL) - maps
    assert all(any(each.outcome["status"] for each in lab.calls(layer, at.to_bytes(20, "big"))) for at in maps)
    assert all(any(outputs) for outputs in answered.values())
    if layer == "l2":  # there are enough of them for both answers
        assert {TRUE, FALSE} == answered[precompiles.BN_PAIRING] == answered[precompiles.BLS_PAIRING]


def asked(lab: Mixed, layer: Layer) -> list[tuple[int, Frame, bool, bytes]]:
    """Calls of precompiled contracts by programs that go on: which, the frame, whether it succeeded, what it gave."""
    found = []
    for seen in lab.seen:
        if seen.layer == layer and seen.fields["to"] is None and len(seen.outcome["logs"]) == 1:
            [(_, topics, data)] = seen.outcome["logs"]
            frames = lab.frames(seen)
            if len(topics) == 1 and len(frames) == 2:
                assert topics[0][-1] == frames[1].success
                found.append((int.from_bytes(frames[1].target, "big"), frames[1], frames[1].success, data))
    return found


def test_invalid_inputs_of_precompiled_contracts(lab: Mixed) -> None:
    """The failure costs all that the call was given, or the answer is empty (EIP-7951)."""
    refused: dict[Layer, set[int]] = {layer: set() for layer in LAYERS}
    empty: set[int] = set()
    for layer in LAYERS:
        for number, frame, success, data in asked(lab, layer):
            if not success:
                assert frame.gas_used == frame.gas_limit
                refused[layer].add(number)
            elif not data:
                empty.add(number)
    assert refused["l2"] >= set(range(precompiles.BN_ADD, precompiles.MAP_TO_G2 + 1))
    assert len(refused["l1"]) > 6
    assert precompiles.P256_VERIFY in empty


@BOTH
def test_bounds_of_modular_exponentiation(lab: Mixed, layer: Layer) -> None:
    """EIP-7823: 1,024 bytes at most, on the L1. EIP-7883 there: twice the square of the words, at least 500."""
    sizes: dict[int, set[int]] = {}
    for seen in lab.calls(layer, (5).to_bytes(20, "big")):
        data = seen.fields["input"]
        size = int.from_bytes(data[:32], "big")
        if size in (1_024, 1_025) and len(data) == 97 + 2 * size:
            sizes.setdefault(size, set()).add(seen.outcome["status"])
            if seen.outcome["status"]:
                words = -(-size // 8)
                cost = 2 * words**2 if layer == "l1" else words**2 // 3  # EIP-2565 on the L2
                assert lab.frames(seen)[0].gas_used == cost
    assert sizes == {1_024: {1}, 1_025: {0 if layer == "l1" else 1}}


def test_precompiled_contracts_take_less_on_the_l2(lab: Mixed) -> None:
    """OP Stack, Jovian: more input than that fails, however much gas there is."""
    found = set()
    for number, frame, success, _ in asked(lab, "l2"):
        if frame.input_length == executions.TOO_LONG.get(number):
            assert not success
            # What it would cost: EIP-1108 for a pair of bn254, EIP-2537 for one of BLS12-381.
            if number == precompiles.BN_PAIRING:
                assert frame.gas_limit > 45_000 + 34_000 * (frame.input_length // 192)
            if number == precompiles.BLS_PAIRING:
                assert frame.gas_limit > 37_700 + 32_600 * (frame.input_length // 384)
            found.add(number)
    assert found == set(executions.TOO_LONG)


# The rollup.


def test_fees_of_the_l2(lab: Mixed) -> None:
    """Every kind of fee reaches its vault in a block with somebody's transaction; a deposit pays none."""
    vaults = {
        predeploys.SEQUENCER_FEE_VAULT, predeploys.BASE_FEE_VAULT, predeploys.L1_FEE_VAULT,
        predeploys.OPERATOR_FEE_VAULT,
    }  # fmt: skip
    paid = 0
    for block in lab.blocks("l2"):
        if sum(outcome["type"] != 0x7E for outcome in block.outcomes) == 1 and paid < 20:
            balances = {
                address: (before[1] if before else 0, after[1] if after else 0)
                for address, before, after, _ in lab.done("l2", block).changes
            }
            if any(seen in balances for seen in vaults) and block.outcomes[-1]["to"] not in vaults:
                priced = {vault for vault in vaults if vault in balances and balances[vault][1] > balances[vault][0]}
                assert priced >= vaults - {predeploys.SEQUENCER_FEE_VAULT}  # a tip may be none
                paid += priced == vaults
    assert paid


def test_data_that_fills_a_block(lab: Mixed) -> None:
    """Jovian: the footprint of data counts as gas does, and alone raises the base fee."""
    chain, found = lab.stack.l2, 0
    for block in lab.blocks("l2"):
        target = block.header.gas_limit // 6
        footprint, following = block.header.blob_gas_used or 0, chain.block(block.number + 1)
        if footprint > target > block.header.gas_used and following is not None:
            assert (following.header.base_fee or 0) > (block.header.base_fee or 0)
            found += 1
    assert found


def test_deposits_of_every_form(lab: Mixed) -> None:
    deposits = [seen for seen in lab.seen if seen.outcome["type"] == 0x7E and seen.index > 0]
    created_ = [seen for seen in deposits if seen.fields["to"] is None]
    assert {seen.outcome["status"] for seen in created_} == {0, 1}
    assert {seen.outcome["status"] for seen in deposits if seen.fields["to"] == predeploys.WETH} == {0, 1}
    assert any(seen.fields["mint"] and not seen.fields["value"] for seen in deposits)
    assert any(seen.fields["mint"] < seen.fields["value"] and not seen.outcome["status"] for seen in deposits)
    alias = (int.from_bytes(lab.stack.rollup.messenger, "big") + 0x1111000000000000000000000000000000001111) % 2**160
    assert alias.to_bytes(20, "big") in {seen.outcome["sender"] for seen in deposits}  # the messenger's


# The second machine.


@pytest.mark.eels
@BOTH
def test_the_second_machine_reproduces_them_and_meets_every_instruction(lab: Mixed, layer: Layer) -> None:
    """A block of each program, and of what nothing else here knows the outcome of; instructions as EELS traces them.

    Of the L1 only what is needed for that: its blocks are full of the rollup's own business.
    """
    from ethereum import trace
    from ethereum.forks.osaka.vm.instructions import Ops

    chain = lab.stack.chain(layer)
    wanted: dict[Any, Block] = {}
    met: set[str] = set()
    for seen in lab.seen:
        if seen.layer == layer and seen.outcome["sender"] == lab.stack.account("passerby", layer).address:
            kind = _kind(seen)
            if kind is not None and (layer == "l2" or kind in ESSENTIAL):
                least = wanted.setdefault(kind, seen.block)
                wanted[kind] = min(least, seen.block, key=lambda block: block.header.gas_used)
    assert set(wanted) >= ESSENTIAL - ({BLOBS_SEEN} if layer == "l2" else set())

    def tracer(evm: object, event: Any) -> None:
        if isinstance(event, trace.OpStart):
            met.add(event.op.name)

    before = trace.set_evm_trace(tracer)
    try:
        for block in {block.number: block for block in wanted.values()}.values():
            verdict = verify_claim(
                chain.claim(block), chain.witness(block), config=chain.config, second_opinion="always"
            )
            assert verdict.outcome is Outcome.HOLDS, verdict.reason
            assert verdict.second_opinion is not None
            assert verdict.second_opinion["agrees"] is True, block.number
    finally:
        trace.set_evm_trace(before)
    assert {op.name for op in Ops} - met == (set() if layer == "l1" else {"CLZ"})


BLOBS_SEEN = "blobs seen"
ARITHMETIC = "arithmetic"
ARITHMETIC_END = assemble("800 PUSH0 LOG0 STOP")  # it logs 25 words; what they are is drawn
KNOWN = {each for each in vars(programs).values() if isinstance(each, bytes)} | set(programs.FAILURES.values())
ESSENTIAL: set[Any] = {
    programs.ENVIRONMENT, programs.MEMORY, programs.STACK, programs.BLOCK_HASHES, programs.TRANSIENT, programs.CALLS,
    programs.COLLISION, programs.DESTRUCTION, programs.LEADING_ZEROS, programs.FAILURES["revert"], ARITHMETIC,
    BLOBS_SEEN, precompiles.MAP_TO_G1, precompiles.MAP_TO_G2,
}  # fmt: skip


def _kind(seen: Seen) -> Any:
    """What a block is chosen for: init code, a delegation, maps to a curve; None for what others here look at."""
    to, data = seen.fields["to"], seen.fields["input"]
    if to is None:
        if data in KNOWN:
            return data
        return ARITHMETIC if data.endswith(ARITHMETIC_END) else None
    if seen.outcome["type"] == 3:
        return BLOBS_SEEN if seen.outcome["logs"] else None
    if seen.outcome["type"] == 4:
        return ("type 4", seen.outcome["halt"], len(data))
    number = int.from_bytes(to, "big")
    return number if number in (precompiles.MAP_TO_G1, precompiles.MAP_TO_G2) else None
