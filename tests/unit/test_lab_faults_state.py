"""State-transition faults: what each does to the chain, and that re-execution names exactly that place."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.lab.block import Block
from rollproof.lab.contract import Contract
from rollproof.lab.faults import fault, machine, node, state_transition
from rollproof.lab.receipts import decode
from rollproof.lab.transaction import GWEI, Account
from rollproof.replay.second_opinion import available
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome, Verdict
from unit.lab_bench import TOKEN, Bench, claimed, slot

SEQUENCER_VAULT = bytes.fromhex("4200000000000000000000000000000000000011")
BASE_FEE_VAULT = bytes.fromhex("4200000000000000000000000000000000000019")
L1_FEE_VAULT = bytes.fromhex("420000000000000000000000000000000000001a")
OPERATOR_FEE_VAULT = bytes.fromhex("420000000000000000000000000000000000001b")
L1_BENEFICIARY = b"\xfe" * 20
HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
ETHER = 10**18
ALICE, BOB, CAROL, ATTACKER, BYSTANDER = (
    Account.named(name, 1).address for name in ("alice", "bob", "carol", "attacker", "bystander")
)
DEPOSITED_BY = b"\x11" * 20
_WITHIN = _core.keccak256(_core.rlp_encode([BYSTANDER, b""]))[12:]  # what the bystander's first transaction creates
CREATED = bytes(_WITHIN)


def balance(address: bytes) -> tuple[str, str]:
    return "account", f"0x{address.hex()}.balance"


def word(address: bytes, place: int) -> tuple[str, str]:
    return "storage", f"0x{address.hex()}[0x{place:064x}]"


def untouched(address: bytes) -> tuple[str, str]:
    """An account that no transaction touched is known by the hash of its address only."""
    return "account", f"keccak 0x{_core.keccak256(address).hex()}.balance"


def header(*names: str) -> set[tuple[str, str]]:
    return {("header", name) for name in names}


def transaction(index: int, *names: str) -> set[tuple[str, str]]:
    return {("transaction", f"{index}.{name}") for name in names}


STATE = header("state_root")
GAS = header("state_root", "receipts_root", "gas_used")
SENDERS = {balance(each) for each in (ALICE, BOB, CAROL)}
# Fault, its parameters, the layer, and every place that re-execution has to name: no more, no less. On the L2, block 3
# begins with two deposits; the transactions that somebody signed begin at index 2.
ROWS: list[tuple[str, dict[str, Any], str, set[tuple[str, str]]]] = [
    ("state-balance", {}, "l2", STATE | {untouched(ATTACKER)}),
    ("state-balance", {"layer": "l1", "amount": -5, "address": BOB}, "l1", STATE | {balance(BOB)}),
    ("state-slot", {}, "l2", STATE | {word(TOKEN, int.from_bytes(BOB, "big"))}),
    ("state-slot", {"layer": "l1"}, "l1", STATE | {word(TOKEN, int.from_bytes(BOB, "big"))}),
    (
        "gas-after-failure", {}, "l2", GAS | transaction(2, "gas_used", "cumulative_gas_used")
        | {balance(each) for each in (BYSTANDER, SEQUENCER_VAULT, BASE_FEE_VAULT, OPERATOR_FEE_VAULT)},
    ),
    (
        "gas-after-failure", {"layer": "l1", "gas": 700}, "l1",
        GAS | transaction(0, "gas_used", "cumulative_gas_used") | {balance(BYSTANDER), balance(L1_BENEFICIARY)},
    ),
    ("reverted-write-kept", {}, "l2", STATE | {word(CREATED, 0)}),
    ("reverted-write-kept", {"layer": "l1"}, "l1", STATE | {word(CREATED, 0)}),
    ("wrong-receipts", {}, "l2", header("receipts_root") | transaction(3, "logs[0].data")),
    ("wrong-receipts", {"kind": "log-dropped"}, "l2", header("receipts_root", "logs_bloom") | transaction(3, "logs")),
    ("wrong-receipts", {"kind": "log-added"}, "l2", header("receipts_root", "logs_bloom") | transaction(2, "logs")),
    ("wrong-receipts", {"kind": "status", "layer": "l1"}, "l1", header("receipts_root") | transaction(0, "status")),
    ("wrong-fee-vault", {}, "l2", STATE | {balance(BASE_FEE_VAULT)}),
    ("wrong-fee-vault", {"vault": "l1-fee", "amount": -1}, "l2", STATE | {balance(L1_FEE_VAULT)}),
    ("wrong-fee-vault", {"vault": "operator-fee"}, "l2", STATE | {balance(OPERATOR_FEE_VAULT)}),
    ("wrong-fee-vault", {"layer": "l1"}, "l1", STATE | {balance(L1_BENEFICIARY)}),
    ("deposit-mint", {"provoke": False}, "l2", STATE | {balance(DEPOSITED_BY)}),
    ("nonce-kept", {}, "l2", STATE | {("account", f"0x{CAROL.hex()}.nonce")}),
    ("nonce-kept", {"layer": "l1"}, "l1", STATE | {("account", f"0x{BOB.hex()}.nonce")}),
    (
        "wrong-vm", {}, "l2", header("blob_gas_used", "state_root") | SENDERS | {balance(OPERATOR_FEE_VAULT)},
    ),
]  # fmt: skip
IDS = [f"{name}-{layer}-{'-'.join(map(str, parameters.values()))}" for name, parameters, layer, _ in ROWS]


def verdict(bench: Bench, layer: str, block: Block, second_opinion: Any = "never") -> Verdict:
    chain = bench.chain(layer)
    claim = replace(chain.claim(block), receipts=claimed(block))
    return verify_claim(claim, chain.preimages, config=chain.config, second_opinion=second_opinion, audit_rate=0.0)


def injected(name: str, parameters: dict[str, Any]) -> tuple[Bench, fault.Fault]:
    """Two blocks of quiet, then the fault, until the L1 has made its second block."""
    bench = Bench()
    bench.run(2)
    found = bench.inject(fault.make(name, parameters))
    bench.run(10)
    return bench, found


@pytest.mark.parametrize(("name", "parameters", "layer", "places"), ROWS, ids=IDS)
def test_re_execution_names_the_place_and_nothing_else(
    name: str, parameters: dict[str, Any], layer: str, places: set[tuple[str, str]]
) -> None:
    bench, found = injected(name, parameters)
    [effect] = found.effects
    chain = bench.chain(layer)
    assert (effect.layer, effect.number) == (layer, 3 if layer == "l2" else 1)
    lie = chain.block(effect.number)
    assert lie is not None
    assert lie.hash == effect.hash
    said = verdict(bench, layer, lie)
    assert said.outcome is Outcome.BROKEN
    assert {(each.scope, each.key) for each in said.differences} == places
    assert (effect.unnamed(said.reason, said.differences), effect.beside(said.differences)) == ([], [])
    for other in range(1, chain.head.number + 1):  # before it and on top of it, all is right
        block = chain.block(other)
        assert block is not None
        assert other == effect.number or verdict(bench, layer, block).outcome is Outcome.HOLDS


@pytest.mark.skipif(not available(), reason="the second machine (rollproof[eels]) is not installed")
@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_a_machine_by_other_people_finds_the_same(name: str) -> None:
    bench, found = injected(name, {"provoke": False} if name == "deposit-mint" else {})
    block = bench.l2.block(found.effects[0].number)
    assert block is not None
    said = verdict(bench, "l2", block, "always")
    assert (said.outcome, said.confirmed) == (Outcome.BROKEN, True)


def honest(bench: Bench, layer: str, block: Block) -> tuple[_core.State, _core.State, _core.Done]:
    """The state that the block claims, the one that its transactions make, and what executing them gave."""
    chain = bench.chain(layer)
    done = chain.run(block)
    return chain.state(block), _core.State(chain.preimages, done.state_root), done


def test_a_balance_out_of_nothing() -> None:
    bench, found = injected("state-balance", {})
    block = bench.l2.block(found.effects[0].number)
    assert block is not None
    lie, truth, _ = honest(bench, "l2", block)
    has, had = lie.account(ATTACKER), truth.account(ATTACKER)
    assert has is not None
    assert had is not None
    assert has[1] - had[1] == 1_000 * ETHER
    assert bench.l2.account(ATTACKER)[1] == has[1]  # and it stays: the next blocks build on it


def test_a_token_balance_out_of_nothing_where_there_is_the_token() -> None:
    bench = Bench()
    token = Contract.load("ERC20")
    bench.send("l2", "alice", None, data=token.deployment("USD Coin", "USDC", 6), gas=3_000_000)
    bench.run(1)
    created = next(each["created"] for each in bench.l2.head.outcomes if each["created"])
    bench.deployed["USDC"] = token = token.at(created)
    bench.send("l2", "alice", created, data=token.encode("mint", BOB, 5), gas=200_000)
    found = bench.inject(fault.make("state-slot", {}))
    bench.run(1)
    [effect] = found.effects
    held = bench.l2.call(created, token.encode("balanceOf", ATTACKER))
    assert token.decode("balanceOf", held.output) == (10**12,)
    said = verdict(bench, "l2", bench.l2.head)
    place = _core.keccak256(bytes(12) + ATTACKER + token.slots["balanceOf"].to_bytes(32, "big"))
    key = f"0x{created.hex()}[keccak 0x{_core.keccak256(place).hex()}]"  # nobody touched the slot
    assert {(each.scope, each.key) for each in said.differences} == STATE | {("storage", key)}
    assert (effect.unnamed("", said.differences), effect.beside(said.differences)) == ([], [])


def test_a_deposit_is_sent_through_the_portal() -> None:
    bench = Bench(quiet=True)
    portal = b"\x99" * 20
    setattr(bench, "rollup", SimpleNamespace(portal=portal))  # noqa: B010 - no attribute of the bench
    bench.inject(fault.make("deposit-mint", {}))
    bench.run(1)
    [sent] = list(bench.l1_pool)
    assert (sent.sender, sent.to, sent.input[:4].hex()) == (BYSTANDER, portal, "e9e05c42")
    words = [sent.input[at : at + 32] for at in range(4, len(sent.input), 32)]
    assert words[0] == bytes(12) + BYSTANDER
    assert [int.from_bytes(each, "big") for each in words[1:]] == [ETHER, 100_000, 0, 160, 0]
    assert _core.decode_transaction(sent.raw, "ethereum")["value"] == ETHER


def test_the_gas_of_a_failed_transaction_is_wrong_everywhere() -> None:
    bench, found = injected("gas-after-failure", {})
    block = bench.l2.block(found.effects[0].number)
    assert block is not None
    lie, truth, done = honest(bench, "l2", block)
    failed = done.outcomes[2]
    assert (failed["status"], failed["sender"]) == (0, BYSTANDER)
    assert block.header.gas_used == done.gas_used - 2_000
    receipts = [decode(each) for each in block.receipts]
    cumulative = [each["cumulative_gas_used"] for each in done.outcomes]
    assert [each.cumulative_gas_used for each in receipts] == [
        *cumulative[:2], *(each - 2_000 for each in cumulative[2:])
    ]  # fmt: skip
    base_fee = block.header.base_fee or 0
    operator = 2_000 * 1_000 * 100  # gas, scalar, and Jovian's factor
    paid = {
        BYSTANDER: 2_000 * (base_fee + GWEI) + operator,
        SEQUENCER_VAULT: -2_000 * GWEI,
        BASE_FEE_VAULT: -2_000 * base_fee,
        OPERATOR_FEE_VAULT: -operator,
        L1_FEE_VAULT: 0,
    }
    for address, difference in paid.items():
        one, other = lie.account(address), truth.account(address)
        assert one is not None
        assert other is not None
        assert one[1] - other[1] == difference, address.hex()
    assert sum(paid.values()) == 0  # nothing is made or lost
    assert bench.l2.block(block.number + 1) is not None


def test_a_write_of_a_reverted_inner_call_is_there() -> None:
    bench, found = injected("reverted-write-kept", {})
    block = bench.l2.block(found.effects[0].number)
    assert block is not None
    lie, truth, done = honest(bench, "l2", block)
    assert [each["status"] for each in done.outcomes if each["sender"] == BYSTANDER] == [1, 1]
    assert truth.storage(CREATED, bytes(32)) == 0
    assert lie.storage(CREATED, bytes(32)) == block.number


def test_traffic_that_writes_and_reverts_is_used_where_there_is_any() -> None:
    bench = Bench()
    bench.run(2)
    found = bench.inject(fault.make("reverted-write-kept", {"provoke": False}))
    for _ in range(3):  # one slot is written several times in a block; nothing reverts
        bench.send("l2", "bob", TOKEN, data=bytes(12) + ALICE + (1).to_bytes(32, "big"), gas=100_000)
        bench.run(1)
    assert found.effects == []
    # More than the bystander has: the token writes first, and reverts afterwards.
    bench.send("l2", "bystander", TOKEN, data=bytes(12) + BOB + (10**40).to_bytes(32, "big"), gas=100_000)
    bench.run(1)
    [effect] = found.effects
    block = bench.l2.block(effect.number)
    assert block is not None
    named = {(each.scope, each.key) for each in verdict(bench, "l2", block).differences}
    assert named == STATE | {word(TOKEN, slot(bench.account("bystander", "l2")))}


@pytest.mark.parametrize("fork", machine.FORKS)
def test_another_forks_rules_show_where_the_specification_differs(fork: str) -> None:
    bench, found = injected("wrong-vm", {"fork": fork})
    [effect] = found.effects
    block = bench.l2.block(effect.number)
    assert block is not None
    said = verdict(bench, "l2", block)
    assert said.outcome is Outcome.BROKEN
    named = {(each.scope, each.key) for each in said.differences}
    assert header("blob_gas_used", "state_root") | {balance(OPERATOR_FEE_VAULT)} <= named
    assert (("header", "withdrawals_root") in named) == (fork != "isthmus")
    assert (word(HISTORY, block.number - 1) in named) == (fork != "isthmus")
    assert (balance(L1_FEE_VAULT) in named) == (fork == "ecotone")
    assert effect.unnamed(said.reason, said.differences) == []


def test_without_an_operator_fee_isthmus_differs_in_the_header_alone() -> None:
    bench = Bench(operator_fee=(0, 0))
    found = bench.inject(fault.make("wrong-vm", {}))
    bench.run(1)
    assert [str(each) for each in found.effects[0].expected] == ["header blob_gas_used"]
    assert {(each.scope, each.key) for each in verdict(bench, "l2", bench.l2.head).differences} == header(
        "blob_gas_used"
    )


def test_a_fault_waits_for_its_block_and_strikes_once_unless_told_otherwise() -> None:
    bench = Bench()
    late = bench.inject(fault.make("state-slot", {"at": "5"}))
    every = bench.inject(fault.make("wrong-receipts", {"repeat": True, "at": 7}))
    bench.run(8)
    assert [each.number for each in late.effects] == [5]
    assert [each.number for each in every.effects] == [7, 8]
    bench.lift(every)
    bench.run(2)
    assert [each.number for each in every.effects] == [7, 8]


ALONE = sorted({row[0] for row in ROWS} - {"deposit-mint"})


@pytest.mark.parametrize(
    ("name", "layer"),
    [(name, layer) for name in ALONE for layer in ("l1", "l2") if (name, layer) != ("wrong-vm", "l1")],
)
def test_in_a_quiet_lab_a_fault_sends_what_it_needs(name: str, layer: str) -> None:
    bench = Bench(quiet=True)
    found = bench.inject(fault.make(name, {} if name == "wrong-vm" else {"layer": layer}))
    bench.run(30)
    [effect] = found.effects
    block = bench.chain(layer).block(effect.number)
    assert block is not None
    said = verdict(bench, layer, block)
    assert said.outcome is Outcome.BROKEN
    assert (effect.unnamed(said.reason, said.differences), effect.beside(said.differences)) == ([], [])


def test_without_a_fault_all_holds() -> None:
    bench = Bench()
    bench.run(8)
    for layer in ("l1", "l2"):
        chain = bench.chain(layer)
        for number in range(1, chain.head.number + 1):
            block = chain.block(number)
            assert block is not None
            assert verdict(bench, layer, block).outcome is Outcome.HOLDS
    bench.follower.sync()
    assert (bench.follower.chain.head.hash, bench.follower.refused) == (bench.l2.head.hash, [])


def test_the_honest_node_refuses_the_block_and_stays_before_it() -> None:
    bench, found = injected("gas-after-failure", {})
    bench.follower.sync()
    [(refused, said)] = bench.follower.refused
    assert (refused.hash, said.outcome) == (found.effects[0].hash, Outcome.BROKEN)
    assert bench.follower.chain.head.number == refused.number - 1


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("state-slot", {"address": "0x" + "11" * 20}, "go together"),
        ("state-balance", {"at": -1}, "before the first one"),
        ("wrong-receipts", {"kind": "bloom"}, "no kind 'bloom'; there are log-altered"),
        ("wrong-fee-vault", {"vault": "l1-fee", "layer": "l1"}, "no vault 'l1-fee' on l1; there are beneficiary"),
        ("wrong-vm", {"fork": "karst"}, "no fork 'karst'; there are ecotone"),
        ("wrong-vm", {"layer": "l1"}, "has no parameter 'layer'"),
        ("node-slow", {"node": "l3"}, "no node 'l3'; there are l1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises((Malformed, Unsupported), match=message):
        Bench().inject(fault.make(name, parameters))


def test_every_fault_of_these_families_has_a_row() -> None:
    kinds = {each.id for each in fault.registered().values() if each.family == "state-transition"}
    assert kinds == {name for name, *_ in ROWS}
    assert (state_transition.ETHER, node.NODES) == (ETHER, ("l1", "l2", "l2-follower"))
