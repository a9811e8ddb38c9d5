"""``rollproof inspect`` and ``explain``: what goes to stdout and stderr, exit codes, usage errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rollproof as rp
from conftest import ROOT
from detect.seen_write import SeenCall, SeenWrite
from detect.shown import ALICE, BOB, FOUND, HOSTILE
from rollproof import cli
from rollproof.detect import registry
from rollproof.detect.explained import explained
from rollproof.detect.inspection import Inspection
from rollproof.replay import evidence
from rollproof.types import Severity, Suppressed, Unjudged
from unit.served_chain import CONFIGS, l1

UNKNOWN = Unjudged("censorship", 10, 120, None, "nobody watched the pool")
KEPT = Suppressed("reentrancy", Severity.HIGH, 10, 120, b"\x11" * 32, "re-entered", "the lock was restored")
CLEAN = Inspection("a.json", 10, 119, transactions=3)
FOUND_ONE = Inspection(
    "b.json", 10, 120, findings=(FOUND,), unjudged=(UNKNOWN,), suppressed=(KEPT,), transactions=2, second_pass=1
)
FAILED = Inspection("c.json", reason="c.json: empty")
HASH = "0x" + "11" * 32


class Run:
    """Runs the command line in this process, with the library's calls replaced by what a test wants them to give."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        monkeypatch.delenv("ETH_RPC_URL", raising=False)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("NO_COLOR", "1")

    def yields(self, *items: Inspection | BaseException) -> None:
        def several(name: str) -> Callable[..., Iterator[Inspection]]:
            def call(*arguments: Any) -> Iterator[Inspection]:
                self.asked.append((name, arguments))
                for item in items:
                    if isinstance(item, BaseException):
                        raise item
                    yield item

            return call

        def one(name: str) -> Callable[..., Inspection]:
            return lambda *arguments: next(iter(several(name)(*arguments)))

        for name in ("inspect", "inspect_traces", "inspect_range"):
            self.monkeypatch.setitem(vars(rp), name, several(name))
        for name in ("inspect_transaction", "inspect_pending"):
            self.monkeypatch.setitem(vars(rp), name, one(name))

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "argv", ["rollproof", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = self.capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, out, err

    def records(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*arguments)[1].splitlines()]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ((CLEAN, CLEAN), 0),
        ((CLEAN, FOUND_ONE), 1),
        ((FAILED, CLEAN), 2),
        ((FOUND_ONE, FAILED), 1),
        ((), 2),
        ((CLEAN, rp.Missing("node.example: has no block 7")), 2),
        ((FOUND_ONE, rp.Retry("node.example: slow")), 1),
        ((CLEAN, FileNotFoundError(2, "No such file or directory", "/secret/dir/gone.toml")), 2),
        ((CLEAN, KeyboardInterrupt()), 130),
        ((Inspection("d.json", 1, 1, unjudged=(UNKNOWN,), transactions=1),), 0),
    ],
)
def test_exit_codes(run: Run, items: tuple[Any, ...], code: int) -> None:
    run.yields(*items)
    got, _, err = run("inspect", "x.json")
    assert got == code
    assert "Traceback" not in err
    assert "/secret/dir" not in err


@pytest.mark.parametrize(
    ("fail_on", "code"), [("critical", 0), ("high", 1), ("medium", 1), ("low", 1), ("info", 1), ("never", 0)]
)
def test_a_finding_counts_from_a_severity_on(run: Run, fail_on: str, code: int) -> None:
    run.yields(FOUND_ONE)
    assert run("inspect", "x.json", "--fail-on", fail_on)[0] == code


def test_by_default_facts_do_not_fail(run: Run) -> None:
    fact = Inspection("b.json", findings=(rp.Finding("flash-loan", Severity.INFO, FOUND.confidence, 1, 2, None, "a"),))
    run.yields(fact)
    assert run("inspect", "x.json")[0] == 0


def test_one_bad_input_beside_a_finding_below_the_mark_is_2(run: Run) -> None:
    run.yields(FOUND_ONE, FAILED)
    assert run("inspect", "x.json", "--fail-on", "critical")[0] == 2


