"""The weak contracts with money in them, each beside its corrected twin: "EtherBank" and "EtherBankFixed"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollproof.lab.deployments.wiring import Wiring

if TYPE_CHECKING:
    from rollproof.lab.contract import Contract
    from rollproof.lab.stack import Stack

USD: Final = 10**6
ETHER: Final = 10**18
ANYTHING: Final = 2**256 - 1
SAVINGS: Final = 100 * ETHER  # of each saver, in each bank
SAVERS: Final = ("victim", "bystander")
DOLLARS: Final = 500_000 * USD  # in each vault of dollars
STAKED: Final = 1_000 * ETHER
LENT: Final = 2_000_000 * USD
LEAST_DEBT: Final = 100 * USD
SMALL_SYMBOL: Final = "LAB-USD"  # the loan book's own price, so that its fall touches nothing else


def vulnerable(stack: Stack, wiring: Wiring, price: int) -> None:
    """Deploys them and pays savings in. ``price`` of ether in dollars, 8 decimals."""
    _banks(wiring)
    _vaults(stack, wiring)
    _callback_banks(stack, wiring)
    _stable_pools(stack, wiring)
    _loan_books(stack, wiring, price)


def _twins(wiring: Wiring, name: str, *arguments: object) -> list[Contract]:
    return [wiring.deploy(each, each, *arguments) for each in (name, f"{name}Fixed")]


def _banks(wiring: Wiring) -> None:
    banks = [each for name in ("EtherBank", "TransferableBank", "ShareVault") for each in _twins(wiring, name)]
    wiring.settle()
    for bank in banks:
        for saver in SAVERS:
            wiring.call(saver, bank, "deposit", value=SAVINGS)
    wiring.settle()


def _vaults(stack: Stack, wiring: Wiring) -> None:
    usdc, owner = stack.deployed["USDC"], stack.account("deployer", "l2").address
    vaults = _twins(wiring, "TokenVault", usdc.address)
    proxied: list[Contract] = []
    for name in ("OwnedVault", "SelfUpgradingVault"):
        for each in (name, f"{name}Fixed"):
            code = wiring.deploy(f"{each}Code", each)
            proxy = wiring.deploy(each, "UpgradeableProxy", code.address, b"")
            stack.deployed[each] = code.at(proxy.address)
            proxied.append(stack.deployed[each])
    wiring.settle()
    for vault in proxied:
        wiring.call("deployer", vault, "initialize", owner)
        wiring.call("deployer", usdc, "mint", vault.address, DOLLARS)
    for vault in vaults:
        wiring.call("deployer", usdc, "mint", stack.account("victim", "l2").address, DOLLARS)
        wiring.call("victim", usdc, "approve", vault.address, ANYTHING)
    wiring.settle()
    for vault in vaults:
        wiring.call("victim", vault, "deposit", DOLLARS)
    wiring.settle()


def _callback_banks(stack: Stack, wiring: Wiring) -> None:
    token = wiring.deploy("CallbackToken", "CallbackToken", "Callback Token", "CALL", 18)
    banks = _twins(wiring, "CallbackBank", token.address)
    wiring.settle()
    for name in ("victim", "attacker"):
        wiring.call("deployer", token, "mint", stack.account(name, "l2").address, 2 * SAVINGS)
    for bank in banks:
        wiring.call("victim", token, "approve", bank.address, ANYTHING)
    wiring.settle()
    for bank in banks:
        wiring.call("victim", bank, "supply", SAVINGS)
    wiring.settle()


def _stable_pools(stack: Stack, wiring: Wiring) -> None:
    """Each pool with a lender of its own, which has as much to lend as the pool holds."""
    token = wiring.deploy("StakedEther", "ERC20", "Staked Ether", "sETH", 18)
    pools = _twins(wiring, "StablePool", token.address)
    lenders = []
    for name, pool in zip(("ShareLender", "ShareLenderFixed"), pools, strict=True):
        lenders.append(wiring.deploy(name, "ShareLender", pool.address))
    provider = stack.account("liquidity-provider", "l2").address
    wiring.settle()
    wiring.call("deployer", token, "mint", provider, 2 * STAKED)
    wiring.call("deployer", token, "mint", stack.account("attacker", "l2").address, 10 * STAKED)
    for pool, lender in zip(pools, lenders, strict=True):
        wiring.call("liquidity-provider", token, "approve", pool.address, ANYTHING)
        wiring.call("deployer", token, "mint", lender.address, 2 * STAKED)
    wiring.settle()
    for pool in pools:
        wiring.call("liquidity-provider", pool, "addLiquidity", STAKED, value=STAKED)
    wiring.settle()


def _loan_books(stack: Stack, wiring: Wiring, price: int) -> None:
    deployed, word = stack.deployed, SMALL_SYMBOL.encode().ljust(32, b"\0")
    usdc = deployed["USDC"]
    wiring.call("oracle-keeper", deployed["PriceOracle"], "push", [word], [price])
    feed = wiring.deploy(f"PriceFeed {SMALL_SYMBOL}", "PriceFeed", deployed["PriceOracle"].address, word)
    oracle = wiring.deploy("LoanOracle", "FeedOracle", feed.address, 18, usdc.address, 0)
    books = [
        wiring.deploy("LoanBook", "LoanBook", usdc.address, oracle.address),
        wiring.deploy("LoanBookFixed", "LoanBookFixed", usdc.address, oracle.address, LEAST_DEBT),
    ]
    wiring.settle()
    for book in books:
        wiring.call("deployer", usdc, "mint", book.address, LENT)
        wiring.call("liquidator", usdc, "approve", book.address, ANYTHING)
    wiring.settle()
