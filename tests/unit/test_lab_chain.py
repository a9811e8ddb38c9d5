"""The lab's chain: the same blocks as from a builder with plain state, and everything it can take back."""

from __future__ import annotations

import pytest

from rollproof import _core
from rollproof.errors import Malformed
from rollproof.lab import bytecode, genesis
from rollproof.lab.block import Holder
from rollproof.lab.chain import Chain
from rollproof.lab.receipts import Receipt, bloom, decode
from rollproof.lab.transaction import Account, deposit
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome, Withdrawal
from small_chain import Chain as PlainChain
from small_chain import Holder as PlainHolder

ETHER = 10**18
TOKEN = b"\x70" * 20
TIME = 1_780_000_000
CONFIGS = genesis.configs()


def slot(account: Account) -> int:
    return int.from_bytes(account.address, "big")


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def accounts(chain_id: int) -> tuple[dict[bytes, Holder], Account, Account]:
    alice, bob = Account.named("alice", chain_id), Account.named("bob", chain_id)
    state = genesis.l1_accounts(["alice", "bob"]) if chain_id == 1337 else genesis.l2_accounts(["alice", "bob"], {})
    state[TOKEN] = Holder(nonce=1, code=bytecode.TOKEN, storage={slot(alice): 70})
    return state, alice, bob


def ethereum() -> tuple[Chain, Account, Account]:
    state, alice, bob = accounts(1337)
    return Chain(CONFIGS["l1"], state, timestamp=TIME, gas_limit=30_000_000), alice, bob


def traffic(alice: Account, bob: Account) -> list[list[bytes]]:
    """Blocks of transactions that write, delete, create, revert and carry every type."""
    return [
        [alice.send(TOKEN, data=word(slot(bob)) + word(30)), alice.send_legacy(bob.address, value=5)],
        [
            alice.send(TOKEN, data=word(slot(bob)) + word(40)),  # all that is left: the slot goes
            alice.send(TOKEN, data=word(slot(bob)) + word(1)),  # nothing left: reverts
            bob.send(None, data=bytecode.deployment(bytecode.TOKEN)),
            bob.send(alice.address, access=[(TOKEN, [word(slot(bob))])]),
        ],
        [],
        [alice.send(alice.address, authorizations=[bob.authorize(TOKEN)])],
    ]


def test_same_blocks_as_a_builder_with_plain_state() -> None:
    chain, alice, bob = ethereum()
    state, _, _ = accounts(1337)
    plain = PlainChain(
        CONFIGS["l1"],
        {
            address: PlainHolder(
                each.balance, each.nonce, each.code, {word(at): value for at, value in each.storage.items()}
            )
            for address, each in state.items()
        },
        timestamp=TIME,
        gas_limit=30_000_000,
    )
    assert plain.head == chain.head.header
    for number, transactions in enumerate(traffic(alice, bob), 1):
        withdrawals = [Withdrawal(number, 7, alice.address, number)]
        built = chain.build(transactions, timestamp=TIME + 12 * number, withdrawals=withdrawals)
        chain.append(built.block)
        other = plain.build(transactions, seconds=12, withdrawals=withdrawals)
        assert built.block.hash == other.claim.claimed_hash
        assert built.block.header == other.claim.header
        assert plain.state_root() == chain.head.header.state_root  # of a trie made anew from the plain values
    assert chain.storage(TOKEN, slot(bob)) == 70
    assert chain.account(alice.address)[1] == plain.state[alice.address].balance


def test_every_block_is_verified_from_its_witness_alone() -> None:
    chain, alice, bob = ethereum()
    for number, transactions in enumerate(traffic(alice, bob), 1):
        chain.append(chain.build(transactions, timestamp=TIME + 12 * number).block)
    for number in range(1, 5):
        block = chain.block(number)
        assert block is not None
        witness = chain.witness(block)
        verdict = verify_claim(chain.claim(block), witness, config=CONFIGS["l1"], second_opinion="never")
        assert (verdict.outcome, verdict.computed_hash) == (Outcome.HOLDS, block.hash)
        assert len(witness) < len(chain.preimages)


def test_invalid_transactions_are_left_out_or_named() -> None:
    chain, alice, bob = ethereum()
    good = alice.send(bob.address, value=1)
    alice.nonce = 9
    early = alice.send(bob.address, value=2)
    with pytest.raises(Malformed, match="transaction 1"):
        chain.build([good, early], timestamp=TIME + 12)
    built = chain.build([early, good, b"\x05junk", early], timestamp=TIME + 12, skip=True)
    assert built.included == [1]
    assert [(index, kind) for index, kind, _ in built.refused] == [
        (0, "nonce-too-high"), (2, "transaction-type"), (3, "nonce-too-high"),
    ]  # fmt: skip
    alone = chain.build([good], timestamp=TIME + 12)
    assert built.block == alone.block


