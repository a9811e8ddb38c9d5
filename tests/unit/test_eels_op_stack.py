"""OP Stack rules on small made-up blocks: every expected state and receipt is worked out by hand from the specs.

Each block is executed on the first machine as well, which must find the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ethereum", reason="EELS is not installed: pip install 'rollproof[eels]'")

import coincurve
from ethereum_rlp import rlp
from ethereum_types.numeric import Uint

from eels_preimages import Preimages
from first_machine import first_machine
from rollproof import _core
from rollproof.replay.eels.machine import Machine
from rollproof.replay.eels.op_precompiles import LIMITS, address, install
from rollproof.replay.eels.preimages import keccak256
from rollproof.replay.second_opinion import Inputs, Opinion, compare
from rollproof.replay.second_opinion import reexecute as second_machine

pytestmark = pytest.mark.eels

FORKS = ("bedrock", "regolith", "canyon", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian")
L1_BLOCK = bytes.fromhex("4200000000000000000000000000000000000015")
MESSAGE_PASSER = bytes.fromhex("4200000000000000000000000000000000000016")
SEQUENCER_VAULT = bytes.fromhex("4200000000000000000000000000000000000011")
BASE_FEE_VAULT = bytes.fromhex("4200000000000000000000000000000000000019")
L1_FEE_VAULT = bytes.fromhex("420000000000000000000000000000000000001a")
OPERATOR_VAULT = bytes.fromhex("420000000000000000000000000000000000001b")
KEY = coincurve.PrivateKey(b"\7" * 32)
SENDER = keccak256(KEY.public_key.format(compressed=False)[1:])[12:]
OTHER, DEPOSITOR = b"\xaa" * 20, b"\xdd" * 20
NO_BLOOM, EMPTY_ROOT = bytes(256), bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")

Accounts = Mapping[bytes, tuple[int, int, bytes, Mapping[int, int]]]

# L1 base fee 30 gwei, overhead 188, scalar 0.684, blob base fee 5 gwei, scalars 1368 and 810949; operator fee.
L1_SLOTS = {1: 30 * 10**9, 5: 188, 6: 684_000, 7: 5 * 10**9, 3: 1368 << 96 | 810_949 << 64, 8: 2_000_000 << 64 | 77}


def since(fork: str, first: str) -> bool:
    return FORKS.index(fork) >= FORKS.index(first)


def block(fork: str, before: Accounts, transactions: list[bytes], **changes: Any) -> Inputs:
    """A block on a state, with a base fee of 1000 wei."""
    builder = Preimages()
    root = builder.state(before)
    given = Inputs(
        family="op",
        chain_id=10,
        fork=fork,
        number=100,
        timestamp=1_800_000_000,
        gas_limit=30_000_000,
        beneficiary=SEQUENCER_VAULT,
        parent_hash=b"\1" * 32,
        parent_state_root=root,
        transactions=tuple(transactions),
        preimages=builder.values,
        base_fee=1000,
        excess_blob_gas=0 if since(fork, "ecotone") else None,
        parent_beacon_block_root=bytes(32) if since(fork, "ecotone") else None,
    )
    return replace(given, **changes)


def reexecute(inputs: Inputs) -> Opinion:
    """What the second machine says, after the first was found to say the same."""
    opinion, first = second_machine(inputs), first_machine(inputs)
    if isinstance(first, _core.Invalid):
        assert opinion.invalid is not None, (first.kind, first.reason)
        assert opinion.invalid.transaction == first.transaction
    else:
        assert isinstance(first, _core.Done)
        assert compare(first, opinion) == ()
    return opinion


def transfer(
    value: int, gas_price: int, to: bytes = OTHER, gas: int = 50_000, data: bytes = b"", nonce: int = 0
) -> bytes:
    """A legacy transaction of SENDER's, signed for chain 10 (EIP-155)."""
    fields: tuple[Any, ...] = (Uint(nonce), Uint(gas_price), Uint(gas), to, Uint(value), data)
    signature = KEY.sign_recoverable(keccak256(rlp.encode((*fields, Uint(10), Uint(0), Uint(0)))), hasher=None)
    r, s, parity = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    return rlp.encode((*fields, Uint(35 + 20 + parity), Uint(r), Uint(s)))


