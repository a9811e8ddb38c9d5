"""Logs of a range of blocks, and filters that are asked again and again."""

from __future__ import annotations

from typing import Any, Final

from rollproof.chain import wire
from rollproof.chain.wire import to_quantity
from rollproof.lab.block import Block
from rollproof.lab.node.error import EXECUTION, LIMIT, JsonRpcError, invalid, not_found
from rollproof.lab.node.filters import Watch, changes
from rollproof.lab.node.log import Filter, chosen, known_keys, read_filter
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params, checked, find

MAX_BLOCKS: Final = 100_000
MAX_LOGS: Final = 20_000
KEYS: Final = frozenset({"fromBlock", "toBlock", "address", "topics", "blockHash"})


def logs(node: Node, params: Params) -> list[dict[str, Any]]:
    """``eth_getLogs``. JsonRpcError -32005 for too many blocks or logs."""
    record = params.mapping(0)
    wanted = wanted_logs(record)
    if record.get("blockHash") is not None:
        if record.get("fromBlock") is not None or record.get("toBlock") is not None:
            raise invalid("cannot specify both blockHash and fromBlock/toBlock, choose one or the other")
        named = node.chain.block(checked(wire.hash32, record["blockHash"], "filter: blockHash"))
        if named is None:
            raise not_found("block of the filter")
        return _collect([named], wanted)
    first, last = bounds(node, record)
    if last - first >= MAX_BLOCKS:
        raise JsonRpcError(LIMIT, f"block range too large: at most {MAX_BLOCKS} blocks")
    span = range(first, min(last, node.chain.head.number) + 1)
    return _collect([block for number in span if (block := node.chain.block(number)) is not None], wanted)


def _collect(blocks: list[Block], wanted: Filter) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for block in blocks:
        found += chosen(block, wanted)
        if len(found) > MAX_LOGS:
            raise JsonRpcError(LIMIT, f"query exceeds max results {MAX_LOGS}: ask for fewer blocks")
    return found


def wanted_logs(record: dict[str, Any]) -> Filter:
    """The addresses and topics of a filter object, whose keys must be known."""
    checked(lambda value, what: known_keys(value, KEYS, what), record, "filter")
    found: Filter = checked(read_filter, record, "filter")
    return found


def bounds(node: Node, record: dict[str, Any]) -> tuple[int, int]:
    """The first and the last block number of a filter object; each the head's where it is not given."""
    first, last = (_bound(node, record, key) for key in ("fromBlock", "toBlock"))
    if first > last:
        raise JsonRpcError(EXECUTION, "invalid block range params: fromBlock is after toBlock")
    return first, last


def _bound(node: Node, record: dict[str, Any], key: str) -> int:
    value = record.get(key)
    if value is None:
        return node.chain.head.number
    found = find(value, node, f"filter: {key}")
    if found is not None:
        return found.number
    return checked(lambda each, what: wire.quantity(each, what, 64), value, f"filter: {key}")


def new_filter(node: Node, params: Params) -> str:
    """``eth_newFilter``: logs from now on, or within the bounds that it names."""
    record = params.mapping(0)
    if record.get("blockHash") is not None:
        raise invalid("filter: blockHash is for eth_getLogs")
    wanted = wanted_logs(record)
    first = _bound(node, record, "fromBlock") if record.get("fromBlock") not in (None, "latest", "pending") else 0
    last = _bound(node, record, "toBlock") if record.get("toBlock") not in (None, "latest", "pending") else None
    watch = Watch("logs", node.chain.head.hash, wanted, first, last)
    return to_quantity(node.filters.add(watch))


def new_block_filter(node: Node, _params: Params) -> str:
    return to_quantity(node.filters.add(Watch("newHeads", node.chain.head.hash)))


def new_pending_filter(node: Node, _params: Params) -> str:
    watch = Watch("newPendingTransactions", node.chain.head.hash, pending=set(waiting(node)))
    return to_quantity(node.filters.add(watch))


def waiting(node: Node) -> list[bytes]:
    """Hashes of the transactions in the pool, in order of arrival."""
    return [] if node.pool is None else [each.hash for each in node.pool]


def filter_changes(node: Node, params: Params) -> list[Any]:
    return changes(_watch(node, params), node.chain, waiting(node))


def filter_logs(node: Node, params: Params) -> list[dict[str, Any]]:
    """``eth_getFilterLogs``: all that a log filter takes, from its first block on."""
    watch = _watch(node, params)
    if watch.kind != "logs":
        raise JsonRpcError(EXECUTION, "not a filter of logs")
    head = node.chain.head.number
    span = range(watch.first, (head if watch.last is None else min(watch.last, head)) + 1)
    if len(span) > MAX_BLOCKS:
        raise JsonRpcError(LIMIT, f"block range too large: at most {MAX_BLOCKS} blocks")
    return _collect([block for number in span if (block := node.chain.block(number)) is not None], watch.wanted)


def uninstall(node: Node, params: Params) -> bool:
    return node.filters.remove(params.quantity(0))


def _watch(node: Node, params: Params) -> Watch:
    found = node.filters.get(params.quantity(0))
    if found is None:
        raise JsonRpcError(EXECUTION, "filter not found")
    return found


METHODS: Final = {
    "eth_getLogs": Method(logs, 1, 1),
    "eth_newFilter": Method(new_filter, 1, 1),
    "eth_newBlockFilter": Method(new_block_filter),
    "eth_newPendingTransactionFilter": Method(new_pending_filter),
    "eth_getFilterChanges": Method(filter_changes, 1, 1),
    "eth_getFilterLogs": Method(filter_logs, 1, 1),
    "eth_uninstallFilter": Method(uninstall, 1, 1),
}
