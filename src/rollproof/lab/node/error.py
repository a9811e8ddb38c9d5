"""What a node answers in place of a result. Codes: JSON-RPC 2.0 section 5.1, EIP-1474, execution-apis, geth."""

from __future__ import annotations

from typing import Any, Final

PARSE: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL: Final = -32603
EXECUTION: Final = -32000  # cannot be executed, or a transaction that is not taken
NOT_FOUND: Final = -32001
LIMIT: Final = -32005  # more was asked for than is served at once
REVERTED: Final = 3  # with the revert's data
MAX_MESSAGE: Final = 400  # characters


class JsonRpcError(Exception):
    """An error object. ``data`` is JSON, or None for no data at all."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code = code
        self.message = "".join(c if c.isprintable() else "?" for c in message)[:MAX_MESSAGE]
        self.data = data
        super().__init__(self.message)

    def as_json(self) -> dict[str, Any]:
        """The ``error`` member of an answer."""
        found: dict[str, Any] = {"code": self.code, "message": self.message}
        return found if self.data is None else found | {"data": self.data}


class Delay(Exception):
    """A fault wants ``result`` to come ``seconds`` late (integer). Raised or returned by `Fault.answer`."""

    def __init__(self, seconds: int, result: Any) -> None:
        self.seconds, self.result = seconds, result
        super().__init__(f"{seconds} s late")


class Dropped(Exception):
    """A fault wants the connection to end without an answer."""


def invalid(message: str) -> JsonRpcError:
    """Parameters that are not what the method takes."""
    return JsonRpcError(INVALID_PARAMS, message)


def not_found(what: str) -> JsonRpcError:
    """Something that this node does not have."""
    return JsonRpcError(NOT_FOUND, f"{what} not found")
