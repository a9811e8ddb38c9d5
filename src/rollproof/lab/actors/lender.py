"""Ordinary use of the lending pools: lends, borrows within the limit, pays back, and borrows for one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rollproof import _core
from rollproof.lab.actors.customer import ANYTHING, ETHER, USD, Customer, Errand
from rollproof.lab.bytecode import assemble

NAME: Final = "lender"
POOLS: Final = ("LendingPool", "SpotLendingPool", "SpotLendingPoolFixed")
_AGREED: Final = _core.keccak256(b"ERC3156FlashBorrower.onFlashLoan")

# Agrees to nothing, so that the loan is undone.
UNWILLING: Final = assemble("32 PUSH0 RETURN")


def borrower(lender: bytes, owner: bytes) -> bytes:
    """ERC-3156's onFlashLoan: refuses what is not called by the lender and begun by the owner; else approves the loan
    and its fee, in the token that was lent (the second argument), and agrees."""
    return assemble(
        f"""
        CALLER 0x{lender.hex()} EQ 4 CALLDATALOAD 0x{owner.hex()} EQ AND @known JUMPI PUSH0 PUSH0 REVERT
        known: 0x095ea7b3 224 SHL PUSH0 MSTORE CALLER 4 MSTORE 68 CALLDATALOAD 100 CALLDATALOAD ADD 36 MSTORE
        PUSH0 PUSH0 68 PUSH0 PUSH0 36 CALLDATALOAD GAS CALL POP
        0x{_AGREED.hex()} PUSH0 MSTORE 32 PUSH0 RETURN
        """
    )


def lender() -> Customer:
    return Customer(
        NAME, [each for pool in POOLS for each in (_lend(pool), _borrow(pool), _flash(pool), _refused(pool))]
    )


def _lend(pool: str) -> Errand:
    def lend(me: Customer) -> Iterator[None]:
        amount = me.draw.randrange(1_000, 50_000) * USD
        me.mint("USDC", amount)
        me.call("USDC", "approve", me.of(pool).address, amount)
        me.call(pool, "deposit", amount)
        yield
        for _ in range(me.draw.randrange(20)):
            yield
        me.call(pool, "withdraw", me.ask(pool, "sharesOf", me.address))
        yield

    return lend


def _borrow(pool: str) -> Errand:
    def borrow(me: Customer) -> Iterator[None]:
        ether = me.draw.randrange(1, 6) * ETHER
        me.call("WETH", "deposit", value=ether)
        me.call("WETH", "approve", me.of(pool).address, ether)
        me.call(pool, "postCollateral", ether)
        yield
        me.call(pool, "borrow", me.ask(pool, "borrowLimit", me.address) * me.draw.randrange(10, 80) // 100)
        yield
        for _ in range(me.draw.randrange(20)):
            yield
        # What it owes grows until the block that pays it, so it has more ready than it owes now.
        owed = me.ask(pool, "debtOf", me.address)
        me.mint("USDC", owed + owed // 100 + USD)
        me.call("USDC", "approve", me.of(pool).address, ANYTHING)
        me.call(pool, "repay", me.address, ANYTHING)
        yield
        me.call(pool, "takeCollateral", me.ask(pool, "collateralOf", me.address))
        yield
        me.call("WETH", "withdraw", me.ask("WETH", "balanceOf", me.address))
        yield

    return borrow


def _flash(pool: str) -> Errand:
    def flash(me: Customer) -> Iterator[None]:
        amount = me.draw.randrange(1_000, 100_000) * USD
        receiver = me.program(borrower(me.of(pool).address, me.address))
        me.mint("USDC", amount // 1_000, receiver)  # the fee is half of that
        yield
        me.call(pool, "flashLoan", receiver, me.of("USDC").address, amount, b"")
        yield

    return flash


def _refused(pool: str) -> Errand:
    """What an honest user gets wrong."""

    def refused(me: Customer) -> Iterator[None]:
        unwilling, usdc = me.program(UNWILLING), me.of("USDC").address
        me.call(pool, "borrow", USD)  # Undercollateralised: there is no collateral
        me.call(pool, "liquidate", me.address, USD)  # Healthy: there is no debt
        me.call(pool, "withdraw", 10**30)  # more shares than there are
        me.call(pool, "flashLoan", me.address, me.of("WETH").address, ETHER, b"")  # WrongToken
        yield
        me.call(pool, "flashLoan", unwilling, usdc, USD, b"")  # NotAgreed
        me.call(pool, "flashLoan", unwilling, usdc, 10**30, b"")  # NotEnoughCash
        yield

    return refused