def test_json_is_all_of_stdout_and_says_what_each_record_is(run: Run) -> None:
    run.yields(CLEAN, FOUND_ONE, FAILED)
    records = run.records("inspect", "x.json", "--json")
    assert [each["record"] for each in records] == ["finding", "unknown", "unknown"]
    assert records[0]["id"] == FOUND.id
    assert records[2]["reason"] == "c.json: empty"
    assert records[2]["detector"] is None
    run.yields(CLEAN, FOUND_ONE)
    more = run.records("inspect", "x.json", "--json", "-v")
    assert [each["record"] for each in more] == ["finding", "unknown", "suppressed", "summary"]
    assert more[-1]["transactions"] == 5
    assert more[-1]["trigger_rate"] == 0.2
    assert more[-1]["findings"]["high"] == 1
    run.yields(CLEAN)
    assert [each["record"] for each in run.records("inspect", "x.json", "--json", "-vv")] == ["inspection", "summary"]


def test_talk_is_on_stderr_and_can_be_off(run: Run) -> None:
    run.yields(CLEAN, FOUND_ONE.noted("from traces that nobody proves"))
    code, out, err = run("inspect", "x.json")
    assert code == 1
    assert "1 finding (1 high) in 5 transactions of 2 blocks or traces, 1 unknown" in err
    assert "10:120: from traces that nobody proves" in err
    assert out.startswith("high      sandwich  10:120")
    assert "unknown   nobody watched the pool" in out
    assert "suppressed" not in out
    run.yields(CLEAN, FOUND_ONE)
    assert run("inspect", "x.json", "-q")[2] == ""
    run.yields(FOUND_ONE)
    assert "suppressed: re-entered: the lock was restored" in run("inspect", "x.json", "-v")[1]


def test_hostile_reasons_and_notes_stay_text(run: Run) -> None:
    run.yields(Inspection(HOSTILE, reason=HOSTILE), FOUND_ONE.noted(HOSTILE))
    _, out, err = run("inspect", "x.json")
    assert not any(each in out + err for each in ("\x1b", "\u202e"))


def test_labels_are_used(run: Run, tmp_path: Path) -> None:
    labels = tmp_path / "mine.csv"
    labels.write_text(f"address,name\n0x{BOB.hex()},Bob\n0x{ALICE.hex()},Alice\x1b\n", encoding="utf-8")
    run.yields(FOUND_ONE)
    assert f"Bob (0x{BOB.hex()})" in run("inspect", "x.json", "--labels", str(labels))[1]
    run.yields(FOUND_ONE)
    [record, *_] = run.records("inspect", "x.json", "--json", "--labels", str(labels))
    assert record["labels"] == {f"0x{BOB.hex()}": "Bob", f"0x{ALICE.hex()}": "Alice\\x1b"}
    labels.write_text("no address,Bob\n", encoding="utf-8")
    run.yields(FOUND_ONE)
    code, out, err = run("inspect", "x.json", "--labels", str(labels))
    assert (code, out) == (2, "")
    assert "mine.csv: entry 1" in err


def test_sarif_to_a_file_and_to_stdout(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.sarif"
    run.yields(FOUND_ONE, FAILED)
    code, out, _ = run("inspect", "x.json", "--sarif", str(target))
    assert code == 1
    assert "sandwich" in out
    log = json.loads(target.read_text(encoding="utf-8"))
    assert log["version"] == "2.1.0"
    [written] = log["runs"]
    assert [each["ruleId"] for each in written["results"]] == ["sandwich"]
    assert {each["id"] for each in written["tool"]["driver"]["rules"]} >= {each.id for each in registry.detectors()}
    assert written["invocations"][0]["executionSuccessful"] is False
    run.yields(FOUND_ONE)
    assert json.loads(run("inspect", "x.json", "--sarif", "-")[1])["runs"][0]["results"]
    run.yields(CLEAN, rp.Missing("gone"))
    code, out, _ = run("inspect", "x.json", "--sarif", "-")
    assert code == 2
    assert json.loads(out)["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_a_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run.yields(FOUND_ONE, FAILED)
    assert run("inspect", "x.json", "--html", str(page))[0] == 1
    text = page.read_text(encoding="utf-8")
    assert "Alice sold before and after Bob" in text
    assert "not looked at: c.json" in text
    run.yields(CLEAN)
    code, _, err = run("inspect", "x.json", "--html", str(tmp_path / "none" / "page.html"))
    assert code == 2
    assert "page.html" in err


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("a.json", "b/*"), "inspect"),
        (("--trace", "a.jsonl"), "inspect_traces"),
        (("--block", "-5:", "-r", "http://x"), "inspect_range"),
        (("--tx", HASH, "-r", "http://x"), "inspect_transaction"),
        (("--pending", "0x02aa", "-r", "http://x"), "inspect_pending"),
        (("--pending", "0x02aa", "--block", "7", "-r", "http://x"), "inspect_pending"),
    ],
)
def test_arguments_become_one_call(run: Run, arguments: tuple[str, ...], name: str) -> None:
    run.yields(CLEAN)
    assert run("inspect", *arguments)[0] == 0
    [(called, _)] = run.asked
    assert called == name


