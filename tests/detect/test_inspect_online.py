"""Inspecting a live chain: blocks, one transaction, pending ones, and what is left where nothing can be re-executed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rollproof as rp
from detect.seen_write import SeenCall, SeenWrite
from rollproof.chain.rpc import Limits
from rollproof.detect import registry
from rollproof.detect.inspection import Inspection, Options
from unit.served_chain import CONFIGS, TOKEN, Served, data, l1, l2, slot


@pytest.fixture(autouse=True)
def two_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "detectors", lambda: (SeenWrite(), SeenCall()))


class Provider:
    """The chain's node, with some methods refused or answered otherwise; counts what it is asked."""

    def __init__(
        self, served: Served, *, without: tuple[str, ...] = (), instead: Mapping[str, Any] | None = None
    ) -> None:
        self.served, self.without, self.instead = served, without, dict(instead or {})
        self.asked: list[str] = []

    def make_request(self, method: str, params: Any) -> dict[str, Any]:
        self.asked.append(method)
        if method in self.instead:
            return {"jsonrpc": "2.0", "id": 1, "result": self.instead[method]}
        if method in self.without:
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "method not found"}}
        return self.served.node.make_request(method, params)


def options(family: str = "l1", **more: Any) -> Options:
    return Options(config=CONFIGS[family], limits=Limits(attempts=1, backoff=0.0), **more)


def written(found: Inspection) -> list[tuple[int, int]]:
    """Before and after of the token's slots, as found."""
    slots = [each for finding in found.findings if finding.detector == "seen-write" for each in finding.slots]
    return [(each.before, each.after) for each in slots if each.account == TOKEN]


def test_blocks_of_a_range_are_executed_and_judged() -> None:
    served = l1()
    found = list(rp.inspect_range([Provider(served)], "1:3", options()))
    assert [each.number for each in found] == [1, 2]
    assert all(each.looked for each in found)
    assert found[0].transactions == 2
    assert written(found[0]) == [(70, 40), (0, 30)]
    assert not found[0].notes
    first = found[0].findings[0]
    assert (first.chain_id, first.block) == (1337, 1)
    assert first.transaction in served.chain.block(1).hashes  # type: ignore[union-attr]


@pytest.mark.parametrize("jobs", [1, 4])
def test_the_order_is_the_chains_whatever_the_jobs(jobs: int) -> None:
    served = l1()
    found = list(rp.inspect_range([Provider(served)], "1:+4", options(jobs=jobs)))
    assert [each.number for each in found] == [1, 2, 3, 4]


def test_an_op_stack_chain_is_executed_too() -> None:
    found = list(rp.inspect_range([Provider(l2())], "1:+2", options("l2")))
    assert [each.looked for each in found] == [True, True]
    assert written(found[1]) == [(70, 40), (0, 30)]


def test_one_transaction_is_found_by_its_hash() -> None:
    served = l1()
    block = served.chain.block(2)
    assert block is not None
    found = rp.inspect_transaction([Provider(served)], block.hashes[0], options())
    assert found.number == 2
    assert {each.transaction for each in found.findings} == {block.hashes[0]}
    assert written(found) == [(40, 0), (30, 70)]
    assert found.execution(block.hashes[1]).success is False


def test_a_transaction_that_nobody_has() -> None:
    with pytest.raises(rp.Missing, match="no transaction 0x7777"):
        rp.inspect_transaction([Provider(l1())], b"\x77" * 32, options())
    with pytest.raises(rp.Malformed, match="transaction hash"):
        rp.inspect_transaction([Provider(l1())], "0x12", options())


def test_a_transaction_in_no_block_is_not_looked_up_as_one() -> None:
    served = l1()
    provider = Provider(served, instead={"eth_getTransactionByHash": {"blockHash": None}})
    with pytest.raises(rp.Missing, match="in no block yet"):
        rp.inspect_transaction([provider], b"\x77" * 32, options())


