"""What a second opinion says where it cannot compute, and how it is held against the first machine and the claim."""

from __future__ import annotations

import ast
import sys
import threading
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import rollproof.replay.second_opinion as module
from rollproof.errors import Missing, Unsupported
from rollproof.replay.second_opinion import Executed, Inputs, Invalid, Opinion, compare, contradicts, reexecute

PACKAGE = Path(module.__file__).parent
LOG = (b"\1" * 20, (b"\2" * 32,), b"\3")
OPINION = Opinion(
    state_root=b"\1" * 32,
    receipts_root=b"\2" * 32,
    transactions_root=b"\3" * 32,
    logs_bloom=bytes(256),
    gas_used=42_000,
    transactions=(Executed(1, 21_000, 21_000, ()), Executed(0, 21_000, 42_000, (LOG,))),
)
EMPTY = Inputs(
    family="ethereum",
    chain_id=1,
    fork="london",
    number=300,
    timestamp=1,
    gas_limit=30_000_000,
    beneficiary=b"\xcc" * 20,
    parent_hash=b"\1" * 32,
    parent_state_root=bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
    transactions=(),
    preimages={},
    base_fee=7,
)
needs_eels = pytest.mark.skipif(not module.available(), reason=module.INSTALL)


@dataclass
class First:
    """Stands for the first machine's result."""

    state_root: bytes = OPINION.state_root
    receipts_root: bytes = OPINION.receipts_root
    transactions_root: bytes = OPINION.transactions_root
    logs_bloom: bytes = OPINION.logs_bloom
    gas_used: int = 42_000
    blob_gas_used: int = 0
    withdrawals_root: bytes | None = None
    requests_hash: bytes | None = None
    outcomes: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"status": 1, "gas_used": 21_000, "cumulative_gas_used": 21_000, "logs": []},
            {"status": 0, "gas_used": 21_000, "cumulative_gas_used": 42_000, "logs": [(LOG[0], [LOG[1][0]], LOG[2])]},
        ]
    )


def keys(first: First, opinion: Opinion = OPINION) -> list[str]:
    return [difference.key for difference in compare(first, opinion)]


def test_alike() -> None:
    assert compare(First(), OPINION) == ()


@pytest.mark.parametrize("name", module.ROOTS)
def test_each_root_counts(name: str) -> None:
    other: Any = 9 if name.endswith("used") else b"\x99" * 32
    (found,) = compare(First(**{name: other}), OPINION)
    assert (found.scope, found.key, found.claimed) == ("header", name, hex(9) if other == 9 else "0x" + "99" * 32)


def test_transactions_are_named() -> None:
    first = First()
    first.outcomes[1] |= {"status": 1, "gas_used": 20_000}
    first.outcomes[0]["logs"] = [(LOG[0], [], b"")]
    assert keys(first) == ["transactions[0].logs[0]", "transactions[1].status", "transactions[1].gas_used"]
    first = First(outcomes=First().outcomes[:1])
    (found,) = compare(first, OPINION)
    assert (found.key, found.claimed, found.computed) == ("transactions[1]", None, "present")


def test_a_receipt_without_status_is_no_difference() -> None:
    first = First()
    first.outcomes[0]["status"] = None
    assert keys(first) == []


@pytest.mark.parametrize(
    "opinion", [Opinion(missing="code 0x00"), Opinion(failed="stopped"), Opinion(invalid=Invalid("nonce too low", 3))]
)
def test_nothing_computed_is_never_alike(opinion: Opinion) -> None:
    assert not opinion.computed
    with pytest.raises(Missing, match=r"code 0x00|stopped|nonce too low"):
        compare(First(), opinion)
    with pytest.raises(Missing):
        contradicts({}, opinion)


