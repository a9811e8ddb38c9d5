"""Transactions of a Safe: what its owners sign, computed here and not asked of the contract, and the call that runs it.

Source: Safe 1.4.1, `Safe.sol`; EIP-712.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from rollproof import _core
from rollproof.chain import abi

if TYPE_CHECKING:
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Layer, Stack
    from rollproof.lab.transaction import Account

CALL: Final = 0
DELEGATE_CALL: Final = 1
_NOBODY: Final = bytes(20)
_DOMAIN: Final = _core.keccak256(b"EIP712Domain(uint256 chainId,address verifyingContract)")
_SAFE_TX: Final = _core.keccak256(
    b"SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,"
    b"address gasToken,address refundReceiver,uint256 nonce)"
)


def transaction_hash(
    chain_id: int,
    safe: bytes,
    to: bytes,
    data: bytes,
    *,
    nonce: int,
    value: int = 0,
    operation: int = CALL,
    safe_tx_gas: int = 0,
) -> bytes:
    """What the owners of the Safe at address ``safe`` sign; ``value`` in wei. Nothing is paid back for gas."""
    fields = ["bytes32", "address", "uint256", "bytes32", "uint8", *["uint256"] * 3, "address", "address", "uint256"]
    hashed = _core.keccak256(data)
    values = [_SAFE_TX, to, value, hashed, operation, safe_tx_gas, 0, 0, _NOBODY, _NOBODY, nonce]
    domain = _core.keccak256(abi.encode(["bytes32", "uint256", "address"], [_DOMAIN, chain_id, safe]))
    return _core.keccak256(b"\x19\x01" + domain + _core.keccak256(abi.encode(fields, values)))


def signatures(hashed: bytes, owners: Sequence[Account]) -> bytes:
    """The owners' signatures in the order of their addresses, 65 bytes each: r, s, v."""
    signed = []
    for owner in sorted(owners, key=lambda each: each.address):
        parity, r, s = _core.sign_hash(hashed, owner.key)
        signed.append(r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity]))
    return b"".join(signed)


def arguments(
    to: bytes, data: bytes, signed: bytes, *, value: int = 0, operation: int = CALL, safe_tx_gas: int = 0
) -> tuple[Any, ...]:
    """What `execTransaction` takes."""
    return (to, value, data, operation, safe_tx_gas, 0, 0, _NOBODY, _NOBODY, signed)


def execute(
    stack: Stack,
    layer: Layer,
    safe: Contract,
    owners: Sequence[str],
    to: bytes,
    data: bytes,
    *,
    value: int = 0,
    operation: int = CALL,
    sender: str | None = None,
    gas: int = 2_000_000,
) -> bytes:
    """Has ``owners`` sign the Safe's next transaction and ``sender`` (by default the first of them) send it.

    Returns the transaction's hash. One at a time: the nonce is read from the head.
    """
    signers = [stack.account(name, layer) for name in owners]
    [nonce] = stack.view(layer, safe, "nonce")
    chain_id = stack.chain(layer).config.chain_id
    hashed = transaction_hash(chain_id, safe.address, to, data, nonce=nonce, value=value, operation=operation)
    signed = signatures(hashed, signers)
    call = safe.encode("execTransaction", *arguments(to, data, signed, value=value, operation=operation))
    return stack.send(layer, sender or owners[0], safe.address, data=call, gas=gas)
