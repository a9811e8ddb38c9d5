"""The JSON-RPC client against a node that is slow, limits, refuses, cuts, lies and shouts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from rollproof.chain.endpoint import label_of
from rollproof.chain.refusal import Kind, TooLarge, kind_of
from rollproof.chain.rpc import Limits, Rpc, nodes_of
from rollproof.errors import Malformed, Missing, Retry, RollproofError, Unsupported
from unit.fake_node import FakeNode, Raw, Refusal

SECRETS = ("s3cretkey", "t0psecret", "hunter22")


def refuse(code: int, message: str) -> Any:
    def method(_: list[Any]) -> Any:
        raise Refusal(code, message)

    return method


@pytest.fixture
def node() -> Iterator[FakeNode]:
    fake = FakeNode({"echo": lambda params: params, "eth_blockNumber": lambda _: "0x10"})
    yield fake
    fake.close()


class Sleeps(list[float]):
    """A sleep that only writes down for how long."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


_OPEN: list[Rpc] = []


@pytest.fixture(autouse=True)
def _close_all() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def opened(rpc: Rpc) -> Rpc:
    _OPEN.append(rpc)
    return rpc


def client(node: FakeNode, **limits: Any) -> tuple[Rpc, Sleeps]:
    sleeps = Sleeps()
    settings: dict[str, Any] = {"timeout": 2.0, "attempts": 4, **limits}
    return opened(Rpc(node.url, limits=Limits(**settings), sleep=sleeps)), sleeps


def test_a_call_and_what_it_cost(node: FakeNode) -> None:
    rpc, _ = client(node)
    assert rpc.call("eth_blockNumber") == "0x10"
    sent = len(json.dumps(node.bodies[0], separators=(",", ":")))
    assert (rpc.usage.calls, rpc.usage.requests, rpc.usage.sent) == (1, 1, sent)
    assert rpc.usage.received == len('{"jsonrpc": "2.0", "id": 0, "result": "0x10"}')


def test_a_view_counts_for_itself_and_for_the_whole(node: FakeNode) -> None:
    rpc, _ = client(node)
    rpc.call("eth_blockNumber")
    view = rpc.metered()
    view.many([("echo", [n]) for n in range(3)])
    assert (view.usage.calls, rpc.usage.calls) == (3, 4)


def test_many_calls_keep_their_order_whatever_the_order_of_the_answers(node: FakeNode) -> None:
    honest = node.answer
    node.answer = lambda body: list(reversed(honest(body))) if isinstance(body, list) else honest(body)  # type: ignore[method-assign]
    rpc, _ = client(node, batch=7)
    assert rpc.many([("echo", [n]) for n in range(50)]) == [[n] for n in range(50)]
    assert len(node.bodies) == 8  # 50 calls, 7 at a time


def test_no_more_requests_at_once_than_allowed(node: FakeNode) -> None:
    node.script.extend(
        Raw(body=json.dumps([{"id": 0, "result": 1}, {"id": 1, "result": 1}]).encode(), delay=0.03) for _ in range(12)
    )
    rpc, _ = client(node, batch=2, concurrency=3)
    assert rpc.many([("echo", [n]) for n in range(24)]) == [1] * 24
    assert node.busiest <= 3


@pytest.mark.parametrize("whole", [True, False])
def test_a_node_without_batches_is_asked_one_by_one(node: FakeNode, whole: bool) -> None:
    node.most = 1
    if whole:
        node.refusal = {
            "jsonrpc": "2.0",
            "id": None,
            "error": {"code": -32600, "message": "batch requests not supported"},
        }
    else:
        node.refusal = [{"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": "nope"}}]
    rpc, _ = client(node, concurrency=1)
    assert rpc.many([("echo", [n]) for n in range(8)]) == [[n] for n in range(8)]
    before = len(node.bodies)
    assert rpc.many([("echo", [n]) for n in range(8)]) == [[n] for n in range(8)]
    assert len(node.bodies) - before == 8  # learnt: no batch is tried again


