"""Nodes that refuse, are slow, limit the rate, answer garbage, change their mind or lie, seen from the command line."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import demonstration as demo
from rollproof import cli
from rollproof.chain import rpc
from rollproof.chain.endpoint import label_of
from small_chain import Built
from unit.fake_node import FakeNode, Raw, Refusal
from unit.lab_node import LabNode

SECRET = "/v3/0123456789abcdef?key=hunter2"  # noqa: S105
BLOCKS = "eth_getBlockByNumber"


class Chains(NamedTuple):
    config: Path
    ethereum: list[Built]
    other: list[Built]  # the same chain id, other blocks


class Served:
    """A lab chain over HTTP. ``spoil`` is told the number of each block that is read."""

    def __init__(self, built: list[Built]) -> None:
        self.lab = LabNode(built)
        self.fake = FakeNode({name: self._method(name) for name in self.lab.methods})
        self.spoil: Callable[[int], None] = lambda _: None
        self.label = label_of(self.fake.url)

    def _method(self, name: str) -> Callable[[list[Any]], Any]:
        def call(params: list[Any]) -> Any:
            if name == BLOCKS and params[0] != "latest":
                self.spoil(int(params[0], 16))
            try:
                return self.lab.methods[name](*params)
            except IndexError:
                raise Refusal(-32001, "header not found") from None

        return call

    def offer(self, name: str, method: Callable[..., Any]) -> None:
        self.lab.methods[name] = method
        self.fake.methods[name] = self._method(name)


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Chains:
    directory = tmp_path_factory.mktemp("chains")
    config = directory / "l1.toml"
    config.write_text(demo.ETHEREUM, encoding="utf-8")
    return Chains(config, list(demo.ethereum_blocks(config, 0)), list(demo.ethereum_blocks(config, 5)))


@pytest.fixture
def served(chains: Chains) -> Iterator[Served]:
    made = Served(chains.ethereum)
    yield made
    made.fake.close()


class Run:
    def __init__(self, chains: Chains, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.chains, self.monkeypatch, self.capsys = chains, monkeypatch, capsys
        monkeypatch.setattr(rpc, "Limits", functools.partial(rpc.Limits, attempts=3, backoff=0.01, longest_wait=0.02))
        monkeypatch.setenv("COLUMNS", "400")
        monkeypatch.setenv("NO_COLOR", "1")

    def __call__(self, *urls: str, block: str = "1:6", more: tuple[str, ...] = ()) -> tuple[int, list[str], list[str]]:
        given = [argument for url in urls for argument in ("-r", url)]
        arguments = ["rollproof", "verify", *given, "--block", block, "--config", str(self.chains.config)]
        self.monkeypatch.setattr(sys, "argv", [*arguments, "--audit-rate", "0", "--rpc-timeout", "0.3", *more])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        assert "hunter2" not in out + err
        assert "0123456789abcdef" not in out + err
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, out.splitlines(), err.splitlines()


@pytest.fixture
def run(chains: Chains, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(chains, monkeypatch, capsys)


def from_block(served: Served, number: int, fault: Raw) -> None:
    """From the request for a block on, every answer is the fault."""

    def spoil(asked: int) -> None:
        if asked >= number:
            served.fake.script.extend([fault] * 2000)

    served.spoil = spoil


def test_an_honest_node_is_the_measure(run: Run, served: Served) -> None:
    code, out, _ = run(served.label + SECRET)
    assert code == 0
    assert [line.split()[1] for line in out] == ["holds"] * 5


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Raw(status=403, body=b"forbidden"), "HTTP 403"),
        (Raw(delay=1.0), "no answer in time"),
        (Raw(status=429, headers={"Retry-After": "0"}), "HTTP 429"),
        (Raw(body=b"<html>a proxy's page</html>"), "not JSON-RPC"),
        (Raw(body=b'{"jsonrpc":"2.0","id":0,"result":{"rubbish":1}}'), "expected"),
        (Raw(body=b"{", cut=500), "connection failed"),
    ],
    ids=["refusing", "slow", "rate", "page", "garbage", "cut"],
)
@pytest.mark.parametrize("first", [True, False], ids=["from the start", "in the middle"])
def test_a_node_that_fails_is_named_and_what_was_read_stays(
    run: Run, served: Served, fault: Raw, said: str, first: bool
) -> None:
    if first:
        served.fake.script.extend([fault] * 2000)
    else:
        from_block(served, 5, fault)  # read two ahead: the first two are judged by then
    code, out, err = run(served.label + SECRET)
    assert code == 2
    verdicts = [line.split()[1] for line in out if not line.startswith(" ")]
    assert verdicts[:2] == ([] if first else ["holds", "holds"])
    assert set(verdicts) <= {"holds", "unknown"}
    (line,) = [line for line in err if line.startswith("rollproof: ")]
    assert line.startswith(f"rollproof: {served.label}: ")
    assert "--rpc-url" in line  # what to do
    if fault.body != b"{" and b"rubbish" not in fault.body:
        assert said in line


def test_a_short_spell_of_faults_is_waited_out(run: Run, served: Served) -> None:
    faults = (Raw(status=429), Raw(status=503), None, Raw(body=b"x"), None, None, Raw(body=b"{", cut=9))
    served.fake.script.extend(faults)
    code, out, _ = run(served.label)
    assert code == 0
    assert [line.split()[1] for line in out] == ["holds"] * 5


def test_a_node_that_changes_its_mind_is_noticed(run: Run, chains: Chains, served: Served) -> None:
    other = LabNode(chains.other)

    def spoil(number: int) -> None:
        if number >= 5:
            served.lab.methods.update(other.methods)

    served.spoil = spoil
    code, out, err = run(served.label + SECRET)
    assert code == 2
    assert [line.split()[1] for line in out][:2] == ["holds", "holds"]
    (line,) = [line for line in err if line.startswith("rollproof: ")]
    assert "the chain reorganised" in line
    assert line.endswith("run again")


@pytest.mark.parametrize("lie", ["balance", "proof", "storageHash"])
def test_a_node_whose_answer_fails_its_proof_is_no_broken_block(run: Run, served: Served, lie: str) -> None:
    honest = served.lab.methods["eth_getProof"]

    def lying(address: str, slots: list[str], at: Any) -> Any:
        found = honest(address, slots, at)
        if int(address, 16) and lie == "balance":
            found["balance"] = hex(int(found["balance"], 16) + 1)
        elif int(address, 16) and lie == "storageHash":
            found["storageHash"] = "0x" + "11" * 32
        elif int(address, 16):
            found["accountProof"] = ["0x" + "c0" * 40]
        return found

    served.lab.methods["eth_getProof"] = lying
    code, out, _ = run(served.label + SECRET)
    assert code == 2
    assert [line.split()[1] for line in out] == ["unknown"] * 5
    assert all(served.label in line and "do not rely on this node" in line for line in out)


def test_state_that_is_pruned_ends_the_run_before_it_begins(run: Run, served: Served) -> None:
    honest = served.lab.methods["eth_getProof"]

    def pruned(address: str, slots: list[str], at: Any) -> Any:
        if served.lab.number(at) < 3:
            raise Refusal(-32000, "missing trie node")
        return honest(address, slots, at)

    served.lab.methods["eth_getProof"] = pruned
    code, out, err = run(served.label + SECRET)
    assert (code, out) == (2, [])
    (line,) = err
    assert line.startswith(f"rollproof: {served.label}: eth_getProof: missing trie node")
    assert "a node that keeps proofs that far back" in line
    assert len(served.fake.bodies) < 40
    assert run(served.label, block="4:6")[0] == 0


def test_what_the_nodes_serve_is_said_on_request(run: Run, served: Served) -> None:
    _, _, err = run(served.label + SECRET, block="4", more=("-v",))
    said = [line for line in err if line.startswith(served.label)]
    assert len(said) == 1
    assert "LabNode/v1" in said[0]
    assert "proofs at -1 yes" in said[0]
    _, out, _ = run(served.label, block="4", more=("-vv",))
    assert any("block_time 12" in line for line in out if line.startswith("    rpc"))


def test_a_node_that_never_answers_does_not_stop_the_others(run: Run, served: Served) -> None:
    dead = "http://127.0.0.1:9"
    code, out, err = run(dead + SECRET, served.label, more=("-v",))
    assert code == 0
    assert [line.split()[1] for line in out if not line.startswith(" ")] == ["holds"] * 5
    assert sum(f"cross-check: {dead}: connection failed" in line for line in out) == 5
    assert any(line.startswith(f"{dead}: connection failed") for line in err)
    assert run(dead, dead)[0] == 2


def test_two_nodes_and_a_receipt_that_only_one_serves(run: Run, chains: Chains, served: Served) -> None:
    """A broken block: receipts and proofs are read from both, and who did not stand by them is said."""
    claimed = list(demo.op_stack_blocks(_op(chains), 0))
    one, two = Served(claimed), Served(claimed)
    two.offer("eth_getBlockReceipts", lambda _: [])
    run.chains = chains._replace(config=_op(chains))
    code, out, _ = run(one.label, two.label, block=str(demo.TAMPERED), more=("-v", "--json"))
    assert code == 1
    assert "cross-check: receipts of block 3" in out[0]
    assert f"{two.label}: receipts of block 3" in out[0]
    one.fake.close()
    two.fake.close()


def _op(chains: Chains) -> Path:
    path = chains.config.with_name("l2.toml")
    path.write_text(demo.OP_STACK, encoding="utf-8")
    return path


def current(blobs: dict[str, str], start: str = "0x0") -> dict[str, Any]:
    period = {"activationTime": start, "blobSchedule": blobs, "chainId": "0x539", "forkId": "0x00000000"}
    return {**period, "precompiles": {}, "systemContracts": {}}


OURS = {"target": "0x6", "max": "0x9", "baseFeeUpdateFraction": "0x4c6964"}


def test_a_node_that_runs_other_rules_is_unknown_by_the_field(run: Run, served: Served) -> None:
    answers = {"current": current(OURS), "next": None, "last": None}
    served.offer("eth_config", lambda: answers)
    assert run(served.label)[0] == 0
    answers["current"] = current({**OURS, "max": "0xc"})
    code, out, _ = run(served.label, block="1:3")
    assert code == 2
    assert [line.split()[1] for line in out] == ["unknown"] * 2
    assert all("the node's configuration differs" in line and "current.blobSchedule.max is 12" in line for line in out)
    asked = sum("eth_config" in str(body) for body in served.fake.bodies)
    assert asked == 2  # once per run


def test_a_fork_that_only_the_node_knows_counts_from_its_time_on(run: Run, served: Served) -> None:
    third = served.lab.headers[3].timestamp
    answers = {"current": current(OURS), "next": current(OURS, hex(third)), "last": current(OURS, hex(third))}
    served.offer("eth_config", lambda: answers)
    code, out, _ = run(served.label)
    assert code == 2
    assert [line.split()[1] for line in out] == ["holds"] * 2 + ["unknown"] * 3
    assert "next.activationTime" in out[2]
