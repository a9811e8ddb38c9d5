"""Amounts that were cut on the way into the books."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.by_hand import BANK, TEST, call, changed, pays, raw, told
from detect.stage import ETHER, Stage
from rollproof.detect import foreign
from rollproof.detect.run import judge
from rollproof.detect.truncation import Truncation
from rollproof.types import Amount, Severity


@pytest.mark.parametrize("first", [0, 10 * ETHER])
def test_ether_that_is_counted_in_64_bits(first: int) -> None:
    stage = Stage()
    for name, count in (("NarrowBank", 1), ("NarrowBankFixed", 0)):
        bank = stage.deploy(name)
        bank.do("deposit", value=first)
        found = judge(stage.run([bank.send("deposit", value=19 * ETHER)]), [Truncation()]).findings
        assert [each.severity for each in found] == [Severity.HIGH] * count
        payer = stage.account(0).address
        assert [each.amounts for each in found] == [(Amount(None, payer, -(1 << 64)),)] * count


def test_what_fits_is_no_finding() -> None:
    stage = Stage()
    bank = stage.deploy("NarrowBank")
    sent = [bank.send("deposit", value=each * ETHER) for each in (1, 8, 9)]
    assert not judge(stage.run(sent), [Truncation()]).findings


def test_foreign_executions_cut_nothing(shared_data: Path) -> None:
    for name in ("exploits-dvdefi", "reentrancy-labs"):
        for block in foreign.read(shared_data / "detection" / f"{name}.jsonl.gz"):
            assert not judge(block, [Truncation()]).findings


@pytest.mark.parametrize(("charged", "count"), [(ETHER, 1), ((1 << 64) + ETHER, 0), (ETHER + 1, 0)])
def test_a_payment_that_is_charged_in_64_bits(charged: int, count: int, tmp_path: Path) -> None:
    paid = (1 << 64) + ETHER
    block = told(tmp_path, *call(BANK, *changed(7, 40 * ETHER, 40 * ETHER - charged), *pays(TEST, paid)))
    found = judge(block, [Truncation()]).findings
    assert [each.severity for each in found] == [Severity.HIGH] * count
    assert [each.amounts for each in found] == [(Amount(None, raw(BANK), -(1 << 64)),)] * count