def test_a_batch_that_is_too_large_is_halved_until_it_fits(node: FakeNode) -> None:
    node.most = 5
    rpc, sleeps = client(node, concurrency=1)
    assert rpc.many([("echo", [n]) for n in range(40)]) == [[n] for n in range(40)]
    assert sleeps == []
    assert max(len(b) for b in node.bodies[-4:]) <= 5


def test_a_413_splits_a_batch_and_names_a_single_call(node: FakeNode) -> None:
    node.script.append(Raw(status=413))
    rpc, _ = client(node)
    assert rpc.many([("echo", [1]), ("echo", [2])]) == [[1], [2]]
    node.script.append(Raw(status=413))
    with pytest.raises(TooLarge, match="HTTP 413 to echo"):
        rpc.call("echo")


def test_rate_limits_are_waited_for_as_asked(node: FakeNode) -> None:
    node.script.extend([Raw(status=429, headers={"Retry-After": "7"}), Raw(status=429, headers={"Retry-After": "7"})])
    rpc, sleeps = client(node)
    assert rpc.call("eth_blockNumber") == "0x10"
    assert sleeps == [7.0, 7.0]
    assert rpc.usage.retries == 2


def test_a_retry_after_of_a_day_does_not_hang_us(node: FakeNode) -> None:
    node.script.append(Raw(status=503, headers={"Retry-After": "86400"}))
    rpc, sleeps = client(node, longest_wait=20.0)
    assert rpc.call("eth_blockNumber") == "0x10"
    assert sleeps == [20.0]


def test_waits_double_with_jitter_and_the_seed_repeats_them(node: FakeNode) -> None:
    def waits(seed: int) -> Sleeps:
        node.script.extend(Raw(status=503) for _ in range(4))
        sleeps = Sleeps()
        rpc = opened(Rpc(node.url, limits=Limits(attempts=4, backoff=1.0), seed=seed, sleep=sleeps))
        with pytest.raises(Retry, match="HTTP 503 to eth_blockNumber"):
            rpc.call("eth_blockNumber")
        return sleeps

    first = waits(1)
    assert first == waits(1)
    assert first != waits(2)
    assert [0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(first)] == [True] * 3


def test_only_the_calls_that_failed_are_asked_again(node: FakeNode) -> None:
    seen: list[Any] = []

    def flaky(params: list[Any]) -> Any:
        seen.append(params[0])
        if params[0] == 2 and seen.count(2) == 1:
            raise Refusal(-32005, "daily request count exceeded, request rate limited")
        return params[0]

    node.methods["flaky"] = flaky
    rpc, _ = client(node)
    assert rpc.many([("flaky", [n]) for n in range(5)]) == [0, 1, 2, 3, 4]
    assert seen == [0, 1, 2, 3, 4, 2]


@pytest.mark.parametrize(
    "fault",
    [
        Raw(body=b'{"jsonrpc": "2.0", "id": 0, "resu'),
        Raw(body=b'{"jsonrpc": "2.0", "id": 0, "result": "0x10"}', cut=50),
        Raw(body=b"<html>bad gateway</html>"),
        Raw(body=b""),
        Raw(body=b"[" * 100_000),
        Raw(body=b"\xff\xfe\x00"),
        Raw(body=b'"text"'),
        Raw(body=b"[]"),
        Raw(body=b"{}"),
        Raw(status=500, body=b"oops"),
    ],
    ids=lambda f: f"{f.status}-{f.body[:12]!r}",
)
def test_garbage_is_asked_for_again_and_then_named(node: FakeNode, fault: Raw) -> None:
    node.script.append(fault)
    rpc, sleeps = client(node)
    assert rpc.call("eth_blockNumber") == "0x10"
    assert len(sleeps) == 1
    node.script.extend([fault] * 4)
    with pytest.raises(Retry) as caught:
        rpc.call("eth_blockNumber")
    assert str(caught.value).startswith("http://127.0.0.1:")
    assert "\n" not in str(caught.value)


