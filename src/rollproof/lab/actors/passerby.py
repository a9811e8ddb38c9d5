"""Somebody who does a little of everything: every transaction type, creations, delegated code, and ways to fail."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rollproof import _core
from rollproof.lab.bytecode import TOKEN, deployment
from rollproof.lab.transaction import Account

if TYPE_CHECKING:
    from rollproof.lab.stack import Layer, Stack

PRECOMPILES: Final = range(1, 0x12)  # ecRecover to BLS12-381 (EIP-2537), and 0x100: P256VERIFY (EIP-7951, RIP-7212)
P256_VERIFY: Final = 0x100
_INVALID: Final = deployment(b"\xfe")  # a contract of one invalid opcode
_ENDLESS: Final = bytes.fromhex("5b5f56")  # JUMPDEST PUSH0 JUMP, as init code: runs out of gas
_SHORT_LIVED: Final = bytes.fromhex("33ff")  # CALLER SELFDESTRUCT, as init code: gone with its transaction (EIP-6780)
_TOUCH: Final = bytes.fromhex("5f355f556001600155")  # init code: PUSH0 CALLDATALOAD PUSH0 SSTORE, 1 in slot 1


class Passerby:
    """In so many of a thousand steps it sends one transaction to a layer; what kind, its stream of draws says."""

    def __init__(self, name: str = "passerby", *, activity: int = 500) -> None:
        self.name = name
        self._activity = activity
        self._rng: random.Random | None = None

    def act(self, stack: Stack) -> None:
        """Perhaps one transaction on the L2, and once a slot one on the L1."""
        if self._rng is None:
            self._rng = stack.rng(self.name)
        draw = self._rng
        if draw.randrange(1_000) < self._activity:
            self._send(stack, "l2", draw)
        if draw.randrange(6_000) < self._activity:
            self._send(stack, "l1", draw)

    def _send(self, stack: Stack, layer: Layer, draw: random.Random) -> None:
        account = stack.account(self.name, layer)
        account.nonce = stack.next_nonce(layer, account)
        kinds: list[Callable[[Stack, Account, random.Random], bytes]] = [
            _legacy, _access_list, _transfer, _creation, _delegation, _undone, _failure, _precompile, _created_at_once,
        ]  # fmt: skip
        if layer == "l1":
            kinds.append(_blobs)
        stack.pool(layer).add(draw.choice(kinds)(stack, account, draw), stack.time)


def _legacy(stack: Stack, account: Account, draw: random.Random) -> bytes:
    return account.send_legacy(_stranger(draw), value=draw.randrange(10**15))


def _access_list(stack: Stack, account: Account, draw: random.Random) -> bytes:
    listed = [(_stranger(draw), [draw.randbytes(32) for _ in range(draw.randrange(3))])]
    return account.send_access_list(_stranger(draw), data=draw.randbytes(draw.randrange(100)), access=listed)


def _transfer(stack: Stack, account: Account, draw: random.Random) -> bytes:
    data = draw.randbytes(draw.randrange(400)) if draw.randrange(2) else b""  # EIP-7623: its floor is above its use
    return account.send(_stranger(draw), value=draw.randrange(10**15), data=data, tip=draw.randrange(1, 10**10))


def _creation(stack: Stack, account: Account, draw: random.Random) -> bytes:
    return account.send(None, data=draw.choice([deployment(TOKEN), _INVALID]), gas=400_000)


def _created_at_once(stack: Stack, account: Account, draw: random.Random) -> bytes:
    return account.send(None, data=_SHORT_LIVED, value=draw.randrange(10**12), gas=200_000)


def _delegation(stack: Stack, account: Account, draw: random.Random) -> bytes:
    """EIP-7702: to a contract, or back to none; sometimes with an authorization that counts for nothing."""
    code = stack.deployed["USDC"].address if draw.randrange(3) else bytes(20)
    signer = Account.named(f"{account.address.hex()} delegator {draw.randrange(3)}", account.chain_id)
    layer = "l1" if account.chain_id == stack.l1.config.chain_id else "l2"
    signer.nonce = stack.chain(layer).account(signer.address)[0] + (1 if draw.randrange(5) == 0 else 0)
    return account.send(signer.address, authorizations=[signer.authorize(code)], gas=200_000)


def _undone(stack: Stack, account: Account, draw: random.Random) -> bytes:
    """A call that reverts, having written or not."""
    usdc = stack.deployed["USDC"]
    return account.send(usdc.address, data=usdc.encode("transfer", _stranger(draw), 10**30), gas=100_000)


def _failure(stack: Stack, account: Account, draw: random.Random) -> bytes:
    data = draw.choice([_ENDLESS, _TOUCH + b"\xfe", b"\xef"])  # EIP-3541 among them
    return account.send(None, data=data, gas=120_000)


def _precompile(stack: Stack, account: Account, draw: random.Random) -> bytes:
    number = draw.choice([*PRECOMPILES, P256_VERIFY])
    data = draw.randbytes(draw.choice([0, 32, 64, 96, 128, 160, 192, 213, 256, 288]))
    return account.send(number.to_bytes(20, "big"), data=data, gas=300_000)


def _blobs(stack: Stack, account: Account, draw: random.Random) -> bytes:
    hashes = [b"\x01" + _core.keccak256(draw.randbytes(8))[1:] for _ in range(draw.randrange(1, 4))]
    return account.send(_stranger(draw), blobs=hashes)


def _stranger(draw: random.Random) -> bytes:
    """An address of a small crowd, so that accounts are new at first and old later."""
    return _core.keccak256(b"stranger %d" % draw.randrange(500))[12:]
