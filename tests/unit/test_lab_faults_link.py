"""Link faults: what both chains show while one lasts, by their blocks and logs, and what they show without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

from rollproof import _core
from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.lab.block import Block
from rollproof.lab.challenger import Challenger
from rollproof.lab.contract import Contract
from rollproof.lab.faults import batches, fault, front_running, link, liveness, ordering, withdrawals
from rollproof.lab.faults.effect import Expected
from rollproof.lab.proposer import Proposer
from rollproof.lab.receipts import decode
from rollproof.lab.relayer import Relayer
from rollproof.lab.safe_head import SafeChain
from rollproof.lab.stack import Stack
from rollproof.replay.verify import verify_claim
from rollproof.rollup.op_stack import deposit, dispute_game, l1_attributes, output_root, portal, withdrawal
from rollproof.rollup.op_stack.derivation import L1Data, derive
from rollproof.rollup.op_stack.predeploys import L2_TO_L1_MESSAGE_PASSER
from rollproof.rollup.op_stack.system_config import batcher_hash
from rollproof.types import Outcome

ETHER = 10**18
MODULES = (batches, front_running, link, liveness, ordering, withdrawals)  # reading them registers the faults
WINDOW = 40  # steps in which a deposit surely reaches the L2, and a batch the L1


@pytest.fixture
def stack() -> Stack:
    found = Stack(seed=7)
    found.run(6)  # the last of the L1's contracts
    return found


# Reading the chains.


def blocks(stack: Stack, layer: str = "l2", first: int = 1) -> Iterator[Block]:
    chain = stack.chain(layer)
    for number in range(first, chain.head.number + 1):
        block = chain.block(number)
        assert block is not None
        yield block


def made(stack: Stack) -> list[deposit.Deposit]:
    """The deposits that the L1's blocks make from the L2's beginning on, by their logs."""
    found = []
    for block in blocks(stack, "l1", stack.sequencer.origins[0][0].number + 1):
        logs = [log for receipt in block.receipts for log in decode(receipt).logs]
        found += deposit.in_block(logs, portal=stack.deployed["OptimismPortal"].address, block_hash=block.hash)
    return found


def taken(stack: Stack) -> list[bytes]:
    """The deposits that stand in the L2's blocks, raw."""
    return [raw for block in blocks(stack) for raw in block.transactions[1:] if raw[0] == deposit.TYPE]


def said(block: Block) -> l1_attributes.L1Attributes:
    return l1_attributes.decode(deposit.decode(block.transactions[0]).data)


def true(stack: Stack, block: Block) -> bool:
    """Whether what an L2 block says about its L1 origin is so."""
    attributes = said(block)
    origin = stack.l1.block(attributes.number)
    sequence = 0  # blocks right before it with the same origin, by what is not a lie in them
    while (before := stack.l2.block(block.number - 1 - sequence)) is not None and before.transactions:
        if said(before).number != attributes.number and said(before).block_hash != attributes.block_hash:
            break
        sequence += 1
    if sequence == block.number - 1:  # the genesis block, which says nothing, was the first of the epoch
        sequence += 1
    return origin is not None and (
        (attributes.block_hash, attributes.timestamp, attributes.base_fee, attributes.sequence_number)
        == (origin.hash, origin.timestamp, origin.header.base_fee, sequence)
    )


def posted(stack: Stack, batcher: str = "batcher") -> list[tuple[int, tuple[bytes, ...]]]:
    """(L2 timestamp, transactions) of every batch of a batcher in the L1."""
    sender = stack.account(batcher, "l1").address
    data = [L1Data(block.number, block.transactions, sender) for block in blocks(stack, "l1")]
    return [(each.batch.timestamp, each.batch.transactions) for each in derive(data, inbox=stack.rollup.inbox)]


def signed(block: Block) -> tuple[bytes, ...]:
    return tuple(raw for raw in block.transactions if raw[0] != deposit.TYPE)


def derived(stack: Stack) -> SafeChain:
    """The safe head as somebody who begins with L1 alone finds it."""
    found = SafeChain(stack)
    found.sync()
    return found