def test_options_reach_the_call(run: Run, tmp_path: Path) -> None:
    run.yields(CLEAN)
    chosen = ["-j", "3", "--only", "sandwich, reentrancy*", "--only", "back-run", "--exclude", "x", "--seed", "4"]
    kept = ["--evidence", str(tmp_path), "--no-counterfactual", "--ordering", "priority-fee", "--max-rounds", "7"]
    run("inspect", "a", "b", *chosen, *kept)
    [(_, (files, options))] = run.asked
    assert files == ["a", "b"]
    assert (options.jobs, options.seed, options.max_rounds) == (3, 4, 7)
    assert options.only == ("sandwich", "reentrancy*", "back-run")
    assert options.exclude == ("x",)
    assert (options.evidence, options.counterfactual, options.ordering) == (tmp_path, False, "priority-fee")


def test_pending_transactions_from_arguments_and_files(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bundle.txt"
    file.write_text('0xaa\n\n"bb"\n', encoding="utf-8")
    run.yields(CLEAN)
    assert run("inspect", "--pending", "0x02", "--pending", str(file), "--block", "9", "-r", "http://x")[0] == 0
    [(_, (urls, raw, on, _))] = run.asked
    assert (urls, raw, on) == (["http://x"], [b"\x02", b"\xaa", b"\xbb"], "9")
    file.write_text("hello\n", encoding="utf-8")
    code, out, err = run("inspect", "--pending", str(file), "-r", "http://x")
    assert (code, out) == (2, "")
    assert "bundle.txt: line 1" in err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.json", "--block", "1"),
        ("a.json", "-r", "http://x"),
        ("a.json", "--pending", "0x02"),
        ("--trace",),
        ("--block", "1"),
        ("--tx", HASH),
        ("--tx", "0x12", "-r", "http://x"),
        ("--tx", HASH, "--block", "1", "-r", "http://x"),
        ("a.json", "--fail-on", "terrible"),
        ("a.json", "--family", "op"),
        ("a.json", "--sarif", "-", "--json"),
        ("a.json", "--tree", "--json"),
        ("a.json", "--ordering", "random"),
        ("a.json", "b.json", "--order", "0,1"),
        ("a.json", "-j", "0"),
        ("a.json", "--depth", "5000"),
        ("a.json", "--second-pass", "twice"),
        ("",),
    ],
)
def test_bad_usage_is_2_and_asks_nobody(run: Run, arguments: tuple[str, ...]) -> None:
    run.yields(CLEAN)
    code, out, err = run("inspect", *arguments)
    assert (code, out) == (2, "")
    assert "Usage" in err
    assert run.asked == []


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A lab block's evidence and its chain's configuration."""
    served = l1()
    for number in (1, 2):
        block = served.chain.block(number)
        assert block is not None
        evidence.write(tmp_path / f"{number}.evidence", served.chain.claim(block), served.chain.witness(block))
    return tmp_path


def own(run: Run, monkeypatch: pytest.MonkeyPatch, detectors: Iterable[Any] = (SeenWrite(), SeenCall())) -> list[str]:
    """Nothing replaced but the detectors; the options that name the lab's chain."""
    monkeypatch.setattr(registry, "detectors", lambda: tuple(detectors))
    monkeypatch.setattr("rollproof.chain.config.from_file", lambda path, family: CONFIGS["l1"])
    return ["--config", "lab.toml"]


