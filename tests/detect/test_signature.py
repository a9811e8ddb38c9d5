"""Signatures that are none, and signatures that are used again."""

from __future__ import annotations

import pytest

from detect.stage import ETHER, Deployed, Stage
from rollproof import _core
from rollproof.chain import abi
from rollproof.detect.run import judge
from rollproof.detect.signature import SignatureMisuse
from rollproof.types import Severity

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def stage() -> Stage:
    return Stage()


def cheque(stage: Stage, on: Deployed, nonce: int | None, amount: int = ETHER) -> tuple[bytes, int, int, bytes, bytes]:
    """A cheque on a contract to account 1, signed by account 7: the arguments of `cash`."""
    to, signer = stage.account(1), stage.account(7)
    values = [signer.chain_id, on.address, to.address, amount] + ([] if nonce is None else [nonce])
    types = ["uint256", "address", "address", "uint256"] + ([] if nonce is None else ["uint256"])
    parity, r, s = _core.sign_hash(_core.keccak256(abi.encode(types, values)), signer.key)
    return to.address, amount, 27 + parity, r.to_bytes(32, "big"), s.to_bytes(32, "big")


def bank(stage: Stage, name: str, signer: bytes | None = None) -> Deployed:
    return stage.deploy(name, stage.account(7).address if signer is None else signer, value=10 * ETHER)


def test_a_cheque_is_cashed_twice(stage: Stage) -> None:
    cheques = bank(stage, "CarelessCheques")
    arguments = cheque(stage, cheques, None)
    block = stage.run([cheques.send("cash", *arguments), cheques.send("cash", *arguments)])
    [found] = judge(block, [SignatureMisuse()]).findings
    assert found.severity is Severity.MEDIUM
    assert found.transaction == block.executions[1].transaction
    assert (cheques.address, -ETHER) in {(each.account, each.amount) for each in found.amounts}


def test_a_cheque_is_cashed_in_its_mirror_image(stage: Stage) -> None:
    cheques = bank(stage, "CarelessCheques")
    to, amount, v, r, s = cheque(stage, cheques, None)
    mirrored = (to, amount, 55 - v, r, (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big"))
    block = stage.run([cheques.send("cash", to, amount, v, r, s), cheques.send("cash", *mirrored)])
    assert all(each.success for each in block.executions)
    [found] = judge(block, [SignatureMisuse()]).findings
    assert "second form" in found.title


def test_a_cheque_with_a_number_is_not(stage: Stage) -> None:
    cheques = bank(stage, "CarefulCheques")
    first, second = cheque(stage, cheques, 0), cheque(stage, cheques, 1)
    block = stage.run([cheques.send("cash", *first), cheques.send("cash", *second), cheques.send("cash", *second)])
    assert [each.success for each in block.executions] == [True, True, False]
    assert judge(block, [SignatureMisuse()]).findings == []


def test_nobodys_signature_is_good_where_no_signer_is_set(stage: Stage) -> None:
    cheques = bank(stage, "CarelessCheques", bytes(20))
    arguments = (stage.account(1).address, ETHER, 5, bytes(32), bytes(32))
    block = stage.run([cheques.send("cash", *arguments)])
    assert block.executions[0].success
    [found] = judge(block, [SignatureMisuse()]).findings
    assert found.severity is Severity.MEDIUM
    careful = bank(stage, "CarefulCheques", bytes(20))
    block = stage.run([careful.send("cash", *arguments)])
    assert judge(block, [SignatureMisuse()]).findings == []
