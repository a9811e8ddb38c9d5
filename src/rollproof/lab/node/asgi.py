"""The node as an ASGI application: JSON-RPC by HTTP POST and over WebSocket. Source: ASGI 3; JSON-RPC 2.0 over HTTP.

A page in somebody's browser may not use the node: requests whose Origin is not this machine are refused, and so are
names that only resolve to it.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from rollproof.lab.node.dispatch import MAX_REQUEST, Answer, Reply, dispatch
from rollproof.lab.node.error import Dropped
from rollproof.lab.node.node import Node
from rollproof.lab.node.subscription import Subscriptions

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
LOOK: Final = 0.02  # seconds between two looks at what subscriptions are about
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class App:
    """Calls are answered in ``workers``, so that a long one does not keep connections waiting.

    A second by the simulated clock, which faults delay answers by, is one of ``speed`` parts of a real one.
    """

    def __init__(self, node: Node, workers: ThreadPoolExecutor, speed: int = 1) -> None:
        self._node, self._workers, self._speed = node, workers, speed

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _answered(self, body: bytes, answer: Answer) -> Reply:
        reply = await asyncio.get_running_loop().run_in_executor(self._workers, dispatch, body, answer)
        if reply.delay:
            await asyncio.sleep(reply.delay / self._speed)
        return reply

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        refused = _refusal(scope)
        if refused is not None:
            await _respond(send, *refused)
            return
        body = await _body(receive)
        if body is None:
            await _respond(send, 413, f"request larger than {MAX_REQUEST} bytes".encode(), b"text/plain")
            return
        try:
            reply = await self._answered(body, self._node.answer)
        except Dropped:  # a promise of a body that never comes: the server then cuts the connection
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
            return
        if reply.body is None:
            await _respond(send, 204, b"")
        else:
            await _respond(send, 200, reply.body, b"application/json")

    async def _websocket(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if not _trusted(scope):
            await send({"type": "websocket.close", "code": 1008, "reason": "not from this machine"})
            return
        await send({"type": "websocket.accept"})
        subscriptions = Subscriptions(self._node)
        order = asyncio.Lock()  # an answer that names a subscription stands before its first event
        telling = asyncio.create_task(self._tell(subscriptions, send, order))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                data = message.get("bytes") or b"" if text is None else text.encode("utf-8", "surrogatepass")
                async with order:
                    reply = await self._answered(data, subscriptions.answer)
                    if reply.body is not None:
                        await send({"type": "websocket.send", "text": reply.body.decode()})
        except Dropped:
            await send({"type": "websocket.close", "code": 1011, "reason": ""})
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)  # it may have ended with the connection

    async def _tell(self, subscriptions: Subscriptions, send: Send, order: asyncio.Lock) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if not len(subscriptions):
                continue
            async with order:
                try:
                    loop = asyncio.get_running_loop()
                    events, late = await loop.run_in_executor(self._workers, subscriptions.events)
                except Dropped:
                    await send({"type": "websocket.close", "code": 1011, "reason": ""})
                    return
                await asyncio.sleep(late / self._speed)
                for event in events:
                    await send({"type": "websocket.send", "text": msgspec.json.encode(event).decode()})


def _refusal(scope: Message) -> tuple[int, bytes, bytes] | None:
    """Why an HTTP request is none that is answered: status, body and its type."""
    plain = b"text/plain"
    if not _trusted(scope):
        return 403, b"invalid host or origin: not this machine", plain
    if scope["method"] != "POST":
        return 405, b"JSON-RPC is served by POST", plain
    kind = _header(scope, b"content-type").split(";")[0].strip().lower()
    if kind != "application/json":
        return 415, b"the content type is not application/json", plain
    return None


def _trusted(scope: Message) -> bool:
    """Whether Host is an address or this machine's name, and Origin, where there is one, is this machine."""
    try:
        host = urlsplit("//" + _header(scope, b"host")).hostname or ""
        origin = _header(scope, b"origin")
        from_here = not origin or (urlsplit(origin).hostname or "") in _LOCAL
    except ValueError:
        return False
    return from_here and (host in _LOCAL or _is_address(host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _header(scope: Message, name: bytes) -> str:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else "" if not values else "\n"


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None where it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_REQUEST:
            return None
        if not message.get("more_body"):
            return bytes(body)


async def _respond(send: Send, status: int, body: bytes, kind: bytes = b"") -> None:
    headers = [(b"content-length", str(len(body)).encode())] if status != 204 else []
    if kind:
        headers.append((b"content-type", kind))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
