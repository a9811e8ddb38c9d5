"""Another body than the block's: judged under a root of its own; under the old root the file contradicts itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from rollproof import _core
from rollproof.errors import Malformed
from rollproof.types import Outcome, Withdrawal
from tamper import seal
from tamper.blocks import (
    BYZANTIUM,
    CANCUN,
    EVERY,
    GRANITE,
    HOLOCENE,
    HOMESTEAD,
    JOVIAN,
    LONDON,
    OP_SEPOLIA,
    PRAGUE,
    REGOLITH,
    SHANGHAI,
    UNICHAIN,
)

pytestmark = pytest.mark.shared

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1
Body = list[bytes]


def last_signed(body: Body) -> int:
    return max(index for index, raw in enumerate(body) if raw[:1] != b"\x7e")


def high_s(raw: bytes) -> bytes:
    """The same signature with the other s: the same sender, invalid since EIP-2."""
    kind, encoded = (b"", raw) if raw[:1] >= b"\xc0" else (raw[:1], raw[1:])
    fields = _core.rlp_decode(encoded)
    at = 6 if not kind else len(fields) - 3
    v = int.from_bytes(fields[at], "big")
    v = (v ^ 1) if kind or (v < 35 and v % 2 == 0) else v + 1 if v % 2 else v - 1
    s = ORDER - int.from_bytes(fields[at + 2], "big")
    fields[at : at + 3] = [v.to_bytes((v.bit_length() + 7) // 8, "big"), fields[at + 1], s.to_bytes(32, "big")]
    return kind + _core.rlp_encode(fields)


def per_transaction_gas(blocks: Path, name: str) -> list[int]:
    """What the independent executor of ../shared/data measured."""
    manifest = json.loads((blocks / "manifest.json").read_text())
    gas: list[int] = next(entry["per_tx_gas"] for entry in manifest if entry["file"] == f"{name}.json.gz")
    return gas


def repeated(body: Body) -> tuple[Body, int]:
    at = next(index for index, raw in enumerate(body) if raw[:1] != b"\x7e")
    return [*body[: at + 1], *body[at:]], at + 1


def malleated(body: Body) -> tuple[Body, int]:
    at = last_signed(body)
    return [*body[:at], high_s(body[at]), *body[at + 1 :]], at


def of_type_5(body: Body) -> tuple[Body, int]:
    return [*body, b"\x05" + _core.rlp_encode([b""])], len(body)


def cut(body: Body) -> tuple[Body, int]:
    return [*body[:-1], body[-1][:-1]], len(body) - 1


def padded(body: Body) -> tuple[Body, int]:
    return [*body[:-1], body[-1] + b"\0"], len(body) - 1


INVALID: list[tuple[Callable[[Body], tuple[Body, int]], str]] = [
    (repeated, "nonce-too-low"),
    (malleated, "signature"),
    (of_type_5, "transaction-type"),
    (cut, "undecodable"),
    (padded, "undecodable"),
]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(("change", "kind"), INVALID, ids=[change.__name__ for change, _ in INVALID])
def test_an_invalid_transaction_included(
    shared_data: Path, name: str, change: Callable[[Body], tuple[Body, int]], kind: str
) -> None:
    record = seal.honest(shared_data / "blocks", name)
    wrong, index = change(seal.body_of(record))
    result = seal.verdict(seal.reseal(record, transactions=wrong))
    assert result.outcome is Outcome.BROKEN, result.reason
    claimed, computed = seal.found(result)[str(index)]
    assert claimed == "included"
    assert (computed or "").startswith(f"invalid, {kind}: ")
    assert [each.scope for each in result.differences if each.scope != "header"] == ["transaction"]


FOREIGN = [
    (HOMESTEAD, LONDON, 2, "transaction-type"),
    (BYZANTIUM, CANCUN, 2, "transaction-type"),
    (SHANGHAI, CANCUN, 3, "transaction-type"),
    (GRANITE, CANCUN, 3, "transaction-type"),
    (JOVIAN, CANCUN, 3, "transaction-type"),
    (CANCUN, REGOLITH, 0x7E, "transaction-type"),
    (PRAGUE, JOVIAN, 0x7E, "transaction-type"),
    (CANCUN, PRAGUE, 2, "chain-id"),
    (HOLOCENE, UNICHAIN, 2, "chain-id"),
    (OP_SEPOLIA, JOVIAN, 2, "chain-id"),
]


@pytest.mark.parametrize(("name", "other", "kind", "why"), FOREIGN)
def test_a_transaction_of_another_fork_or_chain(shared_data: Path, name: str, other: str, kind: int, why: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    foreign = next(raw for raw in seal.body_of(seal.honest(shared_data / "blocks", other)) if raw[0] == kind)
    body = seal.body_of(record)
    result = seal.verdict(seal.reseal(record, transactions=[*body, foreign]))
    assert result.outcome is Outcome.BROKEN, result.reason
    assert (seal.found(result)[str(len(body))][1] or "").startswith(f"invalid, {why}: ")


@pytest.mark.parametrize("name", EVERY)
def test_the_last_transaction_left_out_and_sealed(shared_data: Path, name: str) -> None:
    """Valid on its own, so the results contradict: by exactly the gas that the transaction used."""
    record = seal.honest(shared_data / "blocks", name)
    honest = seal.header_of(record)
    gas = per_transaction_gas(shared_data / "blocks", name)
    result = seal.verdict(seal.reseal(record, transactions=seal.body_of(record)[:-1]))
    assert result.outcome is Outcome.BROKEN, result.reason
    differences = seal.found(result)
    assert differences["gas_used"] == (str(honest.gas_used), str(honest.gas_used - gas[-1]))
    assert {"state_root", "receipts_root"} <= set(differences)


@pytest.mark.parametrize("name", EVERY)
def test_two_transactions_swapped_and_sealed(shared_data: Path, name: str) -> None:
    record = seal.honest(shared_data / "blocks", name)
    body = seal.body_of(record)
    body[-1], body[-2] = body[-2], body[-1]
    result = seal.verdict(seal.reseal(record, transactions=body))
    assert result.outcome is Outcome.BROKEN, result.reason
    assert set(seal.found(result)) & {"receipts_root", str(len(body) - 2)}


ALTERED: list[tuple[str, Callable[[Body], Body]]] = [
    ("last-dropped", lambda body: body[:-1]),
    ("first-dropped", lambda body: body[1:]),
    ("all-dropped", lambda body: []),
    ("reversed", lambda body: body[::-1]),
    ("ends-swapped", lambda body: [body[-1], *body[1:-1], body[0]]),
    ("last-doubled", lambda body: [*body, body[-1]]),
    ("first-doubled", lambda body: [body[0], *body]),
    ("signature-altered", lambda body: [*body[:-1], body[-1][:-1] + bytes([body[-1][-1] ^ 1])]),
    ("middle-altered", lambda body: [*body[:-1], _middle(body[-1])]),
    ("cut", lambda body: [*body[:-1], body[-1][:-1]]),
    ("padded", lambda body: [*body[:-1], body[-1] + b"\0"]),
]


def _middle(raw: bytes) -> bytes:
    at = len(raw) // 2
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(("change"), [pytest.param(change, id=what) for what, change in ALTERED])
def test_another_body_under_the_old_root(shared_data: Path, name: str, change: Callable[[Body], Body]) -> None:
    record = seal.honest(shared_data / "blocks", name)
    body = seal.body_of(record)
    altered = change(body)
    result = seal.verdict({**record, "transactions": ["0x" + raw.hex() for raw in altered]})
    assert result.outcome is Outcome.UNKNOWN
    assert "transactions_root" in result.reason
    assert result.differences == ()


def test_an_empty_transaction(shared_data: Path) -> None:
    record = seal.honest(shared_data / "blocks", CANCUN)
    with pytest.raises(Malformed, match=r"transactions\[67\]: an empty transaction"):
        seal.verdict({**record, "transactions": [*record["transactions"], "0x"]})


def test_attributes_that_contradict_the_list_beside_them(shared_data: Path) -> None:
    record = seal.load(shared_data / "blocks", HOLOCENE)
    record["transactions"] = record["transactions"][:-1]
    with pytest.raises(Malformed, match="transactions and payload_attributes"):
        seal.verdict(record)


def _listed(record: seal.Record) -> list[Withdrawal]:
    return list(seal.withdrawals_of(record))


WITHDRAWN: list[tuple[str, Callable[[list[Withdrawal]], list[Withdrawal]]]] = [
    ("amount", lambda listed: [replace(listed[0], amount=listed[0].amount + 1), *listed[1:]]),
    ("left-out", lambda listed: listed[:-1]),
    ("twice", lambda listed: [*listed, listed[-1]]),
    ("none", lambda listed: []),
]


@pytest.mark.parametrize("name", [SHANGHAI, CANCUN, PRAGUE])
@pytest.mark.parametrize("change", [pytest.param(change, id=what) for what, change in WITHDRAWN])
def test_other_withdrawals(
    shared_data: Path, name: str, change: Callable[[list[Withdrawal]], list[Withdrawal]]
) -> None:
    """Under their own root the state contradicts; under the old root the file contradicts itself."""
    record = seal.honest(shared_data / "blocks", name)
    wrong = change(_listed(record))
    result = seal.verdict(seal.reseal(record, withdrawals=wrong))
    assert result.outcome is Outcome.BROKEN, result.reason
    assert set(seal.found(result)) == {"state_root"}
    root = seal.header_of(record).withdrawals_root
    result = seal.verdict(seal.reseal(record, withdrawals=wrong, withdrawals_root=root))
    assert result.outcome is Outcome.UNKNOWN
    assert "withdrawals_root" in result.reason
    assert result.differences == ()


def _moved(listed: list[Withdrawal]) -> list[Withdrawal]:
    """A gwei from one withdrawal to another of the same address: the state is the same."""
    one, other = next(
        (one, other)
        for one, other in combinations(range(len(listed)), 2)
        if listed[one].address == listed[other].address
    )
    changed = list(listed)
    changed[one] = replace(listed[one], amount=listed[one].amount + 1)
    changed[other] = replace(listed[other], amount=listed[other].amount - 1)
    return changed


TRACELESS: list[tuple[str, Callable[[list[Withdrawal]], list[Withdrawal]]]] = [
    ("validator", lambda listed: [replace(listed[0], validator_index=listed[0].validator_index + 1), *listed[1:]]),
    ("index", lambda listed: [replace(listed[0], index=listed[0].index + 1), *listed[1:]]),
    ("all-indices", lambda listed: [replace(each, index=each.index + 7) for each in listed]),
    ("reversed", lambda listed: listed[::-1]),
    ("swapped", lambda listed: [listed[1], listed[0], *listed[2:]]),
]


@pytest.mark.parametrize("name", [SHANGHAI, CANCUN, PRAGUE])
@pytest.mark.parametrize("change", [pytest.param(change, id=what) for what, change in TRACELESS])
def test_withdrawals_altered_without_a_trace_in_the_state(
    shared_data: Path, name: str, change: Callable[[list[Withdrawal]], list[Withdrawal]]
) -> None:
    """The root does not fit the list: that is the list's fault as well as the header's."""
    record = seal.honest(shared_data / "blocks", name)
    root = seal.header_of(record).withdrawals_root
    wrong = change(_listed(record))
    result = seal.verdict(seal.reseal(record, withdrawals=wrong, withdrawals_root=root))
    assert result.outcome is Outcome.UNKNOWN, seal.found(result)
    assert "withdrawals_root" in result.reason


@pytest.mark.parametrize("name", [SHANGHAI, CANCUN, PRAGUE])
def test_what_a_wrong_withdrawals_root_assumes(shared_data: Path, name: str) -> None:
    """Amounts shifted between withdrawals to one address cannot be told from a wrong root: the verdict says so."""
    record = seal.honest(shared_data / "blocks", name)
    root = seal.header_of(record).withdrawals_root
    shifted = seal.reseal(record, withdrawals=_moved(_listed(record)), withdrawals_root=root)
    wrong = seal.reseal(record, withdrawals_root=b"\x5a" * 32)
    for claimed in (shifted, wrong):
        result = seal.verdict(claimed)
        assert result.outcome is Outcome.BROKEN
        assert list(seal.found(result)) == ["withdrawals_root"]
        assert (
            "validator indices, and the split of amounts to one address, are as the withdrawals served say"
            in result.assumes
        )


def test_withdrawals_on_the_op_stack(shared_data: Path) -> None:
    for name in (HOLOCENE, JOVIAN):
        record = seal.honest(shared_data / "blocks", name)
        record["withdrawals"] = [
            {"index": "0x0", "validatorIndex": "0x0", "address": "0x" + "11" * 20, "amount": "0x1"}
        ]
        result = seal.verdict(record)
        assert result.outcome is Outcome.UNKNOWN
        assert "self-inconsistent: withdrawals" in result.reason
