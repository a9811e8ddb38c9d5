"""The command line: what goes to stdout and stderr, exit codes, usage errors, and that nothing secret leaves it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import demonstration as demo
import rollproof as rp
from rollproof import cli
from rollproof.types import Outcome, Verdict

HOLDS = Verdict(1, 1, Outcome.HOLDS, source="a.json")
BROKEN = Verdict(1, 2, Outcome.BROKEN, source="b.json", confirmed=False)
UNKNOWN = Verdict(1, 3, Outcome.UNKNOWN, "missing: a node", source="c.json")
SECRET = "https://user:pa55word@node.example/v3/0123456789abcdef?key=hunter2"  # noqa: S105


class Run:
    """Runs the command line in this process, with ``rp.verify`` replaced by what the test wants it to yield."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        self.asked: list[tuple[Any, dict[str, Any]]] = []
        monkeypatch.delenv("ETH_RPC_URL", raising=False)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("NO_COLOR", "1")

    def yields(self, *items: Verdict | BaseException) -> None:
        def verify(files: Any, **options: Any) -> Iterator[Verdict]:
            self.asked.append((files, options))
            for item in items:
                if isinstance(item, BaseException):
                    raise item
                yield item

        self.monkeypatch.setitem(vars(rp), "verify", verify)

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "argv", ["rollproof", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = self.capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, out, err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("items", "code", "lines"),
    [
        ((HOLDS, HOLDS), 0, 2),
        ((HOLDS, BROKEN), 1, 2),
        ((UNKNOWN, HOLDS), 2, 2),
        ((BROKEN, UNKNOWN), 1, 2),
        ((), 2, 0),
        ((HOLDS, rp.Missing("node.example: has no block 7")), 2, 1),
        ((BROKEN, rp.Retry("node.example: slow")), 1, 1),
        ((HOLDS, FileNotFoundError(2, "No such file or directory", "/secret/dir/gone.toml")), 2, 1),
        ((HOLDS, KeyboardInterrupt()), 130, 1),
    ],
)
def test_exit_codes_and_partial_results(run: Run, items: tuple[Any, ...], code: int, lines: int) -> None:
    run.yields(*items)
    got, out, err = run("verify", "x.json")
    assert got == code
    assert len([line for line in out.splitlines() if not line.startswith(" ")]) == lines
    assert "Traceback" not in err
    assert "/secret/dir" not in err


def test_an_error_is_one_line_on_stderr(run: Run) -> None:
    run.yields(HOLDS, rp.Missing("node.example: has no block 7\x1b[2J"))
    _, out, err = run("verify", "x.json")
    assert err.splitlines() == [
        "rollproof: node.example: has no block 7\\x1b[2J",
        "1 block: 1 holds, 0 broken, 0 unknown in 0.0 s",
    ]
    assert out.startswith("a   ")


def test_json_is_all_of_stdout(run: Run) -> None:
    run.yields(HOLDS, BROKEN)
    _, out, err = run("verify", "x.json", "--json")
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["holds", "broken"]
    assert "2 blocks: 1 holds, 1 broken" in err
    run.yields(HOLDS)
    assert run("verify", "x.json", "--json", "-q")[2] == ""


def test_options_become_one_call(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text(demo.OP_STACK, encoding="utf-8")
    run.yields(HOLDS)
    chosen = ["-j", "3", "--seed", "9", "--audit-rate", "0.5", "--second-opinion"]
    code, _, _ = run("verify", "a", "b/*", *chosen, "--config", str(config))
    assert code == 0
    files, options = run.asked[0]
    assert files == ["a", "b/*"]
    assert options.pop("config").chain_id == 1338
    assert options == {"jobs": 3, "seed": 9, "audit_rate": 0.5, "second_opinion": "always"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify",),
        ("verify", "a.json", "--block", "1"),
        ("verify", "a.json", "-r", "http://x"),
        ("verify", "a.json", "--payload", "p"),
        ("verify", "a.json", "--witness-out", "d"),
        ("verify", "--block", "1"),
        ("verify", "--payload", "-"),
        ("verify", "--block", "1", "--payload", "p", "-r", "http://x"),
        ("verify", "a.json", "-j", "0"),
        ("verify", "a.json", "--audit-rate", "1.5"),
        ("verify", "a.json", "--no-such-option"),
        ("no-such-command",),
    ],
)
def test_bad_usage_is_2_and_names_what_to_give(run: Run, arguments: tuple[str, ...]) -> None:
    run.yields(HOLDS)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Usage" in err
    assert run.asked == []


def test_unknown_config_key_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text(demo.OP_STACK.replace("block_time", "block_tme"), encoding="utf-8")
    run.yields(HOLDS)
    code, out, err = run("verify", "a.json", "--config", str(config))
    assert (code, out) == (2, "")
    assert "block_tme" in err


