"""Wrong claims and damaged files through the command line: exit code, one line each, never a traceback."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollproof.replay import evidence
from rollproof.replay.header import header_hash
from rollproof.replay.verify import verify
from rollproof.types import Outcome, Verdict
from tamper import seal, synthetic
from tamper.blocks import (
    BYZANTIUM,
    CANCUN,
    HOMESTEAD,
    UNICHAIN,
)

WRONG = b"\x5a" * 32


def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rollproof", "verify", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", [UNICHAIN, HOMESTEAD])
def test_exit_codes(shared_data: Path, tmp_path: Path, name: str) -> None:
    honest = seal.honest(shared_data / "blocks", name)
    wrong = seal.reseal(honest, state_root=WRONG)
    files = {
        "honest": seal.write(tmp_path / "honest.json.gz", honest),
        "wrong": seal.write(tmp_path / "wrong.json.gz", wrong),
        "damaged": seal.write(tmp_path / "damaged.json.gz", {**honest, "transactions": honest["transactions"][:-1]}),
    }
    root = "0x" + seal.header_of(honest).state_root.hex()
    expected = {"honest": (0, "holds"), "wrong": (1, "broken"), "damaged": (2, "unknown")}
    for which, (code, verdict) in expected.items():
        done = run(files[which], "--json")
        assert done.returncode == code, done.stderr
        (line,) = lines(done)
        assert (line["verdict"], line["chain_id"], line["number"]) == (verdict, honest["chain_id"], honest["number"])
        keys = [(each["key"], each["claimed"], each["computed"]) for each in line["differences"]]
        assert keys == ([("state_root", "0x" + WRONG.hex(), root)] if which == "wrong" else [])
        assert ("transactions_root" in (line["reason"] or "")) == (which == "damaged")
    together = run(files["honest"], files["damaged"], files["wrong"], "--json")
    assert together.returncode == 1  # broken outweighs unknown
    assert [line["verdict"] for line in lines(together)] == ["holds", "unknown", "broken"]
    text = run(files["wrong"])
    assert text.returncode == 1
    assert "state_root" in text.stdout
    assert root in text.stdout


def test_bad_input_names_the_thing(shared_data: Path, tmp_path: Path) -> None:
    record = seal.load(shared_data / "blocks", HOMESTEAD)
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "half.json").write_text(json.dumps(record)[:1000])
    (tmp_path / "chain.json").write_text(json.dumps({**record, "chain_id": 999_999_999_999}))
    (tmp_path / "key.json").write_text(json.dumps({**record, "surprise": 1}))
    (tmp_path / "twice.json").write_text('{"number": 1, "number": 1}')
    (tmp_path / "empty.json").write_text("")
    said = {
        "list.json": "list.json",
        "half.json": "not JSON",
        "chain.json": "999999999999",
        "key.json": "'surprise'",
        "twice.json": "'number' stands twice",
        "empty.json": "empty",
        "nowhere.json": "no such file",
    }
    for name, what in said.items():
        done = run(tmp_path / name, "--json")
        assert done.returncode == 2
        output = done.stdout + done.stderr
        assert what in output, output
        assert len(lines(done)) <= 1


def test_a_wrong_claim_as_evidence(tmp_path: Path) -> None:
    """The same verdict from an evidence file, with the receipts and post-state that it carries."""
    alice, bob = synthetic.account("alice", 1), synthetic.account("bob", 1)
    held: dict[bytes, synthetic.Holder] = {each.address: (0, synthetic.ETHER, b"", {}) for each in (alice, bob)}
    block = synthetic.block(synthetic.ETHEREUM_CANCUN, held, [alice.send(bob.address, value=5)])
    header = replace(block.header, state_root=WRONG)
    claim = replace(
        block.claim,
        header=header,
        claimed_hash=header_hash(header),
        receipts=({"status": 1, "gas_used": 21_001, "cumulative_gas_used": 21_001, "logs": ()},),
        post_state={bob.address: {"balance": synthetic.ETHER + 6, "storage": {bytes(32): 9}}},
    )
    path = tmp_path / "wrong.evidence"
    evidence.write(path, claim, list(block.values))
    (result,) = verify(path, second_opinion="never")
    assert result.outcome is Outcome.BROKEN
    shown = "0x" + bob.address.hex()
    assert seal.found(result) == {
        "state_root": ("0x" + WRONG.hex(), "0x" + block.header.state_root.hex()),
        "0.gas_used": ("21001", "21000"),
        "0.cumulative_gas_used": ("21001", "21000"),
        f"{shown}.balance": (str(synthetic.ETHER + 6), str(synthetic.ETHER + 5)),
        f"{shown}[0x{bytes(32).hex()}]": (f"0x{9:064x}", f"0x{0:064x}"),
    }
    done = run(path, "--json")
    assert done.returncode == 1
    assert {each["key"] for each in lines(done)[0]["differences"]} == set(seal.found(result))


def one(path: Path) -> Verdict:
    (result,) = verify(path, second_opinion="never", audit_rate=0)
    return result


DAMAGED: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("cut", lambda data: data[:-1], "truncated"),
    ("half", lambda data: data[: len(data) // 2], "truncated"),
    ("padded", lambda data: data + b"\0", "after the"),
    ("twice", lambda data: data + data, ""),
    ("first-byte", lambda data: b"\0" + data[1:], ""),
    ("nothing", lambda data: b"", "empty"),
]


@pytest.mark.parametrize(("change", "said"), [pytest.param(row[1], row[2], id=row[0]) for row in DAMAGED])
@pytest.mark.parametrize("name", [HOMESTEAD, BYZANTIUM, CANCUN])
def test_a_damaged_file(
    shared_data: Path, tmp_path: Path, name: str, change: Callable[[bytes], bytes], said: str
) -> None:
    data = (shared_data / "blocks" / f"{name}.json.gz").read_bytes()
    path = tmp_path / "damaged.json.gz"
    path.write_bytes(change(data))
    assert one(path).outcome is Outcome.UNKNOWN
    assert said in one(path).reason
    path.write_bytes(gzip.compress(change(gzip.decompress(data)), 1))
    assert one(path).outcome is Outcome.UNKNOWN
    assert one(path).reason
    block = seal.executed(shared_data / "blocks", name)
    path.write_bytes(change(evidence.dumps(block.claim, block.values)))
    assert one(path).outcome is Outcome.UNKNOWN
    assert said in one(path).reason
