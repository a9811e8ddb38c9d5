"""A node in a thread that serves a tiny honest chain over HTTP and can be told to misbehave, request by request."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rollproof import _core
from rollproof.chain.header import EMPTY_OMMERS, EMPTY_ROOT, seal
from rollproof.types import Header

Method = Callable[[list[Any]], Any]
Account = tuple[int, int, bytes, dict[int, int]]  # nonce, balance, code, storage
State = Mapping[bytes, Account]


class Refusal(Exception):
    """A JSON-RPC error object."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class Raw:
    """An HTTP answer instead of the honest one. ``cut`` announces more bytes than come."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds
    cut: int = 0


class FakeNode:
    """``script`` holds one fault (or None for none) per request, in order; ``most`` bounds the calls of a batch."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self.methods = dict(methods)
        self.script: deque[Raw | None] = deque()
        self.most = 1000
        self.refusal: Any = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}}
        self.bodies: list[Any] = []
        self.busy = self.busiest = 0
        self.lock = threading.Lock()
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with node.lock:
                    node.bodies.append(body)
                    node.busy += 1
                    node.busiest = max(node.busiest, node.busy)
                    fault = node.script.popleft() if node.script else None
                raw = fault or Raw(body=json.dumps(node.answer(body)).encode())
                time.sleep(raw.delay)
                with node.lock:
                    node.busy -= 1
                try:
                    self.send_response(raw.status)
                    for name, value in raw.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(raw.body) + raw.cut))
                    self.end_headers()
                    self.wfile.write(raw.body)
                except OSError:  # the client has given up, as it should
                    self.close_connection = True
                if raw.cut:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v2/s3cretkey?token=t0psecret"

    @property
    def calls(self) -> list[str]:
        """The methods that were called, in order."""
        return [call["method"] for body in self.bodies for call in (body if isinstance(body, list) else [body])]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, body: Any) -> Any:
        if isinstance(body, list):
            return self.refusal if len(body) > self.most else [self.answer(call) for call in body]
        reply = {"jsonrpc": "2.0", "id": body["id"]}
        try:
            method = self.methods.get(body["method"])
            if method is None:
                raise Refusal(-32601, f"the method {body['method']} does not exist/is not available")
            return {**reply, "result": method(body["params"])}
        except Refusal as error:
            return {**reply, "error": {"code": error.code, "message": error.message}}


_HEADER = Header(
    parent_hash=bytes(32),
    ommers_hash=EMPTY_OMMERS,
    beneficiary=b"\xbe" * 20,
    state_root=EMPTY_ROOT,
    transactions_root=EMPTY_ROOT,
    receipts_root=EMPTY_ROOT,
    logs_bloom=bytes(256),
    difficulty=0,
    number=0,
    gas_limit=30_000_000,
    gas_used=0,
    timestamp=1_700_000_000,
    extra_data=b"",
    mix_hash=bytes(32),
    nonce=bytes(8),
    base_fee=7,
)


class Chain:
    """Empty blocks over given states, served honestly: ``states[n]`` is the state after block ``n``."""

    def __init__(self, states: list[State], salt: int = 0) -> None:
        self.states = states
        self.headers: list[Header] = []
        self.hashes: list[bytes] = []
        self.trees: list[_core.State] = []
        parent = bytes(32)
        for number, state in enumerate(states):
            root, preimages = _core.genesis([(a, n, b, c, list(s.items())) for a, (n, b, c, s) in state.items()])
            held = _core.Preimages()
            held.add(preimages)
            self.trees.append(_core.State(held, root))
            header = replace(
                _HEADER,
                parent_hash=parent,
                number=number,
                state_root=root,
                timestamp=_HEADER.timestamp + 12 * number + salt,
            )
            parent = seal(header).hash
            self.headers.append(header)
            self.hashes.append(parent)

    def methods(self) -> dict[str, Method]:
        return {
            "eth_chainId": lambda _: "0x539",
            "web3_clientVersion": lambda _: "Fake/v1",
            "eth_getBlockByNumber": lambda p: self.block(self.number(p[0])),
            "eth_getBlockByHash": lambda p: self.block(self.number({"blockHash": p[0]})),
            "eth_getBlockReceipts": lambda _: [],
            "eth_getProof": lambda p: self.proof(bytes.fromhex(p[0][2:]), p[1], self.number(p[2])),
            "eth_getCode": lambda p: "0x" + self.account(p).code.hex(),
            "eth_getBalance": lambda p: hex(self.account(p).balance),
            "eth_getTransactionCount": lambda p: hex(self.account(p).nonce),
            "eth_getStorageAt": lambda p: "0x" + self.account(p).slot(int(p[1], 16)).to_bytes(32, "big").hex(),
        }

    def number(self, at: Any) -> int:
        if isinstance(at, dict):
            h = bytes.fromhex(at["blockHash"][2:])
            return self.hashes.index(h) if h in self.hashes else -1
        return len(self.headers) - 1 if at in ("latest", "safe", "finalized") else int(at, 16)

    def account(self, params: list[Any]) -> _Held:
        number = self.number(params[-1])
        if not 0 <= number < len(self.states):
            raise Refusal(-32000, "header not found")
        return _Held(*self.states[number].get(bytes.fromhex(params[0][2:]), (0, 0, b"", {})))

    def block(self, number: int) -> dict[str, Any] | None:
        if not 0 <= number < len(self.headers):
            return None
        return {**header_json(self.headers[number]), "transactions": [], "uncles": []}

    def proof(self, address: bytes, slots: list[str], number: int) -> dict[str, Any]:
        if not 0 <= number < len(self.headers):
            raise Refusal(-32000, "header not found")
        tree = self.trees[number]
        nonce, balance, root, code_hash = tree.account(address) or (0, 0, EMPTY_ROOT, bytes(32))
        return {
            "address": "0x" + address.hex(),
            "accountProof": ["0x" + n.hex() for n in tree.prove(address)],
            "nonce": hex(nonce),
            "balance": hex(balance),
            "storageHash": "0x" + root.hex(),
            "codeHash": "0x" + code_hash.hex(),
            "storageProof": [
                {
                    "key": hex(int(slot, 16)),
                    "value": hex(tree.storage(address, bytes.fromhex(slot[2:]))),
                    "proof": ["0x" + n.hex() for n in tree.prove(address, bytes.fromhex(slot[2:]))],
                }
                for slot in slots
            ],
        }


@dataclass
class _Held:
    nonce: int
    balance: int
    code: bytes
    storage: dict[int, int]

    def slot(self, slot: int) -> int:
        return self.storage.get(slot, 0)


def header_json(header: Header) -> dict[str, Any]:
    """A header as nodes write it."""
    return {
        "hash": "0x" + seal(header).hash.hex(),
        "parentHash": "0x" + header.parent_hash.hex(),
        "sha3Uncles": "0x" + header.ommers_hash.hex(),
        "miner": "0x" + header.beneficiary.hex(),
        "stateRoot": "0x" + header.state_root.hex(),
        "transactionsRoot": "0x" + header.transactions_root.hex(),
        "receiptsRoot": "0x" + header.receipts_root.hex(),
        "logsBloom": "0x" + header.logs_bloom.hex(),
        "difficulty": hex(header.difficulty),
        "number": hex(header.number),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "extraData": "0x" + header.extra_data.hex(),
        "mixHash": "0x" + header.mix_hash.hex(),
        "nonce": "0x" + header.nonce.hex(),
        "baseFeePerGas": hex(header.base_fee or 0),
    }
