"""What a drill can break: one scenario for every registered fault, so that a new fault is drilled without being listed.

A scenario may set its fault's parameters: ``state-slot:at=30,amount=5``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rollproof.errors import Malformed, Unsupported
from rollproof.lab import faults
from rollproof.lab.faults import fault

FAMILIES: Final = ("state-transition", "node", "ordering", "link", "liveness", "contract")
WARM_UP: Final = 12  # steps: the venue has traffic
AFTER: Final = 60  # steps at most: two minutes, in which a deposit reaches the L2
MAX_PARAMETERS: Final = 32


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, when it is injected, and the check that should see it. Steps are L2 block times.

    ``covered``: such a check is there. What it has to find the fault declares itself, see `faults.effect`.
    """

    id: str
    family: str
    title: str
    check: str
    covered: bool
    parameters: Mapping[str, Any] = field(default_factory=dict)
    warm_up: int = WARM_UP
    after: int = AFTER

    @property
    def steps(self) -> int:
        """How many there are at most."""
        return self.warm_up + self.after

    def make(self) -> fault.Fault:
        """A fresh fault. Raises Unsupported and Malformed as `fault.make`."""
        return fault.make(self.id.partition(":")[0], self.parameters)

    def record(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "scenario": self.id,
            "family": self.family,
            "title": self.title,
            "check": self.check,
            "covered": self.covered,
            "steps": self.steps,
        }


def chosen(names: Sequence[str], family: str | None, checks: Collection[str]) -> list[Scenario]:
    """The scenarios of these names (all if none is named) and this family, by family and name.

    ``checks`` are the ids of the checks that there are. Raises Unsupported for what is not known by name, Malformed
    for parameters that are none.
    """
    known = _registered()
    if family is not None and family not in FAMILIES:
        raise Unsupported(f"no family {family[:40]!r}; there are {', '.join(FAMILIES)}")
    order = {name: at for at, name in enumerate(FAMILIES)}
    wanted = names or sorted(known, key=lambda name: (order.get(known[name].family, len(order)), name))
    found = []
    for name in wanted:
        plain, _, text = name.partition(":")
        if plain not in known:
            raise Unsupported(f"no scenario {plain[:60]!r}; there are {', '.join(sorted(known))}")
        kind = known[plain]
        if family is None or kind.family == family:
            covered = kind.check in checks
            found.append(Scenario(name, kind.family, kind.title, kind.check, covered, _parameters(text)))
            found[-1].make()  # a bad parameter shows now
    return found


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(",") if text else ():
        name, equals, value = part.partition("=")
        if not equals or name in found or len(found) >= MAX_PARAMETERS:
            raise Malformed(f"parameters {text[:60]!r}: use NAME=VALUE,..., each name once")
        found[name] = value
    return found


def _registered() -> Mapping[str, type[fault.Fault]]:
    """Every fault there is: all modules of their room are read."""
    for module in pkgutil.iter_modules(faults.__path__):
        importlib.import_module(f"rollproof.lab.faults.{module.name}")
    return fault.registered()
