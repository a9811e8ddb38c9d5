"""A JSON-RPC client that survives real nodes: batches, retries with backoff, splits, bounded concurrency, counted.

``Rpc.call`` raises; ``Rpc.many`` gives one result or one error per call, in order. Source: JSON-RPC 2.0, EIP-1474.
"""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from rollproof.chain.endpoint import Endpoint, HttpEndpoint, ProviderEndpoint, Reply
from rollproof.chain.refusal import Kind, TooLarge, error_of, kind_of, kind_of_status
from rollproof.errors import Malformed, Retry, RollproofError

Call = tuple[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one node may cost us. Times in seconds, sizes in bytes."""

    timeout: float = 45.0  # silence
    deadline: float = 180.0  # one whole answer
    attempts: int = 6
    backoff: float = 0.25  # first wait; doubles each time
    longest_wait: float = 20.0
    batch: int = 64  # calls a request
    concurrency: int = 4  # requests at once
    response_bytes: int = 192 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent. ``requests`` counts HTTP bodies, retries included; ``seconds`` adds up over concurrent ones."""

    calls: int = 0
    requests: int = 0
    retries: int = 0
    sent: int = 0  # bytes
    received: int = 0  # bytes on the wire
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.requests + other.requests,
            self.retries + other.retries,
            self.sent + other.sent,
            self.received + other.received,
            self.seconds + other.seconds,
        )


class _Meter:
    """A counter that several threads add to, and its parent."""

    def __init__(self, parent: _Meter | None = None) -> None:
        self.usage = Usage()
        self._lock = threading.Lock()
        self._parent = parent

    def add(self, usage: Usage) -> None:
        with self._lock:
            self.usage = self.usage + usage
        if self._parent is not None:
            self._parent.add(usage)


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Shared:
    """What all metered views of one client have in common."""

    endpoint: Endpoint
    limits: Limits
    pool: ThreadPoolExecutor
    slots: threading.BoundedSemaphore
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    rng: random.Random
    batch: int  # calls this node takes at once; only ever shrinks