def test_a_defect_of_ours_is_one_line_without_its_message(run: Run) -> None:
    run.yields(RuntimeError(f"could not reach {SECRET}"))
    code, _, err = run("verify", "x.json")
    assert code == 2
    assert err.startswith("rollproof: internal error: RuntimeError in test_cli.py:")
    assert "hunter2" not in err
    assert "0123456789abcdef" not in err


def test_help_has_an_example_and_does_not_show_the_environment(run: Run) -> None:
    run.monkeypatch.setenv("ETH_RPC_URL", SECRET)
    code, out, err = run("verify", "--help")
    assert code == 0
    assert "Example:" in out
    assert "hunter2" not in out + err
    assert run("--version")[1] == f"rollproof {rp.__version__}\n"


def test_eth_rpc_url_counts_only_where_a_node_is_asked(run: Run) -> None:
    from rollproof.replay import online

    asked: list[Any] = []

    def verify_range(urls: Any, block: str, options: online.Options) -> Iterator[Verdict]:
        asked.append((urls, block, options.jobs, options.limits.timeout, options.max_rounds))
        yield HOLDS

    run.monkeypatch.setattr(online, "verify_range", verify_range)
    run.monkeypatch.setenv("ETH_RPC_URL", SECRET)
    run.yields(HOLDS)
    assert run("verify", "a.json")[0] == 0
    assert asked == []
    assert run("verify", "--block", "-3:", "--rpc-timeout", "5", "--max-rounds", "7")[0] == 0
    assert asked.pop() == ([SECRET], "-3:", 1, 5.0, 7)
    assert run("verify", "--block", "latest", "-r", "http://a", "-r", "http://b", "-j", "2")[0] == 0
    assert asked.pop() == (["http://a", "http://b"], "latest", 2, 45.0, 64)


def test_nobody_listening_is_one_line_without_the_secret(run: Run) -> None:
    run.monkeypatch.setenv("ETH_RPC_URL", "http://user:pa55word@127.0.0.1:9/v3/0123456789abcdef")
    code, out, err = run("verify", "--block", "latest", "--rpc-timeout", "0.2")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "127.0.0.1" in err
    assert "pa55word" not in err
    assert "0123456789abcdef" not in err


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo")
    demo.write(directory)
    return directory


def program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rollproof", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_demonstration_chain_holds(demonstration: Path) -> None:
    done = program("verify", "--config", "demo-l1.toml", "demo-l1-*.evidence", cwd=demonstration)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [[f"demo-l1-{number}", "holds"] for number in range(1, 6)]


def test_tampered_block_is_caught_down_to_the_slot(demonstration: Path) -> None:
    chosen = ("--json", "-j", "2", "--config", "demo-l2.toml")
    done = program("verify", *chosen, "demo-l2-*.evidence", cwd=demonstration)
    assert done.returncode == 1, done.stdout + done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["verdict"] for record in records] == ["holds", "holds", "broken", "holds", "holds"]
    found = {(d["scope"], d["key"]): (d["claimed"], d["computed"]) for d in records[2]["differences"]}
    assert {scope for scope, _ in found} == {"header", "storage"}
    assert {key for scope, key in found if scope == "header"} == {"state_root"}
    ((key, (claimed, computed)),) = [(key, values) for (scope, key), values in found.items() if scope == "storage"]
    assert key.startswith("0x" + demo.TOKEN.hex())
    assert int(claimed, 16) == 10**27
    assert int(computed, 16) == 10**21


def test_missing_file_is_unknown_and_the_rest_is_judged(demonstration: Path) -> None:
    given = ("gone.evidence", "demo-l1-1.evidence")
    done = program("verify", "--config", "demo-l1.toml", *given, cwd=demonstration)
    assert done.returncode == 2
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["unknown", "holds"]
    assert "no such file" in done.stdout


def test_a_reader_that_goes_away_is_no_traceback(demonstration: Path) -> None:
    command = f"{sys.executable} -m rollproof verify -q --json --config demo-l1.toml 'demo-l1-*.evidence' | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=demonstration, capture_output=True, text=True, timeout=120)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def _opened(pipe: Path) -> int:
    """The pipe's writing end, as soon as the command reads from it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_interrupt_is_130(demonstration: Path) -> None:
    # A named pipe into which nobody writes: the command waits in its read for as long as the test likes.
    pipe = demonstration / "pipe.evidence"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "rollproof", "verify", str(pipe)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    writer = _opened(pipe)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    os.close(writer)
    pipe.unlink()
    assert running.returncode == 130
    assert "Traceback" not in err
