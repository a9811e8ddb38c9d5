"""The recorded blocks, ready to be run by the core again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollproof import _core
from rollproof.replay import sources
from rollproof.replay.draft import Draft
from rollproof.replay.execute import Inputs, arguments, environment, withdrawals
from rollproof.replay.judge import judge
from rollproof.types import Claim

BLOCKS = Path(__file__).resolve().parents[2] / "shared" / "data" / "blocks"


@dataclass(frozen=True)
class Recorded:
    """One block: its claim, its preimages, what execution takes, and how much gas it uses."""

    name: str
    claim: Claim
    preimages: _core.Preimages
    inputs: Inputs
    gas: int

    def arguments(self) -> tuple[Any, ...]:
        """The positional arguments of ``_core.run_block``."""
        inputs = self.inputs
        rules, env = _core.Rules(**arguments(inputs)), environment(inputs)
        return inputs.preimages, inputs.pre_state_root, rules, env, inputs.transactions, withdrawals(inputs)


def paths(pattern: str = "*") -> list[Path]:
    """The recorded files whose name fits. Raises SystemExit where the recorded blocks are not there."""
    found = sorted(BLOCKS.glob(f"{pattern}.json.gz"))
    if not found:
        raise SystemExit(f"bench: no recorded blocks {pattern} in ../shared/data/blocks")
    return found


def recorded(pattern: str = "*") -> Iterator[Recorded]:
    """Recorded blocks, judged once so that all they need is known to be there."""
    for path in paths(pattern):
        claim, preimages = sources.read(path)
        draft = Draft(claim)
        _, _, inputs = judge(draft, preimages, None, None, 1)
        if inputs is None or draft.done is None:
            raise SystemExit(f"bench: {path.name} does not run")
        yield Recorded(path.name.removesuffix(".json.gz"), claim, preimages, inputs, draft.done.gas_used)
