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

from rollproof.chain.answer import BatchRefused, Call, pair
from rollproof.chain.endpoint import Endpoint, HttpEndpoint, ProviderEndpoint, Reply
from rollproof.chain.refusal import Kind, TooLarge
from rollproof.chain.usage import Meter, Usage
from rollproof.errors import Retry, RollproofError

__all__ = ["Call", "Limits", "Rpc", "Usage", "nodes_of"]


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
        self._meter = Meter()
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
        view._meter = Meter(self._meter)
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
                for i, (kind, result) in zip(left, pair(reply, [calls[i] for i in left], shared.endpoint), strict=True):
                    results[i] = result
                    tries = {Kind.RETRY: shared.limits.attempts, Kind.LAGGING: 2}.get(kind, 0) if kind else 0
                    if attempt + 1 < tries:
                        again.append(i)
            except BatchRefused as refused:
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

    def _wait(self, attempt: int, asked: float | None) -> None:
        """Exponential backoff, jittered; never less than the node asked for, up to the longest wait."""
        limits, rng = self._shared.limits, self._shared.rng
        backoff = min(limits.longest_wait, limits.backoff * 2**attempt)
        pause = backoff * (0.5 + rng.random() / 2)
        self._shared.sleep(min(max(pause, asked or 0.0), max(limits.longest_wait, pause)))


def _close(pool: ThreadPoolExecutor, endpoint: Endpoint) -> None:
    pool.shutdown(wait=False, cancel_futures=True)
    endpoint.close()


def _fill(results: list[Any], indices: list[int], error: RollproofError) -> list[Any]:
    _fill_indices(results, indices, error)
    return results


def _fill_indices(results: list[Any], indices: list[int], error: RollproofError) -> list[int]:
    for i in indices:
        results[i] = error
    return indices


def nodes_of(sources: Sequence[str | Any], *, limits: Limits | None = None, seed: int = 0) -> list[Rpc]:
    """A client for each source; labels that coincide are numbered: ``https://host #1``."""
    clients = [Rpc(source, limits=limits, seed=seed + n) for n, source in enumerate(sources)]
    labels = [client.label for client in clients]
    for n, client in enumerate(clients):
        if labels.count(client.label) > 1:
            client.named(f"{client.label} #{n + 1}")
    return clients