def test_contradicts_only_what_is_claimed() -> None:
    assert contradicts({"state_root": OPINION.state_root, "gas_used": 42_000}, OPINION) == ()
    (found,) = contradicts({"state_root": b"\7" * 32, "number": 5, "requests_hash": None}, OPINION)
    assert (found.key, found.claimed) == ("state_root", "0x" + "07" * 32)


@pytest.mark.parametrize("installed", [None, "2.19.0", "3.0.0"])
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, installed: str | None) -> None:
    def version(name: str) -> str:
        if installed is None or name != "ethereum-execution":
            raise metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(metadata, "version", version)
    assert not module.available()
    with pytest.raises(Missing, match=r"pip install 'rollproof\[eels\]'"):
        reexecute(EMPTY)


@needs_eels
@pytest.mark.parametrize(
    ("family", "fork"),
    [
        ("celo", "jovian"),
        ("ethereum", "constantinople"),
        ("ethereum", "amsterdam"),
        ("ethereum", "jovian"),
        ("op", "karst"),
        ("op", "osaka"),
    ],
)
def test_unknown_rules_are_refused_by_name(family: str, fork: str) -> None:
    with pytest.raises(Unsupported, match=family if family == "celo" else fork):
        reexecute(replace(EMPTY, family=family, fork=fork))


@needs_eels
def test_a_block_reward_on_an_empty_state() -> None:
    from eels_preimages import Preimages

    opinion = reexecute(replace(EMPTY, block_reward=2 * 10**18))
    assert opinion.state_root == Preimages().state({EMPTY.beneficiary: (0, 2 * 10**18, b"", {})})
    assert reexecute(EMPTY).state_root == EMPTY.parent_state_root


@needs_eels
@pytest.mark.parametrize("fork", ["shanghai", "cancun", "prague"])
def test_what_the_header_or_body_lacks_is_named(fork: str) -> None:
    opinion = reexecute(replace(EMPTY, fork=fork))
    assert opinion.invalid is not None
    assert ("withdrawals" if fork == "shanghai" else "excess_blob_gas") in opinion.invalid.reason


@needs_eels
def test_missing_and_false_preimages() -> None:
    absent = reexecute(replace(EMPTY, parent_state_root=b"\5" * 32, block_reward=1))
    assert absent.missing == f"trie node 0x{'05' * 32} of the account trie"
    false = reexecute(replace(EMPTY, parent_state_root=b"\5" * 32, block_reward=1, preimages={b"\5" * 32: b"\xc0"}))
    assert false.failed is not None
    assert "another hash" in false.failed


def calling(code: bytes, **changes: Any) -> tuple[Inputs, Any]:
    """An OP block whose only deposit calls ``code``, and the state's builder."""
    from ethereum_rlp import rlp
    from ethereum_types.numeric import Uint

    from eels_preimages import Preimages

    builder = Preimages()
    root = builder.state({b"\xaa" * 20: (1, 0, code, {})})
    item = (bytes(32), b"\xdd" * 20, b"\xaa" * 20, Uint(0), Uint(0), Uint(20_000_000), b"", b"")
    given = replace(
        EMPTY,
        family="op",
        fork="regolith",
        parent_state_root=root,
        preimages=builder.values,
        transactions=(b"\x7e" + rlp.encode(item),),
    )
    return replace(given, **changes), builder


