"""One way to a node: bytes out, bytes back, over HTTP or through somebody's provider object.

The URL's path, query and user part are credentials: they are used to connect and appear nowhere else.
"""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable
from urllib.parse import SplitResult, urlsplit

import httpx2
import msgspec

from rollproof.chain.refusal import TooLarge
from rollproof.errors import Malformed, Missing, Retry, Unsupported

_CONNECT_SECONDS = 10.0


class Reply(NamedTuple):
    """An HTTP status, the seconds its Retry-After asks for (or None), its body, and the bytes on the wire."""

    status: int
    retry_after: float | None
    body: bytes
    received: int


class Endpoint(Protocol):
    """What the JSON-RPC client needs of a transport."""

    label: str

    def post(self, body: bytes) -> Reply: ...
    def redact(self, text: str) -> str: ...
    def close(self) -> None: ...


@runtime_checkable
class Provider(Protocol):
    """Anything that answers like web3's providers: ``{"result": ...}`` or ``{"error": ...}``."""

    def make_request(self, method: str, params: Any, /) -> Any: ...


def label_of(url: str) -> str:
    """``scheme://host[:port]`` of an RPC URL: all that may be shown of it."""
    parts = _split(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port is not None else "")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise Malformed("RPC URL: expected http://host[:port]/... or https://...")
    if parts.scheme not in ("http", "https"):
        raise Unsupported(f"RPC URL scheme {parts.scheme[:16]!r}: only http and https are known")
    return parts


class HttpEndpoint:
    """JSON-RPC over HTTP POST. ``timeout`` is seconds of silence, ``deadline`` seconds for one whole answer."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        deadline: float,
        max_bytes: int,
        connections: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = _split(url)
        self.label = label_of(url)
        self._secrets = _secrets(parts)
        self._deadline, self._max_bytes, self._clock = deadline, max_bytes, clock
        self._url = url.strip()
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            headers={"Content-Type": "application/json", "Accept-Encoding": "gzip", "User-Agent": "rollproof"},
            follow_redirects=False,  # a redirect would carry the credentials to somewhere else
        )

    def __repr__(self) -> str:
        return f"HttpEndpoint({self.label})"

    def close(self) -> None:
        self._client.close()

    def redact(self, text: str) -> str:
        """One printable line without our credentials and without any URL."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = re.sub(r"\w+://\S+", "***", text)
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]

    def post(self, body: bytes) -> Reply:
        """Send one body.

        Raises:
            Retry: the node could not be reached, went silent, or did not finish in time.
            TooLarge: the answer passes the bound.
            Malformed: the answer's encoding was not asked for or is damaged.
        """
        started = self._clock()
        try:
            with self._client.stream("POST", self._url, content=body) as response:
                return self._read(response, started)
        except httpx2.TimeoutException:
            raise Retry(f"{self.label}: no answer in time") from None
        except (httpx2.TransportError, httpx2.StreamError) as error:
            # The exception's own text may hold the URL; its class says enough.
            raise Retry(f"{self.label}: connection failed ({type(error).__name__})") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, ValueError) as error:
            raise Malformed(f"{self.label}: not usable over HTTP ({type(error).__name__})") from None

    def _read(self, response: httpx2.Response, started: float) -> Reply:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise Malformed(f"{self.label}: answer in an encoding that was not asked for")
        inflate = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
        body, received = bytearray(), 0
        for chunk in response.iter_raw(65536):
            received += len(chunk)
            if inflate is not None:
                try:  # bounded: a small body may unpack to gigabytes
                    body += inflate.decompress(chunk, self._max_bytes + 1 - len(body))
                except zlib.error:
                    raise Malformed(f"{self.label}: damaged gzip answer") from None
            else:
                body += chunk
            if len(body) > self._max_bytes:
                raise TooLarge(f"{self.label}: answer larger than {self._max_bytes} bytes")
            if self._clock() - started > self._deadline:
                raise Retry(f"{self.label}: answer not finished after {self._deadline:g} s")
        return Reply(response.status_code, _retry_after(response.headers.get("retry-after")), bytes(body), received)


class ProviderEndpoint:
    """A provider object. It takes one call at a time, so a batch is answered call by call."""

    def __init__(self, provider: Any) -> None:
        inner = getattr(provider, "provider", provider)  # a Web3 object holds its provider
        if not isinstance(inner, Provider):
            raise Unsupported(f"{type(provider).__name__} is neither an RPC URL nor an object with make_request")
        self.label = f"provider {type(inner).__name__}"
        self._provider = inner
        self._lock = threading.Lock()  # nothing says that a provider may be used from several threads

    def __repr__(self) -> str:
        return f"ProviderEndpoint({self.label})"

    def close(self) -> None:
        """The provider belongs to the caller and stays open."""

    def redact(self, text: str) -> str:
        text = re.sub(r"\w+://\S+", "***", text)
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]

    def post(self, body: bytes) -> Reply:
        """Hand each call to the provider.

        Raises:
            Retry: the provider raised; its own message may hold credentials and is not shown.
        """
        request = msgspec.json.decode(body)
        calls = request if isinstance(request, list) else [request]
        answers = []
        for call in calls:
            try:
                with self._lock:
                    answer = dict(self._provider.make_request(call["method"], call["params"]))
                answers.append({"jsonrpc": "2.0", **answer, "id": call["id"]})
            except Exception as error:  # noqa: BLE001 - foreign code may raise anything
                raise Retry(f"{self.label}: {type(error).__name__}") from None
        try:
            raw = msgspec.json.encode(answers if isinstance(request, list) else answers[0], enc_hook=_plain)
        except (TypeError, ValueError) as error:
            raise Missing(f"{self.label}: answer is not JSON ({type(error).__name__})") from None
        return Reply(200, None, raw, len(raw))


def _plain(value: Any) -> Any:
    """Providers' own mapping types as plain objects."""
    if hasattr(value, "keys"):
        return dict(value)
    raise TypeError(type(value).__name__)


def _secrets(parts: SplitResult) -> list[str]:
    """What of the URL a node might echo; longest first so that a whole path goes before its pieces."""
    pieces = [parts.path, parts.query, parts.fragment, parts.username or "", parts.password or ""]
    pieces += re.split(r"[/&=]", parts.path + "/" + parts.query)
    return sorted({piece for piece in pieces if len(piece.strip("/")) >= 4}, key=len, reverse=True)


def _retry_after(text: str | None) -> float | None:
    """Seconds; the date form of Retry-After is left to our own backoff."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 8):
        return None
    return min(float(text), 3600.0)
