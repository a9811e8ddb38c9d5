"""``rollproof lab``: run to a block, served, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rollproof import cli

COMMAND = [sys.executable, "-m", "rollproof", "lab"]


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["rollproof", "lab", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def summary(out: str) -> dict[str, Any]:
    found = json.loads(out.splitlines()[-1])
    assert found["kind"] == "summary"
    assert isinstance(found, dict)
    return found


def test_the_same_seed_prints_the_same_chains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hashes = []
    for seed in ("4", "4", "5"):
        code, out, err = run(monkeypatch, capsys, "--blocks", "40", "--seed", seed, "--json")
        assert (code, len(out.splitlines())) == (0, 1)
        assert "deployed" in err
        found = summary(out)
        assert (found["l2"]["number"], found["refused"], found["seed"]) == (40, [], int(seed))
        hashes.append((found["l1"]["hash"], found["l2"]["hash"]))
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_fault_is_told_and_an_honest_node_refuses_its_block(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(
        monkeypatch, capsys, "--blocks", "45", "--inject", "state-balance:amount=7", "--at", "40", "--json", "-q"
    )
    assert code == 0
    told = [json.loads(line) for line in out.splitlines()]
    assert [each["kind"] for each in told] == ["fault", "summary"]
    assert (told[0]["id"], told[0]["block"]) == ("state-balance", 40)
    assert [each["number"] for each in told[1]["refused"]] == [40]


def test_recorded_prices_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text("time,price\n100,2500.5\n160,2600\n", encoding="utf-8")
    seeded = summary(run(monkeypatch, capsys, "--blocks", "35", "--json")[1])
    followed = summary(run(monkeypatch, capsys, "--blocks", "35", "--json", "--prices", str(prices))[1])
    assert followed["l2"]["hash"] != seeded["l2"]["hash"]
    prices.write_text("time,price\n100,2500.5\n90,2600\n", encoding="utf-8")
    code, out, err = run(monkeypatch, capsys, "--blocks", "35", "--prices", str(prices))
    assert (code, out) == (2, "")
    assert "prices.csv: line 3" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--blocks", "3", "--inject", "no-such-fault"), "no-such-fault"),
        (("--blocks", "3", "--inject", "state-balance:colour=red"), "colour"),
        (("--blocks", "3", "--inject", "state-balance:amount=red"), "red"),
        (("--blocks", "3", "--ordering", "random"), "random"),
        (("--blocks", "0"), "--blocks"),
        (("--blocks", "3", "--prices", "/no/such.csv"), "such.csv"),
        (("--l1-port", "70000"), "l1-port"),
        (("--blocks", "3"), "is ready at L2 block"),
        (("--blocks", "40", "--inject", "state-balance", "--at", "41"), "do not come"),
    ],
)
def test_bad_usage_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert "internal error" not in err


def test_a_port_in_use_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, err = run(monkeypatch, capsys, "--l1-port", port, "--l2-port", "0", "--follower-port", "0")
    assert (code, out) == (2, "")
    assert f"port {port}" in err
    assert len(err.splitlines()) == 1


def test_served_until_it_is_stopped(tmp_path: Path) -> None:
    ports = ["--l1-port", "0", "--l2-port", "0", "--follower-port", "0"]
    command = [*COMMAND, *ports, "--json", "-q", "--speed", "100", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        told = [json.loads(lab.stdout.readline()) for _ in range(4)]
        assert [each.get("name") for each in told] == ["l1", "l2", "l2-follower", None]
        assert (tmp_path / "lab-l2.toml").is_file()
        for each in told[:3]:
            asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
            answer = httpx2.post(each["url"], json=asked, timeout=20).json()
            assert int(answer["result"], 16) == each["chain_id"]
        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        first = int(httpx2.post(told[1]["url"], json=asked, timeout=20).json()["result"], 16)
        verify = subprocess.run(
            [sys.executable, "-m", "rollproof", "verify", "-r", told[1]["url"], "--config",
             str(tmp_path / "lab-l2.toml"), "--block", f"{first}", "--json", "--audit-rate", "0"],
            capture_output=True, text=True, check=False, env=os.environ | {"NO_COLOR": "1"},
        )  # fmt: skip
        assert json.loads(verify.stdout)["verdict"] == "holds", verify.stderr
        lab.send_signal(signal.SIGINT)
        assert lab.wait(timeout=20) == 0
        assert lab.stderr is not None
        assert "Traceback" not in lab.stderr.read()