def deposit(
    to: bytes = OTHER, mint: int = 0, value: int = 0, gas: int = 100_000, data: bytes = b"", system: bool = False
) -> bytes:
    """A deposit of DEPOSITOR's."""
    item = (bytes(32), DEPOSITOR, to, *map(Uint, (mint, value, gas)), b"\1" if system else b"", data)
    return b"\x7e" + rlp.encode(item)


def receipt(fork: str, status: int, cumulative: int, nonce: int = 0) -> bytes:
    """A deposit's receipt without logs."""
    fields: list[Any] = [Uint(status), Uint(cumulative), NO_BLOOM, ()]
    return b"\x7e" + rlp.encode([*fields, Uint(nonce), Uint(1)] if since(fork, "canyon") else fields)


def check(opinion: Opinion, after: Accounts, receipts: list[bytes] | None = None) -> None:
    assert opinion.computed, opinion
    assert opinion.state_root == Preimages().state(after), [t.gas_used for t in opinion.transactions]
    if receipts is not None:
        assert opinion.receipts_root == Preimages().ordered(receipts)


def plain(balance: int, nonce: int = 0) -> tuple[int, int, bytes, dict[int, int]]:
    return nonce, balance, b"", {}


def expected_l1_fee(fork: str, raw: bytes) -> int:
    gas = sum(4 if byte == 0 else 16 for byte in raw)
    if fork == "bedrock":
        return (gas + 68 * 16 + 188) * 30 * 10**9 * 684_000 // 10**6
    if not since(fork, "ecotone"):
        return (gas + 188) * 30 * 10**9 * 684_000 // 10**6
    price = 16 * 1368 * 30 * 10**9 + 810_949 * 5 * 10**9
    if fork == "ecotone":
        return gas * price // (16 * 10**6)
    return 100 * price // 10**6  # a transfer is below the least size, 100 bytes


@pytest.mark.parametrize("fork", FORKS)
def test_fees_of_a_transfer(fork: str) -> None:
    start, raw = 10**18, transfer(12345, 1500)
    l1 = expected_l1_fee(fork, raw)
    operator = 0
    if fork == "isthmus":
        operator = 21_000 * 2_000_000 // 10**6 + 77
    if fork == "jovian":
        operator = 21_000 * 2_000_000 * 100 + 77
    attributes = [deposit(L1_BLOCK, data=bytes.fromhex("3db6be2b") + bytes(172) + b"\0\1")] if fork == "jovian" else []
    slots = L1_SLOTS | ({8: L1_SLOTS[8] | 1 << 96} if fork == "jovian" else {})  # and the footprint's gas scalar
    before = {SENDER: plain(start), L1_BLOCK: (1, 0, b"\0", slots), MESSAGE_PASSER: (1, 0, b"\0", {3: 4})}
    opinion = reexecute(block(fork, before, [*attributes, raw]))
    after = {
        **before,
        SENDER: plain(start - 12345 - 21_000 * 1500 - l1 - operator, 1),
        OTHER: plain(12345),
        SEQUENCER_VAULT: plain(21_000 * 500),
        BASE_FEE_VAULT: plain(21_000 * 1000),
        L1_FEE_VAULT: plain(l1),
    }
    if operator:
        after[OPERATOR_VAULT] = plain(operator)
    if attributes:
        after[DEPOSITOR] = plain(0, 1)
    check(opinion, after)
    assert opinion.transactions[-1].gas_used == 21_000
    assert opinion.blob_gas_used == (100 if fork == "jovian" else 0)  # one transaction of 100 bytes, scalar 1
    if since(fork, "isthmus"):
        assert opinion.withdrawals_root == Preimages().storage({3: 4})
        assert opinion.requests_hash is not None
        assert opinion.requests_hash.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    else:
        assert opinion.withdrawals_root == (EMPTY_ROOT if since(fork, "canyon") else None)
        assert opinion.requests_hash is None


