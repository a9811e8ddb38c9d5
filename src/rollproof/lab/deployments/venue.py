"""The perpetuals venue on the L2: collateral, prices, markets, liquidity, insurance, and money for who trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rollproof.lab.stack import Stack

USD: Final = 10**6  # unit of the collateral, six decimals
UNIT: Final = 10**18  # unit of size, and of fractions
SYMBOLS: Final = ("ETH-USD", "BTC-USD")
LIQUIDITY: Final = 50_000_000 * USD
INSURANCE: Final = 250_000 * USD
WALLET: Final = 2_000_000 * USD  # of every account that may trade
TRADERS: Final = tuple(f"trader-{number}" for number in range(12))
_ANYTHING: Final = 2**256 - 1


def word(symbol: str) -> bytes:
    """A symbol as the contracts have it."""
    return symbol.encode().ljust(32, b"\0")


def config(feed: bytes, scale: int) -> tuple[bytes | int, ...]:
    """The venue's ``Config`` of a market whose skew of ``scale`` (size) counts as whole."""
    return (
        feed,
        60,  # seconds after which a price is stale
        200,  # initial margin, basis points: 50 times leverage
        100,  # maintenance margin
        5,  # trading fee
        50,  # liquidation fee
        5_000,  # the keeper's share of it
        5_000,  # of the position that one liquidation closes
        scale,
        scale // 10,  # open interest of one side: a hundred million dollars
        UNIT // 50,  # premium of the mark price: 2 % at most
        UNIT // 10**5,  # funding per second at a whole skew
        UNIT // 10**6,
        10 * USD,  # smallest position
    )


def venue(stack: Stack) -> None:
    """Deploys and wires everything, in a few steps of the clock; the prices are the market's at that time."""
    send, deployed = stack.send, stack.deployed
    guardian = stack.account("guardian-1", "l2").address
    usdc = stack.deploy("USDC", "ERC20", "USD Coin", "USDC", 6)
    oracle = stack.deploy("PriceOracle", "PriceOracle", stack.account("oracle-keeper", "l2").address)
    perpetuals = stack.deploy("PerpetualsVenue", "PerpetualsVenue", usdc.address, guardian)
    feeds = [stack.deploy(f"PriceFeed {symbol}", "PriceFeed", oracle.address, word(symbol)) for symbol in SYMBOLS]
    stack.step()
    prices = [stack.market.price(stack.time, symbol) for symbol in SYMBOLS]
    pushed = oracle.encode("push", [word(symbol) for symbol in SYMBOLS], prices)
    send("l2", "oracle-keeper", oracle.address, data=pushed)
    for symbol, feed, price in zip(SYMBOLS, feeds, prices, strict=True):
        scale = 1_000_000_000 * UNIT * 10**8 // price  # a thousand million dollars of size
        data = perpetuals.encode("addMarket", word(symbol), config(feed.address, scale))
        send("l2", "deployer", perpetuals.address, data=data)
    holders = dict.fromkeys((*TRADERS, "liquidator"), WALLET)
    holders["liquidity-provider"] = LIQUIDITY + INSURANCE + WALLET
    for name, amount in holders.items():
        data = usdc.encode("mint", stack.account(name, "l2").address, amount)
        send("l2", "deployer", deployed["USDC"].address, data=data)
        send("l2", name, usdc.address, data=usdc.encode("approve", perpetuals.address, _ANYTHING))
    stack.step()
    send("l2", "liquidity-provider", perpetuals.address, data=perpetuals.encode("addLiquidity", LIQUIDITY))
    send("l2", "liquidity-provider", perpetuals.address, data=perpetuals.encode("insure", INSURANCE))
    stack.step()
