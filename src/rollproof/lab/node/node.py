"""A node: one chain seen from outside, as JSON-RPC methods. Answers in process; `server` puts it on the network."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from rollproof import _core
from rollproof.chain import wire
from rollproof.errors import Malformed, Missing, RollproofError, Unsupported
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain
from rollproof.lab.node.error import (
    EXECUTION,
    INTERNAL,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    NOT_FOUND,
    Delay,
    Dropped,
    JsonRpcError,
    invalid,
)
from rollproof.lab.node.filters import Filters
from rollproof.lab.node.method import Method
from rollproof.lab.node.params import Params
from rollproof.lab.pool import Pool

if TYPE_CHECKING:
    from rollproof.lab.faults.fault import Fault
    from rollproof.lab.stack import Stack

# Without an operator that says better: as Ethereum's two epochs, and half of it.
SAFE_DEPTH: Final = 32
FINALIZED_DEPTH: Final = 64
_CODES: Final = ((Malformed, INVALID_PARAMS), (Unsupported, INVALID_PARAMS), (Missing, NOT_FOUND))


class Node:
    """Serves ``chain``; with ``pool`` it takes transactions, with ``stack`` it has the lab's clock, faults and L1.

    ``name`` is what faults know it by: l1, l2, l2-follower. ``heads`` gives the numbers of the safe and the finalized
    block; ``lock`` is held while a method runs, and must be one for all that touches one stack. ``admin`` serves the
    ``lab_`` namespace as well. Works in process as web3's providers do: see `make_request`.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        pool: Pool | None = None,
        stack: Stack | None = None,
        name: str = "node",
        heads: Callable[[], tuple[int, int]] | None = None,
        lock: threading.RLock | None = None,
        admin: bool = False,
    ) -> None:
        from rollproof.lab.node import methods  # they are about nodes, so they import this file

        self.chain, self.pool, self.stack, self.name = chain, pool, stack, name
        self.lock = threading.RLock() if lock is None else lock
        self.filters = Filters()
        self.delayed = 0  # simulated seconds that faults have held answers back, in process
        self._heads = heads
        self.methods: Mapping[str, Method] = methods.served(chain.config.family, admin=admin)

    @property
    def family(self) -> str:
        return self.chain.config.family

    @property
    def time(self) -> int:
        """The simulated clock, seconds: the stack's, or that of the head."""
        return self.chain.head.timestamp if self.stack is None else self.stack.time

    @property
    def client(self) -> str:
        """``web3_clientVersion``."""
        return f"rollproof/{self.name}/v{version('rollproof')}"

    def heads(self) -> tuple[int, int]:
        """Numbers of the safe and the finalized block."""
        head = self.chain.head.number
        safe, finalized = (head - SAFE_DEPTH, head - FINALIZED_DEPTH) if self._heads is None else self._heads()
        safe = max(0, min(safe, head))
        return safe, max(0, min(finalized, safe))

    def tagged(self, tag: str) -> Block | None:
        """The block of a tag. The pending block is the head: nothing is prepared before its time."""
        if tag in ("latest", "pending"):
            return self.chain.head
        if tag == "earliest":
            return self.chain.genesis
        return self.chain.block(self.heads()[tag == "finalized"])

    def faults(self) -> Iterable[Fault]:
        return () if self.stack is None else list(self.stack.faults)

    def answer(self, method: str, params: list[Any]) -> Any:
        """The result of one call, as faults let it out.

        Raises JsonRpcError; Delay and Dropped where a fault wants that of the transport.
        """
        with self.lock:
            try:
                return self.through_faults(method, params, self._run(method, params))
            except (JsonRpcError, Delay, Dropped):
                raise
            except RollproofError as error:
                code = next((code for kind, code in _CODES if isinstance(error, kind)), EXECUTION)
                raise JsonRpcError(code, str(error)) from None
            except (_core.Missing, _core.CoreError) as error:
                raise JsonRpcError(EXECUTION, f"the core refused: {error}") from None
            except RecursionError:
                raise JsonRpcError(EXECUTION, "nested too deeply") from None
            except Exception as error:  # noqa: BLE001
                where = traceback.extract_tb(error.__traceback__)[-1]
                raise JsonRpcError(INTERNAL, f"internal error: {type(error).__name__} in {where.name}") from None

    def through_faults(self, method: str, params: Any, result: Any) -> Any:
        """What active faults make of a result."""
        for fault in self.faults():
            result = fault.answer(self.stack_of(), self.name, method, params, result)
            if isinstance(result, Delay):
                raise result
        return result

    def stack_of(self) -> Stack:
        """The stack; JsonRpcError -32601 where the node stands alone."""
        if self.stack is None:
            raise JsonRpcError(METHOD_NOT_FOUND, "this node belongs to no stack")
        return self.stack

    def make_request(self, method: str, params: Any, /) -> dict[str, Any]:
        """One call in process: ``{"result": ...}`` or ``{"error": {code, message, data?}}``, as web3's providers do.

        A fault's delay only adds to ``delayed``. Raises ConnectionError where a fault drops the connection.
        """
        try:
            return {"result": self.answer(method, list(params or ()))}
        except JsonRpcError as error:
            return {"error": error.as_json()}
        except Delay as late:
            self.delayed += late.seconds
            return {"result": late.result}
        except Dropped:
            raise ConnectionError("the node dropped the connection") from None

    def _run(self, name: str, params: list[Any]) -> Any:
        method = self.methods.get(name)
        if method is None:
            shown = name if len(name) <= 60 else name[:57] + "..."
            raise JsonRpcError(METHOD_NOT_FOUND, f"the method {shown} does not exist/is not available")
        if len(params) > method.most:
            raise invalid(f"too many arguments, want at most {method.most}")
        given = Params(name, params)
        for place in range(method.least):
            if not given.given(place):
                raise invalid(f"missing value for required argument {place}")
        return method.answer(self, given)

    def __repr__(self) -> str:
        return (
            f"Node({self.name}, chain {self.chain.config.chain_id}, block {wire.to_quantity(self.chain.head.number)})"
        )
