"""A block in another order, against what the lab's own builder makes of the same list of transactions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import rollproof as rp
from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.lab.block import Block, Built
from rollproof.lab.chain import Chain
from rollproof.lab.stack import Stack
from rollproof.lab.transaction import Account, created
from rollproof.replay import execute, order, reorder
from rollproof.replay.counterfactual import Counterfactual
from rollproof.replay.replayed import Fate, difference

GWEI = 10**9
ETHER = 10**18


@pytest.fixture(scope="module")
def busy() -> Stack:
    """A lab with traffic of every kind."""
    stack = Stack(seed=11)
    stack.populate()
    stack.run(30)
    return stack


def of(chain: Chain, block: Block, preimages: _core.Preimages | None = None) -> Counterfactual:
    """With everything that the chain knows, or only with the given preimages."""
    held = chain.preimages if preimages is None else preimages
    return Counterfactual(reorder.inputs_of(chain.claim(block), held, chain.config))


def rebuilt(chain: Chain, block: Block, transactions: list[bytes]) -> Built:
    """What the lab's builder gives for a list in the block's place."""
    twin, header = chain.branch(), block.header
    twin.rewind(block.number - 1)
    return twin.build(
        transactions,
        timestamp=header.timestamp,
        fee_recipient=header.beneficiary,
        prev_randao=header.mix_hash,
        parent_beacon_block_root=header.parent_beacon_block_root,
        extra_data=header.extra_data,
        gas_limit=header.gas_limit,
        withdrawals=block.withdrawals or (),
        skip=True,
    )


def busiest(chain: Chain, count: int) -> list[Block]:
    blocks = [block for number in range(1, chain.head.number + 1) if (block := chain.block(number)) is not None]
    return sorted(blocks, key=lambda block: -len(block.transactions))[:count]


@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_the_same_order_is_the_same_block(busy: Stack, layer: str) -> None:
    for block in busiest(busy.chain(layer), 4):
        same = of(busy.chain(layer), block).actual
        assert same.state_root == block.header.state_root
        assert same.gas_used == block.header.gas_used
        assert [each.outcome["hash"] for each in same.transactions if each.outcome] == list(block.hashes)
        assert same.unknown == ""


@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_a_random_order_is_what_the_builder_makes_of_it(busy: Stack, layer: str) -> None:
    rng, chain, excluded = random.Random(4), busy.chain(layer), 0
    for block in busiest(chain, 6):
        forced = order.deposits(block.transactions)
        count = len(block.transactions)
        other = of(chain, block)
        wanted = [order.without(count, [rng.randrange(forced, count)])]
        rest = list(range(forced, count))
        rng.shuffle(rest)
        wanted.append([*range(forced), *rest[: rng.randint(0, len(rest))]])
        for places in wanted:
            built = rebuilt(chain, block, [block.transactions[index] for index in places])
            found = other.replay(places)
            assert found.state_root == built.block.header.state_root
            assert found.gas_used == built.block.header.gas_used
            kept = [each for each in found.transactions if each.fate is Fate.INCLUDED]
            assert [block.transactions[each.index] for each in kept] == list(built.block.transactions)
            refused = [(each.kind, each.reason) for each in found.transactions if each.fate is Fate.EXCLUDED]
            assert refused == [(kind, reason) for _, kind, reason in built.refused]
            excluded += len(refused)
    assert excluded or layer == "l1"


def test_wei_is_neither_made_nor_lost_by_flows(busy: Stack) -> None:
    for block in busiest(busy.l2, 6):
        found = of(busy.l2, block).actual
        mints = sum(
            fields["mint"] or 0
            for fields in (_core.decode_transaction(raw, "op") for raw in block.transactions)
            if fields["type"] == 0x7E
        )
        assert sum(amount for (_, token), amount in found.net.items() if token is None) == mints
        assert sum(found.balances.values()) == mints


# What a removed transaction leaves behind.


@pytest.fixture
def quiet() -> Stack:
    return Stack(seed=5)


def send(stack: Stack, name: str, to: str, value: int = 1) -> bytes:
    return stack.send("l2", name, stack.account(to, "l2").address, value=value, gas=21_000, tip=GWEI)


def leaves(runtime: bytes) -> bytes:
    """Init code of a contract."""
    size = len(runtime)
    return bytes([0x60, size, 0x60, 0x0C, 0x60, 0x00, 0x39, 0x60, size, 0x60, 0x00, 0xF3]) + runtime


def index_of(block: Block, sent: bytes) -> int:
    return block.hashes.index(sent)


def test_a_removed_nonce_excludes_what_follows_or_is_closed(quiet: Stack) -> None:
    sent = [send(quiet, "victim", "bystander", value) for value in (1, 2, 4)]
    quiet.step()
    block = quiet.l2.head
    other = of(quiet.l2, block)
    at = [index_of(block, each) for each in sent]
    count = len(block.transactions)
    bystander = quiet.account("bystander", "l2").address

    kept = other.replay(order.without(count, at[:1]))
    assert [kept[index].kind for index in at[1:]] == ["nonce-too-high"] * 2
    assert kept.balances.get(bystander, 0) == 0
    assert at[0] not in kept

    closed = other.replay(order.without(count, at[:1]), nonces="close")
    assert closed.raised == {quiet.account("victim", "l2").address: 1}
    assert [closed[index].fate for index in at[1:]] == [Fate.INCLUDED] * 2
    assert closed.balances[bystander] == 6

    between = other.replay(order.without(count, at[1:2]), nonces="close")
    assert (between[at[0]].fate, between[at[2]].kind) == (Fate.INCLUDED, "nonce-too-high")
    assert between.balances[bystander] == 1

    turned = other.replay([*range(at[0]), at[1], at[0], at[2]])
    assert [turned[index].kind for index in at] == ["", "nonce-too-high", "nonce-too-high"]
    assert turned.balances[bystander] == 1


def test_what_a_removed_transaction_funded_is_excluded(quiet: Stack) -> None:
    poor = Account.named("nobody", quiet.l2.config.chain_id)
    funds = quiet.send("l2", "victim", poor.address, value=ETHER, gas=21_000)
    spend = quiet.send("l2", poor, quiet.account("bystander", "l2").address, value=5, gas=21_000)
    quiet.step()
    block = quiet.l2.head
    other = of(quiet.l2, block)
    gone = other.replay(order.without(len(block.transactions), [index_of(block, funds)]))
    assert gone[index_of(block, spend)].kind == "insufficient-funds"


def test_a_call_to_what_a_removed_transaction_created_does_nothing(quiet: Stack) -> None:
    deployer = quiet.account("bystander", "l2")
    contract = created(deployer.address, quiet.next_nonce("l2", deployer))
    stores = bytes.fromhex("600160005500")  # SSTORE(0, 1), STOP
    deploy = quiet.send("l2", deployer, None, data=leaves(stores), gas=200_000)
    call = quiet.send("l2", "victim", contract, value=7, gas=100_000)
    quiet.step()
    block = quiet.l2.head
    assert (quiet.l2.code(contract), quiet.l2.storage(contract, 0)) == (stores, 1)
    other = of(quiet.l2, block)
    gone = other.replay(order.without(len(block.transactions), [index_of(block, deploy)]))
    after = gone[index_of(block, call)]
    assert after.fate is Fate.INCLUDED
    assert after.outcome is not None
    assert (after.outcome["status"], after.outcome["gas_used"]) == (1, 21_000)
    assert gone.balances[contract] == 7
    assert len(after.notes) == 1
    assert contract.hex() in after.notes[0]


def test_own_difference_is_exact(quiet: Stack) -> None:
    sent = [send(quiet, "victim", "bystander", value) for value in (ETHER, 2 * ETHER)]
    quiet.step()
    block = quiet.l2.head
    other = of(quiet.l2, block)
    less = other.without(index_of(block, sent[0]))
    victim, bystander = (quiet.account(name, "l2").address for name in ("victim", "bystander"))
    lost = difference(other.actual, less, victim)
    assert (lost.native, dict(lost.tokens)) == (-ETHER, {})
    assert lost.fees < -21_000 * GWEI
    assert lost.fees + lost.native == other.actual.balances[victim] - less.balances[victim]
    got = difference(other.actual, less, bystander)
    assert (got.native, got.fees) == (ETHER, 0)


# Orders that there are not.


def test_deposits_stay_where_they_are(busy: Stack) -> None:
    block = next(each for each in busiest(busy.l2, 1000) if order.deposits(each.transactions) > 1)
    other, count = of(busy.l2, block), len(block.transactions)
    with pytest.raises(Unsupported, match="the L1 attributes transaction cannot be removed"):
        other.replay(order.without(count, [0]))
    with pytest.raises(Unsupported, match="the L1 attributes transaction cannot be moved"):
        other.replay(order.swapped(count, 0, 1))
    with pytest.raises(Unsupported, match="deposit 1 cannot be"):
        other.replay(order.without(count, [1]))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [([0, 0], "named twice"), ([0, 99], "no transaction 99"), ([0, -1], "no transaction -1"), ([0, "1"], "no tr")],
)
def test_an_order_that_is_none(quiet: Stack, wanted: list[int], said: str) -> None:
    quiet.step()
    with pytest.raises(Malformed, match=said):
        of(quiet.l2, quiet.l2.head).replay(wanted)
    with pytest.raises(Malformed, match="nonces are keep or close"):
        of(quiet.l2, quiet.l2.head).replay([0], nonces="open")  # type: ignore[arg-type]


# What a witness does not hold.


def test_a_missing_witness_is_unknown_and_named(quiet: Stack) -> None:
    """Once a flag is set, a contract no more asks for somebody's balance: the block's witness need not have it."""
    # SLOAD(0), JUMPI over BALANCE(CALLDATALOAD(0)); SSTORE(0, 1)
    deployer = quiet.account("bystander", "l2")
    contract = created(deployer.address, quiet.next_nonce("l2", deployer))
    quiet.send("l2", deployer, None, data=leaves(bytes.fromhex("5f546009575f3531505b60015f55")), gas=200_000)
    quiet.step()
    asked, other = (bytes(12) + quiet.account(name, "l2").address for name in ("trader-0", "bystander"))
    sets = quiet.send("l2", "bystander", contract, data=other, gas=100_000)
    before = send(quiet, "liquidator", "bystander")
    looks = quiet.send("l2", "victim", contract, data=asked, gas=100_000)
    behind = send(quiet, "liquidator", "bystander")
    quiet.step()
    block = quiet.l2.head
    witness = _core.Preimages()
    witness.add(quiet.l2.witness(block))
    gone = order.without(len(block.transactions), [index_of(block, sets)])

    found = of(quiet.l2, block, witness).replay(gone)
    assert found.state_root is None
    assert asked[12:].hex() in found.unknown
    fates = [found[index_of(block, each)].fate for each in (before, looks, behind)]
    assert fates == [Fate.INCLUDED, Fate.UNKNOWN, Fate.UNKNOWN]
    assert found[index_of(block, looks)].reason == found.unknown
    with pytest.raises(rp.Missing, match="missing"):
        _ = found.balances

    served = Node(quiet.l2.state(quiet.l2.block(block.number - 1)), asked[12:])
    fetched = Counterfactual(reorder.inputs_of(quiet.l2.claim(block), witness, quiet.l2.config), served)
    right = of(quiet.l2, block).replay(gone)
    assert fetched.replay(gone).state_root == right.state_root is not None
    assert right.state_root == of(quiet.l2, block, witness).replay(gone).state_root, "evidence has what was fetched"
    assert served.asked == 1


class Node:
    """Proves one account."""

    def __init__(self, state: _core.State, address: bytes) -> None:
        self._state, self._address, self.asked = state, address, 0

    def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
        self.asked += 1
        return self._state.prove(self._address)


# Recorded blocks.


RECORDED = ["eth-mainnet-21230867", "eth-mainnet-4370000", "op-mainnet-132796000", "op-sepolia-26207962"]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_blocks_in_other_orders(shared_data: Path, name: str) -> None:
    """Offline, what can be executed of an order is as the machine that runs plain blocks has it; the rest is named."""
    path = shared_data / "blocks" / f"{name}.json.gz"
    inputs = reorder.inputs(path)
    other, count = Counterfactual(inputs), len(inputs.transactions)
    assert other.actual.state_root is not None
    forced, rng = order.deposits(inputs.transactions), random.Random(9)
    for _ in range(4):
        gone = rng.randrange(forced, count)
        found = other.replay(order.without(count, [gone]))
        assert found.transactions[:gone] == other.actual.transactions[:gone]
        known = [each for each in found.transactions if each.fate is not Fate.UNKNOWN]
        assert bool(found.unknown) == (len(known) < count - 1) == (found.state_root is None)
        kept = [inputs.transactions[each.index] for each in known if each.fate is Fate.INCLUDED]
        plain = execute.run(replace(inputs, transactions=tuple(kept)), None, 1)
        assert isinstance(plain, _core.Done)
        assert [each.outcome for each in known if each.outcome is not None] == plain.outcomes
        assert found.unknown or found.state_root == plain.state_root


def test_the_first_deposit_of_a_recorded_block_stays(shared_data: Path) -> None:
    path = shared_data / "blocks" / "op-mainnet-132796000.json.gz"
    with pytest.raises(Unsupported, match="L1 attributes"):
        rp.replay(path, order=[1, 0])
