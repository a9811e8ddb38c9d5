"""A provider that serves a lab chain by JSON-RPC: headers, raw transactions, receipts, codes, proofs at any block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rollproof import _core
from rollproof.chain.header import EMPTY_ROOT
from rollproof.replay.header import header_hash
from rollproof.types import Claim, Header
from small_chain import Built

_QUANTITIES = {
    "number": "number", "gasLimit": "gas_limit", "gasUsed": "gas_used", "timestamp": "timestamp",
    "difficulty": "difficulty", "baseFeePerGas": "base_fee", "blobGasUsed": "blob_gas_used",
    "excessBlobGas": "excess_blob_gas",
}  # fmt: skip
_DATA = {
    "parentHash": "parent_hash", "sha3Uncles": "ommers_hash", "miner": "beneficiary", "stateRoot": "state_root",
    "transactionsRoot": "transactions_root", "receiptsRoot": "receipts_root", "logsBloom": "logs_bloom",
    "extraData": "extra_data", "mixHash": "mix_hash", "nonce": "nonce", "withdrawalsRoot": "withdrawals_root",
    "parentBeaconBlockRoot": "parent_beacon_block_root", "requestsHash": "requests_hash",
}  # fmt: skip


def data(value: bytes) -> str:
    return "0x" + value.hex()


def payload(claim: Claim) -> dict[str, Any]:
    """The block as the engine API's newPayload has it, from Ecotone and Cancun on."""
    header = claim.header
    assert header is not None
    assert header.parent_beacon_block_root is not None
    assert header.withdrawals_root is not None
    fields = {
        "parentHash": data(header.parent_hash),
        "feeRecipient": data(header.beneficiary),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipts_root),
        "logsBloom": data(header.logs_bloom),
        "prevRandao": data(header.mix_hash),
        "blockNumber": hex(header.number),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "extraData": data(header.extra_data),
        "baseFeePerGas": hex(header.base_fee or 0),
        "blockHash": data(header_hash(header)),
        "transactions": [data(raw) for raw in claim.transactions],
        "withdrawals": [],
        "blobGasUsed": hex(header.blob_gas_used or 0),
        "excessBlobGas": hex(header.excess_blob_gas or 0),
        "withdrawalsRoot": data(header.withdrawals_root),
    }
    return {
        "executionPayload": fields,
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root),
        "executionRequests": [],
    }


class LabNode:
    """Serves ``built`` and the genesis block before it. ``most`` cuts the chain off: later blocks are not there."""

    def __init__(self, built: Sequence[Built], most: int = 10**6) -> None:
        chain = built[0].chain
        self.chain_id, self.preimages = chain.config.chain_id, chain.preimages
        self.built, self.most = built, most
        genesis = built[0].claim.parent
        assert genesis is not None
        self.headers: list[Header] = [genesis] + [each.claim.header for each in built if each.claim.header]
        self.hashes = [header_hash(header) for header in self.headers]
        self.raw = {_core.keccak256(raw): raw for each in built for raw in each.claim.transactions}
        self.methods: dict[str, Callable[..., Any]] = {
            "eth_chainId": lambda: hex(self.chain_id),
            "web3_clientVersion": lambda: "LabNode/v1",
            "eth_getBlockByNumber": lambda at, full: self.block(self.number(at), full),
            "eth_getBlockByHash": lambda at, full: self.block(self.number({"blockHash": at}), full),
            "eth_getRawTransactionByHash": lambda at: data(self.raw[bytes.fromhex(at[2:])]),
            "eth_getBlockReceipts": lambda at: self.receipts(self.number({"blockHash": at})),
            "eth_getProof": self.proof,
            "eth_getCode": self.code,
        }

    def make_request(self, method: str, params: Any, /) -> dict[str, Any]:
        if method not in self.methods:
            return {"error": {"code": -32601, "message": f"the method {method} does not exist/is not available"}}
        try:
            return {"result": self.methods[method](*params)}
        except IndexError:
            return {"error": {"code": -32001, "message": "header not found"}}

    def number(self, at: Any) -> int:
        if isinstance(at, dict):
            wanted = bytes.fromhex(at["blockHash"][2:])
            return self.hashes.index(wanted) if wanted in self.hashes else 10**9
        last = min(self.most, len(self.headers) - 1)
        return last if at == "latest" else int(at, 16)

    def block(self, number: int, full: bool) -> dict[str, Any] | None:
        if number > min(self.most, len(self.headers) - 1):
            return None
        header = self.headers[number]
        found: dict[str, Any] = {"hash": data(self.hashes[number]), "uncles": [], "transactions": []}
        found |= {key: hex(getattr(header, name)) for key, name in _QUANTITIES.items()}
        found |= {key: data(getattr(header, name)) for key, name in _DATA.items()}
        if number > 0:
            claim = self.built[number - 1].claim
            hashes = [data(_core.keccak256(raw)) for raw in claim.transactions]
            found["transactions"] = [{"hash": each} for each in hashes] if full else hashes
            found["withdrawals"] = [
                {
                    "index": hex(each.index),
                    "validatorIndex": hex(each.validator_index),
                    "address": data(each.address),
                    "amount": hex(each.amount),
                }
                for each in claim.withdrawals or ()
            ]
        return found

    def receipts(self, number: int) -> list[dict[str, Any]]:
        """From the consensus encodings: [status, cumulative gas, bloom, logs, deposit nonce and version]."""
        built, found, before = self.built[number - 1], [], 0
        for encoded, raw in zip(built.done.receipts, built.claim.transactions, strict=True):
            kind = encoded[0] if encoded[0] < 0x80 else 0
            status, gas, bloom, logs, *rest = _core.rlp_decode(encoded[1:] if kind else encoded)
            cumulative = int.from_bytes(gas, "big")
            record = {
                "type": hex(kind),
                "status": hex(int.from_bytes(status, "big")),
                "gasUsed": hex(cumulative - before),
                "cumulativeGasUsed": hex(cumulative),
                "logsBloom": data(bloom),
                "transactionHash": data(_core.keccak256(raw)),
                "logs": [
                    {"address": data(address), "topics": [data(topic) for topic in topics], "data": data(body)}
                    for address, topics, body in logs
                ],
            }
            for key, value in zip(("depositNonce", "depositReceiptVersion"), rest, strict=False):
                record[key] = hex(int.from_bytes(value, "big"))
            found.append(record)
            before = cumulative
        return found

    def state(self, at: Any) -> _core.State:
        number = self.number(at)
        if number > self.most:
            raise IndexError
        return _core.State(self.preimages, self.headers[number].state_root)

    def proof(self, address: str, slots: list[str], at: Any) -> dict[str, Any]:
        state, place = self.state(at), bytes.fromhex(address[2:])
        nonce, balance, root, code = state.account(place) or (0, 0, EMPTY_ROOT, bytes(32))
        words = [bytes.fromhex(slot[2:].rjust(64, "0")) for slot in slots]
        return {
            "address": address,
            "nonce": hex(nonce),
            "balance": hex(balance),
            "storageHash": data(root),
            "codeHash": data(code),
            "accountProof": [data(node) for node in state.prove(place)],
            "storageProof": [
                {
                    "key": slot,
                    "value": hex(state.storage(place, word)),
                    "proof": [data(node) for node in state.prove(place, word)],
                }
                for slot, word in zip(slots, words, strict=True)
            ],
        }

    def code(self, address: str, at: Any) -> str:
        account = self.state(at).account(bytes.fromhex(address[2:]))
        return data(self.preimages.get(account[3]) or b"") if account else "0x"