def test_a_batch_with_an_answer_missing_asks_for_that_one(node: FakeNode) -> None:
    node.script.append(Raw(body=json.dumps([{"id": 0, "result": [0]}, {"id": 77, "result": 1}, 5]).encode()))
    rpc, _ = client(node)
    assert rpc.many([("echo", [0]), ("echo", [1])]) == [[0], [1]]


def test_a_slow_node_is_given_up(node: FakeNode) -> None:
    node.script.extend(Raw(delay=0.5) for _ in range(2))
    rpc, _ = client(node, timeout=0.05, attempts=2)
    with pytest.raises(Retry, match="no answer in time"):
        rpc.call("eth_blockNumber")


def test_an_oversize_answer_is_cut_off(node: FakeNode) -> None:
    node.methods["big"] = lambda _: "0x" + "00" * 200_000
    rpc, _ = client(node, response_bytes=100_000)
    with pytest.raises(TooLarge, match="larger than 100000 bytes"):
        rpc.call("big")


def test_a_small_body_that_unpacks_to_much_is_cut_off(node: FakeNode) -> None:
    node.script.append(Raw(body=gzip.compress(b" " * 50_000_000), headers={"Content-Encoding": "gzip"}))
    rpc, _ = client(node, response_bytes=1_000_000)
    with pytest.raises(TooLarge):
        rpc.call("eth_blockNumber")


def test_gzip_is_read_and_other_encodings_are_not(node: FakeNode) -> None:
    body = gzip.compress(b'{"jsonrpc":"2.0","id":0,"result":5}')
    node.script.append(Raw(body=body, headers={"Content-Encoding": "gzip"}))
    rpc, _ = client(node)
    assert rpc.call("eth_blockNumber") == 5
    assert rpc.usage.received == len(body)
    node.script.append(Raw(body=body, headers={"Content-Encoding": "br"}))
    with pytest.raises(Malformed, match="encoding"):
        rpc.call("eth_blockNumber")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_is_said_once_without_the_key(node: FakeNode, status: int) -> None:
    node.script.extend(Raw(status=status, body=b"no s3cretkey") for _ in range(10))
    rpc, sleeps = client(node)
    results = rpc.many([("echo", [n]) for n in range(10)])
    assert {type(r) for r in results} == {Missing}
    assert len(node.bodies) == 1
    assert sleeps == []
    assert not any(secret in str(r) for r in results for secret in SECRETS)


def test_a_redirect_does_not_carry_the_credentials_away(node: FakeNode) -> None:
    node.script.append(Raw(status=307, headers={"Location": "http://127.0.0.1:9/elsewhere"}))
    rpc, _ = client(node, attempts=1)
    with pytest.raises(RollproofError):
        rpc.call("eth_blockNumber")
    assert len(node.bodies) == 1


def test_no_secret_in_any_message_or_repr(node: FakeNode) -> None:
    host = node.url.split("/v2")[0].replace("http://", "")
    url = f"http://alice:hunter22@{host}/v2/s3cretkey?token=t0psecret"
    node.methods["leak"] = refuse(-32000, f"key s3cretkey of {url}\nis over its\x1b[31m quota t0psecret")
    rpc = opened(Rpc(url, limits=Limits(attempts=1)))
    with pytest.raises(Retry) as caught:
        rpc.call("leak")
    said = [str(caught.value), repr(caught.value), repr(rpc), rpc.label, repr(rpc._shared.endpoint)]
    assert not any(secret in text for text in said for secret in (*SECRETS, "alice", "\n", "\x1b"))
    assert host in rpc.label
    dead = opened(Rpc("http://127.0.0.1:1/s3cretkey", limits=Limits(attempts=1)))
    with pytest.raises(Retry, match=r"http://127.0.0.1:1: connection failed \(ConnectError\)$") as refused:
        dead.call("eth_chainId")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (-32601, "the method debug_x does not exist/is not available", Kind.UNSUPPORTED),
        (-32000, "Unsupported method: debug_executionWitness", Kind.UNSUPPORTED),
        (-32004, "method not supported", Kind.UNSUPPORTED),
        (-32602, "invalid argument 2: json: cannot unmarshal object into Go value of type string", Kind.UNSUPPORTED),
        (-32602, "distance to target block exceeds maximum proof window", Kind.MISSING),
        (-32000, "missing trie node ef7d (path ) state 0xef7d is not available", Kind.MISSING),
        (-32000, "required historical state unavailable (reexec=128)", Kind.MISSING),
        (4444, "pruned history unavailable", Kind.MISSING),
        (-32000, "header not found", Kind.LAGGING),
        (-32001, "resource not found", Kind.LAGGING),
        (-32005, "limit exceeded", Kind.RETRY),
        (429, "Your app has exceeded its compute units per second capacity", Kind.RETRY),
        (-32000, "execution timed out", Kind.RETRY),
        (-32603, "Internal JSON-RPC error.", Kind.RETRY),
        (-32008, "Response size exceeded the limit: response is too large", Kind.TOO_LARGE),
        (-32000, "batch too large", Kind.TOO_LARGE),
        (-32000, "something nobody has seen", Kind.MISSING),
    ],
)
def test_errors_are_classified(code: int, message: str, kind: Kind) -> None:
    assert kind_of(code, message) is kind


