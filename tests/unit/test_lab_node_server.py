"""A lab's node on the network: HTTP and WebSocket, hostile clients, and verification over it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from rollproof.chain.node import Node as Client
from rollproof.chain.rpc import Limits, Rpc
from rollproof.errors import Malformed, Retry
from rollproof.lab.node.dispatch import MAX_REQUEST
from rollproof.lab.node.error import Delay, Dropped, JsonRpcError
from rollproof.lab.node.server import Server
from rollproof.lab.node.subscription import Subscriptions
from rollproof.replay.online import Options, verify_range
from rollproof.types import Outcome
from unit.served_chain import TOKEN, Served, data, l1, l2

NUMBER = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
JSON = {"content-type": "application/json"}


@pytest.fixture
def served() -> Served:
    return l1()


@pytest.fixture
def server(served: Served) -> Iterator[Server]:
    with Server(served.node) as running:
        yield running


def post(server: Server, body: Any, **more: Any) -> Any:
    return httpx2.post(server.url, json=body, **more)


def test_requests_batches_and_notifications(server: Server) -> None:
    answer = post(server, NUMBER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"jsonrpc": "2.0", "id": 1, "result": "0x4"}
    assert [each["id"] for each in post(server, [NUMBER, {**NUMBER, "id": "b"}]).json()] == [1, "b"]
    answer = post(server, {"jsonrpc": "2.0", "method": "eth_blockNumber"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_what_is_no_json_rpc_over_http(server: Server) -> None:
    assert httpx2.post(server.url, content=b"{", headers=JSON).json()["error"]["code"] == -32700
    assert httpx2.get(server.url).status_code == 405
    assert httpx2.post(server.url, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert httpx2.post(server.url, content=b"{}").status_code == 415
    for header in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"}):
        assert post(server, NUMBER, headers=header).status_code == 403
    for header in ({"host": f"localhost:{server.port}"}, {"origin": "http://localhost:3000"}):
        assert post(server, NUMBER, headers=header).status_code == 200
    assert httpx2.post(server.url, content=b" " * (MAX_REQUEST + 1), headers=JSON).status_code == 413
    assert post(server, NUMBER).json()["result"] == "0x4"


def test_broken_connections_do_not_bring_it_down(server: Server) -> None:
    for sent in (b"", b"\x00\xff\r\n\r\n", b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(sent)
    assert post(server, NUMBER).json()["result"] == "0x4"


@pytest.mark.parametrize("make", [l1, l2])
@pytest.mark.parametrize("way", ["debug_executionWitness", "prestateTracer", "eth_getProof"])
def test_every_block_holds_when_verified_over_http(make: Any, way: str) -> None:
    """By each of the ways that our client can build a witness; those before it are refused by the node."""
    served = make()
    ways = {"debug_executionWitness": [], "prestateTracer": ["debug_executionWitness"]}
    refused = ways.get(way, ["debug_executionWitness", "debug_traceBlockByHash"])
    served.node.methods = {name: each for name, each in served.node.methods.items() if name not in refused}
    asked, answer = set(), served.node.answer

    def recorded(method: str, params: list[Any]) -> Any:
        found = answer(method, params)
        asked.add(method)
        return found

    served.node.answer = recorded
    with Server(served.node) as running:
        options = Options(config=served.chain.config, second_opinion="never", limits=Limits(attempts=2))
        verdicts = list(verify_range([running.url], f"1:{served.chain.head.number + 1}", options))
    assert [each.outcome for each in verdicts] == [Outcome.HOLDS] * served.chain.head.number
    assert [each.computed_hash for each in verdicts] == [
        found.hash for number in range(1, len(verdicts) + 1) if (found := served.chain.block(number))
    ]
    assert ("debug_traceBlockByHash" if way == "prestateTracer" else way) in asked


def test_a_fault_may_change_delay_refuse_and_drop(served: Served, server: Server) -> None:
    class Faulty:
        """As an active fault of a stack is asked about answers."""

        def __init__(self, change: Any) -> None:
            self.change = change

        def answer(self, stack: Any, node: str, method: str, params: Any, result: Any) -> Any:
            assert (node, method, params, result) == ("l1", "eth_blockNumber", [], "0x4")
            return self.change(result)

    class Stack:
        faults: list[Any]
        time = 0

    def refuse(_: Any) -> Any:
        raise JsonRpcError(-32005, "limit exceeded")

    def drop(_: Any) -> Any:
        raise Dropped

    stack = Stack()
    served.node.stack = stack  # type: ignore[assignment]
    stack.faults = [Faulty(lambda result: result + "0")]
    assert post(server, NUMBER).json()["result"] == "0x40"
    stack.faults = [Faulty(refuse)]
    assert post(server, NUMBER).json()["error"] == {"code": -32005, "message": "limit exceeded"}
    stack.faults = [Faulty(lambda result: Delay(1, result))]
    with pytest.raises(httpx2.ReadTimeout):
        post(server, NUMBER, timeout=0.3)
    assert served.node.make_request("eth_blockNumber", []) == {"result": "0x4"}
    assert served.node.delayed == 1
    stack.faults = [Faulty(drop)]
    with pytest.raises(httpx2.RemoteProtocolError):
        post(server, NUMBER)
    with pytest.raises(ConnectionError):
        served.node.make_request("eth_blockNumber", [])
    stack.faults = []
    assert post(server, NUMBER).json()["result"] == "0x4"


def test_a_port_in_use_is_one_line(server: Server) -> None:
    with pytest.raises(Retry, match=f"^port {server.port} on 127.0.0.1 is in use: choose another, or 0 for any$"):
        Server(server.node, port=server.port)
    with pytest.raises(Malformed, match=r"cannot listen on 203\.0\.113\.7"):
        Server(server.node, host="203.0.113.7")
    with pytest.raises(Malformed, match="cannot listen on no such host"):
        Server(server.node, host="no such host")


def test_a_stopped_server_frees_its_port(served: Served) -> None:
    first = Server(served.node).start()
    assert post(first, NUMBER).status_code == 200
    first.stop()
    with pytest.raises(httpx2.ConnectError):
        post(first, NUMBER)
    with Server(served.node, port=first.port) as second:
        assert post(second, NUMBER).status_code == 200
    Server(served.node).stop()  # never started


def test_many_clients_at_once_while_blocks_are_built(served: Served, server: Server) -> None:
    failures: list[Any] = []

    def read() -> None:
        with Rpc(server.url, limits=Limits(attempts=1)) as rpc:
            client = Client(rpc)
            try:
                for _ in range(10):
                    client.receipts(client.block("latest"))
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(6)]
    for each in readers:
        each.start()
    served.bob.nonce = served.chain.account(served.bob.address)[0]
    for _ in range(20):
        served.mine(served.bob.send(served.alice.address, value=1))
    for each in readers:
        each.join()
    assert failures == []


async def ask(connection: ClientConnection, method: str, *params: Any) -> Any:
    await connection.send(msgspec.json.encode({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).decode())
    answer = await receive(connection)
    assert answer["id"] == 7
    return answer.get("result", answer.get("error"))


async def told_next(connection: ClientConnection) -> Any:
    return (await receive(connection))["params"]


async def receive(connection: ClientConnection) -> Any:
    return msgspec.json.decode(await asyncio.wait_for(connection.recv(), 5))


def test_subscriptions_tell_of_heads_logs_and_pending_transactions(served: Served, server: Server) -> None:
    served.bob.nonce = served.chain.account(served.bob.address)[0]
    raw = served.transfer(served.bob, served.alice, 3)

    async def run() -> None:
        async with connect(server.ws_url) as connection:
            heads = await ask(connection, "eth_subscribe", "newHeads")
            logs = await ask(connection, "eth_subscribe", "logs", {"address": data(TOKEN)})
            waiting = await ask(connection, "eth_subscribe", "newPendingTransactions")
            assert len({heads, logs, waiting}) == 3
            assert await ask(connection, "eth_blockNumber") == "0x4"
            digest = await ask(connection, "eth_sendRawTransaction", data(raw))
            told = await receive(connection)
            assert told == notice(waiting, digest)
            block = served.mine(raw)
            events = {each["subscription"]: each["result"] for each in [await told_next(connection) for _ in range(2)]}
            assert events[heads]["hash"] == data(block.hash)
            assert events[heads]["number"] == "0x5"
            assert "transactions" not in events[heads]
            assert (events[logs]["transactionHash"], events[logs]["removed"]) == (digest, False)
            with served.node.lock:
                served.chain.rewind(4)
                fresh = served.mine()
            back = {each["subscription"]: each["result"] for each in [await told_next(connection) for _ in range(2)]}
            assert back[heads]["hash"] == data(fresh.hash)
            assert (back[logs]["transactionHash"], back[logs]["removed"]) == (digest, True)
            assert await ask(connection, "eth_unsubscribe", heads) is True
            assert await ask(connection, "eth_unsubscribe", heads) is False
            served.mine()
            assert await ask(connection, "eth_blockNumber") == "0x6"

    asyncio.run(run())


def test_faults_have_their_say_about_events(served: Served) -> None:
    class Faulty:
        """Delays heads, refuses to tell of pending transactions."""

        def answer(self, stack: Any, node: str, method: str, params: Any, result: Any) -> Any:
            if method != "eth_subscription":
                return result
            if params == ["newHeads"]:
                raise Delay(9, {"hash": "0x00"})
            raise JsonRpcError(-32000, "no")

    class Stack:
        faults = (Faulty(),)
        time = 0

    subscriptions = Subscriptions(served.node)
    served.node.stack = Stack()  # type: ignore[assignment]
    heads, _ = (subscriptions.answer("eth_subscribe", [kind]) for kind in ("newHeads", "newPendingTransactions"))
    assert subscriptions.events() == ([], 0)
    served.bob.nonce = served.chain.account(served.bob.address)[0]
    raw = served.bob.send(served.alice.address, value=1)
    served.ask("eth_sendRawTransaction", data(raw))
    assert subscriptions.events() == ([], 0)
    served.mine(raw)
    assert subscriptions.events() == ([notice(heads, {"hash": "0x00"})], 9)
    assert subscriptions.events() == ([], 0)


def notice(subscription: str, result: Any) -> dict[str, Any]:
    params = {"subscription": subscription, "result": result}
    return {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}


def test_subscriptions_are_refused_by_name_and_bounded(server: Server) -> None:
    async def run() -> None:
        async with connect(server.ws_url) as connection:
            for wrong in ((), ("syncing",), ("newHeads", {}), ("logs", {"what": 1}), ("newPendingTransactions", True)):
                assert (await ask(connection, "eth_subscribe", *wrong))["code"] == -32602
            for _ in range(100):
                assert (await ask(connection, "eth_subscribe", "newHeads")).startswith("0x")
            assert (await ask(connection, "eth_subscribe", "newHeads"))["code"] == -32005
        async with connect(server.ws_url) as connection:  # another connection has its own
            assert (await ask(connection, "eth_subscribe", "newHeads")).startswith("0x")

    asyncio.run(run())
    assert post(server, {**NUMBER, "method": "eth_subscribe", "params": ["newHeads"]}).json()["error"]["code"] == -32601


def test_hostile_websocket_clients(server: Server) -> None:
    async def run() -> None:
        async with connect(server.ws_url) as connection:
            for body in (b"\xff\xfe", "{", "[]", "5"):
                await connection.send(body)
                assert (await receive(connection))["error"]["code"] in (-32700, -32600)
            await connection.send(b" " * (MAX_REQUEST + 1))
            with pytest.raises(websockets.ConnectionClosed):
                await receive(connection)
        with pytest.raises(websockets.InvalidStatus):
            async with connect(server.ws_url, origin=websockets.Origin("http://evil.example")):
                pass

    asyncio.run(run())
    assert post(server, NUMBER).json()["result"] == "0x4"
