"""A verdict while it is being found: what was checked so far, what is taken on trust, what differs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from rollproof import _core
from rollproof.replay.consensus import Ruling
from rollproof.types import Claim, Difference, Outcome, Verdict


class Inconclusive(Exception):
    """The block cannot be judged, for the one-line reason given."""


class Draft:
    """Collects one block's verdict.

    ``weak`` lists unauthenticated inputs that results rest on, ``weak_rules`` such a configuration: a mismatch may be
    theirs instead of the chain's, or that of a fork we do not know of, where ``stale`` says so. ``without`` names
    header results that are not compared, and why. ``inspect``: as in ``_core.run_block``, the
    execution is to leave a trace in ``done``, with what queries found in it.
    """

    def __init__(self, claim: Claim, without: Mapping[str, str] | None = None, *, inspect: str | None = None) -> None:
        self.claim = claim
        self.without = dict(without or {})
        self.inspect = inspect
        self.started = time.perf_counter()
        self.checked: dict[str, None] = {}
        self.not_checked: dict[str, None] = {}
        self.assumes: dict[str, None] = {}
        self.weak: list[str] = []
        self.weak_rules = ""
        self.stale = ""
        self.rules: tuple[Difference, ...] = ()
        self.executed: list[Difference] = []
        self.disclosed: list[Difference] = []
        self.claimed_hash = claim.claimed_hash
        self.computed_hash: bytes | None = None
        self.fork: str | None = None
        self.done: _core.Done | None = None
        self.invalid: _core.Invalid | None = None
        self.stages: dict[str, float] = {}

    def check(self, *names: str) -> None:
        self.checked.update(dict.fromkeys(names))

    def skip(self, *names: str) -> None:
        self.not_checked.update(dict.fromkeys(names))

    def assume(self, lines: Iterable[str]) -> None:
        self.assumes.update(dict.fromkeys(lines))

    def distrust(self, line: str) -> None:
        """Something unauthenticated that results rest on: said in ``assumes``, and no accusation is built on it."""
        self.assume((line,))
        self.weak.append(line)

    def rule(self, ruling: Ruling) -> None:
        self.check(*ruling.checked)
        self.skip(*ruling.not_checked)
        self.rules = ruling.differences

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Everything found, each field once, header first."""
        found: dict[tuple[str, str], Difference] = {}
        for difference in (*self.rules, *self.executed, *self.disclosed):
            found.setdefault((difference.scope, difference.key), difference)
        return tuple(found.values())

    def verdict(
        self,
        outcome: Outcome,
        reason: str = "",
        *,
        confirmed: bool | None = None,
        second_opinion: Mapping[str, Any] | None = None,
        rpc: Mapping[str, Any] | None = None,
    ) -> Verdict:
        claim = self.claim
        wrong = {difference.key for difference in self.differences}
        return Verdict(
            chain_id=claim.chain_id,
            number=claim.number,
            outcome=outcome,
            reason=" ".join(reason.split()),
            checked=tuple(self.checked),
            not_checked=tuple(name for name in self.not_checked if name.split(":")[0] not in wrong),
            assumes=tuple(self.assumes),
            confirmed=confirmed,
            claimed_hash=self.claimed_hash,
            computed_hash=self.computed_hash,
            differences=self.differences,
            transactions=len(claim.transactions),
            gas_used=self.done.gas_used if self.done is not None else None,
            seconds=time.perf_counter() - self.started,
            fork=self.fork,
            source=claim.source,
            second_opinion=second_opinion,
            stages=dict(self.stages),
            rpc=rpc,
        )
