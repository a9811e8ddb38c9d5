"""What is asked of Perp v2's contracts: view functions, and the events that name accounts.

Source: @perp/curie-contract 2.8.4 (npm), the interfaces in contracts/interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rollproof.chain import abi
from rollproof.venue.view import View

_ADDRESS: Final = ("address",)
_PAIR: Final = ("address", "address")
_SIGNED: Final = ("int256",)
PARTS: Final = tuple(
    View(name, (), _ADDRESS)
    for name in ("getVault", "getAccountBalance", "getExchange", "getInsuranceFund", "getClearingHouseConfig")
)
CLEARING_HOUSE: Final = View("getClearingHouse", (), _ADDRESS)
SETTLEMENT_TOKEN: Final = View("getSettlementToken", (), _ADDRESS)
ACCOUNT_VALUE: Final = View("getAccountValue", _ADDRESS, _SIGNED)
SETTLEMENT_TOKEN_VALUE: Final = View("getSettlementTokenValue", _ADDRESS, _SIGNED)
FREE_COLLATERAL: Final = View("getFreeCollateral", _ADDRESS)
BASE_TOKENS: Final = View("getBaseTokens", _ADDRESS, ("address[]",))
MARGIN_FOR_LIQUIDATION: Final = View("getMarginRequirementForLiquidation", _ADDRESS, _SIGNED)
TOTAL_DEBT_VALUE: Final = View("getTotalDebtValue", _ADDRESS)
POSITION_SIZE: Final = View("getTotalPositionSize", _PAIR, _SIGNED)
POSITION_VALUE: Final = View("getTotalPositionValue", _PAIR, _SIGNED)
OPEN_NOTIONAL: Final = View("getTotalOpenNotional", _PAIR, _SIGNED)
HAS_ORDER: Final = View("hasOrder", _ADDRESS, ("bool",))
PENDING_FUNDING: Final = View("getPendingFundingPayment", _PAIR, _SIGNED)
FUND_CAPACITY: Final = View("getInsuranceFundCapacity", (), _SIGNED)
IM_RATIO: Final = View("getImRatio", (), ("uint24",))
MM_RATIO: Final = View("getMmRatio", (), ("uint24",))
PENALTY_RATIO: Final = View("getLiquidationPenaltyRatio", (), ("uint24",))
MAX_FUNDING_RATE: Final = View("getMaxFundingRate", (), ("uint24",))
MARK_PRICE: Final = View("getMarkPrice", _ADDRESS)
INDEX_PRICE: Final = View("getIndexPrice", ("uint256",))
IS_OPEN: Final = View("isOpen", (), ("bool",))
IS_CLOSED: Final = View("isClosed", (), ("bool",))
CLOSED_PRICE: Final = View("getClosedPrice")
PAUSED_PRICE: Final = View("getPausedIndexPrice")
PRICE_FEED: Final = View("getPriceFeed", (), _ADDRESS)
CHAINLINK_FEED: Final = View("getChainlinkPriceFeedV3", (), _ADDRESS)
TIMED_OUT: Final = View("isTimedOut", (), ("bool",))

DEPOSITED: Final = abi.topic("Deposited(address,address,uint256)")
POSITION_CHANGED: Final = abi.topic("PositionChanged(address,address,int256,int256,uint256,int256,int256,uint256)")
LIQUIDITY_CHANGED: Final = abi.topic(
    "LiquidityChanged(address,address,address,int24,int24,int256,int256,int128,uint256)"
)


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts behind a ClearingHouse, and what it demands."""

    clearing_house: bytes
    vault: bytes
    account_balance: bytes
    exchange: bytes
    insurance_fund: bytes
    config: bytes