def test_missing_is_not_retried_and_a_lagging_backend_once(node: FakeNode) -> None:
    node.methods["pruned"] = refuse(-32000, "missing trie node")
    node.methods["lags"] = refuse(-32000, "header not found")
    rpc, sleeps = client(node)
    with pytest.raises(Missing, match=r"pruned: missing trie node \(-32000\)"):
        rpc.call("pruned")
    assert sleeps == []
    with pytest.raises(Missing):
        rpc.call("lags")
    assert node.calls.count("lags") == 2


def test_an_unknown_method_is_unsupported(node: FakeNode) -> None:
    rpc, _ = client(node)
    with pytest.raises(Unsupported, match="debug_executionWitness"):
        rpc.call("debug_executionWitness", "0x1")


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://user:pass@host.example/v2/key?x=1", "https://host.example"),
        ("http://[::1]:8545/key", "http://[::1]:8545"),
        (" http://host:1 ", "http://host:1"),
    ],
)
def test_a_label_is_scheme_host_and_port(url: str, label: str) -> None:
    assert label_of(url) == label


@pytest.mark.parametrize(
    "url", ["", "host", "http://", "http://host:99999/s3cretkey", "http://[bad/s3cretkey", "http://:80"]
)
def test_a_bad_url_is_named_without_being_shown(url: str) -> None:
    with pytest.raises(Malformed) as caught:
        Rpc(url)
    assert "s3cretkey" not in str(caught.value)


def test_other_schemes_are_refused_by_name() -> None:
    with pytest.raises(Unsupported, match=r"'wss'"):
        Rpc("wss://host/s3cretkey")


def test_nodes_behind_one_host_are_numbered(node: FakeNode) -> None:
    host = node.url.split("/v2")[0]
    assert [opened(rpc).label for rpc in nodes_of([node.url, node.url])] == [f"{host} #1", f"{host} #2"]


class Provider:
    """What web3's providers look like from outside."""

    def make_request(self, method: str, params: Any) -> Any:
        if method == "boom":
            raise RuntimeError("https://host/s3cretkey")
        if method == "gone":
            return {"jsonrpc": "2.0", "id": 9, "error": {"code": -32000, "message": "missing trie node"}}
        return {"jsonrpc": "2.0", "id": 9, "result": [method, list(params)]}


class Web3:
    provider = Provider()


@pytest.mark.parametrize("source", [Provider(), Web3()])
def test_a_provider_object_will_do(source: Any) -> None:
    rpc = opened(Rpc(source, limits=Limits(attempts=2), sleep=Sleeps()))
    assert rpc.many([("a", [1]), ("b", [2])]) == [["a", [1]], ["b", [2]]]
    with pytest.raises(Missing, match="provider Provider: gone: missing trie node"):
        rpc.call("gone")
    with pytest.raises(Retry, match=r"provider Provider: RuntimeError$"):
        rpc.call("boom")


def test_anything_else_is_refused() -> None:
    with pytest.raises(Unsupported, match="object is neither"):
        Rpc(object())
