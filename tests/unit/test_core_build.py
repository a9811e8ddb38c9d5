"""The core's ways to change a state or ask it without a block: building, writing, calling; and the witness of a run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof import _core
from rollproof.lab import bytecode
from rollproof.lab.transaction import Account, deposit

ALICE, BOB = Account.named("alice", 1), Account.named("bob", 1)
TOKEN, LOOP, BAD = b"\x70" * 20, b"\x71" * 20, b"\x72" * 20
SYSTEM = [
    bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002"),
    bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251"),
]
ETHER = 10**18
Accounts = list[tuple[bytes, int, int, bytes, list[tuple[int, int]]]]


def slot(account: Account) -> int:
    return int.from_bytes(account.address, "big")


def state() -> Accounts:
    return [
        (ALICE.address, 0, ETHER, b"", []),
        (BOB.address, 0, ETHER, b"", []),
        (TOKEN, 1, 0, bytecode.TOKEN, [(slot(ALICE), 70), (slot(BOB), 5), *((n, n) for n in range(1, 40))]),
        (LOOP, 1, 0, bytes.fromhex("5b5f56"), []),  # JUMPDEST PUSH0 JUMP
        (BAD, 1, 0, b"\xfe", []),
        *((address, 1, 0, bytecode.NO_REQUESTS, []) for address in SYSTEM),
    ]


def fresh(accounts: Accounts) -> tuple[bytes, _core.Preimages]:
    root, nodes = _core.genesis(accounts)
    preimages = _core.Preimages()
    preimages.add(nodes)
    return root, preimages


def rules(family: str = "ethereum") -> _core.Rules:
    if family == "op":
        return _core.Rules(family="op", chain_id=1, fork="jovian")
    return _core.Rules(family="ethereum", chain_id=1, fork="osaka", blob=(6, 9, 5007716))


def env(parent_hash: bytes = bytes(32), number: int = 1) -> _core.Env:
    return _core.Env(
        number=number, timestamp=12 * number, gas_limit=30_000_000, beneficiary=b"\xfe" * 20, parent_hash=parent_hash,
        prev_randao=bytes(32), base_fee=7, excess_blob_gas=0, parent_beacon_block_root=bytes(32),
    )  # fmt: skip


def transfer(sender: Account, to: Account, amount: int, nonce: int) -> bytes:
    sender.nonce = nonce
    data = slot(to).to_bytes(32, "big") + amount.to_bytes(32, "big")
    return sender.send(TOKEN, data=data, fee=10**9, tip=1, gas=100_000)


def done(result: _core.Done | _core.Invalid | _core.Needs) -> _core.Done:
    assert isinstance(result, _core.Done), result
    return result


@given(st.lists(st.sampled_from(["good", "nonce", "junk", "signature", "empty"]), max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_block_that_skips_is_the_block_of_what_it_keeps(kinds: list[str]) -> None:
    given_: list[bytes] = []
    good: list[bytes] = []
    for kind in kinds:
        if kind == "good":
            given_.append(transfer(ALICE, BOB, 1, len(good)))
            good.append(given_[-1])
        elif kind == "nonce":
            given_.append(transfer(BOB, ALICE, 1, 9))
        elif kind == "signature":
            given_.append(transfer(BOB, ALICE, 1, 0)[:-64] + b"\x00" * 64)
        else:
            given_.append(b"\x02\xc0" if kind == "junk" else b"")
    root, preimages = fresh(state())
    skipped = done(_core.build_block(preimages, root, rules(), env(), given_, [], skip=True))
    alone = done(_core.run_block(fresh(state())[1], root, rules(), env(), good, []))
    assert (skipped.state_root, skipped.receipts_root) == (alone.state_root, alone.receipts_root)
    assert (skipped.transactions_root, skipped.gas_used) == (alone.transactions_root, alone.gas_used)
    assert skipped.included == [index for index, kind in enumerate(kinds) if kind == "good"]
    assert [index for index, _, _ in skipped.refused] == [index for index, kind in enumerate(kinds) if kind != "good"]
    assert len(skipped.outcomes) == len(good)
    # What it made is kept: the next block stands on it.
    done(_core.run_block(preimages, skipped.state_root, rules(), env(number=2), [], []))


def test_without_skip_the_first_that_may_not_be_there_is_named() -> None:
    root, preimages = fresh(state())
    refused = _core.build_block(preimages, root, rules(), env(), [transfer(ALICE, BOB, 1, 0), b"\x05"], [])
    assert isinstance(refused, _core.Invalid)
    assert (refused.transaction, refused.kind) == (1, "transaction-type")


def test_a_witness_is_enough_and_every_part_of_it_is_needed() -> None:
    root, preimages = fresh(state())
    block = [transfer(ALICE, BOB, 70, 0), transfer(BOB, ALICE, 80, 0)]  # a slot goes; the second reverts
    ran = done(_core.run_block(preimages, root, rules(), env(), block, []))
    alone = _core.Preimages()
    alone.add(ran.witness)
    again = done(_core.run_block(alone, root, rules(), env(), block, []))
    assert again.state_root == ran.state_root
    assert sorted(again.witness) == sorted(ran.witness) == sorted(alone.values())
    assert len(alone) < len(preimages)
    for left_out in ran.witness:
        less = _core.Preimages()
        less.add([value for value in ran.witness if value != left_out])
        assert isinstance(_core.run_block(less, root, rules(), env(), block, []), _core.Needs)


addresses = st.sampled_from([bytes([n]) * 20 for n in range(1, 6)])
slots = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 2**255])), max_size=4)
writes = st.tuples(
    addresses,
    st.one_of(st.none(), st.integers(0, 3)),
    st.one_of(st.none(), st.sampled_from([0, 1, 10**30])),
    st.one_of(st.none(), st.sampled_from([b"", b"\x00", b"\x60\x00"])),
    slots,
)


@given(st.lists(writes, max_size=6), st.lists(writes, max_size=6))
@settings(max_examples=150, deadline=None)
def test_writing_gives_the_state_that_a_genesis_of_the_same_values_has(
    first: list[tuple[bytes, int | None, int | None, bytes | None, list[tuple[int, int]]]],
    second: list[tuple[bytes, int | None, int | None, bytes | None, list[tuple[int, int]]]],
) -> None:
    plain: dict[bytes, tuple[int, int, bytes, dict[int, int]]] = {}
    root, preimages = fresh([])
    for written in (first, second):
        root = _core.write_state(preimages, root, written)
        for address, nonce, balance, code, changed in written:
            held = plain.get(address, (0, 0, b"", {}))
            kept = (
                held[0] if nonce is None else nonce,
                held[1] if balance is None else balance,
                held[2] if code is None else code,
            )
            if kept == (0, 0, b""):  # EIP-161
                plain.pop(address, None)
                continue
            storage = held[3] | dict(changed)
            plain[address] = (*kept, {slot: value for slot, value in storage.items() if value})
    expected, _ = _core.genesis([(a, n, b, c, sorted(s.items())) for a, (n, b, c, s) in sorted(plain.items())])
    assert root == expected
    for address, (nonce, balance, code, storage) in plain.items():
        account = _core.State(preimages, root).account(address)
        assert account is not None
        assert (account[0], account[1], account[3]) == (nonce, balance, _core.keccak256(code))
        assert not code or preimages.get(account[3]) == code
        for at, value in storage.items():
            assert _core.State(preimages, root).storage(address, at.to_bytes(32, "big")) == value


def test_writing_a_state_that_is_not_there_says_what_is_missing() -> None:
    root, _ = fresh(state())
    with pytest.raises(_core.Missing):
        _core.write_state(_core.Preimages(), root, [(ALICE.address, 1, None, None, [])])
    with pytest.raises(_core.CoreError, match="balance"):
        _core.write_state(_core.Preimages(), root, [(ALICE.address, 1, -1, None, [])])


def message(preimages: _core.Preimages, root: bytes, to: bytes | None, data: bytes = b"", **more: Any) -> object:
    return _core.call(
        preimages, root, rules(), env(), sender=BOB.address, to=to, value=more.pop("value", 0), input=data,
        gas_limit=more.pop("gas", 1_000_000), trace=True, **more,
    )  # fmt: skip


def test_a_call_does_what_the_transaction_would_and_leaves_nothing() -> None:
    root, preimages = fresh(state())
    before = len(preimages)
    data = slot(ALICE).to_bytes(32, "big") + (3).to_bytes(32, "big")
    called = message(preimages, root, TOKEN, data)
    assert isinstance(called, _core.Done)
    sent = done(_core.run_transactions(preimages, root, rules(), env(), [transfer(BOB, ALICE, 3, 0)]))
    for name in ("status", "gas_used", "logs", "output", "halt"):
        assert called.outcomes[0][name] == sent.outcomes[0][name]
    assert called.state_root == root
    assert len(preimages) == before
    assert called.trace is not None


def test_why_a_call_halts_is_named() -> None:
    root, preimages = fresh(state())
    for to, expected in ((LOOP, "OutOfGas"), (BAD, "InvalidFEOpcode")):
        called = message(preimages, root, to)
        assert isinstance(called, _core.Done)
        assert (called.outcomes[0]["status"], called.outcomes[0]["halt"]) == (0, expected)
    reverted = message(preimages, root, TOKEN, b"\xff" * 64)
    assert isinstance(reverted, _core.Done)
    assert (reverted.outcomes[0]["status"], reverted.outcomes[0]["halt"]) == (0, None)
    created = message(preimages, root, None, bytecode.deployment(bytecode.TOKEN))
    assert isinstance(created, _core.Done)
    assert created.outcomes[0]["output"] == bytecode.TOKEN


def test_a_call_is_from_anybody_but_spends_only_what_there_is() -> None:
    root, preimages = fresh(state())
    for sender in (TOKEN, b"\x99" * 20):  # a contract; nobody
        called = _core.call(
            preimages, root, rules(), env(), sender=sender, to=ALICE.address, value=0, input=b"", gas_limit=10**7
        )
        assert isinstance(called, _core.Done)
        assert called.gas_used == 21_000
    refused = message(preimages, root, ALICE.address, value=2 * ETHER)
    assert isinstance(refused, _core.Invalid)
    assert refused.kind == "insufficient-funds"
    short = message(preimages, root, ALICE.address, gas=20_000)
    assert isinstance(short, _core.Invalid)
    assert short.kind == "intrinsic-gas-too-low"
    nothing = _core.call(
        _core.Preimages(), root, rules(), env(), sender=TOKEN, to=TOKEN, value=0, input=b"", gas_limit=10**6
    )
    assert isinstance(nothing, _core.Needs)


def test_a_call_on_the_op_stack_pays_no_fee() -> None:
    accounts = state()
    l1_block = bytes.fromhex("4200000000000000000000000000000000000015")
    # Slots of L1Block: base fee, scalars, blob base fee, operator fee.
    accounts.append((l1_block, 1, 0, b"\x00", [(1, 10**12), (3, (5227 << 128) | (5227 << 96)), (7, 10**9), (8, 10**9)]))
    root, preimages = fresh(sorted(accounts))
    called = _core.call(
        preimages,
        root,
        rules("op"),
        env(),
        sender=BOB.address,
        to=ALICE.address,
        value=ETHER,
        input=b"",
        gas_limit=10**6,
    )
    assert isinstance(called, _core.Done)
    assert called.outcomes[0]["status"] == 1
    ran = done(_core.build_block(
        preimages, root, rules("op"), env(),
        [deposit(b"\x01" * 32, ALICE.address, BOB.address, value=1, gas=50_000), transfer(BOB, ALICE, 1, 0)],
    ))  # fmt: skip
    assert [each["status"] for each in ran.outcomes] == [1, 1]
