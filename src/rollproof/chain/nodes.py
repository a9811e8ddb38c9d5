"""Several nodes as one: the first whose answer holds is taken, and what the others got wrong is noted by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rollproof.chain.node import Node
from rollproof.chain.usage import Usage
from rollproof.errors import Reset, RollproofError

T = TypeVar("T")


class Nodes:
    """Nodes in the order they are asked. ``notes`` collects what went wrong without stopping anything."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = list(nodes)
        self.label = ", ".join(node.label for node in nodes)
        self.notes: list[str] = []

    @property
    def usage(self) -> Usage:
        """What was spent so far, over all nodes."""
        return sum((node.rpc.usage for node in self.nodes), Usage())

    @property
    def compliant(self) -> bool:
        """False where a node's state roots are known to break consensus rules: compare ``read_values`` instead."""
        return all(node.compliant() for node in self.nodes)

    def ask(self, read: Callable[[Node], T]) -> T:
        """The first node's answer that holds. One that fails is noted, by name, when another one answers.

        Raises:
            RollproofError: of the first node, when none has an answer; Reset at once.
        """
        failures: list[RollproofError] = []
        for node in self.nodes:
            try:
                found = read(node)
            except Reset:
                raise
            except RollproofError as error:
                failures.append(error)
            else:
                self.notes += [str(error) for error in failures]
                return found
        raise failures[0]