@pytest.mark.parametrize("fork", ["regolith", "fjord", "isthmus"])
def test_the_balance_must_cover_the_fees_on_top(fork: str) -> None:
    raw = transfer(12345, 1500)
    operator = 50_000 * 2_000_000 // 10**6 + 77 if fork == "isthmus" else 0  # for the gas limit, the rest comes back
    enough = 12345 + 50_000 * 1500 + expected_l1_fee(fork, raw) + operator
    for balance, valid in ((enough, True), (enough - 1, False)):
        opinion = reexecute(block(fork, {SENDER: plain(balance), L1_BLOCK: (1, 0, b"\0", L1_SLOTS)}, [raw]))
        assert opinion.computed == valid
        if not valid:
            assert opinion.invalid is not None
            assert opinion.invalid.transaction == 0
            assert "InsufficientBalance" in opinion.invalid.reason


@pytest.mark.parametrize("fork", FORKS)
def test_a_deposit_mints_and_transfers(fork: str) -> None:
    opinion = reexecute(block(fork, {}, [deposit(mint=10, value=7)]))
    used = 21_000 if since(fork, "regolith") else 100_000
    check(opinion, {DEPOSITOR: plain(3, 1), OTHER: plain(7)}, [receipt(fork, 1, used)])
    assert opinion.gas_used == used


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("what", [{"mint": 5, "value": 7}, {"mint": 5, "gas": 20_999}], ids=["value", "gas"])
def test_a_deposit_that_cannot_start_keeps_its_mint(fork: str, what: dict[str, int]) -> None:
    opinion = reexecute(block(fork, {DEPOSITOR: plain(1, 4)}, [deposit(**what)]))  # type: ignore[arg-type]
    used = what.get("gas", 100_000)
    check(opinion, {DEPOSITOR: plain(6, 5)}, [receipt(fork, 0, used, nonce=4)])
    assert opinion.transactions[0].status == 0


@pytest.mark.parametrize("fork", FORKS)
def test_a_deposit_that_reverts(fork: str) -> None:
    reverting = bytes.fromhex("5f5ffd") if since(fork, "canyon") else bytes.fromhex("60006000fd")
    before: Accounts = {OTHER: (1, 0, reverting, {})}
    opinion = reexecute(block(fork, before, [deposit(mint=9, value=9)]))
    used = 21_000 + (4 if since(fork, "canyon") else 6) if since(fork, "regolith") else 100_000
    check(opinion, {**before, DEPOSITOR: plain(9, 1)}, [receipt(fork, 0, used)])


def test_a_deposit_creates_a_contract() -> None:
    init = bytes.fromhex("60016000f3")  # returns one byte of zeroed memory: STOP
    created = keccak256(rlp.encode((DEPOSITOR, Uint(4))))[12:]
    opinion = reexecute(block("granite", {DEPOSITOR: plain(0, 4)}, [deposit(b"", 3, 3, 100_000, init)]))
    gas = 53_000 + 4 * 16 + 4 + 2 + (3 + 3 + 3) + 200  # data, EIP-3860's word, two pushes and memory, one byte of code
    check(opinion, {DEPOSITOR: plain(0, 5), created: (1, 3, b"\0", {})}, [receipt("granite", 1, gas, nonce=4)])


def test_the_calldata_floor_holds_for_deposits() -> None:
    data = b"\1" * 100
    for fork, used in (("holocene", 21_000 + 1600), ("isthmus", 21_000 + 4000)):  # EIP-7623: 10 for each of 4 tokens
        opinion = reexecute(block(fork, {}, [deposit(data=data)]))
        check(opinion, {DEPOSITOR: plain(0, 1)}, [receipt(fork, 1, used)])


def test_system_deposits_are_free_in_bedrock_only() -> None:
    huge = deposit(gas=150_000_000, system=True)  # above the block's limit: not counted
    opinion = reexecute(block("bedrock", {}, [huge]))
    check(opinion, {DEPOSITOR: plain(0, 1)}, [receipt("bedrock", 1, 0)])
    later = reexecute(block("regolith", {}, [huge]))
    assert later.invalid is not None
    assert "gas used exceeds limit" in later.invalid.reason


