"""JSON-RPC 2.0: request bytes in, answer bytes out. Whatever comes in, an answer of the specification goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from rollproof.chain.nesting import bounded
from rollproof.errors import Malformed
from rollproof.lab.node.error import INTERNAL, INVALID_PARAMS, INVALID_REQUEST, LIMIT, PARSE, Delay, JsonRpcError

MAX_REQUEST: Final = 5 * 1024 * 1024  # bytes
MAX_RESPONSE: Final = 64 * 1024 * 1024  # bytes
MAX_BATCH: Final = 100
MAX_METHOD: Final = 200  # characters
MAX_DELAY: Final = 300  # seconds
Answer = Callable[[str, list[Any]], Any]


@dataclass(slots=True)
class Reply:
    """``body`` is what to send, None for notifications only; ``delay`` the seconds a fault wants it held back."""

    body: bytes | None
    delay: int = 0


def dispatch(data: bytes, answer: Answer) -> Reply:
    """Answers one request or batch. ``answer(method, params)`` is a node's. Raises what it raises beside JsonRpcError
    and Delay: `Dropped`."""
    if len(data) > MAX_REQUEST:
        return Reply(_encode(_failed(None, JsonRpcError(INVALID_REQUEST, f"request larger than {MAX_REQUEST} bytes"))))
    try:
        decoded = msgspec.json.decode(bounded(data, "request"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Reply(_encode(_failed(None, JsonRpcError(PARSE, "parse error: not JSON"))))
    except Malformed as error:
        return Reply(_encode(_failed(None, JsonRpcError(PARSE, f"parse error: {error}"))))
    calls = decoded if isinstance(decoded, list) else [decoded]
    if not calls:
        return Reply(_encode(_failed(None, JsonRpcError(INVALID_REQUEST, "empty batch"))))
    if len(calls) > MAX_BATCH:
        large = JsonRpcError(INVALID_REQUEST, f"batch too large: {len(calls)} calls, at most {MAX_BATCH}")
        return Reply(_encode(_failed(None, large)))
    reply, parts, size = Reply(None), [], 0
    for call in calls:
        part, delay = _one(call, answer if size <= MAX_RESPONSE else _too_much)
        reply.delay = min(MAX_DELAY, reply.delay + delay)
        if part is None:
            continue
        encoded = _encode(part)
        size += len(encoded)
        if size > MAX_RESPONSE:
            large = JsonRpcError(LIMIT, f"response too large: over {MAX_RESPONSE} bytes")
            encoded = _encode(_failed(part["id"], large))
        parts.append(encoded)
    if parts:
        reply.body = b"[" + b",".join(parts) + b"]" if isinstance(decoded, list) else parts[0]
    return reply


def _too_much(_method: str, _params: list[Any]) -> Any:
    """What is left of a batch whose answer is too large already is not executed."""
    raise JsonRpcError(LIMIT, f"response too large: over {MAX_RESPONSE} bytes")


def _one(call: Any, answer: Answer) -> tuple[dict[str, Any] | None, int]:
    """The answer to one request object (None to a notification), and by how much a fault holds it back."""
    identity = call.get("id") if isinstance(call, dict) else None
    if not _is_id(identity):
        identity = None
    wrong = _wrong(call)
    if wrong is not None:
        return _failed(identity, wrong), 0
    delay, found = 0, None
    try:
        found = {"jsonrpc": "2.0", "id": identity, "result": answer(call["method"], call.get("params") or [])}
    except JsonRpcError as error:
        found = _failed(identity, error)
    except Delay as late:
        delay = max(0, late.seconds)
        found = {"jsonrpc": "2.0", "id": identity, "result": late.result}
    return (found if "id" in call else None), delay


def _wrong(call: Any) -> JsonRpcError | None:
    """Why this is not a request that can be answered."""
    if not isinstance(call, dict):
        return JsonRpcError(INVALID_REQUEST, "invalid request: not an object")
    if call.get("jsonrpc") != "2.0":
        return JsonRpcError(INVALID_REQUEST, 'invalid request: jsonrpc is not "2.0"')
    method = call.get("method")
    if not isinstance(method, str) or not 0 < len(method) <= MAX_METHOD:
        return JsonRpcError(INVALID_REQUEST, "invalid request: no method")
    if "id" in call and not _is_id(call["id"]):
        return JsonRpcError(INVALID_REQUEST, "invalid request: the id is no string, number or null")
    params = call.get("params")
    if isinstance(params, dict):
        return JsonRpcError(INVALID_PARAMS, "parameters by name are not served: give an array")
    if params is not None and not isinstance(params, list):
        return JsonRpcError(INVALID_REQUEST, "invalid request: params is no array")
    return None


def _is_id(value: Any) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and -(2**63) <= value < 2**64  # what our own JSON can repeat
    return value is None or isinstance(value, str | float)


def _failed(identity: Any, error: JsonRpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "error": error.as_json()}


def _encode(answer: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except (TypeError, ValueError, OverflowError, RecursionError):  # only a fault's answer could be such
        return msgspec.json.encode(_failed(None, JsonRpcError(INTERNAL, "the answer is not JSON")))
