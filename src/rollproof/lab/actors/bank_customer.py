"""Ordinary use of the weak contracts and of their corrected twins: pays in, takes out, and asks for too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rollproof import _core
from rollproof.errors import Missing
from rollproof.lab.actors.customer import ANYTHING, ETHER, USD, Customer, Errand
from rollproof.lab.contract import Contract

NAME: Final = "bank-customer"
_FEE: Final = USD // 100
_IMPLEMENTATION: Final = int.from_bytes(_core.keccak256(b"eip1967.proxy.implementation"), "big") - 1
_LEAST: Final = 200 * USD  # a loan that the corrected book takes
_NEWEST: Final = 20  # loans among which it looks for its own


def bank_customer() -> Customer:
    errands: list[Errand] = []
    for twin in ("", "Fixed"):
        errands += [_bank(f"EtherBank{twin}"), _bank(f"TransferableBank{twin}"), _bank(f"ShareVault{twin}")]
        errands += [_tokens(f"TokenVault{twin}"), _supplies(f"CallbackBank{twin}"), _loans(f"LoanBook{twin}")]
        errands += [_swept(f"OwnedVault{twin}"), _swept(f"SelfUpgradingVault{twin}")]
        errands += [_stakes(f"StablePool{twin}", f"ShareLender{twin}")]
    return Customer(NAME, errands)


def _bank(name: str) -> Errand:
    def bank(me: Customer) -> Iterator[None]:
        amount = me.draw.randrange(1, 1_000) * ETHER // 1_000
        me.call(name, "deposit", value=amount)
        yield
        if "transfer" in me.of(name).functions:
            me.call(name, "transfer", me.stack.account("bystander", "l2").address, amount // 10)
            me.call(name, "transfer", me.address, 10**30)
        if "shares" in me.of(name).functions:
            shares = Contract.load("VaultShares").at(me.ask(name, "shares"))
            me.call(shares, "transfer", me.stack.account("bystander", "l2").address, amount // 10)
            me.call(shares, "mint", me.address, ETHER)  # OnlyVault
        me.call(name, "withdraw")
        me.call(name, "withdraw")  # Nothing is left
        yield

    return bank


def _tokens(name: str) -> Errand:
    def tokens(me: Customer) -> Iterator[None]:
        amount = me.draw.randrange(1, 1_000) * USD
        me.mint("USDC", amount)
        me.call("USDC", "approve", me.of(name).address, amount)
        me.call(name, "deposit", amount)
        yield
        me.call(name, "withdraw", me.ask(name, "balanceOf", me.address))
        me.call(name, "withdraw", 1)
        yield

    return tokens


def _supplies(name: str) -> Errand:
    def supplies(me: Customer) -> Iterator[None]:
        amount = me.draw.randrange(1, 10) * ETHER
        me.mint("CallbackToken", amount)
        me.call("CallbackToken", "approve", me.of(name).address, amount)
        me.call(name, "supply", amount)
        yield
        me.call(name, "withdraw", amount)
        me.call(name, "withdraw", 1)
        yield

    return supplies


def _loans(name: str) -> Errand:
    def loans(me: Customer) -> Iterator[None]:
        """A loan, and its end by paying it back."""
        me.call("USDC", "approve", me.of(name).address, ANYTHING)
        me.call(name, "open", _LEAST, value=ETHER)
        me.call(name, "open", 10 * _LEAST, value=1)  # Undercollateralised
        yield
        if name.endswith("Fixed"):
            me.call(name, "open", 1, value=ETHER // 1_000)  # TooSmall
            me.call(name, "liquidate", 0, by="liquidator")  # Healthy
        else:
            me.call(name, "liquidateAll", by="liquidator")  # there is nothing to do
        count = me.ask(name, "count")
        last = range(max(0, count - _NEWEST), count)
        mine = [index for index in last if me.ask(name, "loans", index) == me.address]
        if mine:
            me.mint("USDC", _LEAST)
            me.call(name, "close", mine[0])
        yield
        me.call(name, "close", 10**6)  # there is no such loan
        yield

    return loans


def _swept(name: str) -> Errand:
    def swept(me: Customer) -> Iterator[None]:
        """Money comes in by mistake, and the owner sends it back; nobody else can."""
        vault, usdc, amount = me.of(name), me.of("USDC").address, me.draw.randrange(1, 100) * USD
        owner = me.ask(vault, "owner")
        if owner != me.stack.account("deployer", "l2").address:
            raise Missing(f"{name} has another owner by now")
        me.mint("USDC", amount)
        yield
        me.call("USDC", "transfer", vault.address, amount)
        yield
        me.call(vault, "sweep", usdc, me.address, amount)  # OnlyOwner
        me.call(vault, "sweep", usdc, me.address, amount, by="deployer")
        if "upgradeTo" in vault.functions:
            code = me.stack.l2.storage(vault.address, _IMPLEMENTATION).to_bytes(32, "big")[12:]
            me.call(vault, "upgradeTo", code, by="deployer")  # to what it is
        if name.endswith("Fixed"):
            me.call(vault, "initialize", me.address)  # AlreadyInitialised
        me.call(vault, "owner")
        yield

    return swept


def _stakes(pool: str, lender: str) -> Errand:
    def stakes(me: Customer) -> Iterator[None]:
        """Provides to the pool, borrows against the share in it, pays back and leaves."""
        amount = me.draw.randrange(1, 10) * ETHER
        me.mint("StakedEther", amount)
        me.call("StakedEther", "approve", me.of(pool).address, amount)
        me.call(pool, "addLiquidity", amount, value=amount)
        me.call(pool, "virtualPrice")
        yield
        shares = me.ask(pool, "balanceOf", me.address)
        me.call(pool, "approve", me.of(lender).address, shares)
        me.call(lender, "borrow", shares // 2, 10**30)  # Undercollateralised
        me.call(lender, "borrow", shares // 2, amount // 10)
        yield
        me.call("StakedEther", "approve", me.of(lender).address, ANYTHING)
        me.call(lender, "repay")
        yield
        me.call(pool, "removeLiquidity", me.ask(pool, "balanceOf", me.address))
        me.call(pool, "removeLiquidity", 10**30)
        yield

    return stakes
