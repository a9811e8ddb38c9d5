"""A node's answers about one block, honest until a fault says otherwise; raw bodies, as they come over the wire.

An input is a JSON list of faults ``[answer, path, value]``: in the answer of that number (modulo their count, in the
order asked for) the place that the path's numbers lead to is replaced by the value. ``{"raw": text}`` as value replaces
the whole body, ``{"drop": true}`` removes the place.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from rollproof import _core
from rollproof.chain import header
from rollproof.chain.endpoint import Reply
from rollproof.types import Header
from small_chain import Built

ASKED = 48  # answers that a fault can hit


class Refused(Exception):
    """A JSON-RPC error object."""


def _copied(value: Any) -> Any:
    """The value, for two faults not to share one; of what nests too deep to be copied, something that nests deep."""
    try:
        return copy.deepcopy(value)
    except RecursionError:
        return json.loads("[" * 100 + "]" * 100)


class FaultyNode:
    """An endpoint (`rollproof.chain.endpoint.Endpoint`) that serves ``built`` and its parent."""

    label = "fuzzed node"

    def __init__(self, built: Built, faults: Any, *, offers: int) -> None:
        """``offers``: bit 0 debug_executionWitness, bit 1 prestateTracer; without both, proofs only."""
        self._built, self._offers = built, offers
        self._faults = [fault for fault in faults if isinstance(fault, list) and len(fault) == 3]
        self._asked = 0
        assert built.claim.header is not None and built.claim.parent is not None
        self._headers = {h.number: h for h in (built.claim.parent, built.claim.header)}

    def close(self) -> None: ...

    def redact(self, text: str) -> str:
        return " ".join(text.split())[:200]

    def post(self, body: bytes) -> Reply:
        request = json.loads(body)
        answer: Any = [self._answer(call) for call in request] if isinstance(request, list) else self._answer(request)
        raw: bytes | None = None
        for at, path, value in self._faults:
            if at != self._asked % ASKED:
                continue
            if isinstance(value, dict) and isinstance(value.get("raw"), str):
                raw = value["raw"].encode("utf-8", "surrogatepass")
            elif isinstance(path, list):
                answer = _replaced(answer, path, _copied(value))
        self._asked += 1
        if raw is None:
            raw = json.dumps(answer).encode("utf-8", "surrogatepass")
        return Reply(200, None, raw, len(raw))

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        reply = {"jsonrpc": "2.0", "id": call["id"]}
        method: Callable[..., Any] | None = getattr(self, "_" + call["method"], None)
        if method is None:
            return {**reply, "error": {"code": -32601, "message": "the method does not exist"}}
        try:
            return {**reply, "result": method(*call["params"])}
        except Refused as error:
            return {**reply, "error": {"code": -32000, "message": str(error)}}

    def _web3_clientVersion(self) -> str:  # noqa: N802
        return "Honest/v1"

    def _eth_chainId(self) -> str:  # noqa: N802
        return hex(self._built.claim.chain_id)

    def _eth_getBlockByNumber(self, at: str, full: bool) -> Any:  # noqa: N802
        number = self._built.claim.number if at in ("latest", "safe", "finalized") else int(at, 16)
        found = self._headers.get(number)
        return None if found is None else self._block(found, full)

    def _eth_getBlockByHash(self, at: str, full: bool) -> Any:  # noqa: N802
        for found in self._headers.values():
            if "0x" + header.seal(found).hash.hex() == at:
                return self._block(found, full)
        return None

    def _block(self, found: Header, full: bool) -> dict[str, Any]:
        claim = self._built.claim
        record = {key: _json(getattr(found, name)) for name, key, _, _ in header.FIELDS}
        record = {key: value for key, value in record.items() if value is not None}
        own = found.number == claim.number
        listed = [transaction(raw) if full else _json(_core.keccak256(raw)) for raw in claim.transactions]
        if own and claim.withdrawals is not None:
            record["withdrawals"] = [
                {
                    "index": hex(each.index),
                    "validatorIndex": hex(each.validator_index),
                    "address": _json(each.address),
                    "amount": hex(each.amount),
                }
                for each in claim.withdrawals
            ]
        return {**record, "hash": _json(header.seal(found).hash), "transactions": listed if own else [], "uncles": []}

    def _debug_executionWitness(self, _: str) -> Any:  # noqa: N802
        if not self._offers & 1:
            raise Refused("the method debug_executionWitness is not available")
        values = [_json(value) for value in sorted(self._built.preimages.values())]
        assert self._built.claim.parent is not None
        return {"state": values, "codes": [], "keys": [], "headers": [_json(header.encode(self._built.claim.parent))]}

    def _debug_traceBlockByHash(self, _: str, __: Any) -> Any:  # noqa: N802
        if not self._offers & 2:
            raise Refused("the method debug_traceBlockByHash is not available")
        touched = {
            _json(address): {"balance": "0x0", "storage": {_json(slot): "0x0" for slot in slots}}
            for address, slots in self._built.done.touched
        }
        return [{"result": touched}]

    def _eth_getProof(self, address: str, slots: list[str], _: Any) -> Any:  # noqa: N802
        parent = self._built.claim.parent
        assert parent is not None
        state, place = _core.State(self._built.preimages, parent.state_root), bytes.fromhex(address[2:])
        try:
            nonce, balance, root, code = state.account(place) or (0, 0, header.EMPTY_ROOT, bytes(32))
            proofs = []
            for slot in slots:
                key = bytes.fromhex(slot[2:].rjust(64, "0"))
                nodes = [_json(node) for node in state.prove(place, key)]
                proofs.append({"key": slot, "value": hex(state.storage(place, key)), "proof": nodes})
            return {
                "address": address,
                "accountProof": [_json(node) for node in state.prove(place)],
                "nonce": hex(nonce),
                "balance": hex(balance),
                "storageHash": _json(root),
                "codeHash": _json(code),
                "storageProof": proofs,
            }
        except _core.Missing:
            raise Refused("missing trie node") from None

    def _eth_getCode(self, address: str, _: Any) -> Any:  # noqa: N802
        parent = self._built.claim.parent
        assert parent is not None
        try:
            account = _core.State(self._built.preimages, parent.state_root).account(bytes.fromhex(address[2:]))
        except _core.Missing:
            raise Refused("missing trie node") from None
        return _json(b"" if account is None else self._built.preimages.get(account[3]) or b"")

    def _eth_getRawTransactionByHash(self, wanted: str) -> Any:  # noqa: N802
        for raw in self._built.claim.transactions:
            if _json(_core.keccak256(raw)) == wanted:
                return _json(raw)
        return None

    def _eth_getBlockReceipts(self, _: Any) -> Any:  # noqa: N802
        return [
            {
                "type": hex(outcome["type"]),
                "status": hex(outcome["status"]),
                "gasUsed": hex(outcome["gas_used"]),
                "cumulativeGasUsed": hex(outcome["cumulative_gas_used"]),
                "logsBloom": _bloom(raw),
                "transactionHash": _json(outcome["hash"]),
                "logs": [
                    {"address": _json(address), "topics": [_json(topic) for topic in topics], "data": _json(data)}
                    for address, topics, data in outcome["logs"]
                ],
                **_deposit_receipt(raw),
            }
            for outcome, raw in zip(self._built.done.outcomes, self._built.done.receipts, strict=True)
        ]

    def _eth_config(self) -> Any:
        return {
            "current": {
                "activationTime": 0,
                "blobSchedule": {"target": 6, "max": 9, "baseFeeUpdateFraction": 5007716},
                "chainId": hex(self._built.claim.chain_id),
                "forkId": "0x00000000",
                "precompiles": {"ECREC": "0x0000000000000000000000000000000000000001"},
                "systemContracts": {"BEACON_ROOTS_ADDRESS": "0x000f3df6d732807ef1319fb7b8bb8522d0beac02"},
            },
            "next": None,
            "last": None,
        }


def _deposit_receipt(raw: bytes) -> dict[str, str]:
    items = _core.rlp_decode(raw[1:] if raw[0] < 0xC0 else raw)
    return {} if len(items) < 6 else {"depositNonce": _quantity(items[4]), "depositReceiptVersion": _quantity(items[5])}


def _bloom(raw: bytes) -> str:
    bloom: bytes = _core.rlp_decode(raw[1:] if raw[0] < 0xC0 else raw)[2]
    return "0x" + bloom.hex()


def _json(value: Any) -> Any:
    return value if value is None else hex(value) if isinstance(value, int) else "0x" + value.hex()


def _quantity(raw: bytes) -> str:
    return hex(int.from_bytes(raw, "big"))


_LEGACY = ("nonce", "gasPrice", "gas", "to", "value", "input", "v", "r", "s")
_MARKET = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input", "accessList")
_SIGNED = ("yParity", "r", "s")
_FIELDS = {
    0: _LEGACY,
    2: (*_MARKET, *_SIGNED),
    3: (*_MARKET, "maxFeePerBlobGas", "blobVersionedHashes", *_SIGNED),
    4: (*_MARKET, "authorizationList", *_SIGNED),
    0x7E: ("sourceHash", "from", "to", "mint", "value", "gas", "isSystemTx", "input"),
}


def transaction(raw: bytes) -> dict[str, Any]:
    """A transaction as nodes write it, taken from its encoding (EIP-2718)."""
    kind = 0 if raw[0] >= 0xC0 else raw[0]
    items = _core.rlp_decode(raw if kind == 0 else raw[1:])
    record: dict[str, Any] = {"type": hex(kind), "hash": _json(_core.keccak256(raw))}
    for name, item in zip(_FIELDS[kind], items, strict=True):
        if name == "accessList":
            record[name] = [{"address": _json(a), "storageKeys": [_json(key) for key in keys]} for a, keys in item]
        elif name == "authorizationList":
            names = ("chainId", "address", "nonce", *_SIGNED)
            record[name] = [
                {n: _json(part) if n == "address" else _quantity(part) for n, part in zip(names, each, strict=True)}
                for each in item
            ]
        elif name == "blobVersionedHashes":
            record[name] = [_json(each) for each in item]
        elif name == "isSystemTx":
            record[name] = item == b"\x01"
        elif name in ("to", "from", "input", "sourceHash"):
            record[name] = _json(item) if item or name == "input" else None
        else:
            record[name] = _quantity(item)
    return record


def _replaced(document: Any, path: list[Any], value: Any) -> Any:
    parent: Any = None
    place: Any = None
    node = document
    for step in path:
        if not isinstance(node, (dict, list)) or not node or not isinstance(step, int):
            break
        parent = node
        place = list(node)[step % len(node)] if isinstance(node, dict) else step % len(node)
        node = parent[place]
    if parent is None:
        return value
    if value == {"drop": True}:
        del parent[place]
    else:
        parent[place] = value
    return document