def assert_valid(stack: Stack, block: Block | None) -> None:
    """The block is wrong only beside the other chain: whoever executes it again gets the same."""
    assert block is not None
    verdict = verify_claim(
        stack.l2.claim(block), stack.l2.witness(block), config=stack.l2.config, second_opinion="never"
    )
    assert verdict.outcome is Outcome.HOLDS


# Doing things.


def give(stack: Stack, name: str = "bridge-user-0", amount: int = ETHER) -> bytes:
    """Deposits to the account's own address; the L1 transaction's hash."""
    data = deposit.calldata(stack.account(name, "l2").address, value=amount, gas=100_000)
    return stack.send("l1", name, stack.rollup.portal, data=data, value=amount, gas=600_000)


def transfer(stack: Stack, name: str = "trader-0") -> bytes:
    return stack.send("l2", name, stack.account("deployer", "l2").address, value=1, gas=21_000)


def until(stack: Stack, reached: Callable[[], object], steps: int = 200) -> None:
    for _ in range(steps):
        if reached():
            return
        stack.step()
    raise AssertionError(f"not within {steps} steps")


# Deposits and L1 attributes.


def test_undisturbed_both_chains_agree(stack: Stack) -> None:
    give(stack)
    for _ in range(10):
        transfer(stack)
        stack.run(WINDOW // 10)
    deposits = made(stack)
    assert len(deposits) == 1
    assert taken(stack) == [each.encode() for each in deposits]
    assert all(true(stack, block) for block in blocks(stack))
    safe = derived(stack)
    assert safe.diverged is None
    assert safe.head.number > stack.l2.head.number - 30


def test_a_deposit_is_ignored(stack: Stack) -> None:
    injected = stack.inject(fault.make("deposit-ignored", {"provoke": False}))
    give(stack)
    stack.run(WINDOW)
    [ignored] = made(stack)
    assert taken(stack) == []
    [effect] = injected.effects
    block = stack.l2.block(effect.number)
    assert block is not None
    assert (said(block).sequence_number, effect.hash) == (0, block.hash)
    assert effect.expected == (Expected.finding("deposit-ignored"), Expected.subject(ignored.hash))
    assert_valid(stack, block)
    stack.run(20)
    assert derived(stack).diverged is not None
    # One is ignored, the next is not.
    give(stack)
    stack.run(WINDOW)
    assert taken(stack) == [each.encode() for each in made(stack)[1:]]


def test_every_deposit_is_ignored_until_the_fault_is_lifted(stack: Stack) -> None:
    injected = stack.inject(fault.make("deposit-ignored", {"repeat": True}))
    for _ in range(2):
        give(stack)
        stack.run(WINDOW)
    assert (len(made(stack)), taken(stack)) == (3, [])
    stack.lift(injected)
    give(stack)
    stack.run(WINDOW)
    assert taken(stack) == [made(stack)[-1].encode()]


@pytest.mark.parametrize("name", ["mint", "value", "gas", "sender", "to"])
def test_a_deposit_is_altered(stack: Stack, name: str) -> None:
    injected = stack.inject(fault.make("deposit-altered", {"name": name, "by": 7}))
    stack.run(WINDOW)
    [right] = made(stack)
    [raw] = taken(stack)
    found = deposit.decode(raw)
    assert found.source_hash == right.source_hash
    assert {key for key, value in asdict(found).items() if value != asdict(right)[key]} == {name}
    attacker = stack.account("attacker", "l2").address
    expected = {"sender": attacker, "to": attacker}
    assert getattr(found, name) == expected.get(name, asdict(right)[name] + 7 if name not in expected else None)
    [effect] = injected.effects
    assert effect.expected[1] == Expected.subject(right.hash)
    assert_valid(stack, stack.l2.block(effect.number))
    stack.lift(injected)
    give(stack)
    stack.run(WINDOW)
    assert taken(stack)[1:] == [each.encode() for each in made(stack)[1:]]


@pytest.mark.parametrize("name", ["number", "timestamp", "base_fee", "sequence_number", "block_hash"])
def test_the_l2_lies_about_l1(stack: Stack, name: str) -> None:
    stack.run(12)
    head = stack.l2.head.number
    injected = stack.inject(fault.make("l1-info-lie", {"name": name, "by": 1}))
    stack.run(3)
    stack.lift(injected)
    stack.run(3)
    wrong = [block.number for block in blocks(stack) if not true(stack, block)]
    assert wrong == list(range(head + 1, head + 4))
    assert [effect.number for effect in injected.effects] == list(range(head + 1, head + 4))
    assert [effect.expected[1] for effect in injected.effects] == [
        Expected.subject(block.hashes[0]) for block in blocks(stack, first=head + 1) if block.number <= head + 3
    ]
    assert_valid(stack, stack.l2.block(head + 1))
    until(stack, lambda: derived(stack).diverged is not None or derived(stack).dropped, 60)
    assert derived(stack).head.number == head


def test_l1_loses_a_deposit_and_the_l2_keeps_it(stack: Stack) -> None:
    dropped: list[tuple[str, Block]] = []
    stack.listeners.append(lambda layer, head, gone: dropped.extend((layer, each) for each in gone))
    who = stack.account("bystander", "l1").address
    before = stack.l1.account(who)[1]
    injected = stack.inject(fault.make("l1-reorg-deposit", {}))
    until(stack, lambda: taken(stack), 60)
    stack.run(20)
    assert made(stack) == []
    assert stack.l1.account(who)[1] == before
    [raw] = taken(stack)
    assert deposit.decode(raw).mint == ETHER
    located = stack.l2.locate(_core.keccak256(raw))
    assert located is not None
    block = located[0]
    assert not true(stack, block)
    held = stack.l1.block(said(block).number)
    assert held is None or held.hash != said(block).block_hash
    lost = [each for layer, each in dropped if layer == "l1"]
    assert said(block).block_hash == lost[0].hash
    assert {layer for layer, _ in dropped} == {"l1"}
    [effect] = injected.effects
    assert (effect.layer, effect.hash) == ("l2", block.hash)
    assert effect.expected[1:] == (Expected.subject(_core.keccak256(raw)), Expected.subject(lost[0].hash))
    assert_valid(stack, block)
    # Lifted, the sequencer goes back to where the chains agree.
    stack.lift(injected)
    stack.run(WINDOW)
    assert taken(stack) == []
    assert block.hash in {each.hash for layer, each in dropped if layer == "l2"}
    assert all(true(stack, each) for each in blocks(stack))
    assert stack.l2.head.timestamp == stack.time


def test_an_l1_reorganisation_alone_is_followed(stack: Stack) -> None:
    """As above, by the L1 alone: the sequencer goes back at once, which the fault keeps it from."""
    sent = give(stack)
    until(stack, lambda: taken(stack), 60)
    found = stack.l1.locate(sent)
    assert found is not None
    stack.l1_builder.reorganise(stack.l1.head.number - found[0].number + 1, lose=frozenset({sent}))
    stack.step()
    assert taken(stack) == []
    assert all(true(stack, each) for each in blocks(stack))


# Batches.


def test_batches_stop(stack: Stack) -> None:
    until(stack, lambda: posted(stack))
    injected = stack.inject(fault.make("batches-stop", {}))
    stack.run(12)  # what is on its way arrives
    count, l1, l2 = len(posted(stack)), stack.l1.head.number, stack.l2.head.number
    stack.run(60)
    assert (len(posted(stack)), stack.l1.head.number, stack.l2.head.number) == (count, l1 + 10, l2 + 60)
    assert derived(stack).head.number <= l2
    [effect] = injected.effects
    assert effect.expected == (
        Expected.finding("batches-stop"), Expected.subject(stack.account("batcher", "l1").address),
    )  # fmt: skip
    stack.lift(injected)
    stack.run(24)
    assert derived(stack).head.number > l2 + 60
    assert derived(stack).diverged is None


@pytest.mark.parametrize("kind", ["omitted", "reordered", "missing"])
def test_a_batch_differs(stack: Stack, kind: str) -> None:
    injected = stack.inject(fault.make("batch-differs", {"kind": kind}))
    until(stack, lambda: injected.effects)
    stack.run(24)
    [effect] = injected.effects
    block = stack.l2.block(effect.number)
    assert block is not None
    assert_valid(stack, block)
    served = {each.timestamp: signed(each) for each in blocks(stack)}
    differing = {time: batch for time, batch in posted(stack) if batch != served[time]}
    right = signed(block)
    assert len(right) == 2
    if kind == "missing":
        assert differing == {}
        assert block.timestamp not in dict(posted(stack))
        assert max(dict(posted(stack))) > block.timestamp
    else:
        assert differing == {block.timestamp: right[:1] if kind == "omitted" else right[::-1]}
    safe = derived(stack)
    assert safe.head.number == block.number - 1
    assert effect.expected[1] == Expected.subject(block.hashes[-1])


def test_undisturbed_batches_are_what_was_served(stack: Stack) -> None:
    injected = fault.make("batch-differs", {})
    for _ in range(40):
        injected.before_step(stack)  # its provocation alone
        stack.step()
    served = {each.timestamp: signed(each) for each in blocks(stack)}
    batches = posted(stack)
    assert len(batches) >= 20
    assert all(batch == served[time] for time, batch in batches)
    assert any(len(batch) == 2 for _, batch in batches)


def config_updates(stack: Stack) -> list[tuple[int, bytes]]:
    """(L1 block, new hash) of every change of the batcher after the L2's beginning."""
    config, found = stack.deployed["SystemConfig"], []
    for block in blocks(stack, "l1", stack.sequencer.origins[0][0].number + 1):
        for receipt in block.receipts:
            for log in decode(receipt).logs:
                event = config.event("ConfigUpdate", log)
                if event is not None and event["updateType"] == 0:
                    found.append((block.number, event["data"][-32:]))
    return found


@pytest.mark.parametrize("follow", [True, False])
def test_the_batchers_key_is_changed(stack: Stack, follow: bool) -> None:
    until(stack, lambda: posted(stack))
    assert config_updates(stack) == []
    old, new = (batcher_hash(stack.account(name, "l1").address) for name in ("batcher", "attacker"))
    injected = stack.inject(fault.make("batcher-key-changed", {"follow": follow}))
    stack.run(60)
    [(number, value)] = config_updates(stack)
    assert value == new
    [effect] = injected.effects
    assert (effect.layer, effect.number) == ("l1", number)
    told = {said(block).batcher_hash for block in blocks(stack) if said(block).number >= number}
    assert told == {new if follow else old}
    assert {said(block).batcher_hash for block in blocks(stack) if said(block).number < number} == {old}
    safe = derived(stack).head
    stack.run(36)
    assert derived(stack).head.hash == safe.hash  # what the old one posts counts no more
    assert max(dict(posted(stack))) > safe.timestamp + 60
    stack.lift(injected)
    stack.run(60)
    assert [value for _, value in config_updates(stack)] == [new, old]
    if follow:
        until(stack, lambda: derived(stack).head.number > safe.number + 90)
        assert derived(stack).diverged is None
    else:
        assert said(stack.l2.head).batcher_hash == old


# Output roots and games.


def propose(stack: Stack, number: int) -> bytes:
    """The proposer claims an L2 block's root; the root that L1 has of it then."""
    transaction = Proposer(stack).propose(number)
    assert _status(stack, transaction) == 1
    found, root = proposals(stack)[-1]
    assert found == number
    return root


def proposals(stack: Stack) -> list[tuple[int, bytes]]:
    """(L2 block, claimed root) of every game in the L1, by the factory's calls that worked."""
    factory, found = stack.deployed["DisputeGameFactory"].address, []
    for block in blocks(stack, "l1", stack.sequencer.origins[0][0].number):
        for raw, outcome in zip(block.transactions, block.outcomes, strict=True):
            fields = _core.decode_transaction(raw, "ethereum")
            if fields["to"] == factory and fields["input"][:4] == dispute_game.CREATE and outcome["status"]:
                _, root, number = dispute_game.decode_create(fields["input"])
                found.append((number, root))
    return found


def root_of(stack: Stack, number: int) -> bytes:
    """By the block's header: version 0, state root, message passer's storage root (Isthmus), block hash."""
    block = stack.l2.block(number)
    assert block is not None
    assert block.header.withdrawals_root is not None
    return _core.keccak256(bytes(32) + block.header.state_root + block.header.withdrawals_root + block.hash)


def portal_logs(stack: Stack, topic: bytes) -> list[tuple[Block, list[bytes], bytes]]:
    """(L1 block, topics, data) of the portal's logs of one event."""
    return [
        (block, list(topics), data)
        for block in blocks(stack, "l1")
        for receipt in block.receipts
        for address, topics, data in decode(receipt).logs
        if address == stack.rollup.portal and topics[0] == topic
    ]


def sent_messages(stack: Stack) -> list[withdrawal.Withdrawal]:
    """The withdrawals that the L2's logs have."""
    return [
        withdrawal.from_log(topics, data)
        for block in blocks(stack)
        for outcome in block.outcomes
        for address, topics, data in outcome["logs"]
        if address == L2_TO_L1_MESSAGE_PASSER and topics[0] == withdrawal.TOPIC
    ]


def test_a_wrong_output_root(stack: Stack) -> None:
    propose(stack, 3)
    injected = stack.inject(fault.make("wrong-output-root", {}))
    wrong = propose(stack, 5)
    propose(stack, 7)  # one only
    assert [number for number, root in proposals(stack) if root != root_of(stack, number)] == [5]
    [effect] = injected.effects
    block = stack.l2.block(5)
    assert block is not None
    assert (effect.layer, effect.number, effect.hash) == ("l2", 5, block.hash)
    assert effect.expected[1] == Expected.subject(wrong)
    stack.lift(injected)
    again = stack.inject(fault.make("wrong-output-root", {"repeat": True}))
    for number in (9, 10):
        propose(stack, number)
    stack.lift(again)
    propose(stack, 11)
    assert [number for number, root in proposals(stack) if root != root_of(stack, number)] == [5, 9, 10]


@pytest.mark.parametrize("by", ["output-root", "state"])
def test_a_forged_withdrawal_takes_ether(stack: Stack, by: str) -> None:
    give(stack, amount=500 * ETHER)  # what there is to take
    attacker = stack.account("attacker", "l1").address
    injected = stack.inject(fault.make("forged-withdrawal", {"by": by, "unopposed": True}))
    stack.run(12)
    before = stack.l1.account(attacker)[1]
    wealth = stack.l1.account(stack.rollup.portal)[1]
    number = stack.l2.head.number
    propose(stack, number)
    until(stack, lambda: portal_logs(stack, portal.WITHDRAWAL_PROVEN), 40)
    [(_, topics, _)] = portal_logs(stack, portal.WITHDRAWAL_PROVEN)
    assert sent_messages(stack) == []
    assert (proposals(stack) == [(number, root_of(stack, number))]) == (by == "state")
    if by == "output-root":
        assert_valid(stack, stack.l2.block(number))
    else:
        [effect] = injected.effects
        lie = stack.l2.block(effect.number)
        assert lie is not None
        verdict = verify_claim(
            stack.l2.claim(lie), stack.l2.witness(lie), config=stack.l2.config, second_opinion="never"
        )
        assert verdict.outcome is effect.outcome is Outcome.BROKEN
    assert any(Expected.subject(topics[1]) in effect.expected for effect in injected.effects)
    # Nobody contests the game; its creator has it resolved.
    game = first_game(stack)
    for call, wait in (("resolveClaim", 40), ("resolve", 6)):
        stack.run(wait)
        data = game.encode(call, 0, 0) if call == "resolveClaim" else game.encode(call)
        stack.send("l1", "proposer", game.address, data=data)
    until(stack, lambda: portal_logs(stack, portal.WITHDRAWAL_FINALIZED), 120)
    [(_, topics_, data)] = portal_logs(stack, portal.WITHDRAWAL_FINALIZED)
    assert portal.finalized_from_log(topics_, data) == (topics[1], True)
    assert stack.l1.account(stack.rollup.portal)[1] == wealth - 100 * ETHER
    assert 99 * ETHER < stack.l1.account(attacker)[1] - before <= 100 * ETHER
    stack.run(12)
    assert stack.l1.account(attacker)[0] == 2  # it was proven and finalized, once each
    assert stack.halted("challenger")
    stack.lift(injected)
    assert not stack.halted("challenger")
    stack.inject(fault.make("forged-withdrawal", {"by": by}))
    assert not stack.halted("challenger")


def first_game(stack: Stack) -> Contract:
    [_, _, address] = stack.view("l1", stack.deployed["DisputeGameFactory"], "gameAtIndex", 0)
    return Contract.load("FaultDisputeGame").at(address)


# With everybody at work.


def manned(stack: Stack) -> None:
    """Adds who proposes, contests and relays, with a proposal for every ten L2 blocks."""
    stack.operators += [Proposer(stack, every=10), Challenger(stack), Relayer(stack)]


def status(stack: Stack, root: bytes) -> int:
    """Of the game about a root: 0 in progress, 1 the challenger won, 2 the defender won."""
    factory = stack.deployed["DisputeGameFactory"]
    for index in range(stack.view("l1", factory, "gameCount")[0]):
        game = Contract.load("FaultDisputeGame").at(stack.view("l1", factory, "gameAtIndex", index)[2])
        if stack.view("l1", game, "rootClaim") == (root,):
            return int(stack.view("l1", game, "status")[0])
    raise AssertionError(f"no game about 0x{root.hex()}")


def test_undisturbed_a_withdrawal_comes_out(stack: Stack) -> None:
    manned(stack)
    give(stack, amount=5 * ETHER)
    sent = withdraw(stack)
    until(stack, lambda: portal_logs(stack, portal.WITHDRAWAL_FINALIZED), 200)
    [(_, topics, data)] = portal_logs(stack, portal.WITHDRAWAL_FINALIZED)
    assert portal.finalized_from_log(topics, data) == (sent.hash, True)
    assert all(root == root_of(stack, number) for number, root in proposals(stack))


def test_proposals_stop(stack: Stack) -> None:
    manned(stack)
    until(stack, lambda: proposals(stack))
    injected = stack.inject(fault.make("proposals-stop", {}))
    stack.run(6)  # what is on its way arrives
    count, head = len(proposals(stack)), stack.l2.head.number
    stack.run(60)
    assert (len(proposals(stack)), stack.l2.head.number) == (count, head + 60)
    assert stack.safe > head
    assert injected.effects[0].expected[1] == Expected.subject(stack.account("proposer", "l1").address)
    stack.lift(injected)
    stack.run(18)
    assert proposals(stack)[-1][0] > head


def test_withdrawals_are_delayed(stack: Stack) -> None:
    manned(stack)
    give(stack, amount=5 * ETHER)
    injected = stack.inject(fault.make("withdrawal-delayed", {}))
    until(stack, lambda: sent_messages(stack))
    [sent] = sent_messages(stack)
    [number] = [block.number for block in blocks(stack) if any(
        topics[0] == withdrawal.TOPIC for each in block.outcomes for _, topics, _ in each["logs"])]  # fmt: skip
    stack.run(100)
    assert max(proposed for proposed, _ in proposals(stack)) > number  # it could be proven
    assert portal_logs(stack, portal.WITHDRAWAL_PROVEN) == []
    assert len(injected.effects) == 1
    stack.lift(injected)
    until(stack, lambda: portal_logs(stack, portal.WITHDRAWAL_FINALIZED), 120)
    assert portal_logs(stack, portal.WITHDRAWAL_PROVEN)[0][1][1] == sent.hash


def test_a_wrong_output_root_is_contested(stack: Stack) -> None:
    manned(stack)
    injected = stack.inject(fault.make("wrong-output-root", {}))
    until(stack, lambda: len(proposals(stack)) >= 2)
    stack.run(100)
    wrong = [(number, root) for number, root in proposals(stack) if root != root_of(stack, number)]
    assert [number for number, _ in wrong] == [effect.number for effect in injected.effects]
    assert [status(stack, root) for _, root in wrong] == [1]
    assert 2 in {status(stack, root) for number, root in proposals(stack) if root == root_of(stack, number)}


@pytest.mark.parametrize("by", ["output-root", "state"])
def test_a_forged_withdrawal_is_contested(stack: Stack, by: str) -> None:
    manned(stack)
    give(stack, amount=500 * ETHER)
    injected = stack.inject(fault.make("forged-withdrawal", {"by": by}))
    until(stack, lambda: portal_logs(stack, portal.WITHDRAWAL_PROVEN), 120)
    [(_, topics, _)] = portal_logs(stack, portal.WITHDRAWAL_PROVEN)
    assert sent_messages(stack) == []
    assert Expected.subject(topics[1]) in injected.effects[0].expected
    wealth = stack.l1.account(stack.rollup.portal)[1]
    stack.run(150)
    assert portal_logs(stack, portal.WITHDRAWAL_FINALIZED) == []
    assert stack.l1.account(stack.rollup.portal)[1] == wealth
    assert 1 in {status(stack, root) for _, root in proposals(stack)}


# Withdrawals that are barred.


def withdraw(stack: Stack, name: str = "bridge-user-1", amount: int = ETHER) -> withdrawal.Withdrawal:
    """A withdrawal of ether that the L2 holds, of its own."""
    to = stack.account(name, "l1").address
    passer = stack.deployed["L2ToL1MessagePasser"]
    call = passer.encode("initiateWithdrawal", to, 100_000, b"")
    stack.send("l2", name, passer.address, data=call, value=amount)
    stack.step()
    return sent_messages(stack)[-1]


def prove(stack: Stack, sent: withdrawal.Withdrawal, name: str = "bridge-user-1") -> int:
    """Proposes the head and proves the withdrawal against it; the status of the proof on L1."""
    give(stack, "bridge-user-2", 10 * ETHER)
    block = stack.l2.head
    propose(stack, block.number)
    stack.run(6)
    [count] = stack.view("l1", stack.deployed["DisputeGameFactory"], "gameCount")
    nodes = withdrawal.prove(stack.l2.state(block), sent)
    data = portal.prove(sent, game_index=count - 1, output=output_root.of_block(block.header, block.hash), nodes=nodes)
    return _status(stack, stack.send("l1", name, stack.rollup.portal, data=data, gas=5_000_000))


def _status(stack: Stack, transaction: bytes) -> int:
    until(stack, lambda: stack.receipt("l1", transaction), 12)
    found = stack.receipt("l1", transaction)
    assert found is not None
    return int(found["status"])


def obstacle(stack: Stack, sent: withdrawal.Withdrawal, name: str = "bridge-user-1") -> str:
    """Why the portal would not finalize it; empty where it would."""
    contract = stack.deployed["OptimismPortal"]
    call = stack.l1.call(contract.address, portal.check_withdrawal(sent.hash, stack.account(name, "l1").address))
    return "" if call.status else contract.reason(call.output)


def test_undisturbed_a_withdrawal_is_proven_and_waits(stack: Stack) -> None:
    sent = withdraw(stack)
    assert prove(stack, sent) == 1
    assert obstacle(stack, sent) == "OptimismPortal: proven withdrawal has not matured yet"


def test_the_portal_is_paused(stack: Stack) -> None:
    sent = withdraw(stack)
    injected = stack.inject(fault.make("portal-paused", {}))
    stack.run(12)
    assert stack.view("l1", stack.deployed["OptimismPortal"], "paused") == (True,)
    assert prove(stack, sent) == 0
    assert portal_logs(stack, portal.WITHDRAWAL_PROVEN) == []
    assert len(made(stack)) == 1  # deposits go on
    [effect] = injected.effects
    assert effect.layer == "l1"
    stack.lift(injected)
    stack.run(12)
    assert stack.view("l1", stack.deployed["OptimismPortal"], "paused") == (False,)
    assert prove(stack, sent) == 1


def test_a_game_is_blacklisted(stack: Stack) -> None:
    sent = withdraw(stack)
    waiting = stack.inject(fault.make("game-blacklisted", {}))
    stack.run(12)
    assert waiting.effects == []
    stack.lift(waiting)
    assert prove(stack, sent) == 1
    injected = stack.inject(fault.make("game-blacklisted", {}))
    stack.run(12)
    assert obstacle(stack, sent) == "OptimismPortal: dispute game has been blacklisted"
    [(block, topics, _)] = portal_logs(stack, _core.keccak256(b"DisputeGameBlacklisted(address)"))
    [effect] = injected.effects
    assert (effect.number, effect.expected[1]) == (block.number, Expected.subject(topics[1][12:]))
    assert topics[1][12:] == first_game(stack).address
    assert prove(stack, sent) == 1  # against the next one
    assert "blacklisted" not in obstacle(stack, sent)
    stack.lift(injected)
    stack.inject(fault.make("game-blacklisted", {}))
    stack.run(12)
    assert "blacklisted" in obstacle(stack, sent)  # that one, which is the newest


def test_games_are_retired(stack: Stack) -> None:
    sent = withdraw(stack)
    block = stack.l2.head
    assert prove(stack, sent) == 1
    nodes, output = withdrawal.prove(stack.l2.state(block), sent), output_root.of_block(block.header, block.hash)
    again = portal.prove(sent, game_index=0, output=output, nodes=nodes)
    contract, me = stack.deployed["OptimismPortal"], stack.account("bridge-user-1", "l1").address
    assert stack.l1.call(contract.address, again, sender=me).status == 1
    injected = stack.inject(fault.make("games-retired", {}))
    stack.run(12)
    assert stack.view("l1", contract, "respectedGameType") == (1,)
    refused = stack.l1.call(contract.address, again, sender=me)
    assert (refused.status, contract.reason(refused.output)) == (0, "OptimismPortal: invalid game type")
    [(logged, topics, _)] = portal_logs(stack, _core.keccak256(b"RespectedGameTypeSet(uint32,uint64)"))
    assert int.from_bytes(topics[1], "big") == 1
    assert injected.effects[0].number == logged.number
    assert prove(stack, sent) == 1  # against a game of the new type
    stack.lift(injected)
    stack.run(12)
    assert stack.view("l1", contract, "respectedGameType") == (0,)
    assert stack.l1.call(contract.address, again, sender=me).status == 1


def test_halts_are_for_whom_they_name(stack: Stack) -> None:
    for name, what in (("batches-stop", "batcher"), ("proposals-stop", "proposer"), ("withdrawal-delayed", "relayer")):
        assert not stack.halted(what)
        injected = stack.inject(fault.make(name, {"steps": 4}))
        halted = [each for each in ("l1", "sequencer", "batcher", "proposer", "relayer", "reset") if stack.halted(each)]
        assert halted == [what]
        stack.run(4)
        assert not stack.halted(what)
        assert len(injected.effects) == 1
        stack.lift(injected)
        again = stack.inject(fault.make(name, {}))
        stack.run(20)
        assert stack.halted(what)
        stack.lift(again)
        assert not stack.halted(what)


def test_parameters_are_checked(stack: Stack) -> None:
    for name, parameters, error in (
        ("deposit-altered", {"name": "colour"}, Unsupported),
        ("l1-info-lie", {"name": "colour"}, Unsupported),
        ("l1-reorg-deposit", {"deeper": -1}, Malformed),
        ("batch-differs", {"kind": "sideways"}, Unsupported),
        ("batcher-key-changed", {"to": "batcher"}, Malformed),
        ("batcher-key-changed", {"to": "nobody"}, Missing),
        ("forged-withdrawal", {"by": "magic"}, Unsupported),
        ("forged-withdrawal", {"value": 0}, Malformed),
        ("games-retired", {"to": 0}, Malformed),
        ("batches-stop", {"steps": -1}, Malformed),
    ):
        with pytest.raises(error):
            stack.inject(fault.make(name, parameters))
    assert stack.faults == []
    del stack.deployed["OptimismPortal"]
    for name in ("deposit-ignored", "l1-reorg-deposit", "forged-withdrawal", "games-retired"):
        with pytest.raises(Missing, match=f"{name}: the lab has no OptimismPortal"):
            stack.inject(fault.make(name, {}))


def test_the_same_seed_and_faults_make_the_same_chains() -> None:
    names = ("deposit-altered", "batch-differs", "l1-congestion", "unsafe-reorg", "displacement", "delayed-inclusion")

    def heads() -> tuple[bytes, bytes]:
        stack = Stack(seed=11)
        manned(stack)
        for name in names:
            stack.inject(fault.make(name, {}))
        stack.run(80)
        for each in list(stack.faults):
            stack.lift(each)
        stack.run(20)
        return stack.l1.head.hash, stack.l2.head.hash

    assert heads() == heads()
