"""The lab's chains: what they build is what the protocol asks for, by rules that the builder does not use itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import demonstration as demo
from rollproof import _core
from rollproof.chain import config as chains
from rollproof.lab import bytecode
from rollproof.lab.transaction import Account
from rollproof.replay import evidence
from rollproof.replay.header import header_hash
from small_chain import Chain, Holder

ETHER = 10**18


def test_assembler_against_known_bytecode() -> None:
    # Opcodes as in the yellow paper's appendix H; PUSH0 is EIP-3855's 5f.
    assert bytecode.assemble("1 PUSH0 SSTORE STOP").hex() == "60015f5500"
    assert bytecode.assemble("8191 @end end: STOP").hex() == "611fff60055b00"
    with pytest.raises(KeyError):
        bytecode.assemble("FOO")


def test_account_signs_what_decodes_to_it() -> None:
    account = Account.named("alice", 1)
    assert (account.nonce, len(account.address)) == (0, 20)
    for expected, raw in enumerate(
        (
            account.send_legacy(b"\x01" * 20, value=5),
            account.send(None, data=b"\x00"),
            account.send(b"\x01" * 20, blobs=[b"\x01" + bytes(31)]),
            account.send(b"\x01" * 20, authorizations=[Account.named("bob", 1).authorize(b"\x02" * 20)]),
        )
    ):
        decoded = _core.decode_transaction(raw, "ethereum")
        assert decoded["sender"] == account.address
        assert decoded["nonce"] == expected
        assert decoded["type"] == (0, 2, 3, 4)[expected]


def chain(tmp_path: Path) -> tuple[Chain, Account, Account]:
    path = tmp_path / "l1.toml"
    path.write_text(demo.ETHEREUM, encoding="utf-8")
    alice, bob = Account.named("alice", 1337), Account.named("bob", 1337)
    slot = alice.address.rjust(32, b"\0")
    state = {
        alice.address: Holder(balance=ETHER),
        bob.address: Holder(balance=ETHER),
        demo.TOKEN: Holder(nonce=1, code=bytecode.TOKEN, storage={slot: 70}),
    }
    for address in (demo._WITHDRAWAL_REQUESTS, demo._CONSOLIDATION_REQUESTS):
        state[address] = Holder(nonce=1, code=bytecode.NO_REQUESTS)
    return Chain(chains.from_file(path), state, timestamp=1_780_000_000, gas_limit=30_000_000), alice, bob


def test_state_is_what_the_transactions_say(tmp_path: Path) -> None:
    built, alice, bob = chain(tmp_path)
    mine, his = alice.address.rjust(32, b"\0"), bob.address.rjust(32, b"\0")
    first = built.build([alice.send(demo.TOKEN, data=his + (30).to_bytes(32, "big"))], seconds=12)
    assert built.state[demo.TOKEN].storage == {mine: 40, his: 30}
    second = built.build(
        [
            alice.send(demo.TOKEN, data=his + (40).to_bytes(32, "big")),  # all of it: the slot goes
            alice.send(demo.TOKEN, data=his + (1).to_bytes(32, "big")),  # nothing left: reverts
        ],
        seconds=12,
    )
    assert built.state[demo.TOKEN].storage == {his: 70}
    assert [outcome["status"] for outcome in second.done.outcomes] == [1, 0]
    assert second.claim.header is not None
    assert first.claim.claimed_hash == second.claim.header.parent_hash
    assert built.state_root() == built.head.state_root == second.done.state_root


def test_tampering_changes_the_root_only(tmp_path: Path) -> None:
    built, alice, bob = chain(tmp_path)
    slot = bob.address.rjust(32, b"\0")
    block = built.build([alice.send(bob.address, value=1)], seconds=12, tampered={(demo.TOKEN, slot): 9})
    assert block.claim.header is not None
    assert block.claim.header.state_root == built.state_root() != block.done.state_root
    assert block.claim.header.receipts_root == block.done.receipts_root
    assert block.claim.claimed_hash == header_hash(block.claim.header)
    assert block.claim.post_state is not None
    assert block.claim.post_state[demo.TOKEN]["storage"] == {slot: 9}
    built.build([bob.send(demo.TOKEN, data=alice.address.rjust(32, b"\0") + (9).to_bytes(32, "big"))], seconds=12)
    assert built.state[demo.TOKEN].storage[alice.address.rjust(32, b"\0")] == 79


def test_a_block_that_cannot_be_is_not_built(tmp_path: Path) -> None:
    built, alice, _ = chain(tmp_path)
    alice.nonce = 5
    with pytest.raises(ValueError, match="nonce"):
        built.build([alice.send(demo.TOKEN)], seconds=12)


def test_demo_is_deterministic_and_complete(tmp_path: Path) -> None:
    one, two = demo.write(tmp_path / "one"), demo.write(tmp_path / "two")
    assert [path.name for path in one] == [
        f"demo-l{layer}-{number}.evidence" for layer in (1, 2) for number in range(1, 6)
    ]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    other = demo.write(tmp_path / "three", seed=7)
    assert one[0].read_bytes() != other[0].read_bytes()
    claims = [evidence.read(path)[0] for path in one]
    kinds = {raw[0] if raw[0] < 0x80 else 0 for claim in claims for raw in claim.transactions}
    assert kinds == {0, 2, 3, 4, 0x7E}