@needs_eels
def test_block_hashes_are_walked_back_and_then_taken_on_trust() -> None:
    from ethereum_rlp import rlp
    from ethereum_types.numeric import Uint

    from eels_preimages import Preimages
    from rollproof.replay.eels.preimages import keccak256

    asked = bytes.fromhex("43600390034060005543600290034060015543600190034060025500")  # n-3, n-2, n-1 to slots 0, 1, 2
    header = rlp.encode((b"\4" * 32, *[b""] * 7, Uint(299), *[b""] * 7))
    given, builder = calling(asked, parent_hash=keccak256(header))
    missing = reexecute(given)
    assert missing.missing == "the hash of block 297"
    builder.values[keccak256(header)] = header
    opinion = reexecute(replace(given, block_hashes={297: b"\3" * 32, 298: b"\x88" * 32, 299: b"\x99" * 32}))
    assert opinion.used_block_hashes == (297,)
    slots = {0: int.from_bytes(b"\3" * 32, "big"), 1: int.from_bytes(b"\4" * 32, "big")}
    slots[2] = int.from_bytes(keccak256(header), "big")
    after = {b"\xaa" * 20: (1, 0, asked, slots), b"\xdd" * 20: (1, 0, b"", {})}
    assert opinion.state_root == Preimages().state(after)
    wrong = rlp.encode((b"\4" * 32, *[b""] * 7, Uint(298), *[b""] * 7))
    false = reexecute(
        replace(given, parent_hash=keccak256(wrong), preimages={**builder.values, keccak256(wrong): wrong})
    )
    assert false.failed is not None
    assert "block 299" in false.failed


@needs_eels
@pytest.mark.parametrize("opcode", ["3f", "3b", "31"], ids=["EXTCODEHASH", "EXTCODESIZE", "BALANCE"])
def test_code_known_by_hash_only(opcode: str) -> None:
    from eels_preimages import Preimages

    code = bytes.fromhex("73" + "bb" * 20 + opcode + "600055")  # of another account, to slot 0
    other = (1, 9, b"never executed", {7: 7})
    given, _ = calling(code)
    builder = Preimages()
    root = builder.state({b"\xaa" * 20: (1, 0, code, {}), b"\xbb" * 20: other})
    digest = builder.keccak(b"never executed")
    del builder.values[digest]
    opinion = reexecute(replace(given, parent_state_root=root, preimages=builder.values))
    if opcode == "3b":
        assert opinion.missing == f"code 0x{digest.hex()}"
        return
    value = int.from_bytes(digest, "big") if opcode == "3f" else 9
    after = {b"\xaa" * 20: (1, 0, code, {0: value}), b"\xbb" * 20: other, b"\xdd" * 20: (1, 0, b"", {})}
    assert opinion.state_root == Preimages().state(after)


@needs_eels
def test_endless_loops_end() -> None:
    given, _ = calling(bytes.fromhex("5b600056"))
    opinion = reexecute(given, seconds=0.2)
    assert opinion.failed == "the second machine ran out of time"
    assert opinion.seconds < 5


@needs_eels
def test_more_gas_than_the_machine_is_given() -> None:
    from ethereum_rlp import rlp
    from ethereum_types.numeric import Uint

    item = (bytes(32), b"\xdd" * 20, b"\xaa" * 20, Uint(0), Uint(0), Uint(2**63), b"", b"")
    opinion = reexecute(replace(EMPTY, family="op", fork="regolith", transactions=(b"\x7e" + rlp.encode(item),)))
    assert opinion.failed is not None
    assert "gas" in opinion.failed


@needs_eels
def test_the_recursion_limit_is_given_back() -> None:
    before = sys.getrecursionlimit()
    threads = [
        threading.Thread(target=reexecute, args=(replace(EMPTY, fork=f),)) for f in ("berlin", "paris", "london")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.getrecursionlimit() == before


@needs_eels
def test_the_installed_eels_is_left_alone() -> None:
    import ethereum.forks.london.state as installed

    reexecute(EMPTY)
    assert installed.State.__module__ == "ethereum.forks.london.state"
    assert installed.get_account.__module__ == "ethereum.forks.london.state"


def test_the_second_machine_does_not_import_the_first() -> None:
    files = [*sorted((PACKAGE / "eels").glob("*.py")), PACKAGE / "second_opinion.py"]
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                where = getattr(node, "module", None) or ""
                assert not any("_core" in name for name in [where, *names]), file
                if where.startswith("rollproof"):
                    assert where.startswith(("rollproof.replay.eels", "rollproof.errors", "rollproof.types")), file
