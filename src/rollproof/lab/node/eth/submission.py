"""Raw transactions on their way into the pool: whatever no block could hold soon is refused here, with the reason.

Source: EIP-155, 2028, 2930, 3607, 3860, 7623, 7702, 7825; the words are those that clients' own checks use.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from rollproof import _core
from rollproof.chain.wire import to_data
from rollproof.errors import Malformed
from rollproof.lab.block import Block
from rollproof.lab.node import transaction
from rollproof.lab.node.error import EXECUTION, JsonRpcError
from rollproof.lab.node.eth.execution import TRANSACTION_CAP
from rollproof.lab.node.eth.fees import next_base_fee
from rollproof.lab.node.l1_cost import L1Cost
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params
from rollproof.lab.node.receipt import blob_price
from rollproof.lab.pool import RESERVED
from rollproof.replay.blob_gas import GAS_PER_BLOB

MAX_RAW: Final = 2 * 1024 * 1024  # bytes, blobs included
MAX_TRANSACTION: Final = 128 * 1024  # bytes, without blobs
MAX_INIT_CODE: Final = 49_152
_DELEGATION: Final = bytes.fromhex("ef0100")  # EIP-7702
BUMP: Final = 110  # percent of the price that a replacement has to pay


def send_raw(node: Node, params: Params) -> str:
    """``eth_sendRawTransaction``: the hash, once the transaction waits in the pool. JsonRpcError -32000 says why not.

    A blob transaction comes with its sidecar; its commitments are held against its hashes, its KZG proofs are not
    checked, and the blobs are not kept.
    """
    if node.pool is None:
        raise _refused("this node takes no transactions")
    raw = _without_blobs(params.data(0, MAX_RAW))
    try:
        fields = _core.decode_transaction(raw, node.family)
    except _core.CoreError as error:
        raise _refused(f"invalid transaction: {error}") from None
    if fields["hash"] in node.pool or node.chain.locate(fields["hash"]) is not None:
        raise _refused("already known")
    head = node.chain.head
    _form(node, fields, raw, head)
    _price(node, fields, head)
    _sender(node, fields, raw, head)
    _replacement(node, fields)
    try:
        return to_data(node.pool.add(raw, node.time, room=RESERVED).hash)
    except Malformed as error:
        raise _refused(str(error)) from None


def _form(node: Node, fields: dict[str, Any], raw: bytes, head: Block) -> None:
    """What the transaction itself says, whoever sent it."""
    if fields["type"] == transaction.DEPOSIT:
        raise _refused("transaction type not supported: a deposit comes from L1")
    if node.family == "op" and fields["type"] == 3:
        raise _refused("transaction type not supported: no blobs on L2")
    if len(raw) > MAX_TRANSACTION:
        raise _refused(f"oversized data: transaction size {len(raw)}, limit {MAX_TRANSACTION}")
    if fields["chain_id"] is None:
        raise _refused("only replay-protected (EIP-155) transactions allowed over RPC")
    own = node.chain.config.chain_id
    if fields["chain_id"] != own:
        raise _refused(f"invalid chain id for signer: have {fields['chain_id']} want {own}")
    gas = fields["gas_limit"]
    if gas > head.header.gas_limit:
        raise _refused(f"exceeds block gas limit: tx gas {gas}, block limit {head.header.gas_limit}")
    osaka = node.family == "ethereum" and node.chain.config.active("osaka", head.number, head.timestamp)
    if osaka and gas > TRANSACTION_CAP:
        raise _refused(f"transaction gas limit too high: cap {TRANSACTION_CAP}, tx {gas}")
    if fields["to"] is None and len(fields["input"]) > MAX_INIT_CODE:
        raise _refused(f"max initcode size exceeded: code size {len(fields['input'])}, limit {MAX_INIT_CODE}")
    needed = intrinsic_gas(fields)
    if gas < needed:
        raise _refused(f"intrinsic gas too low: gas {gas}, minimum needed {needed}")


def _price(node: Node, fields: dict[str, Any], head: Block) -> None:
    most, tip, base_fee = fields["max_fee_per_gas"], fields["max_priority_fee_per_gas"], next_base_fee(node, head)
    if tip is not None and tip > most:
        raise _refused(f"max priority fee per gas higher than max fee per gas: tip {tip}, cap {most}")
    if most < base_fee:
        raise _refused(f"max fee per gas less than block base fee: maxFeePerGas {most}, baseFee {base_fee}")
    if fields["type"] == 3 and fields["max_fee_per_blob_gas"] < blob_price(node.chain, head):
        raise _refused("max fee per blob gas less than block blob gas fee")


def _sender(node: Node, fields: dict[str, Any], raw: bytes, head: Block) -> None:
    """Whether the account may and can."""
    nonce, wei, _, _ = node.chain.account(fields["sender"])
    if fields["nonce"] < nonce:
        raise _refused(f"nonce too low: next nonce {nonce}, tx nonce {fields['nonce']}")
    code = node.chain.code(fields["sender"])
    if code and not code.startswith(_DELEGATION):
        raise _refused("sender not an eoa")
    cost = fields["gas_limit"] * fields["max_fee_per_gas"] + fields["value"]
    cost += GAS_PER_BLOB * len(fields["blob_hashes"]) * (fields["max_fee_per_blob_gas"] or 0)
    if node.family == "op":
        cost += L1Cost.at(node.chain, head).due(raw, fields["gas_limit"])
    if wei < cost:
        raise _refused(f"insufficient funds for gas * price + value: balance {wei}, tx cost {cost}")


def _replacement(node: Node, fields: dict[str, Any]) -> None:
    """One that takes another's place in the pool has to pay a tenth more."""
    each = None if node.pool is None else node.pool.at(fields["sender"], fields["nonce"])
    if each is not None:
        tip = fields["max_priority_fee_per_gas"]
        offered = (fields["max_fee_per_gas"], fields["max_fee_per_gas"] if tip is None else tip)
        if any(new * 100 < old * BUMP for new, old in zip(offered, (each.fee, each.tip), strict=True)):
            raise _refused("replacement transaction underpriced")


