"""A call object: a message that is executed without being signed. Source: execution-apis, "GenericTransaction"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from rollproof.chain import wire
from rollproof.errors import Malformed, Unsupported
from rollproof.lab.block import Block, Call
from rollproof.lab.chain import Chain
from rollproof.lab.node.error import EXECUTION, REVERTED, JsonRpcError, invalid
from rollproof.lab.node.params import Params
from rollproof.lab.node.revert import reason

MAX_INPUT: Final = 2 * 1024 * 1024  # bytes
GAS_CAP: Final = 50_000_000
_KNOWN: Final = frozenset(
    {"from", "to", "gas", "value", "data", "input", "nonce", "type", "chainId"}
    | {"gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "accessList"}
)
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_DONE: Final = frozenset(
    {"blobVersionedHashes", "maxFeePerBlobGas", "blobs", "commitments", "proofs", "authorizationList"}
)


@dataclass(frozen=True, slots=True)
class Message:
    """What to execute; ``gas_price`` in wei per gas, 0 where the caller does not care; ``gas`` None: the cap."""

    sender: bytes
    to: bytes | None
    value: int
    data: bytes
    gas: int | None
    gas_price: int

    def limit(self, block: Block) -> int:
        """The gas it gets: what it asks for, up to the cap and what a block may hold."""
        most = min(GAS_CAP, block.header.gas_limit)
        return most if self.gas is None else min(self.gas, most)

    def call(self, chain: Chain, block: Block, *, gas: int | None = None, trace: bool = False) -> Call:
        """Executes it on the state after ``block``. JsonRpcError -32000 where it may not be sent at all."""
        limit = self.limit(block) if gas is None else gas
        try:
            return chain.call(
                self.to, self.data, sender=self.sender, value=self.value, gas=limit, gas_price=self.gas_price, at=block,
                trace=trace,
            )  # fmt: skip
        except Malformed as error:
            raise JsonRpcError(EXECUTION, str(error)) from None


def read(params: Params, place: int, chain_id: int, base_fee: int) -> Message:
    """The call object at this place. JsonRpcError -32602 for a key that is not known or not done, by its name."""
    record = params.mapping(place)
    try:
        return _message(record, chain_id, base_fee)
    except (Malformed, Unsupported) as error:
        raise invalid(f"invalid argument {place}: {error}") from None


def plain(params: Params, place: int, what: str) -> None:
    """Refuses what stands at this place, by its name, unless it is empty."""
    if params.given(place) and params.raw(place) != {}:
        raise invalid(f"{what} are not supported")


def _message(record: dict[str, Any], chain_id: int, base_fee: int) -> Message:
    for key, value in record.items():
        if key in _NOT_DONE and value is not None:
            raise Unsupported(f"{key} is not supported in calls")
        if key not in _KNOWN and key not in _NOT_DONE:
            raise Unsupported(f"{wire.short(key)} is not known")
    if record.get("accessList"):
        raise Unsupported("accessList is not supported in calls")
    given = {key: value for key, value in record.items() if value is not None}
    data = [wire.data(given[key], key, None, MAX_INPUT) for key in ("data", "input") if key in given]
    if len(set(data)) > 1:
        raise Malformed("both data and input, and they differ")
    if "chainId" in given and wire.quantity(given["chainId"], "chainId", 64) != chain_id:
        raise Malformed(f"chainId does not match this chain's {chain_id}")
    for key in ("nonce", "type"):
        if key in given:
            wire.quantity(given[key], key, 64)
    return Message(
        sender=wire.address(given["from"], "from") if "from" in given else bytes(20),
        to=wire.address(given["to"], "to") if "to" in given else None,
        value=wire.quantity(given.get("value", "0x0"), "value"),
        data=data[0] if data else b"",
        gas=wire.quantity(given["gas"], "gas", 64) if "gas" in given else None,
        gas_price=_price(given, base_fee),
    )


def _price(given: dict[str, Any], base_fee: int) -> int:
    if "gasPrice" in given:
        if "maxFeePerGas" in given or "maxPriorityFeePerGas" in given:
            raise Malformed("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
        return wire.quantity(given["gasPrice"], "gasPrice", 128)
    most = wire.quantity(given.get("maxFeePerGas", "0x0"), "maxFeePerGas", 128)
    tip = wire.quantity(given.get("maxPriorityFeePerGas", "0x0"), "maxPriorityFeePerGas", 128)
    if "maxFeePerGas" in given and tip > most:
        raise Malformed(f"maxFeePerGas {most} is below maxPriorityFeePerGas {tip}")
    return min(most, base_fee + tip)


def succeeded(call: Call) -> Call:
    """The call itself. JsonRpcError 3 with the data where it reverted, -32000 where it halted."""
    if call.status == 1:
        return call
    if call.halt is not None:
        raise JsonRpcError(EXECUTION, halted(call.halt))
    why = reason(call.output)
    message = "execution reverted" if why is None else f"execution reverted: {why}"
    raise JsonRpcError(REVERTED, message, wire.to_data(call.output))


def halted(name: str) -> str:
    """A halt's name in the words of other nodes."""
    if name.startswith("OutOfGas"):
        return "out of gas"
    return _WORDS.sub(" ", name).lower()
