"""Transactions as nodes show them. Source: execution-apis, "TransactionInfo"; OP Stack specs, deposits (type 0x7e)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from rollproof import _core
from rollproof.chain.wire import to_data, to_quantity
from rollproof.lab import receipts
from rollproof.lab.block import Block

DEPOSIT: Final = 0x7E
# The RLP items of each type, in order; those of a type's signature come last.
_PLAIN: Final = ("nonce", "gasPrice", "gas", "to", "value", "input")
_MARKET: Final = (
    "chainId",
    "nonce",
    "maxPriorityFeePerGas",
    "maxFeePerGas",
    "gas",
    "to",
    "value",
    "input",
    "accessList",
)
_SIGNATURE: Final = ("yParity", "r", "s")
_ITEMS: Final = {
    0: (*_PLAIN, "v", "r", "s"),
    1: ("chainId", *_PLAIN, "accessList", *_SIGNATURE),
    2: (*_MARKET, *_SIGNATURE),
    3: (*_MARKET, "maxFeePerBlobGas", "blobVersionedHashes", *_SIGNATURE),
    4: (*_MARKET, "authorizationList", *_SIGNATURE),
    DEPOSIT: ("sourceHash", "from", "to", "mint", "value", "gas", "isSystemTx", "input"),
}
_DATA: Final = frozenset({"input", "sourceHash", "from"})


def kind(raw: bytes) -> int:
    """The EIP-2718 type; 0 for a legacy transaction."""
    return raw[0] if raw[0] < 0x80 else 0


@lru_cache(maxsize=16_384)
def sender(raw: bytes, family: str) -> bytes:
    """Who signed it, or whom the deposit is from. Raises CoreError for what is no transaction."""
    found: bytes = _core.decode_transaction(raw, family)["sender"]
    return found


def fields(raw: bytes, family: str) -> dict[str, Any]:
    """What the transaction itself says: its JSON without its place in a block. Raises CoreError."""
    number = kind(raw)
    items = _core.rlp_decode(raw if number == 0 else raw[1:])
    found: dict[str, Any] = {"type": to_quantity(number), "hash": to_data(_core.keccak256(raw))}
    found |= {name: _shown(name, item) for name, item in zip(_ITEMS[number], items, strict=True)}
    if number == DEPOSIT:
        return _deposit(found)
    found["from"] = to_data(sender(raw, family))
    if number == 0:
        v = int(found["v"], 16)
        if v >= 35:  # EIP-155
            found["chainId"] = to_quantity((v - 35) // 2)
    else:
        found["v"] = found["yParity"]
    return found


def _deposit(found: dict[str, Any]) -> dict[str, Any]:
    """As op-geth shows one: a price of nothing, a signature of zeros, a mint only where there is one."""
    if found["mint"] == "0x0":
        del found["mint"]
    system = found.pop("isSystemTx") != "0x0"
    if system:
        found["isSystemTx"] = True
    return found | {"gasPrice": "0x0", "nonce": "0x0", "v": "0x0", "r": "0x0", "s": "0x0"}


def _shown(name: str, item: Any) -> Any:
    if name == "to":
        return to_data(item) if item else None
    if name in _DATA:
        return to_data(item)
    if name == "accessList":
        return [{"address": to_data(address), "storageKeys": [to_data(key) for key in keys]} for address, keys in item]
    if name == "blobVersionedHashes":
        return [to_data(each) for each in item]
    if name == "authorizationList":
        return [_authorization(each) for each in item]
    return to_quantity(int.from_bytes(item, "big"))


def _authorization(item: list[bytes]) -> dict[str, str]:
    chain_id, address, nonce, parity, r, s = item
    numbers = {"chainId": chain_id, "nonce": nonce, "yParity": parity, "r": r, "s": s}
    return {"address": to_data(address)} | {k: to_quantity(int.from_bytes(v, "big")) for k, v in numbers.items()}


def effective_gas_price(shown: dict[str, Any], base_fee: int) -> int:
    """What the sender pays per gas in a block of this base fee, wei (EIP-1559); a deposit pays nothing."""
    if "maxFeePerGas" not in shown:
        return int(shown["gasPrice"], 16)
    most, tip = int(shown["maxFeePerGas"], 16), int(shown["maxPriorityFeePerGas"], 16)
    return min(most, base_fee + tip)


def pending(raw: bytes, family: str) -> dict[str, Any]:
    """A transaction that no block holds yet."""
    found = fields(raw, family)
    if "maxFeePerGas" in found:
        found["gasPrice"] = found["maxFeePerGas"]
    return found | {"blockHash": None, "blockNumber": None, "transactionIndex": None}


def mined(block: Block, index: int, family: str) -> dict[str, Any]:
    """A transaction with its place."""
    found = fields(block.transactions[index], family)
    found["gasPrice"] = to_quantity(effective_gas_price(found, block.header.base_fee or 0))
    if found["type"] == "0x7e" and index < len(block.receipts):
        deposit = receipts.decode(block.receipts[index]).deposit
        if deposit is not None:
            found |= {"nonce": to_quantity(deposit[0]), "depositReceiptVersion": to_quantity(deposit[1])}
    return found | {
        "blockHash": to_data(block.hash),
        "blockNumber": to_quantity(block.number),
        "blockTimestamp": to_quantity(block.timestamp),
        "transactionIndex": to_quantity(index),
    }
