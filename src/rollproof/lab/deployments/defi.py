"""What else is on the L2 beside the venue: a market for ether, lenders, a multisig, governance, and weak contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollproof.lab.contract import Contract
from rollproof.lab.deployments.vulnerable import vulnerable
from rollproof.lab.deployments.wiring import Wiring
from rollproof.lab.transaction import created
from rollproof.rollup.op_stack import predeploys

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

USD: Final = 10**6
ETHER: Final = 10**18
VOTES: Final = 10**18
SYMBOL: Final = "ETH-USD"
MAX_AGE: Final = 3_600  # seconds, of a price that a lender uses
ANYTHING: Final = 2**256 - 1

POOLED: Final = 1_000 * ETHER  # in the pair, with as much worth of dollars
LENDABLE: Final = 10_000_000 * USD
TREASURY: Final = 5_000_000 * USD
SAFE: Final = 2_000_000 * USD
SUPPLY: Final = 1_000_000 * VOTES
# Who votes: the attacker has come by more than everybody else will use.
VOTERS: Final = {"liquidity-provider": 200_000 * VOTES, "bystander": 100_000 * VOTES, "attacker": 350_000 * VOTES}
GUARDIANS: Final = ("guardian-1", "guardian-2", "guardian-3")
THRESHOLD: Final = 2
DELAY: Final = 20  # seconds between a decision and its execution
VOTING_DELAY: Final = 1  # blocks
VOTING_PERIOD: Final = 5  # blocks


def defi(stack: Stack) -> None:
    """Deploys and wires everything, in some steps of the clock.

    Uses the venue's dollars and prices where there are any, and otherwise makes its own. Raises Missing, naming it, for
    what could not be deployed.
    """
    wiring = Wiring(stack)
    _money(stack, wiring)
    price = _ether_price(stack, wiring)
    _market(stack, wiring, price)
    _lending(stack, wiring)
    _guardians(stack, wiring)
    _governance(stack, wiring)
    vulnerable(stack, wiring, price)


def _money(stack: Stack, wiring: Wiring) -> None:
    deployed = stack.deployed
    if "USDC" not in deployed:
        wiring.deploy("USDC", "ERC20", "USD Coin", "USDC", 6)
    if stack.l2.code(predeploys.WETH):
        deployed["WETH"] = Contract.load("WETH").at(predeploys.WETH)
    else:
        wiring.deploy("WETH", "WETH")
    for name, ether, dollars in (
        ("liquidity-provider", 20_000, 100_000_000),
        ("arbitrageur", 2_000, 10_000_000),
        ("liquidator", 0, 5_000_000),
        ("victim", 100, 1_000_000),
        ("bystander", 100, 1_000_000),
    ):
        wiring.call("deployer", deployed["USDC"], "mint", stack.account(name, "l2").address, dollars * USD)
        if ether:
            wiring.call(name, deployed["WETH"], "deposit", value=ether * ETHER)
    wiring.settle()


def _ether_price(stack: Stack, wiring: Wiring) -> int:
    """Dollars with 8 decimals, as the oracle has it."""
    deployed, feed, word = stack.deployed, f"PriceFeed {SYMBOL}", SYMBOL.encode().ljust(32, b"\0")
    if "PriceOracle" not in deployed:
        wiring.deploy("PriceOracle", "PriceOracle", stack.account("oracle-keeper", "l2").address)
        wiring.call("oracle-keeper", deployed["PriceOracle"], "push", [word], [stack.market.price(stack.time, SYMBOL)])
    if feed not in deployed:
        wiring.deploy(feed, "PriceFeed", deployed["PriceOracle"].address, word)
        wiring.settle()
    return int(stack.view("l2", deployed[feed], "latestRoundData")[1])


def _market(stack: Stack, wiring: Wiring, price: int) -> None:
    deployed = stack.deployed
    weth, usdc, router = deployed["WETH"].address, deployed["USDC"].address, wiring.deploy("Router", "Router")
    pair = wiring.deploy("Pair", "Pair", weth, usdc)
    wiring.settle()
    wiring.call("deployer", router, "register", pair.address)
    for name in ("liquidity-provider", "arbitrageur", "victim", "bystander", "attacker"):
        for token in (deployed["WETH"], deployed["USDC"], pair):
            wiring.call(name, token, "approve", router.address, ANYTHING)
    wiring.settle()
    owner = stack.account("liquidity-provider", "l2").address
    dollars = POOLED * price * USD // (10**8 * ETHER)
    wiring.call(
        "liquidity-provider", router, "addLiquidity", weth, usdc, POOLED, dollars, 0, 0, owner, stack.time + 3_600
    )
    wiring.settle()


def _lending(stack: Stack, wiring: Wiring) -> None:
    """Three pools: one to borrow from for the length of a call, one with the price of the pair, one with a feed's."""
    deployed = stack.deployed
    weth, usdc = deployed["WETH"].address, deployed["USDC"].address
    feed = wiring.deploy("FeedOracle", "FeedOracle", deployed[f"PriceFeed {SYMBOL}"].address, 18, usdc, MAX_AGE)
    spot = wiring.deploy("SpotOracle", "SpotOracle", deployed["Pair"].address, weth)
    wiring.settle()
    for name, oracle, lendable in (
        ("LendingPool", feed, LENDABLE),
        ("SpotLendingPool", spot, LENDABLE // 5),
        ("SpotLendingPoolFixed", feed, LENDABLE // 5),
    ):
        pool = wiring.deploy(name, "LendingPool", weth, usdc, oracle.address, 7_500)
        wiring.settle()
        wiring.call("liquidity-provider", deployed["USDC"], "approve", pool.address, ANYTHING)
        wiring.call("liquidity-provider", pool, "deposit", lendable)
    wiring.settle()


def _guardians(stack: Stack, wiring: Wiring) -> None:
    """A Safe with money; two of three guardians decide."""
    singleton = wiring.deploy("GuardianSafeSingleton", "GuardianSafe")
    owners, nobody = [stack.account(name, "l2").address for name in GUARDIANS], bytes(20)
    setup = singleton.encode("setup", owners, THRESHOLD, nobody, b"", nobody, nobody, 0, nobody)
    proxy = wiring.deploy("GuardianSafe", "GuardianSafeProxy", singleton.address, setup)
    stack.deployed["GuardianSafe"] = Contract.load("GuardianSafe").at(proxy.address)
    wiring.call("deployer", stack.deployed["USDC"], "mint", proxy.address, SAFE)
    wiring.settle()


def _governance(stack: Stack, wiring: Wiring) -> None:
    """Token holders decide, a timelock waits, the guardians may cancel; the timelock owns the treasury and its code."""
    deployed, safe = stack.deployed, stack.deployed["GuardianSafe"].address
    token = wiring.deploy("GovernanceToken", "GovernanceToken", "Lab Votes", "VOTE", SUPPLY)
    # The timelock has to know the governor, which is what the deployer creates next.
    deployer = stack.account("deployer", "l2")
    governor = created(deployer.address, stack.next_nonce("l2", deployer) + 1)
    timelock = wiring.deploy("Timelock", "Timelock", DELAY, [governor, safe], [safe])
    wiring.deploy(
        "Governor",
        "Governor",
        token.address,
        timelock.address,
        VOTING_DELAY,
        VOTING_PERIOD,
        SUPPLY // 100,
        SUPPLY // 10,
    )
    code = wiring.deploy("TreasuryCode", "Treasury")
    setup = code.encode("initialize", timelock.address)
    proxy = wiring.deploy("Treasury", "GovernedProxy", code.address, timelock.address, setup)
    deployed["Treasury"] = code.at(proxy.address)
    for name, votes in VOTERS.items():
        wiring.call("deployer", token, "transfer", stack.account(name, "l2").address, votes)
    wiring.call("deployer", deployed["USDC"], "mint", proxy.address, TREASURY)
    wiring.settle()