@pytest.mark.parametrize(("make", "family"), [(l1, "l1"), (l2, "l2")])
def test_pending_transactions_are_run_on_the_head(make: Any, family: str, tmp_path: Path) -> None:
    served = make()
    held = served.chain.storage(TOKEN, slot(served.bob))
    raw = [served.transfer(served.bob, served.alice, 3), served.transfer(served.bob, served.alice, 4)]
    found = rp.inspect_pending([Provider(served)], raw, "latest", options(family, evidence=tmp_path))
    assert found.looked, found.reason
    first, second = [each for each in written(found) if each[0] > each[1]]
    assert first == (held, held - 3)
    assert second == (held - 3, held - 7)
    assert all(each.block is None and each.chain_id == CONFIGS[family].chain_id for each in found.findings)
    assert any(note.startswith("pending:") for note in found.notes)
    assert any(note.startswith("evidence not written") for note in found.notes)
    assert list(tmp_path.iterdir()) == []
    assert served.chain.storage(TOKEN, slot(served.bob)) == held


def test_pending_on_an_older_block() -> None:
    served = l1()
    raw = served.transfer(served.bob, served.alice, 3)
    assert "nonce" in rp.inspect_pending([Provider(served)], [raw], "1", options()).reason


def test_pending_that_cannot_come_next_is_not_clean() -> None:
    served = l1()
    served.bob.nonce += 5
    raw = served.transfer(served.bob, served.alice, 3)
    found = rp.inspect_pending([Provider(served)], [raw], "latest", options())
    assert not found.looked
    assert "may not come next" in found.reason


@pytest.mark.parametrize("raw", [[], [b""], [b"\x02\x01"], [b"\x01"] * 300])
def test_pending_that_is_no_transaction(raw: list[bytes]) -> None:
    try:
        found = rp.inspect_pending([Provider(l1())], raw, "latest", options())
    except rp.Malformed:
        return
    assert "transaction" in found.reason


def test_state_that_nobody_serves_is_made_up_for_by_traces() -> None:
    served = l1()
    provider = Provider(served, without=("eth_getProof", "debug_executionWitness"))
    [found] = rp.inspect_range([provider], "1", options())
    assert found.looked, found.reason
    assert found.number == 1
    assert any(note.startswith("not re-executed:") for note in found.notes)
    assert any("nobody proves" in note for note in found.notes)
    finding = next(each for each in found.findings if each.detector == "seen-call")
    assert finding.chain_id == 1337
    assert finding.block == 1
    assert any("nobody proves" in note for note in finding.notes)
    missed = [each for each in found.unjudged if each.detector == "seen-write"]
    assert len(missed) == 1
    assert "storage" in missed[0].reason


def test_a_chain_whose_rules_are_not_known_is_made_up_for_by_traces() -> None:
    served = l1()
    [found] = rp.inspect_range([Provider(served)], "1", replace(options(), config=None))
    assert found.looked, found.reason
    assert any("not re-executed: chain 1337" in note for note in found.notes)


def test_parity_traces_are_asked_for_where_there_is_no_call_tracer() -> None:
    served = l1()
    block = served.chain.block(1)
    assert block is not None
    traced = served.ask("debug_traceBlockByHash", data(block.hash), {"tracer": "callTracer"})
    parity = [
        {
            "action": {key: call[key] for key in ("from", "to", "gas", "input", "value")} | {"callType": "call"},
            "result": {"gasUsed": call["gasUsed"], "output": call.get("output", "0x")},
            "blockHash": data(block.hash),
            "blockNumber": 1,
            "subtraces": 0,
            "traceAddress": [],
            "transactionHash": data(block.hashes[at]),
            "transactionPosition": at,
            "type": "call",
        }
        for at, call in enumerate(each["result"] for each in traced)
    ]
    without = ("eth_getProof", "debug_executionWitness", "debug_traceBlockByHash")
    provider = Provider(served, without=without, instead={"trace_block": parity})
    [found] = rp.inspect_range([provider], "1", options())
    assert found.looked, found.reason
    assert {each.transaction for each in found.findings} == set(block.hashes)
    assert any("trace_block" in note for note in found.notes)


