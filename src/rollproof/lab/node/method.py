"""A method of a node: what answers it, and how many parameters it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rollproof.lab.node.node import Node
    from rollproof.lab.node.params import Params


class Method(NamedTuple):
    """``answer`` returns JSON or raises: JsonRpcError, or a RollproofError that the node makes one of."""

    answer: Callable[[Node, Params], Any]
    least: int = 0
    most: int = 0
