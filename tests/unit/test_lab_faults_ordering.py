"""Ordering faults: read back from the blocks and the pool, with a lab of its own that is not disturbed beside it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from rollproof import _core
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.lab.block import Block
from rollproof.lab.contract import Contract
from rollproof.lab.deployments.venue import venue
from rollproof.lab.faults import fault
from rollproof.lab.faults.effect import Expected
from rollproof.lab.faults.front_running import bought, most
from rollproof.lab.faults.ordering import in_nonce_order
from rollproof.lab.pool import Pending
from rollproof.lab.stack import Stack
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome

GWEI = 10**9
ETHER = 10**18
FOREVER = 2**256 - 1


@pytest.fixture
def stack() -> Stack:
    return Stack(seed=5)


def transfer(stack: Stack, name: str, layer: str = "l2", to: str = "deployer", tip: int = GWEI) -> bytes:
    target = stack.account(to, layer).address
    return stack.send("l1" if layer == "l1" else "l2", name, target, value=1, gas=21_000, tip=tip)


def included(stack: Stack, transaction: bytes, layer: str = "l2") -> int | None:
    found = stack.chain(layer).locate(transaction)
    return None if found is None else found[0].number


def signed(block: Block) -> list[dict[str, Any]]:
    """The transactions that somebody signed, as any node shows them."""
    raw = [each for each in block.transactions if each[0] != 0x7E]
    return [dict(_core.decode_transaction(each, "op")) for each in raw]


def tips(block: Block) -> list[int]:
    """Effective priority fees in the block's order (EIP-1559)."""
    base_fee = block.header.base_fee or 0
    return [
        min(each["max_priority_fee_per_gas"], each["max_fee_per_gas"] - base_fee)
        for each in (_core.decode_transaction(raw, "op") for raw in block.transactions)
        if each["type"] != 0x7E
    ]


def blocks(stack: Stack, first: int = 1, layer: str = "l2") -> Iterator[Block]:
    chain = stack.chain(layer)
    for number in range(first, chain.head.number + 1):
        block = chain.block(number)
        assert block is not None
        yield block


def assert_valid(stack: Stack) -> None:
    """Nothing here is wrong by the rules: whoever executes the blocks again gets the same."""
    for chain in (stack.l1, stack.l2):
        block = chain.head
        verdict = verify_claim(chain.claim(block), chain.witness(block), config=chain.config, second_opinion="never")
        assert verdict.outcome is Outcome.HOLDS


# Withholding.


@pytest.mark.parametrize(("layer", "steps"), [("l1", 6), ("l2", 1)])
def test_undisturbed_everybody_is_in_the_next_block(stack: Stack, layer: str, steps: int) -> None:
    for _ in range(3):
        sent = [transfer(stack, name, layer) for name in ("victim", "trader-0")]
        stack.run(steps)
        assert [included(stack, each, layer) for each in sent] == [stack.chain(layer).head.number] * 2


@pytest.mark.parametrize(("layer", "steps"), [("l1", 6), ("l2", 1)])
def test_censorship_of_a_sender(stack: Stack, layer: str, steps: int) -> None:
    victim = stack.account("victim", layer).address
    injected = stack.inject(fault.make("censorship", {"layer": layer, "by": "sender", "provoke": False}))
    out = transfer(stack, "victim", layer, tip=50 * GWEI)
    for _ in range(4):
        other = transfer(stack, "trader-0", layer, to="victim")
        stack.run(steps)
        assert included(stack, other, layer) == stack.chain(layer).head.number
    assert included(stack, out, layer) is None
    assert out in stack.pool(layer)
    assert stack.chain(layer).account(victim)[0] == 0
    [effect] = injected.effects
    assert (effect.layer, effect.outcome) == (layer, Outcome.HOLDS)
    assert effect.expected == (Expected.finding("censorship"), Expected.subject(out), Expected.subject(victim))
    assert_valid(stack)
    stack.lift(injected)
    stack.run(steps)
    assert included(stack, out, layer) == stack.chain(layer).head.number


def test_censorship_of_a_recipient(stack: Stack) -> None:
    token = stack.account("bystander", "l2").address
    stack.inject(fault.make("censorship", {"address": "0x" + token.hex(), "by": "recipient", "provoke": False}))
    to, past = transfer(stack, "trader-0", to="bystander"), transfer(stack, "trader-1")
    own = transfer(stack, "bystander")
    stack.run(5)
    assert included(stack, to) is None
    assert included(stack, past) == 1
    assert included(stack, own) == 1


