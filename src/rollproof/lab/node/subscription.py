"""``eth_subscribe``: what a client is told without asking again. Source: geth, "Real-time events".

Subscriptions belong to a connection; a plain request for one is refused. Events are found by looking at the chain and
the pool, so a node of any chain has them, whoever makes its blocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

from rollproof.chain import wire
from rollproof.chain.wire import to_data
from rollproof.lab.block import Block
from rollproof.lab.node import block as shown
from rollproof.lab.node import transaction
from rollproof.lab.node.dispatch import MAX_DELAY
from rollproof.lab.node.error import LIMIT, METHOD_NOT_FOUND, Delay, Dropped, JsonRpcError, invalid
from rollproof.lab.node.eth.logs import waiting, wanted_logs
from rollproof.lab.node.filters import Moved, Watch, moved
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params

MAX_SUBSCRIPTIONS: Final = 100  # of one connection
MAX_EVENTS: Final = 10_000  # at one look
KINDS: Final = ("newHeads", "logs", "newPendingTransactions")


class Subscriptions:
    """Those of one connection, by their id."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._watches: dict[str, Watch] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._watches)

    def answer(self, method: str, params: list[Any]) -> Any:
        """A node's answer, with the two methods that need a connection."""
        if method == "eth_subscribe":
            with self._node.lock:
                return self._subscribe(Params(method, params))
        if method == "eth_unsubscribe":
            return self._watches.pop(Params(method, params).read(0, _identity), None) is not None
        return self._node.answer(method, params)

    def _subscribe(self, params: Params) -> str:
        kind = params.raw(0)
        if not isinstance(kind, str) or kind not in KINDS:
            raise invalid(f"no subscription {wire.short(kind)}; there are {', '.join(KINDS)}")
        if len(self._watches) >= MAX_SUBSCRIPTIONS:
            raise JsonRpcError(LIMIT, f"at most {MAX_SUBSCRIPTIONS} subscriptions a connection")
        if kind == "newPendingTransactions" and params.given(1) and params.raw(1) is not False:
            raise invalid("whole pending transactions are not served: subscribe to their hashes")
        if kind == "newHeads" and params.given(1):
            raise invalid("newHeads takes no further argument")
        watch = Watch(kind, self._node.chain.head.hash, pending=set(waiting(self._node)))
        if kind == "logs":
            watch.wanted = wanted_logs(params.mapping(1))
        identity = wire.to_quantity(next(self._numbers))
        self._watches[identity] = watch
        return identity

    def events(self) -> tuple[list[dict[str, Any]], int]:
        """Notifications of what happened since the last look, in order, and by how many seconds they are late.

        Faults have their say about each: what one refuses to answer is not told. Raises Dropped where one wants that,
        and where there are more than `MAX_EVENTS`.
        """
        found: list[dict[str, Any]] = []
        late = 0
        with self._node.lock:
            for identity, watch in list(self._watches.items()):
                for each in list(_news(watch, self._node)):
                    try:
                        result = self._node.through_faults("eth_subscription", [watch.kind], each)
                    except Delay as delay:
                        result, late = delay.result, max(late, delay.seconds)
                    except JsonRpcError:
                        continue
                    params = {"subscription": identity, "result": result}
                    found.append({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
                if len(found) > MAX_EVENTS:  # who is that far behind does not read
                    raise Dropped
        return found, min(late, MAX_DELAY)


def _news(watch: Watch, node: Node) -> Iterator[Any]:
    if watch.kind != "newPendingTransactions" and watch.head == node.chain.head.hash:
        return
    going = moved(node.chain, watch.head)
    watch.head = node.chain.head.hash
    if watch.kind == "newHeads":
        yield from (shown.header(block) for block in going.added)
    elif watch.kind == "logs":
        yield from watch.logs(going)
    else:
        yield from (to_data(each) for each in _pending(watch, node, going))


def _pending(watch: Watch, node: Node, going: Moved) -> list[bytes]:
    """What came into the pool, also where it went into a block before anybody looked."""
    now = waiting(node)
    passed = [each for block in going.added for each in _signed(block)]
    fresh = [each for each in dict.fromkeys([*passed, *now]) if each not in watch.pending]
    watch.pending = {*now, *passed}
    return fresh


def _signed(block: Block) -> Iterator[bytes]:
    for raw, digest in zip(block.transactions, block.hashes, strict=True):
        if transaction.kind(raw) != transaction.DEPOSIT:
            yield digest


def _identity(value: Any, what: str) -> str:
    return wire.to_quantity(wire.quantity(value, what, 64))


def _unconnected(_node: Node, _params: Params) -> Any:
    raise JsonRpcError(METHOD_NOT_FOUND, "notifications not supported: subscribe over WebSocket")


METHODS: Final = {"eth_subscribe": Method(_unconnected, 0, 2), "eth_unsubscribe": Method(_unconnected, 0, 1)}