def test_neither_state_nor_traces_is_not_clean() -> None:
    served = l1()
    without = ("eth_getProof", "debug_executionWitness", "debug_traceBlockByHash", "trace_block")
    [found] = rp.inspect_range([Provider(served, without=without)], "1", options())
    assert not found.looked
    assert found.findings == ()
    assert "eth_getProof" in found.reason
    assert any("own traces" in note for note in found.notes)


def test_lying_traces_are_an_outcome_not_a_crash() -> None:
    served = l1()
    block = served.chain.block(1)
    assert block is not None
    name = data(block.hashes[0])
    lies: list[Any] = [[], {}, 7, "x", [{"txHash": name}], [{"txHash": name, "result": {"type": "CALL"}}], [None] * 10]
    for nonsense in lies:
        provider = Provider(
            served,
            without=("eth_getProof", "debug_executionWitness"),
            instead={"debug_traceBlockByHash": nonsense, "trace_block": nonsense},
        )
        [found] = rp.inspect_range([provider], "1", options())
        assert not found.looked or found.transactions, nonsense


def test_evidence_of_a_finding_finds_it_again_offline(tmp_path: Path) -> None:
    served = l1()
    [found] = rp.inspect_range([Provider(served)], "1", options(evidence=tmp_path / "kept"))
    assert found.findings
    for finding in found.findings:
        assert finding.evidence is not None
        [again] = rp.inspect(finding.evidence, config=CONFIGS["l1"])
        assert finding.id in {each.id for each in again.findings}
        assert finding.id in Path(finding.evidence).name
        [verdict] = rp.verify(finding.evidence, config=CONFIGS["l1"])
        assert verdict.outcome is rp.Outcome.HOLDS


def test_evidence_of_foreign_traces_finds_it_again_offline(tmp_path: Path) -> None:
    served = l1()
    provider = Provider(served, without=("eth_getProof", "debug_executionWitness"))
    [found] = rp.inspect_range([provider], "2", options(evidence=tmp_path))
    for finding in found.findings:
        assert finding.evidence is not None
        [again] = rp.inspect_traces(finding.evidence)
        assert again.looked, again.reason
        assert finding.id in {each.id for each in again.findings}


def test_nodes_that_have_different_blocks_are_noted() -> None:
    one, other = l1(), l1()
    for served, amount in ((one, 1), (other, 2)):
        served.mine(served.transfer(served.bob, served.alice, amount))
    [found] = rp.inspect_range([Provider(one), Provider(other)], "5", options())
    assert written(found)[-1][1] - written(found)[-1][0] == 1
    assert any(note.startswith("cross-check:") for note in found.notes)


def test_no_node_at_all_is_an_error() -> None:
    with pytest.raises(rp.Malformed, match="no RPC URL"):
        list(rp.inspect_range([], "1"))


def test_a_detector_that_there_is_not_is_said_before_a_node_is_asked() -> None:
    provider = Provider(l1())
    with pytest.raises(rp.Unsupported, match="did you mean seen-write"):
        list(rp.inspect_range([provider], "1", options(only=("seen-wrote",))))
    assert provider.asked == []


def test_options_by_name() -> None:
    [found] = rp.inspect_range([Provider(l1())], "1", options(), only=("seen-call",))
    assert {each.detector for each in found.findings} == {"seen-call"}
    [found] = rp.inspect_range([Provider(l1())], "1", options(), exclude=("seen-c*",))
    assert {each.detector for each in found.findings} == {"seen-write"}
    with pytest.raises(TypeError):
        list(itertools.islice(rp.inspect_range([Provider(l1())], "1", options(), colour=1), 1))