def test_censorship_provokes_what_it_censors(stack: Stack) -> None:
    injected = stack.inject(fault.make("censorship", {}))
    stack.run(10)
    assert len(injected.effects) == 1
    [waiting] = stack.l2_pool
    assert waiting.sender == stack.account("victim", "l2").address
    assert stack.time - waiting.arrived == 18


@pytest.mark.parametrize(("layer", "steps"), [("l1", 6), ("l2", 1)])
def test_delayed_inclusion(stack: Stack, layer: str, steps: int) -> None:
    stack.run(6)  # on the L1, steps and slots begin together
    injected = stack.inject(fault.make("delayed-inclusion", {"layer": layer, "blocks": 3, "provoke": False}))
    head = stack.chain(layer).head.number
    out = transfer(stack, "victim", layer, tip=50 * GWEI)
    later = []
    for _ in range(5):
        later.append(transfer(stack, "trader-0", layer))
        stack.run(steps)
    assert [included(stack, each, layer) for each in later] == list(range(head + 1, head + 6))
    assert included(stack, out, layer) == head + 4
    [effect] = injected.effects
    assert effect.number == head + 1
    stack.lift(injected)
    out = transfer(stack, "victim", layer)
    stack.run(steps)
    assert included(stack, out, layer) == stack.chain(layer).head.number


# The claimed order.


def test_undisturbed_priority_fees_only_fall() -> None:
    stack = Stack(seed=5, ordering="priority-fee")
    for number, tip in enumerate((1, 7, 3, 9, 2)):
        transfer(stack, f"trader-{number}", tip=tip * GWEI)
    stack.step()
    assert tips(stack.l2.head) == [tip * GWEI for tip in (9, 7, 3, 2, 1)]


@pytest.mark.parametrize("ordering", ["fifo", "priority-fee"])
def test_a_favourite_comes_first(ordering: str) -> None:
    stack = Stack(seed=5, ordering=ordering)
    injected = stack.inject(fault.make("priority-violated", {"provoke": False}))
    assert stack.sequencer.ordering == "priority-fee"
    for number, tip in enumerate((1, 7, 3)):
        transfer(stack, f"trader-{number}", tip=tip * GWEI)
    cheap = [transfer(stack, "attacker", tip=0), transfer(stack, "attacker", tip=0)]
    stack.step()
    assert tips(stack.l2.head) == [0, 0, 7 * GWEI, 3 * GWEI, GWEI]
    [effect] = injected.effects
    assert Expected.subject(cheap[0]) in effect.expected
    assert_valid(stack)
    stack.lift(injected)
    assert stack.sequencer.ordering == ordering
    transfer(stack, "trader-0", tip=3 * GWEI)
    transfer(stack, "attacker", tip=0)
    stack.step()
    assert tips(stack.l2.head) == [3 * GWEI, 0]


def test_the_order_reversed(stack: Stack) -> None:
    injected = stack.inject(fault.make("priority-violated", {"kind": "reversed", "provoke": False}))
    for name, tip in (("trader-0", 5), ("trader-0", 1), ("trader-1", 7), ("trader-2", 3)):
        transfer(stack, name, tip=tip * GWEI)
    stack.step()
    assert tips(stack.l2.head) == [5 * GWEI, 3 * GWEI, GWEI, 7 * GWEI]
    assert [(each["nonce"]) for each in signed(stack.l2.head)] == [0, 0, 1, 0]
    assert len(injected.effects) == 1


def test_equal_fees_are_no_violation(stack: Stack) -> None:
    injected = stack.inject(fault.make("priority-violated", {"provoke": False}))
    for name in ("trader-0", "attacker", "trader-1"):
        transfer(stack, name)
    stack.step()
    assert len(tips(stack.l2.head)) == 3
    assert injected.effects == []


