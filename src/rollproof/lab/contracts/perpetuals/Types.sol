// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IPriceFeed} from "../oracle/IPriceFeed.sol";

// What a market is set to. Ratios in basis points of notional; fractions of one have 18 decimals.
struct Config {
    IPriceFeed feed; // 8 decimals
    uint32 maxAge; // seconds after which a price is stale; 0: never
    uint16 initialBps; // initial margin: 10,000 divided by the highest leverage
    uint16 maintenanceBps; // maintenance margin
    uint16 feeBps; // of a trade
    uint16 liquidationFeeBps; // of what a liquidation closes
    uint16 keeperShareBps; // of the liquidation fee
    uint16 stepBps; // of the position: what one partial liquidation closes
    uint128 skewScale; // size: at this skew the premium would be 100 % (it is bounded), the funding fundingFactor
    uint128 maxOpenInterest; // size, for each side
    uint64 maxPremium; // bound of the mark price's premium over the oracle's, fraction
    uint64 fundingFactor; // funding per second at a skew of skewScale, fraction
    uint64 maxFundingRate; // bound of the funding per second, fraction
    uint64 minNotional; // smallest position, collateral units
}

struct Market {
    bytes32 symbol;
    Config config;
    uint128 longs; // open interest, size
    uint128 shorts;
    uint64 accruedAt; // when the index was written last, Unix seconds
    int256 index; // funding that one unit of size (1e18) has paid since the beginning, quote
    int256 cost; // sum of the positions' costs, quote
    int256 entries; // sum of size times entry index
    address[] longHolders;
    address[] shortHolders;
}

struct Position {
    int128 size; // positive: long
    uint64 place; // in the side's list of holders
    bool isolated;
    uint256 margin; // of an isolated position, collateral units
    int256 cost; // what the position was bought for and the funding it paid, quote; negative for a short
    int256 entry; // funding index up to which `cost` holds funding
}

struct Account {
    uint256 balance; // collateral units that stand behind every cross position
    uint256 debt; // realised losses that `balance` could not pay while other cross positions were in profit
    uint32 cross; // markets with a cross position, one bit each
    uint32 isolated; // markets with an isolated position
    bool known;
}

// A market as a risk engine reads it.
struct MarketState {
    bytes32 symbol;
    uint256 oraclePrice; // 8 decimals
    uint256 updatedAt;
    bool stale;
    uint256 markPrice;
    uint256 longs;
    uint256 shorts;
    int256 skew;
    int256 fundingRate; // per second, fraction; positive: longs pay
    int256 index; // with the funding since accruedAt
    int256 tradersProfit; // unrealised, of all positions together, collateral units
}

// A position as a risk engine reads it; amounts in collateral units, prices with 8 decimals.
struct PositionState {
    int256 size;
    bool isolated;
    uint256 margin;
    int256 cost; // quote, without the pending funding
    uint256 breakEven; // cost by size
    int256 pendingFunding; // positive: to be paid
    int256 profit; // unrealised at the mark price, pending funding taken off
    uint256 notional;
    uint256 initial; // margin
    uint256 maintenance;
    int256 equity; // of the margin that stands behind it: its own, or the whole cross account's
    uint256 bankruptcyPrice; // closed at which that equity would be nothing; 0 where no price above zero does it
}

uint256 constant MAX_MARKETS = 16;
uint256 constant MAX_HOLDERS = 128; // of one side of one market: what ranking has to read
uint256 constant MAX_COUNTERPARTIES = 32; // of one deleveraging

error NotOwner();
error NotGuardian();
error VenuePaused();
error BadConfig();
error NoMarket(uint256 market);
error NoPosition(uint256 market, address account);
error ZeroAmount();
error BadPrice(uint256 market, int256 price);
error StalePrice(uint256 market, uint256 updatedAt);
error PriceLimit(uint256 price, uint256 limit);
error WrongMode(uint256 market, address account);
error WouldFlip(int256 size, int256 delta);
error TooSmall(uint256 notional, uint256 least);
error OpenInterestFull(uint256 market);
error InsufficientBalance(uint256 balance, uint256 needed);
error InsufficientMargin(int256 equity, uint256 needed);
error PoolInsolvent(uint256 pool, uint256 needed);
error Healthy(int256 equity, uint256 maintenance);
error NeedsDeleveraging(uint256 shortfall, uint256 fund);
error FundSuffices(uint256 shortfall, uint256 fund);
error OutOfRank(address counterparty);
error NotNeeded(address counterparty);
error TransferFailed();

event MarketSet(uint256 indexed market, bytes32 indexed symbol, Config config);
event Deposit(address indexed account, address indexed from, uint256 amount);
event Withdrawal(address indexed account, address indexed to, uint256 amount);
event MarginMoved(uint256 indexed market, address indexed account, int256 amount);
/// `cost` and `size` are the position's afterwards; `realised` and `fee` are in collateral units.
event PositionChanged(
    uint256 indexed market,
    address indexed account,
    int256 delta,
    int256 size,
    int256 cost,
    uint256 price,
    int256 realised,
    uint256 fee
);
/// `rate` is that of the time since the last one; `index` is the new one.
event Funding(uint256 indexed market, int256 rate, int256 index, uint256 oraclePrice);
event Liquidated(
    uint256 indexed market,
    address indexed account,
    address indexed liquidator,
    int256 closed,
    uint256 price,
    uint256 fee,
    uint256 reward
);
event Adl(
    uint256 indexed market,
    address indexed bankrupt,
    address indexed counterparty,
    int256 closed,
    uint256 price,
    int256 realised
);
/// What an account lost beyond its collateral: the fund paid `covered` of it to the pool.
event Shortfall(uint256 indexed market, address indexed account, uint256 amount, uint256 covered);
/// With `byPool` a loss of `account` that the pool bears; without, a forced profit of `account` that the pool lacked.
event BadDebt(uint256 indexed market, address indexed account, uint256 amount, bool byPool);
event InsuranceChanged(int256 change, uint256 balance);
event LiquidityAdded(address indexed provider, uint256 amount, uint256 shares);
event LiquidityRemoved(address indexed provider, uint256 amount, uint256 shares);
event PauseChanged(bool paused, address by);
event OwnerChanged(address owner);
event GuardianChanged(address guardian);