def test_a_deposit_pays_no_fee_and_the_coinbase_gets_none() -> None:
    origin = bytes.fromhex("32" + "6000" + "55" + "3a" + "6001" + "55")  # origin and gas price to slots 0 and 1
    before = {OTHER: (1, 0, origin, {1: 9})}
    opinion = reexecute(block("holocene", before, [deposit(mint=2)]))
    after = {OTHER: (1, 0, origin, {0: int.from_bytes(DEPOSITOR, "big")}), DEPOSITOR: plain(2, 1)}
    check(opinion, after)


def test_logs_and_cumulative_gas() -> None:
    logging = bytes.fromhex("602a60005260206000a0")  # 42 to memory, LOG0 of it
    before = {OTHER: (1, 0, logging, {}), SENDER: plain(10**18), L1_BLOCK: (1, 0, b"\0", L1_SLOTS)}
    opinion = reexecute(block("fjord", before, [deposit(), transfer(0, 2000)]))
    assert opinion.computed, opinion
    used = 21_000 + 3 + 3 + (3 + 3) + 3 + 3 + 375 + 8 * 32
    assert [(t.gas_used, t.cumulative_gas_used) for t in opinion.transactions] == [(used, used), (used, 2 * used)]
    assert [t.logs for t in opinion.transactions] == [((OTHER, (), (42).to_bytes(32, "big")),)] * 2
    assert opinion.logs_bloom != NO_BLOOM


@pytest.mark.parametrize(
    ("transactions", "index", "reason"),
    [
        ([b"\x03\xc0"], 0, "blob"),
        ([b"\x7e\xc0"], 0, "undecodable"),
        ([b""], 0, "undecodable"),
        ([b"\x05\x01"], 0, "undecodable"),
        ([transfer(0, 999)], 0, "InvalidBlock"),  # below the base fee
        ([transfer(0, 2000, nonce=1)], 0, "nonce too high"),
        ([transfer(0, 2000, gas=31_000_000)], 0, "gas used exceeds limit"),
        ([transfer(0, 2000, gas=20_999)], 0, "InsufficientTransactionGas"),
    ],
)
def test_invalid_blocks(transactions: list[bytes], index: int, reason: str) -> None:
    before = {SENDER: plain(10**18), L1_BLOCK: (1, 0, b"\0", {})}
    opinion = reexecute(block("fjord", before, transactions))
    assert opinion.invalid is not None, opinion
    assert opinion.invalid.transaction == index
    assert reason in opinion.invalid.reason


def test_jovian_footprint() -> None:
    attributes = deposit(L1_BLOCK, gas=30_000, data=bytes.fromhex("3db6be2b") + bytes(172) + (400).to_bytes(2, "big"))
    before = {SENDER: plain(10**18), L1_BLOCK: (1, 0, b"\0", {8: 400 << 96})}
    signed = [transfer(0, 2000, gas=21_000, nonce=nonce) for nonce in range(2)]
    given = block("jovian", before, [attributes, *signed], gas_limit=80_000)
    assert reexecute(given).blob_gas_used == 2 * 100 * 400
    too_small = reexecute(replace(given, gas_limit=79_999))
    assert too_small.invalid is not None
    assert "footprint 80000" in too_small.invalid.reason
    assert too_small.invalid.transaction == 2
    isthmus = deposit(L1_BLOCK, data=bytes(176))
    assert reexecute(block("jovian", before, [isthmus])).blob_gas_used == 0
    # The core reads the scalar from the L1Block contract, which knows of no rule for these.
    assert second_machine(block("jovian", before, [isthmus, *signed])).invalid is not None
    assert second_machine(block("jovian", before, signed)).invalid is not None