@pytest.mark.parametrize("layer", ["l1", "l2"])
def test_a_violation_is_provoked(stack: Stack, layer: str) -> None:
    stack.run(6)  # the last of the L1's contracts
    injected = stack.inject(fault.make("priority-violated", {"layer": layer}))
    stack.run(7)
    block = stack.chain(layer).head
    assert tips(block) == [GWEI // 100, 3 * GWEI]
    assert injected.effects[-1].hash == block.hash


def test_nonces_stay_in_order() -> None:
    def pending(sender: int, nonce: int) -> Pending:
        return Pending(b"", bytes([sender, nonce]), bytes([sender]), None, nonce, 0, 0, 0, b"", 0)

    mixed = [pending(1, 2), pending(2, 0), pending(1, 0), pending(2, 1), pending(1, 1)]
    assert [each.hash for each in in_nonce_order(mixed)] == [b"\1\0", b"\2\0", b"\1\1", b"\2\1", b"\1\2"]


# Front-running.


def market_maker(stack: Stack) -> None:
    """A pair of two tokens with reserves of a million and two, and its router."""
    one = stack.deploy("TokenOne", "ERC20", "One", "ONE", 18)
    two = stack.deploy("TokenTwo", "ERC20", "Two", "TWO", 18)
    pair = stack.deploy("Pair", "Pair", one.address, two.address)
    router = stack.deploy("Router", "Router")
    stack.send("l2", "deployer", router.address, data=router.encode("register", pair.address))
    provider = stack.account("liquidity-provider", "l2").address
    for token, amount in ((one, 10**6), (two, 2 * 10**6)):
        stack.send("l2", "deployer", token.address, data=token.encode("mint", provider, amount * ETHER))
        stack.send("l2", "liquidity-provider", token.address, data=token.encode("approve", router.address, FOREVER))
        mint = token.encode("mint", stack.account("victim", "l2").address, 10**6 * ETHER)
        stack.send("l2", "deployer", token.address, data=mint)
        stack.send("l2", "victim", token.address, data=token.encode("approve", router.address, FOREVER))
    amounts = (10**6 * ETHER, 2 * 10**6 * ETHER, 0, 0)
    add = router.encode("addLiquidity", one.address, two.address, *amounts, provider, FOREVER)
    stack.step()
    stack.send("l2", "liquidity-provider", router.address, data=add)
    stack.step()
    assert sorted(stack.view("l2", pair, "getReserves")[:2]) == sorted(amounts[:2])


def swap(stack: Stack, amount: int, slippage: int, name: str = "victim") -> bytes:
    """The account swaps tokens one for two and takes so many basis points less than the price says."""
    router, path = stack.deployed["Router"], [stack.deployed["TokenOne"].address, stack.deployed["TokenTwo"].address]
    quoted = stack.view("l2", router, "getAmountsOut", amount, path)[0][-1]
    least = quoted * (10_000 - slippage) // 10_000
    to = stack.account(name, "l2").address
    data = router.encode("swapExactTokensForTokens", amount, least, path, to, FOREVER)
    return stack.send("l2", name, router.address, data=data)


def swaps(stack: Stack, block: Block) -> list[tuple[Any, ...]]:
    """(sender of the transaction, amount in of token 0 and 1, out of token 0 and 1) by the pair's logs."""
    pair = stack.deployed["Pair"]
    found = []
    for outcome in block.outcomes:
        for log in outcome["logs"]:
            event = pair.event("Swap", log)
            if event is not None:
                names = ("amount0In", "amount1In", "amount0Out", "amount1Out")
                found.append((outcome["sender"], *(event[name] for name in names)))
    return found


def test_an_undisturbed_swap_gets_the_quoted_price(stack: Stack) -> None:
    market_maker(stack)
    router, path = stack.deployed["Router"], [stack.deployed["TokenOne"].address, stack.deployed["TokenTwo"].address]
    quoted = stack.view("l2", router, "getAmountsOut", 1000 * ETHER, path)[0][-1]
    swap(stack, 1000 * ETHER, 300)
    stack.step()
    [(_, *amounts)] = swaps(stack, stack.l2.head)
    assert sorted(amounts) == [0, 0, 1000 * ETHER, quoted]


def test_a_sandwich(stack: Stack) -> None:
    market_maker(stack)
    injected = stack.inject(fault.make("sandwich", {"provoke": False}))
    stack.run(2)
    assert swaps(stack, stack.l2.head) == []
    one, attacker, victim = (
        stack.deployed["TokenOne"],
        *(stack.account(n, "l2").address for n in ("attacker", "victim")),
    )
    [before] = stack.view("l2", one, "balanceOf", attacker)
    path = [one.address, stack.deployed["TokenTwo"].address]
    quoted = stack.view("l2", stack.deployed["Router"], "getAmountsOut", 50_000 * ETHER, path)[0][-1]
    transfer(stack, "trader-0")
    hash_ = swap(stack, 50_000 * ETHER, 300)
    transfer(stack, "trader-1")
    stack.step()
    block = stack.l2.head
    buy, hurt, sell = swaps(stack, block)
    assert [each[0] for each in (buy, hurt, sell)] == [attacker, victim, attacker]
    up, down = buy[1:], sell[1:]
    side = 0 if up[0] else 1  # which of the pair's tokens is the one that the victim pays with
    assert (hurt[1 + side] > 0, down[side] == 0, up[3 - side] == down[1 - side]) == (True, True, True)
    got = hurt[4 - side]
    assert quoted * 9_700 // 10_000 <= got < quoted * 9_710 // 10_000  # all of what was allowed, and no more
    [after] = stack.view("l2", one, "balanceOf", attacker)
    assert after - before == down[2 + side] - up[side] > 0
    mined = [each["hash"] for each in signed(block)]
    assert mined.index(hash_) == 1
    assert len(mined) == 5
    [effect] = injected.effects
    assert effect.expected == (Expected.finding("sandwich"), *map(Expected.subject, mined[:3]))
    assert_valid(stack)
    stack.lift(injected)
    swap(stack, 1000 * ETHER, 300)
    stack.step()
    assert len(swaps(stack, stack.l2.head)) == 1


def test_no_sandwich_where_nothing_is_to_be_had(stack: Stack) -> None:
    market_maker(stack)
    injected = stack.inject(fault.make("sandwich", {"provoke": False}))
    stack.run(2)
    swap(stack, 50_000 * ETHER, 0)
    stack.step()
    assert len(swaps(stack, stack.l2.head)) == 1
    assert injected.effects == []


def test_a_sandwich_is_provoked(stack: Stack) -> None:
    market_maker(stack)
    injected = stack.inject(fault.make("sandwich", {"share": 5_000}))
    stack.run(6)
    [effect] = injected.effects
    block = stack.l2.block(effect.number)
    assert block is not None
    assert len(swaps(stack, block)) == 3


def test_the_largest_purchase_is_the_largest() -> None:
    into, out, amount = 10**24, 2 * 10**24, 5 * 10**22
    least = bought(amount, into, out) * 97 // 100
    front = most(amount, least, into, out, 10**30)

    def left(purchase: int) -> int:
        return bought(amount, into + purchase, out - bought(purchase, into, out))

    assert left(front) >= least > left(front + 1)
    assert most(amount, least, into, out, 10**18) == 10**18


def bounty(stack: Stack) -> tuple[bytes, list[tuple[bytes, int, bytes]]]:
    """The contract that was claimed from, and (sender, status, input) of every claim in the chain."""
    found = []
    for block in blocks(stack):
        status = {each["hash"]: each["status"] for each in block.outcomes}
        found += [(each["to"], each["sender"], status[each["hash"]], each["input"]) for each in signed(block)
                  if len(each["input"]) == 68]  # fmt: skip
    return found[0][0], [each[1:] for each in found]


def test_displacement(stack: Stack) -> None:
    attacker, victim = (stack.account(name, "l2").address for name in ("attacker", "victim"))
    injected = stack.inject(fault.make("displacement", {}))
    stack.run(8)
    contract, claims = bounty(stack)
    assert [(sender, status) for sender, status, _ in claims] == [(attacker, 1), (victim, 0)]
    ours, theirs = (data for _, _, data in claims)
    assert ours == theirs.replace(victim, attacker)
    assert ours[:4] == _core.keccak256(b"claim(bytes32,address)")[:4]
    assert stack.l2.account(contract)[1] == 0
    [effect] = injected.effects
    block = stack.l2.block(effect.number)
    assert block is not None
    traded = stack.l2.account(attacker, block)[1] - stack.l2.account(attacker, stack.l2.block(effect.number - 1))[1]
    assert 0.99 * ETHER < traded < ETHER
    assert_valid(stack)
    # What the victim sends is left alone afterwards, though it names itself again.
    stack.lift(injected)
    stack.send("l2", "victim", contract, data=theirs)
    stack.step()
    assert [each["sender"] for each in signed(stack.l2.head)] == [victim]


def test_without_displacement_the_bounty_goes_to_who_claims_it(stack: Stack) -> None:
    injected = fault.make("displacement", {})
    victim = stack.account("victim", "l2").address
    for _ in range(3):  # its provocation alone
        injected.before_step(stack)
        stack.step()
    contract, claims = bounty(stack)
    assert [(sender, status) for sender, status, _ in claims] == [(victim, 1)]
    assert stack.l2.account(contract)[1] == 0


# Liquidations.


def with_venue(stack: Stack) -> Contract:
    vars(stack).setdefault("market", SimpleNamespace(price=lambda time, symbol: 2_000 * 10**8))
    venue(stack)
    return stack.deployed["PerpetualsVenue"]


def liquidations(stack: Stack, block: Block) -> list[tuple[int, bytes]]:
    """Index and liquidator of every Liquidated log."""
    contract = stack.deployed["PerpetualsVenue"]
    events = [(index, contract.event("Liquidated", log)) for index, each in enumerate(block.outcomes)
              for log in each["logs"]]  # fmt: skip
    return [(index, event["liquidator"]) for index, event in events if event is not None]


def pushes(stack: Stack, block: Block) -> list[int]:
    oracle = stack.deployed["PriceOracle"]
    found = [index for index, each in enumerate(block.outcomes)
             for log in each["logs"] if oracle.event("PricePushed", log) is not None]  # fmt: skip
    return sorted(set(found))


def test_a_liquidation_behind_the_oracle_update(stack: Stack) -> None:
    contract = with_venue(stack)
    attacker, victim = (stack.account(name, "l2").address for name in ("attacker", "victim"))
    injected = stack.inject(fault.make("back-run-liquidation", {}))
    stack.run(6)
    [effect] = injected.effects
    block, before = stack.l2.block(effect.number), stack.l2.block(effect.number - 1)
    assert block is not None
    [(index, liquidator)] = liquidations(stack, block)
    assert liquidator == attacker
    assert pushes(stack, block) == [index - 1]
    assert stack.view("l2", contract, "liquidatable", victim, at=before) == (0,)
    assert stack.view("l2", contract, "position", 0, victim, at=before)[0][0] > 0
    assert effect.expected[1:] == tuple(map(Expected.subject, block.hashes[index - 1 : index + 1]))
    [balance] = stack.view("l2", contract, "account", attacker)[3:4]
    assert balance > 0  # the keeper's share
    assert_valid(stack)


def test_others_liquidations_are_held_back(stack: Stack) -> None:
    contract = with_venue(stack)
    call = contract.encode("liquidate", 0, stack.account("victim", "l2").address)
    early = stack.send("l2", "liquidator", contract.address, data=call)
    stack.step()
    assert included(stack, early) == stack.l2.head.number
    injected = stack.inject(fault.make("back-run-liquidation", {"provoke": False, "blocks": 3}))
    held, head = stack.send("l2", "liquidator", contract.address, data=call), stack.l2.head.number
    stack.run(5)
    assert included(stack, held) == head + 4
    held = stack.send("l2", "liquidator", contract.address, data=call)
    stack.step()
    assert included(stack, held) is None
    stack.lift(injected)
    stack.step()
    assert included(stack, held) == stack.l2.head.number


def test_without_it_nobody_is_liquidated_in_the_block_of_the_update(stack: Stack) -> None:
    contract = with_venue(stack)
    injected = fault.make("back-run-liquidation", {})
    injected.start(stack)
    victim, moved = stack.account("victim", "l2").address, 0
    while stack.view("l2", contract, "liquidatable", victim) == (0,):
        assert moved < 10
        injected.before_step(stack)  # its provocation alone
        stack.step()
        moved += len(pushes(stack, stack.l2.head))
        assert liquidations(stack, stack.l2.head) == []
    assert moved > 0


# What cannot be.


def test_parameters_are_checked(stack: Stack) -> None:
    for name in ("sandwich", "back-run-liquidation"):
        with pytest.raises(Missing, match=f"{name}: the lab has no"):
            stack.inject(fault.make(name, {}))
    for name, parameters, error in (
        ("censorship", {"layer": "l3"}, Unsupported),
        ("censorship", {"by": "nobody"}, Unsupported),
        ("censorship", {"address": "0x00"}, Malformed),
        ("delayed-inclusion", {"blocks": 0}, Malformed),
        ("priority-violated", {"kind": "sideways"}, Unsupported),
        ("priority-violated", {"favourite": "nobody"}, Missing),
    ):
        with pytest.raises(error):
            stack.inject(fault.make(name, parameters))
    assert stack.faults == []
    assert stack.sequencer.ordering == "fifo"
