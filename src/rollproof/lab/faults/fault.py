"""A fault: something that goes wrong in the lab because it was told to. One small class each, found by its id.

A fault overrides the hooks of what it breaks; every hook here leaves things as they are. Its parameters are the fields
of its dataclass, so they are the same from Python, the command line and over RPC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rollproof.errors import Malformed, Unsupported
from rollproof.lab.faults.effect import Effect

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Built
    from rollproof.lab.pool import Pending
    from rollproof.lab.stack import Stack
    from rollproof.rollup.op_stack.batch import SingularBatch
    from rollproof.rollup.op_stack.l1_attributes import L1Attributes


@dataclass
class Fault:
    """Base of every fault. ``stack`` is the lab it is injected into; hooks run in the order of injection.

    ``effects`` is what it says that it did, one entry for each block: what a drill holds the checks against.
    """

    effects: list[Effect] = field(default_factory=list, init=False, repr=False, compare=False)

    id: ClassVar[str] = ""  # kebab-case, unique
    family: ClassVar[str] = ""  # state-transition, ordering, link, liveness, contract, node
    title: ClassVar[str] = ""  # one sentence: what goes wrong
    check: ClassVar[str] = ""  # the check that should see it: verify, inspect, link, exit, ...

    def start(self, stack: Stack) -> None:
        """When it is injected. Raises Missing or Malformed, naming why, where it cannot be."""

    def stop(self, stack: Stack) -> None:
        """When it is lifted."""

    def before_step(self, stack: Stack) -> None:
        """Before anything else happens in a step of the clock."""

    def after_step(self, stack: Stack) -> None:
        """After everything else."""

    def halts(self, stack: Stack, what: str) -> bool:
        """Whether ``what`` does nothing in this step: l1, sequencer, batcher, proposer, challenger, relayer, oracle.

        And reset: the sequencer does not go back although an L1 reorganisation took its origins away.
        """
        return False

    def order(self, stack: Stack, layer: str, pending: Sequence[Pending]) -> Sequence[Pending]:
        """The transactions that the block builder of a layer (l1, l2) takes, in order."""
        return pending

    def deposits(self, stack: Stack, deposits: Sequence[bytes]) -> Sequence[bytes]:
        """The user deposits (0x7e) that the sequencer includes for an L1 block."""
        return deposits

    def attributes(self, stack: Stack, attributes: L1Attributes) -> L1Attributes:
        """What the L2 block says about its L1 origin."""
        return attributes

    def rules(self, stack: Stack, layer: str) -> str | None:
        """Another fork's name to run a layer's blocks by; None: the right one."""
        return None

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        """The block before it becomes the head; ``block`` is what faults before this one made of ``built.block``."""
        return block

    def batch(self, stack: Stack, block: Block, batch: SingularBatch) -> SingularBatch | None:
        """What the batcher publishes of an L2 block; None: nothing."""
        return batch

    def output_root(self, stack: Stack, number: int, root: bytes) -> bytes:
        """The root that the proposer claims for an L2 block."""
        return root

    def answer(self, stack: Stack, node: str, method: str, params: Any, result: Any) -> Any:
        """What a node (l1, l2, l2-follower) answers; may raise what the node is to answer with."""
        return result


F = TypeVar("F", bound=type[Fault])
_REGISTERED: dict[str, type[Fault]] = {}


def register(fault: F) -> F:
    """Class decorator: makes a fault known by its id. Raises ValueError for one that is taken or incomplete."""
    if not (fault.id and fault.family and fault.title and fault.check):
        raise ValueError(f"{fault.__name__} lacks its id, family, title or check")
    if fault.id in _REGISTERED:
        raise ValueError(f"the fault {fault.id} is there twice")
    _REGISTERED[fault.id] = fault
    return fault


def registered() -> Mapping[str, type[Fault]]:
    """Every fault by its id."""
    return dict(sorted(_REGISTERED.items()))


def make(name: str, parameters: Mapping[str, Any]) -> Fault:
    """A fault from its id and parameters as text or JSON has them: integers, booleans, strings, 0x-hex for bytes.

    Raises Unsupported for an id or parameter that is not known, naming those that are; Malformed for a bad value.
    """
    if name not in _REGISTERED:
        raise Unsupported(f"no fault {name[:60]!r}; there are {', '.join(sorted(_REGISTERED))}")
    kind = _REGISTERED[name]
    known = {each.name: each for each in fields(kind) if each.init}
    values: dict[str, Any] = {}
    for key, given in parameters.items():
        if key not in known:
            offered = ", ".join(sorted(known)) or "none"
            raise Unsupported(f"{name} has no parameter {str(key)[:60]!r}; there are {offered}")
        values[key] = _value(f"{name}: {key}", _kind(known[key].type), given)
    for key, each in known.items():
        if key not in values and each.default is MISSING and each.default_factory is MISSING:
            raise Malformed(f"{name} needs {key}")
    return kind(**values)


def _kind(declared: Any) -> str:
    """A field's type as it is written, whether or not its module postpones annotations."""
    return declared if isinstance(declared, str) else getattr(declared, "__name__", str(declared))


def _value(what: str, kind: str, given: Any) -> Any:
    if given is None and "None" in kind:
        return None
    if kind.startswith("bool"):
        if (given in (True, False) and not isinstance(given, int | float)) or isinstance(given, bool):
            return given
        if isinstance(given, str) and given.lower() in ("true", "false"):
            return given.lower() == "true"
    elif kind.startswith("int"):
        if isinstance(given, int) and not isinstance(given, bool):
            return given
        if isinstance(given, str) and len(given) <= 80:
            try:
                return int(given, 0)
            except ValueError:
                pass
    elif kind.startswith("bytes"):
        if isinstance(given, bytes):
            return given
        if isinstance(given, str) and given.startswith("0x") and len(given) <= 2**20:
            try:
                return bytes.fromhex(given[2:])
            except ValueError:
                pass
    elif kind.startswith("str") and isinstance(given, str) and len(given) <= 2**16:
        return given
    raise Malformed(f"{what} takes {kind}, not {str(given)[:60]!r}")