def test_the_first_canyon_block_places_the_create2_deployer() -> None:
    deployer = bytes.fromhex("13b0d85ccb8bf860b6b79af3029fca081ae9bef2")
    code_hash = bytes.fromhex("b0550b5b431e30d38000efb7107aaa0ade03d48a7198a140edda9d27134468b2")
    given = block("canyon", {deployer: plain(5)}, [], create2_deployer=True)
    leaf = rlp.encode((Uint(0), Uint(5), EMPTY_ROOT, code_hash))
    expected = keccak256(rlp.encode((b"\x20" + keccak256(deployer), leaf)))  # a trie of one leaf
    assert reexecute(given).state_root == expected
    assert reexecute(replace(given, create2_deployer=False)).state_root == given.parent_state_root
    # The core carries the code itself.
    called = second_machine(replace(given, transactions=(deposit(deployer),)))
    assert called.missing == f"code 0x{code_hash.hex()}"


@pytest.mark.parametrize("fork", ["ecotone", "fjord", "jovian"])
@pytest.mark.parametrize("good", [True, False])
def test_p256_verify(fork: str, good: bool) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    private = ec.derive_private_key(12345, ec.SECP256R1())
    message, public = keccak256(b"message"), private.public_key().public_numbers()
    r, s = utils.decode_dss_signature(private.sign(message, ec.ECDSA(utils.Prehashed(SHA256()))))
    data = message + b"".join(part.to_bytes(32, "big") for part in (r, s, public.x, public.y))
    if not good:
        data = data[:31] + bytes([data[31] ^ 1]) + data[32:]
    # The calldata to 0x100, the answer behind it in memory and from there to slot 0.
    code = bytes.fromhex("3660006000376020 60a0 60a0 6000 610100 620fffff fa 50 60a051 600055")
    before: Accounts = {OTHER: (1, 0, code, {})}
    opinion = reexecute(block(fork, before, [deposit(gas=2_000_000, data=data)]))
    there = since(fork, "fjord")
    slots = {0: 1} if good and there else {}
    check(opinion, {OTHER: (1, 0, code, slots), DEPOSITOR: plain(0, 1)})
    copy, push = 2 + 3 + 3 + (3 + 5 * 3 + 5 * 3), 6 * 3
    call = 100 + 3450 if there else 2600  # a precompile is warm; before Fjord the address is an empty account
    rest = 3 + 2 + (3 + 3) + 3 + 2100 + (20_000 if slots else 100)  # one more word, POP, MLOAD, a push, SSTORE
    calldata = sum(16 if byte else 4 for byte in data)
    assert opinion.gas_used == 21_000 + calldata + copy + push + call + rest


@pytest.mark.parametrize("fork", FORKS)
def test_precompile_input_limits(fork: str) -> None:
    machine = Machine("prague" if since(fork, "isthmus") else "shanghai")
    table = machine["vm.precompiled_contracts.mapping"].PRE_COMPILED_CONTRACTS
    original = dict(table)
    reached: list[int] = []
    for where in table:
        table[where] = lambda evm: reached.append(len(evm.message.data))
    install(machine, fork)
    expected = {number: most for first in LIMITS if since(fork, first) for number, most in LIMITS[first].items()}
    assert {int.from_bytes(where, "big") for where in table if where not in original} == (
        {0x100} if since(fork, "fjord") else set()
    )
    out_of_gas = machine["vm.exceptions"].OutOfGasError
    for where in original:
        most = expected.get(int.from_bytes(where, "big"))
        reached.clear()
        table[where](SimpleNamespace(message=SimpleNamespace(data=bytes(most or 600_000))))
        assert reached == [most or 600_000]
        if most:
            with pytest.raises(out_of_gas):
                table[where](SimpleNamespace(message=SimpleNamespace(data=bytes(most + 1))))
    assert address(8) in original


def test_limits_are_the_specifications() -> None:
    assert LIMITS["granite"] == {8: 112_687}
    assert LIMITS["isthmus"] == {0x0C: 513_760, 0x0E: 488_448, 0x0F: 235_008}
    assert LIMITS["jovian"] == {8: 81_984, 0x0C: 288_960, 0x0E: 278_784, 0x0F: 156_672}