def test_a_reorganisation_brings_back_the_state() -> None:
    chain, alice, bob = ethereum()
    blocks = []
    for number, transactions in enumerate(traffic(alice, bob), 1):
        chain.append(chain.build(transactions, timestamp=TIME + 12 * number).block)
        blocks.append(chain.head)
    twin = chain.branch()
    dropped = chain.rewind(1)
    assert [block.number for block in dropped] == [2, 3, 4]
    assert chain.head == blocks[0]
    assert chain.storage(TOKEN, slot(alice)) == 40
    assert chain.locate(blocks[1].hashes[0]) is None
    assert chain.block(blocks[1].hash) == blocks[1]
    assert twin.head == blocks[3]
    again = chain.build(list(blocks[1].transactions), timestamp=blocks[1].timestamp)
    assert again.block.hash == blocks[1].hash
    with pytest.raises(ValueError, match="not the child"):
        chain.append(blocks[3])


def test_resealing_is_a_lie_that_only_execution_finds() -> None:
    chain, alice, bob = ethereum()
    built = chain.build([alice.send(TOKEN, data=word(slot(bob)) + word(1))], timestamp=TIME + 12)
    lie = chain.reseal(
        built.block, accounts=[(TOKEN, None, None, None, [(slot(bob), 10**27)]), (bob.address, None, 7, None, [])]
    )
    chain.append(lie)
    assert chain.storage(TOKEN, slot(bob)) == 10**27
    assert chain.account(bob.address)[1] == 7
    verdict = verify_claim(chain.claim(lie), chain.witness(lie), config=CONFIGS["l1"], second_opinion="never")
    assert verdict.outcome is Outcome.BROKEN
    assert [each.key for each in verdict.differences if each.scope == "header"] == ["state_root"]
    # What comes after it is honest, on top of the lie.
    chain.append(chain.build([], timestamp=TIME + 24).block)
    after = verify_claim(
        chain.claim(chain.head), chain.witness(chain.head), config=CONFIGS["l1"], second_opinion="never"
    )
    assert after.outcome is Outcome.HOLDS


def test_op_stack_blocks_commit_to_the_message_passer() -> None:
    state, alice, bob = accounts(1338)
    passer = bytes.fromhex("4200000000000000000000000000000000000016")
    state[passer] = Holder(nonce=1, code=bytecode.MESSAGE_PASSER, storage={5: 1})
    chain = Chain(CONFIGS["l2"], state, timestamp=TIME, gas_limit=60_000_000, extra_data=genesis.L2_EXTRA_DATA)
    assert chain.genesis.header.withdrawals_root == chain.account(passer)[2]
    forced = deposit(b"\x01" * 32, b"\x11" * 20, bob.address, mint=ETHER, value=1, gas=100_000)
    chain.append(chain.build([forced, alice.send(passer, data=word(77))], timestamp=TIME + 2).block)
    assert chain.storage(passer, 77) == 1
    assert chain.head.header.withdrawals_root == chain.account(passer)[2]
    verdict = verify_claim(
        chain.claim(chain.head), chain.witness(chain.head), config=CONFIGS["l2"], second_opinion="never"
    )
    assert verdict.outcome is Outcome.HOLDS
    lie = chain.reseal(chain.head, accounts=[(passer, None, None, None, [(78, 1)])])
    assert lie.header.withdrawals_root not in (chain.head.header.withdrawals_root, None)


def test_calls_see_the_state_of_the_block_they_name() -> None:
    chain, alice, bob = ethereum()
    chain.append(chain.build([alice.send(TOKEN, data=word(slot(bob)) + word(30))], timestamp=TIME + 12).block)
    poor = chain.call(TOKEN, word(slot(alice)) + word(1), sender=bob.address, at=chain.genesis)
    assert (poor.status, poor.halt) == (0, None)
    able = chain.call(TOKEN, word(slot(alice)) + word(1), sender=bob.address, trace=True)
    assert able.status == 1
    assert able.trace is not None
    assert chain.storage(TOKEN, slot(bob)) == 30
    with pytest.raises(Malformed):
        chain.call(TOKEN, sender=b"\x99" * 20, value=1)


def test_receipts_decode_to_what_the_core_encoded() -> None:
    chain, alice, bob = ethereum()
    built = chain.build(
        [alice.send(TOKEN, data=word(slot(bob)) + word(30)), alice.send_legacy(bob.address)], timestamp=TIME + 12
    )
    receipts = [decode(each) for each in built.block.receipts]
    assert [each.type for each in receipts] == [2, 0]
    assert [each.encode() for each in receipts] == list(built.block.receipts)
    assert bloom(receipts[0].logs) == built.block.header.logs_bloom
    assert Receipt(0x7E, 1, 21_000, (), (4, 1)).encode()[0] == 0x7E
    assert _core.ordered_root(list(built.block.receipts)) == built.block.header.receipts_root
