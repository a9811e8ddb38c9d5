"""A loss that was proven over a node is proven again offline, from the finding's evidence file alone."""

from __future__ import annotations

from pathlib import Path

from detect.exchange import Exchange, Pool
from detect.stage import ETHER
from rollproof.detect.inspect import inspect_file
from rollproof.detect.inspection import Options
from rollproof.detect.online import inspect_range
from rollproof.lab.check import LabNode
from rollproof.lab.node.node import Node
from rollproof.lab.pool import Pool as Mempool
from rollproof.types import Confidence


def test_the_evidence_of_a_sandwich_recomputes_offline(tmp_path: Path) -> None:
    exchange, pool = Exchange(), Pool(10**6 * ETHER, 2 * 10**6 * ETHER)
    stage = exchange.stage
    got = pool.trade(40_000 * ETHER)
    raw = [exchange.swap(0, 40_000 * ETHER), exchange.swap(1, 9_000 * ETHER), exchange.swap(0, got, up=False)]
    number = stage.build(raw).number
    provider = LabNode(Node(stage.chain, pool=Mempool("ethereum"), name="l1"))
    options = Options(only=("sandwich",), config=stage.chain.config, evidence=tmp_path)
    [found] = inspect_range([provider], str(number), options)
    assert found.looked, found.reason
    [finding] = found.findings
    assert finding.confidence is Confidence.OBSERVED
    assert finding.evidence is not None
    again = inspect_file(Path(finding.evidence), Options(only=("sandwich",), config=stage.chain.config))
    [same] = again.findings
    assert (same.id, same.amounts, same.counterfactual) == (finding.id, finding.amounts, finding.counterfactual)