def test_from_a_file_to_a_tree(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = own(run, monkeypatch)
    code, out, _ = run("inspect", str(kept / "1.evidence"), "--tree", "--labels", str(_labels(kept)), *config)
    assert code == 1
    assert "calls of 0x" in out
    assert "write  slot" in out
    assert ": 70 -> 40" in out
    assert "CALL  The token (0x707070…7070)" in out
    assert "<- seen-write (low)" in out


def _labels(directory: Path) -> Path:
    path = directory / "labels.toml"
    path.write_text(f'"0x{"70" * 20}" = "The token"\n', encoding="utf-8")
    return path


def test_one_transaction_of_a_file(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = own(run, monkeypatch)
    everything = run.records("inspect", str(kept / "2.evidence"), "--json", *config)
    wanted = everything[0]["transaction"]
    one = run.records("inspect", str(kept / "2.evidence"), "--json", "--tx", wanted, *config)
    assert {each["transaction"] for each in one} == {wanted}
    assert len(one) < len(everything)


def test_a_transaction_that_no_file_has_is_not_clean(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = own(run, monkeypatch)
    code, out, err = run("inspect", str(kept / "2.evidence"), "--tx", HASH, *config)
    assert (code, out) == (2, "")
    assert "in none of the files" in err


def test_a_directory_with_a_bad_file_and_several_jobs(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = own(run, monkeypatch)
    (kept / "3.evidence").write_bytes(b"nonsense")
    code, out, _ = run("inspect", str(kept), "--json", "-j", "3", "--fail-on", "never", *config)
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [each["block"] for each in records if each["record"] == "finding"] == sorted(
        each["block"] for each in records if each["record"] == "finding"
    )
    [failed] = [each for each in records if each["record"] == "unknown"]
    assert failed["source"].endswith("3.evidence")


def test_own_protocol_tables(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = own(run, monkeypatch)
    table = kept / "mine.toml"
    table.write_text(f'[[account]]\naddress = "0x{"70" * 20}"\nname = "My token"\nkind = "other"\n', encoding="utf-8")
    code, out, err = run("inspect", str(kept / "1.evidence"), "--tree", "--protocols", str(table), *config)
    assert code == 1, err
    assert "CALL  My token (0x707070…7070)" in out
    table.write_text("[[account]]\ncolour = 1\n", encoding="utf-8")
    code, out, err = run("inspect", str(kept / "1.evidence"), "--protocols", str(table), *config)
    assert (code, out) == (2, "")
    assert "mine.toml" in err


def test_another_order(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = own(run, monkeypatch)
    path = str(kept / "2.evidence")
    code, out, _ = run("inspect", path, "--order", "1,0,2-3", *config)
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[:4]] == [
        ["1", "excluded"],
        ["0", "included"],
        ["2", "included"],
        ["3", "included"],
    ]
    records = run.records("inspect", path, "--order", "0-3", "--json", *config)
    assert [each["record"] for each in records] == ["replayed"] * 4 + ["replay"]
    assert records[1]["status"] == 0  # reverts in its own order, too
    for wrong in ("9", "0,0", "x", "1-", "99999999-0", "0-99999999999"):
        code, out, err = run("inspect", path, "--order", wrong, *config)
        assert (code, out) == (2, ""), wrong
        assert "Traceback" not in err


def test_a_detector_that_there_is_not(run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = own(run, monkeypatch)
    code, out, err = run("inspect", str(kept), "--only", "seen-wrote", *config)
    assert (code, out) == (2, "")
    assert "did you mean seen-write" in err


def test_explain_one(run: Run) -> None:
    code, out, _ = run("explain", "unchecked-call")
    assert code == 0
    assert out.startswith("unchecked-call  high")
    assert all(f"\n{name:<12}" in out for name in ("what", "why", "example", "needs"))


def test_explain_lists_all(run: Run) -> None:
    code, out, _ = run("explain")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [each.id for each in explained()]


def test_explain_as_json(run: Run) -> None:
    records = [json.loads(line) for line in run("explain", "--all", "--json")[1].splitlines()]
    assert [each["id"] for each in records] == [each.id for each in explained()]
    keys = {"what", "why", "example", "references", "severity", "needs", "title", "scope", "since", "id"}
    assert all(set(each) == keys for each in records)
    assert all(each["what"] and each["why"] and each["example"] for each in records)


def test_the_page_of_detectors_is_current(run: Run) -> None:
    """Written by `make detectors`."""
    code, out, _ = run("explain", "--all", "--markdown")
    assert code == 0
    assert (ROOT / "docs" / "detectors.md").read_text(encoding="utf-8") == out


def test_explain_an_unknown_one(run: Run) -> None:
    code, out, err = run("explain", "uncheckd-call\x1b")
    assert (code, out) == (2, "")
    assert "did you mean unchecked-call" in err
    assert "\x1b" not in err


def test_explain_usage(run: Run) -> None:
    assert run("explain", "unchecked-call", "--all")[0] == 2
    assert run("explain", "--json", "--markdown")[0] == 2
