"""What one HTTP answer says to the calls that were sent in its request. Source: JSON-RPC 2.0, sections 5 and 6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rollproof.chain.endpoint import Endpoint, Reply
from rollproof.chain.nesting import bounded
from rollproof.chain.refusal import Kind, error_of, kind_of, kind_of_status
from rollproof.errors import Malformed, Retry, RollproofError

Call = tuple[str, Sequence[Any]]  # method, parameters


class BatchRefused(Exception):
    """The node will not take this many calls at once (``wholly``: not even two)."""

    def __init__(self, error: RollproofError, *, wholly: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.wholly = wholly


def pair(reply: Reply, calls: Sequence[Call], endpoint: Endpoint) -> list[tuple[Kind | None, Any]]:
    """The calls' answers, in order: (why it failed or None, the result or its error).

    Raises:
        Retry: the body is not JSON-RPC: cut off, or a proxy's page. It may come whole the next time.
        BatchRefused: the node answered a batch with one error.
    """
    try:
        decoded = msgspec.json.decode(bounded(reply.body, endpoint.label))
    except (msgspec.DecodeError, Malformed, UnicodeDecodeError):
        decoded = None
    single = decoded if isinstance(decoded, dict) and ("result" in decoded or "error" in decoded) else None
    if reply.status == 429 or (single is None and reply.status >= 400):
        kind = kind_of_status(reply.status)
        error = error_of(kind, f"{endpoint.label}: HTTP {reply.status} to {_names(calls)}")
        if kind is Kind.RETRY or reply.status in (401, 403, 404, 405):
            return [(kind, error)] * len(calls)
        raise BatchRefused(error, wholly=False)
    if len(calls) == 1:
        answer = decoded[0] if isinstance(decoded, list) and len(decoded) == 1 else single
        if not isinstance(answer, dict) or not ("result" in answer or "error" in answer):
            raise Retry(f"{endpoint.label}: the answer to {_names(calls)} is not JSON-RPC")
        return [_outcome(answer, calls[0][0], endpoint)]
    if single is not None:
        cause, error = _outcome(single, _names(calls), endpoint)
        if cause in (Kind.RETRY, Kind.LAGGING):
            return [(Kind.RETRY, error)] * len(calls)
        raise BatchRefused(_as_error(error, endpoint.label), wholly=cause is Kind.UNSUPPORTED)
    if not isinstance(decoded, list):
        raise Retry(f"{endpoint.label}: the answer to a batch of {len(calls)} is not JSON-RPC")
    by_id = {a["id"]: a for a in decoded if isinstance(a, dict) and isinstance(a.get("id"), int)}
    if len(decoded) == 1 and not by_id and isinstance(decoded[0], dict) and "error" in decoded[0]:
        raise BatchRefused(_as_error(_outcome(decoded[0], _names(calls), endpoint)[1], endpoint.label), wholly=False)
    unanswered = (Kind.RETRY, Retry(f"{endpoint.label}: a call of a batch was not answered"))
    return [_outcome(by_id[n], calls[n][0], endpoint) if n in by_id else unanswered for n in range(len(calls))]


def _outcome(answer: dict[str, Any], method: str, endpoint: Endpoint) -> tuple[Kind | None, Any]:
    error = answer.get("error")
    if error is None:
        return None, answer.get("result")
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, str(error))
    code = code if isinstance(code, int) else 0
    message = endpoint.redact(message) if isinstance(message, str) else ""
    kind = kind_of(code, message)
    return kind, error_of(kind, f"{endpoint.label}: {method}: {message or 'refused'} ({code})")


def _as_error(value: Any, label: str) -> RollproofError:
    return value if isinstance(value, RollproofError) else Malformed(f"{label}: one answer to a batch of calls")


def _names(calls: Sequence[Call]) -> str:
    return calls[0][0] if len(calls) == 1 else f"a batch of {len(calls)} ({calls[0][0]}, ...)"
