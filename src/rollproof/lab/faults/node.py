"""Nodes that lie, refuse or are slow; the chain behind them is right. Which node: l1, l2 or l2-follower."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rollproof.chain.header import FIELDS, INT
from rollproof.errors import Malformed, Unsupported
from rollproof.lab.faults.effect import Effect, Expected
from rollproof.lab.faults.fault import Fault, register
from rollproof.lab.node.block import full
from rollproof.lab.node.error import LIMIT, Delay, Dropped, JsonRpcError
from rollproof.replay.header import header_hash
from rollproof.types import Outcome

if TYPE_CHECKING:
    from rollproof.lab.block import Block
    from rollproof.lab.chain import Chain
    from rollproof.lab.stack import Stack

NODES: Final = ("l1", "l2", "l2-follower")
BEACON_ROOTS: Final = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")  # EIP-4788
_BLOCK: Final = frozenset({"eth_getBlockByNumber", "eth_getBlockByHash"})
_RAW: Final = frozenset({"eth_getRawTransactionByHash", "debug_getRawTransaction"})
_KEYS: Final = {name: (key, kind) for name, key, kind, _ in FIELDS}


@dataclass
class NodeFault(Fault):
    """What one node answers is wrong, about the block ``at`` (0: the next one) or from then on."""

    node: str = "l2"
    at: int = 0

    family: ClassVar[str] = "node"
    check: ClassVar[str] = "verify"

    def start(self, stack: Stack) -> None:
        if self.node not in NODES:
            raise Unsupported(f"{self.id}: no node {self.node[:40]!r}; there are {', '.join(NODES)}")
        if self.at < 0:
            raise Malformed(f"{self.id}: block {self.at} is before the first one")
        self.at = self.at or self.chain(stack).head.number + 1

    @property
    def layer(self) -> str:
        return "l1" if self.node == "l1" else "l2"

    def chain(self, stack: Stack) -> Chain:
        """The chain that the node serves."""
        return stack.follower.chain if self.node == "l2-follower" else stack.chain(self.layer)

    def declare(self, stack: Stack, block: Block, *expected: Expected, outcome: Outcome = Outcome.UNKNOWN) -> None:
        """Says, once for each block, what was answered wrong."""
        if all(effect.number != block.number for effect in self.effects):
            self.effects.append(Effect(self.layer, block.number, block.hash, stack.time, expected, outcome))

    def answer(self, stack: Stack, node: str, method: str, params: Any, result: Any) -> Any:
        if node != self.node or self.chain(stack).head.number < self.at:
            return result
        return self.changed(stack, method, params, result)

    def changed(self, stack: Stack, method: str, params: Any, result: Any) -> Any:
        """What the node answers in place of ``result``."""
        raise NotImplementedError


@register
@dataclass
class NodeSlow(NodeFault):
    """Every answer comes ``seconds`` late, by the simulated clock."""

    seconds: int = 120

    id: ClassVar[str] = "node-slow"
    title: ClassVar[str] = "A node answers so late that nobody waits for it."

    def changed(self, stack: Stack, method: str, params: Any, result: Any) -> Any:
        self.declare(stack, self.chain(stack).head, Expected.reason("TimeoutError"))
        raise Delay(self.seconds, result)


@register
@dataclass
class NodeRefuses(NodeFault):
    """The node answers ``methods`` (names with commas between) with error ``code``, or hangs up where ``drop`` is set.

    Others are served, so the chain is seen to go on; what is asked for is not had.
    """

    methods: str = "eth_getProof,debug_executionWitness"
    code: int = LIMIT
    drop: bool = False

    id: ClassVar[str] = "node-refuses"
    title: ClassVar[str] = "A node refuses some methods."

    def changed(self, stack: Stack, method: str, params: Any, result: Any) -> Any:
        if method not in self.methods.split(","):
            return result
        if self.drop:
            self.declare(stack, self.chain(stack).head, Expected.reason("ConnectionError"))
            raise Dropped
        self.declare(stack, self.chain(stack).head, Expected.reason(f": limit exceeded ({self.code})"))
        raise JsonRpcError(self.code, "limit exceeded")


@register
@dataclass
class NodeLiesBlock(NodeFault):
    """The node shows another block than the chain has.

    ``kind``: field (a header field is altered, the hash beside it is the right one), sealed (the hash is computed
    anew, so that only executing the block, or another node, shows the lie), transaction (one of its transactions is
    altered, in every form). ``name``: of the header field; sealed takes a result of execution only.
    """

    kind: str = "sealed"
    name: str = "state_root"

    id: ClassVar[str] = "node-lies-block"
    title: ClassVar[str] = "A node shows a block that is not the chain's."

    _KINDS: ClassVar[tuple[str, ...]] = ("field", "sealed", "transaction")
    _RESULTS: ClassVar[tuple[str, ...]] = ("state_root", "receipts_root", "logs_bloom", "gas_used")

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.kind not in self._KINDS:
            raise Unsupported(f"{self.id}: no kind {self.kind[:40]!r}; there are {', '.join(self._KINDS)}")
        known = tuple(_KEYS) if self.kind == "field" else self._RESULTS
        if self.name not in known:
            raise Unsupported(f"{self.id}: no {self.kind} lie about {self.name[:40]!r}; there are {', '.join(known)}")

    def changed(self, stack: Stack, method: str, params: Any, result: Any) -> Any:
        block = self.chain(stack).block(self.at)
        if block is None:
            return result
        if self.kind == "transaction":
            return self._transaction(stack, block, method, params, result)
        # Who asks for the right hash gets the right block: anything else would be seen without looking into it.
        by_number = method == "eth_getBlockByNumber" and result is not None and result["hash"] == _hex(block.hash)
        false = _altered(block, self.name)
        if not by_number and (method, params[:1], self.kind) != ("eth_getBlockByHash", [_hex(false.hash)], "sealed"):
            return result
        if self.kind == "field":
            key, kind = _KEYS[self.name]
            value = getattr(false.header, self.name)
            self.declare(stack, block, Expected.reason(f"not to the {_hex(block.hash)} beside it"))
            return {**result, key: hex(value) if kind == INT else _hex(value)}
        self._sealed(stack, false)
        return full(false, self.chain(stack).config.family, transactions=bool(params[1]))

    def _sealed(self, stack: Stack, false: Block) -> None:
        self.declare(stack, false, Expected.header(self.name), outcome=Outcome.BROKEN)

    def _transaction(self, stack: Stack, block: Block, method: str, params: Any, result: Any) -> Any:
        wanted = _hex(block.hashes[-1]) if block.hashes else None
        if method in _RAW and wanted is not None and params[0] == wanted and result:
            self.declare(stack, block, Expected.reason(f"of {wanted} hashes to something else"))
            return _flipped(result)
        if method not in _BLOCK or result is None or result["hash"] != _hex(block.hash):
            return result
        listed = [
            {**each, "gas": hex(int(each["gas"], 16) + 1)}
            if isinstance(each, dict) and each["hash"] == wanted
            else each
            for each in result["transactions"]
        ]
        return {**result, "transactions": listed}


@register
@dataclass
class NodesDisagree(NodeLiesBlock):
    """A node shows another block of one number than the others do; what it shows fits itself."""

    node: str = "l2-follower"
    kind: str = field(default="sealed", init=False)

    id: ClassVar[str] = "nodes-disagree"
    title: ClassVar[str] = "Two nodes show different blocks for one number."

    def _sealed(self, stack: Stack, false: Block) -> None:
        self.declare(stack, false, Expected.header("hash"))


@register
@dataclass
class NodeLiesProof(NodeFault):
    """The node's proofs and witnesses of the block's parent do not show what it says that they show.

    ``kind``: value (an account's balance is altered beside its proof), nodes (the trie nodes are damaged). About
    ``address``, by default the contract of EIP-4788, which every block calls. What executing the block does not need
    is not believed either, but no verdict hangs on it.
    """

    kind: str = "value"
    address: bytes | None = None

    id: ClassVar[str] = "node-lies-proof"
    title: ClassVar[str] = "A node's proofs do not prove what it says."

    _KINDS: ClassVar[tuple[str, ...]] = ("value", "nodes")

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.kind not in self._KINDS:
            raise Unsupported(f"{self.id}: no kind {self.kind[:40]!r}; there are {', '.join(self._KINDS)}")

    def changed(self, stack: Stack, method: str, params: Any, result: Any) -> Any:
        block = self.chain(stack).block(self.at)
        if block is None or result is None:
            return result
        if method == "debug_executionWitness" and params[0] in (hex(self.at), _hex(block.hash)):
            return {**result, "state": [_flipped(each) for each in result["state"]]}
        if method != "eth_getProof" or not _names(params[2], self.at - 1, block.header.parent_hash):
            return result
        account = _hex(self.address or BEACON_ROOTS)
        if str(params[0]).lower() != account:
            return result
        if self.kind == "value":
            self.declare(stack, block, Expected.reason(f"account {account}: values differ from the proof beside them"))
            return {**result, "balance": hex(int(result["balance"], 16) + 1)}
        self.declare(stack, block, Expected.reason(f"account {account}: the proof does not lead to state root"))
        return {**result, "accountProof": [_flipped(each) for each in result["accountProof"]]}


@register
@dataclass
class NodeLiesReceipt(NodeFault):
    """The node's receipts of the block are not those that its header commits to.

    ``kind``: status, gas (cumulative), log (the last receipt loses or gains one).
    """

    kind: str = "status"

    id: ClassVar[str] = "node-lies-receipt"
    title: ClassVar[str] = "A node's receipts are not the block's."

    _KINDS: ClassVar[tuple[str, ...]] = ("status", "gas", "log")
    _LOG: ClassVar[dict[str, Any]] = {"address": "0x" + "ab" * 20, "topics": ["0x" + "cd" * 32], "data": "0x"}

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if self.kind not in self._KINDS:
            raise Unsupported(f"{self.id}: no kind {self.kind[:40]!r}; there are {', '.join(self._KINDS)}")

    def changed(self, stack: Stack, method: str, params: Any, result: Any) -> Any:
        block = self.chain(stack).block(self.at)
        if not result or block is None or not block.hashes:
            return result
        last = _hex(block.hashes[-1])
        if method == "eth_getTransactionReceipt" and params[0] == last:
            result = self._lie(result)
        elif method == "eth_getBlockReceipts" and result[-1]["transactionHash"] == last:
            result = [*result[:-1], self._lie(result[-1])]
        else:
            return result
        said = Expected.reason(f"receipts of block {block.number}: do not hash to its receiptsRoot")
        self.declare(stack, block, said)
        return result

    def _lie(self, receipt: dict[str, Any]) -> dict[str, Any]:
        if self.kind == "status":
            return {**receipt, "status": hex(1 - int(receipt["status"], 16))}
        if self.kind == "gas":
            return {**receipt, "cumulativeGasUsed": hex(int(receipt["cumulativeGasUsed"], 16) + 1)}
        return {**receipt, "logs": receipt["logs"][:-1] or [self._LOG]}


def _altered(block: Block, name: str) -> Block:
    """The block with one header field changed, and the hash that follows."""
    value = getattr(block.header, name)
    if value is None:
        raise Unsupported(f"the block has no {name}")
    other = value + 1 if isinstance(value, int) else value[:-1] + bytes([value[-1] ^ 1]) if value else b"\x01"
    changes: dict[str, Any] = {name: other}
    header = replace(block.header, **changes)
    return replace(block, header=header, hash=header_hash(header))


def _names(place: Any, number: int, block: bytes) -> bool:
    """Whether a block parameter is this number or hash."""
    if isinstance(place, dict):
        return _hex(block) == place.get("blockHash") or hex(number) == place.get("blockNumber")
    return place in (hex(number), _hex(block))


def _flipped(data: str) -> str:
    return data[:-1] + ("0" if data[-1] != "0" else "1")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
