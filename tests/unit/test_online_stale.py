"""A block younger than what is known of its chain's forks: nobody is accused unless the rules are known otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import demonstration as demo
from rollproof import _core
from rollproof.chain import config as chains
from rollproof.chain.schedule import ChainConfig
from rollproof.replay import judge
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome


class Agreed:
    """A source whose node was asked for its rules; the witness is whole, so nothing else is asked of it."""

    def __init__(self, agreed: bool) -> None:
        self.rules_agreed = agreed

    def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
        raise AssertionError(needs.first)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, ChainConfig]:
    """The demonstration's OP Stack chain as a built-in one whose schedule is known up to its genesis."""
    path = tmp_path / "l2.toml"
    path.write_text(demo.OP_STACK, encoding="utf-8")
    known = replace(chains.from_file(path), builtin=True, as_of=demo.GENESIS_TIME)

    def resolve(chain_id: int, record: Any = None) -> tuple[ChainConfig, tuple[str, ...]]:
        return known, ()

    monkeypatch.setattr(judge, "resolve", resolve)
    return path, known


def test_broken_after_the_last_known_fork_is_unknown_unless_the_rules_are_known(own: tuple[Path, ChainConfig]) -> None:
    path, known = own
    built = list(demo.op_stack_blocks(path, 0))
    honest, tampered = built[0], built[demo.TAMPERED - 1]
    verdict = verify_claim(tampered.claim, tampered.preimages, second_opinion="never")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "the fork schedule of chain 1338 is known up to 2026-05-28" in verdict.reason
    assert "state_root" in verdict.reason
    assert any("no fork of chain 1338" in line for line in verdict.assumes)
    for options in ({"config": known}, {"source": Agreed(True)}):
        assert verify_claim(tampered.claim, tampered.preimages, second_opinion="never", **options).outcome is (
            Outcome.BROKEN
        )
    still = verify_claim(tampered.claim, tampered.preimages, second_opinion="never", source=Agreed(False))
    assert still.outcome is Outcome.UNKNOWN
    # What holds, holds: a fork that changes nothing a block does is no reason to doubt it.
    assert verify_claim(honest.claim, honest.preimages, second_opinion="never").outcome is Outcome.HOLDS