def intrinsic_gas(fields: dict[str, Any]) -> int:
    """Gas that the transaction needs whatever it does, the floor for its data included (Prague)."""
    data: bytes = fields["input"]
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    gas: int = 21_000 + 4 * tokens
    if fields["to"] is None:
        gas += 32_000 + 2 * ((len(data) + 31) // 32)
    gas += sum(2_400 + 1_900 * len(keys) for _, keys in fields["access_list"])
    gas += 25_000 * int(fields.get("authorizations", 0))
    return max(gas, 21_000 + 10 * tokens)


def _without_blobs(raw: bytes) -> bytes:
    """The transaction as a block holds it, from the form it is sent in (EIP-4844 "Networking", EIP-7594)."""
    if raw[:1] != b"\x03":
        return raw
    try:
        items = _core.rlp_decode(raw[1:], 4, 200_000)
    except _core.CoreError as error:
        raise _refused(f"invalid transaction: {error}") from None
    if not isinstance(items, list) or not items or not isinstance(items[0], list):
        raise _refused("invalid transaction: a blob transaction comes with its sidecar")
    inner, rest = items[0], items[1:]
    if len(rest) == 4 and rest[0] == b"\x01":  # with cell proofs
        rest = rest[1:]
    if len(rest) != 3 or not all(isinstance(each, list) for each in rest):
        raise _refused("invalid transaction: unknown form of sidecar")
    blobs, commitments, _ = rest
    hashes = inner[10] if len(inner) == 14 and isinstance(inner[10], list) else None
    if hashes is None or not all(isinstance(each, bytes) for part in (blobs, commitments) for each in part):
        raise _refused("invalid transaction: not a blob transaction")
    if len(blobs) != len(hashes) or any(len(blob) != 131_072 for blob in blobs):
        raise _refused("invalid transaction: the blobs are not those of its hashes")
    if [b"\x01" + hashlib.sha256(each).digest()[1:] for each in commitments] != hashes:
        raise _refused("invalid transaction: the commitments are not those of its hashes")
    return b"\x03" + _core.rlp_encode(inner)


def _refused(why: str) -> JsonRpcError:
    return JsonRpcError(EXECUTION, why)


METHODS: Final = {"eth_sendRawTransaction": Method(send_raw, 1, 1)}