class Rpc:
    """One node. Safe to use from several threads; ``seed`` makes the jitter of the waits reproducible.

    ``source`` is an ``http(s)://`` URL or anything with ``make_request(method, params)``.
    """

    def __init__(
        self,
        source: str | Any,
        *,
        limits: Limits | None = None,
        seed: int = 0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = limits or Limits()
        endpoint: Endpoint
        if isinstance(source, str):
            endpoint = HttpEndpoint(
                source,
                timeout=limits.timeout,
                deadline=limits.deadline,
                max_bytes=limits.response_bytes,
                connections=limits.concurrency,
                clock=clock,
            )
        else:
            endpoint = ProviderEndpoint(source)
        pool = ThreadPoolExecutor(limits.concurrency, thread_name_prefix="rpc")
        slots = threading.BoundedSemaphore(limits.concurrency)
        self._shared = _Shared(endpoint, limits, pool, slots, sleep, clock, random.Random(seed), limits.batch)
        # A client that is dropped without close() does not keep its threads and connections.
        self._close = weakref.finalize(self._shared, _close, pool, endpoint)
        self._meter = _Meter()
        self.label = endpoint.label

    def __repr__(self) -> str:
        return f"Rpc({self.label})"

    def __enter__(self) -> Rpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads and close the connections. Views made by ``metered`` stop with it."""
        self._close()

    def metered(self) -> Rpc:
        """The same client with a counter of its own, which also feeds this one's."""
        view = object.__new__(Rpc)
        view._shared, view._close, view.label = self._shared, self._close, self.label
        view._meter = _Meter(self._meter)
        return view

    def named(self, label: str) -> Rpc:
        """This client under another label: two nodes may sit behind one host."""
        self.label = self._shared.endpoint.label = label
        return self

    @property
    def usage(self) -> Usage:
        """What was spent through this view."""
        return self._meter.usage

    def call(self, method: str, *params: Any) -> Any:
        """One call.

        Raises:
            Retry, Missing, Unsupported, Malformed, TooLarge: see ``refusal``; each names the node and the method.
        """
        result = self._run([(method, params)])[0]
        if isinstance(result, RollproofError):
            raise result
        return result

    def many(self, calls: Sequence[Call]) -> list[Any]:
        """All calls, in order; a failed one gives its error as a value."""
        size = self._shared.batch
        chunks = [calls[start : start + size] for start in range(0, len(calls), size)]
        if len(chunks) <= 1:
            return self._run(calls) if calls else []
        return [result for part in self._shared.pool.map(self._run, chunks) for result in part]

    def _run(self, calls: Sequence[Call]) -> list[Any]:
        """One batch to its end: splits where it is refused as a batch, and asks again for what may still succeed."""
        shared = self._shared
        results: list[Any] = [None] * len(calls)
        left = list(range(len(calls)))
        for attempt in range(shared.limits.attempts):
            if len(left) > shared.batch:
                return self._merge(calls, results, left)
            again: list[int] = []
            wait: float | None = None
            try:
                reply = self._post([calls[i] for i in left])
                wait = reply.retry_after
                for i, (kind, result) in zip(left, self._answers(reply, [calls[i] for i in left]), strict=True):
                    results[i] = result
                    tries = {Kind.RETRY: shared.limits.attempts, Kind.LAGGING: 2}.get(kind, 0) if kind else 0
                    if attempt + 1 < tries:
                        again.append(i)
            except _BatchRefused as refused:
                if len(left) > 1:
                    shared.batch = max(1, min(shared.batch, 1 if refused.wholly else len(left) // 2))
                    return self._merge(calls, results, left)
                return _fill(results, left, refused.error)
            except TooLarge as error:
                if len(left) > 1:
                    return self._merge(calls, results, left, len(left) // 2)
                return _fill(results, left, error)
            except Retry as error:
                again = _fill_indices(results, left, error)
            except RollproofError as error:
                return _fill(results, left, error)
            if not again:
                return results
            left = again
            if attempt + 1 < shared.limits.attempts:
                self._meter.add(Usage(retries=1))
                self._wait(attempt, wait)
        return results

    def _merge(self, calls: Sequence[Call], results: list[Any], left: list[int], size: int | None = None) -> list[Any]:
        """Run what is left in smaller pieces, one after another: a node that refused needs no more load."""
        step = size or self._shared.batch
        for start in range(0, len(left), step):
            part = left[start : start + step]
            for i, result in zip(part, self._run([calls[i] for i in part]), strict=True):
                results[i] = result
        return results

    def _post(self, calls: Sequence[Call]) -> Reply:
        shared = self._shared
        bodies = [{"jsonrpc": "2.0", "id": n, "method": m, "params": list(p)} for n, (m, p) in enumerate(calls)]
        body = msgspec.json.encode(bodies if len(bodies) > 1 else bodies[0])
        received = 0
        with shared.slots:
            started = shared.clock()
            try:
                reply = shared.endpoint.post(body)
                received = reply.received
            finally:
                self._meter.add(Usage(len(calls), 1, 0, len(body), received, shared.clock() - started))
        return reply

    def _answers(self, reply: Reply, calls: Sequence[Call]) -> list[tuple[Kind | None, Any]]:
        """Pair the calls with their answers.

        Raises:
            Retry: the body is not JSON-RPC: cut off, or a proxy's page. It may come whole the next time.
            _BatchRefused: the node answered a batch with one error.
        """
        try:
            decoded = msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            decoded = None
        single = decoded if isinstance(decoded, dict) and ("result" in decoded or "error" in decoded) else None
        if reply.status == 429 or (single is None and reply.status >= 400):
            kind = kind_of_status(reply.status)
            error = error_of(kind, f"{self.label}: HTTP {reply.status} to {_names(calls)}")
            if kind is Kind.RETRY or reply.status in (401, 403, 404, 405):
                return [(kind, error)] * len(calls)
            raise _BatchRefused(error, wholly=False)
        if len(calls) == 1:
            answer = decoded[0] if isinstance(decoded, list) and len(decoded) == 1 else single
            if not isinstance(answer, dict) or not ("result" in answer or "error" in answer):
                raise Retry(f"{self.label}: the answer to {_names(calls)} is not JSON-RPC")
            return [self._outcome(answer, calls[0][0])]
        if single is not None:
            cause, error = self._outcome(single, _names(calls))
            if cause in (Kind.RETRY, Kind.LAGGING):
                return [(Kind.RETRY, error)] * len(calls)
            raise _BatchRefused(_as_error(error, self.label), wholly=cause is Kind.UNSUPPORTED)
        if not isinstance(decoded, list):
            raise Retry(f"{self.label}: the answer to a batch of {len(calls)} is not JSON-RPC")
        by_id = {a["id"]: a for a in decoded if isinstance(a, dict) and isinstance(a.get("id"), int)}
        if len(decoded) == 1 and not by_id and isinstance(decoded[0], dict) and "error" in decoded[0]:
            raise _BatchRefused(_as_error(self._outcome(decoded[0], _names(calls))[1], self.label), wholly=False)
        unanswered = (Kind.RETRY, Retry(f"{self.label}: a call of a batch was not answered"))
        return [self._outcome(by_id[n], calls[n][0]) if n in by_id else unanswered for n in range(len(calls))]

    def _outcome(self, answer: dict[str, Any], method: str) -> tuple[Kind | None, Any]:
        error = answer.get("error")
        if error is None:
            return None, answer.get("result")
        code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, str(error))
        code = code if isinstance(code, int) else 0
        message = self._shared.endpoint.redact(message) if isinstance(message, str) else ""
        kind = kind_of(code, message)
        return kind, error_of(kind, f"{self.label}: {method}: {message or 'refused'} ({code})")

    def _wait(self, attempt: int, asked: float | None) -> None:
        """Exponential backoff, jittered; never less than the node asked for, up to the longest wait."""
        limits, rng = self._shared.limits, self._shared.rng
        backoff = min(limits.longest_wait, limits.backoff * 2**attempt)
        pause = backoff * (0.5 + rng.random() / 2)
        self._shared.sleep(min(max(pause, asked or 0.0), max(limits.longest_wait, pause)))


def _close(pool: ThreadPoolExecutor, endpoint: Endpoint) -> None:
    pool.shutdown(wait=False, cancel_futures=True)
    endpoint.close()


class _BatchRefused(Exception):
    """The node will not take this many calls at once (``wholly``: not even two)."""

    def __init__(self, error: RollproofError, *, wholly: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.wholly = wholly


def _fill(results: list[Any], indices: list[int], error: RollproofError) -> list[Any]:
    _fill_indices(results, indices, error)
    return results


def _fill_indices(results: list[Any], indices: list[int], error: RollproofError) -> list[int]:
    for i in indices:
        results[i] = error
    return indices


def _as_error(value: Any, label: str) -> RollproofError:
    return value if isinstance(value, RollproofError) else Malformed(f"{label}: one answer to a batch of calls")


def _names(calls: Sequence[Call]) -> str:
    return calls[0][0] if len(calls) == 1 else f"a batch of {len(calls)} ({calls[0][0]}, ...)"


def nodes_of(sources: Sequence[str | Any], *, limits: Limits | None = None, seed: int = 0) -> list[Rpc]:
    """A client for each source; labels that coincide are numbered: ``https://host #1``."""
    clients = [Rpc(source, limits=limits, seed=seed + n) for n, source in enumerate(sources)]
    labels = [client.label for client in clients]
    for n, client in enumerate(clients):
        if labels.count(client.label) > 1:
            client.named(f"{client.label} #{n + 1}")
    return clients
