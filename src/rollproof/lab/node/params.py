"""A call's parameters, read strictly: each by its place, with the form that the method takes there.

Source: execution-apis, schemas of blocks, addresses and hashes; EIP-1898 for blocks by hash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rollproof.chain import wire
from rollproof.errors import Malformed
from rollproof.lab.block import Block
from rollproof.lab.node.error import EXECUTION, JsonRpcError, invalid, not_found

if TYPE_CHECKING:
    from rollproof.lab.node.node import Node

T = TypeVar("T")
TAGS: Final = ("earliest", "finalized", "safe", "latest", "pending")


class Params:
    """The parameters of one call. A reader raises JsonRpcError -32602, naming the place, for another form."""

    def __init__(self, method: str, values: Sequence[Any]) -> None:
        self.method, self._values = method, values

    def __len__(self) -> int:
        return len(self._values)

    def given(self, place: int) -> bool:
        """Whether there is something at this place, and not null."""
        return place < len(self._values) and self._values[place] is not None

    def raw(self, place: int) -> Any:
        """What stands there, None where nothing does."""
        return self._values[place] if place < len(self._values) else None

    def read(self, place: int, reader: Callable[[Any, str], T]) -> T:
        """Through one of `chain.wire`'s readers, or one like it."""
        if not self.given(place):
            raise invalid(f"missing value for required argument {place}")
        return checked(reader, self._values[place], f"argument {place}")

    def address(self, place: int) -> bytes:
        return self.read(place, wire.address)

    def hash(self, place: int) -> bytes:
        return self.read(place, wire.hash32)

    def data(self, place: int, limit: int) -> bytes:
        return self.read(place, lambda value, what: wire.data(value, what, None, limit))

    def quantity(self, place: int, bits: int = 64) -> int:
        return self.read(place, lambda value, what: wire.quantity(value, what, bits))

    def boolean(self, place: int, default: bool = False) -> bool:
        return self.read(place, _boolean) if self.given(place) else default

    def mapping(self, place: int) -> dict[str, Any]:
        """A JSON object; an empty one where none is given."""
        return self.read(place, wire.mapping) if self.given(place) else {}

    def find_block(self, place: int, node: Node) -> Block | None:
        """The block of a number, tag or hash object; None where the node has no such block."""
        return find(self.raw(place) if self.given(place) else "latest", node, f"argument {place}")

    def block(self, place: int, node: Node) -> Block:
        """As `find_block`; JsonRpcError -32001 where there is none."""
        found = self.find_block(place, node)
        if found is None:
            raise not_found(f"block {wire.short(self.raw(place))}")
        return found


def checked(reader: Callable[[Any, str], T], value: Any, what: str) -> T:
    """``reader(value, what)``, with Malformed as JsonRpcError -32602."""
    try:
        return reader(value, what)
    except Malformed as error:
        raise invalid(f"invalid {error}") from None


def find(value: Any, node: Node, what: str) -> Block | None:
    """The block that a JSON value names: a number, a tag, or an object of EIP-1898."""
    if isinstance(value, dict):
        return _by_object(value, node, what)
    if isinstance(value, str) and value in TAGS:
        return node.tagged(value)
    return node.chain.block(checked(lambda v, w: wire.quantity(v, w, 64), value, what))


def _by_object(value: dict[str, Any], node: Node, what: str) -> Block | None:
    unknown = set(value) - {"blockHash", "blockNumber", "requireCanonical"}
    if unknown or ("blockHash" in value) == ("blockNumber" in value):
        raise invalid(f"invalid {what}: expected either blockHash or blockNumber")
    if "blockNumber" in value:
        return find(value["blockNumber"], node, what) if isinstance(value["blockNumber"], str) else None
    found = node.chain.block(checked(wire.hash32, value["blockHash"], f"{what}: blockHash"))
    canonical = value.get("requireCanonical", False)
    if not isinstance(canonical, bool):
        raise invalid(f"invalid {what}: requireCanonical is not a boolean")
    held = None if found is None else node.chain.block(found.number)
    if found is not None and canonical and (held is None or held.hash != found.hash):
        raise JsonRpcError(EXECUTION, f"block 0x{found.hash.hex()} is not currently canonical")
    return found


def _boolean(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"{what}: expected a boolean, got {wire.short(value)}")
    return value
