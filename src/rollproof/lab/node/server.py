"""A node on the network: HTTP and WebSocket on one port, in a thread beside whatever drives the stack."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import uvicorn

from rollproof.errors import Malformed, Retry
from rollproof.lab.node.asgi import App
from rollproof.lab.node.dispatch import MAX_REQUEST
from rollproof.lab.node.node import Node

WORKERS: Final = 4
MAX_CONNECTIONS: Final = 256
START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 2


class Server:
    """Serves ``node`` from `start` to `stop`; also a context manager. ``port`` 0 takes any free one: see ``port``.

    ``speed``: how often faster than real time the stack's clock runs; a delayed answer waits by that clock.
    """

    def __init__(self, node: Node, *, host: str = "127.0.0.1", port: int = 0, speed: int = 1) -> None:
        """Takes the port. Raises Retry where it is in use, Malformed for an address that this machine does not have."""
        self.node, self.host = node, host
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"node-{node.name}")
        config = uvicorn.Config(
            App(node, self._workers, speed),
            http="h11",
            ws="websockets-sansio",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level=logging.CRITICAL,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws_max_size=MAX_REQUEST,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name=f"node-{node.name}", daemon=True
        )

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"http://{self._place}"

    @property
    def ws_url(self) -> str:
        """``ws://host:port``, for subscriptions."""
        return f"ws://{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self) -> Server:
        """Begins to serve, and returns once it does. Raises Retry where it does not come up."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                self.stop()
                raise Retry(f"{self.url}: the server did not come up")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Ends all connections and frees the port."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Server({self.node.name} at {self.url})"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off, which would hold back each answer's body by 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise Retry(f"port {port} on {host} is in use: choose another, or 0 for any") from None
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise Malformed(f"cannot listen on {host}, port {port}: {why}") from None
    return listening
