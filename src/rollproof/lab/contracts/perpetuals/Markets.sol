// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {Amounts} from "./Amounts.sol";
import "./Types.sol";

/// Markets, their prices and their funding.
///
/// The mark price is the oracle's with a premium that grows with the skew (longs less shorts) and is bounded. A trade
/// fills at the mean of the premiums before and after it, so what it moves it pays for, and a round trip costs only
/// fees and rounding. Funding accrues per second in proportion to the skew, at the oracle's price; the pool is the
/// counterparty of the skew, and so receives what the heavier side pays beyond what the lighter one receives.
abstract contract Markets {
    using Amounts for int256;

    IERC20 public immutable collateral;
    uint256 internal immutable UNIT; // quote in one unit of collateral
    address public owner;
    address public guardian;
    bool public paused;
    Market[] internal _markets;

    constructor(IERC20 collateral_, address guardian_) {
        uint256 decimals = collateral_.decimals();
        if (decimals > 18) revert BadConfig();
        collateral = collateral_;
        UNIT = 10 ** (26 - decimals);
        owner = msg.sender;
        guardian = guardian_;
        emit OwnerChanged(msg.sender);
        emit GuardianChanged(guardian_);
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner();
        _;
    }

    modifier whenOpen() {
        if (paused) revert VenuePaused();
        _;
    }

    // Administration.

    function setOwner(address owner_) external onlyOwner {
        owner = owner_;
        emit OwnerChanged(owner_);
    }

    function setGuardian(address guardian_) external onlyOwner {
        guardian = guardian_;
        emit GuardianChanged(guardian_);
    }

    /// While paused only collateral, liquidity and insurance may be added: nothing is traded, liquidated or paid out.
    function setPaused(bool paused_) external {
        if (msg.sender != guardian) revert NotGuardian();
        paused = paused_;
        emit PauseChanged(paused_, msg.sender);
    }

    function addMarket(bytes32 symbol, Config calldata config) external onlyOwner returns (uint256 id) {
        id = _markets.length;
        if (id == MAX_MARKETS) revert BadConfig();
        Market storage market = _markets.push();
        market.symbol = symbol;
        market.accruedAt = uint64(block.timestamp);
        _configure(id, config);
    }

    /// Funding up to now accrues by the old settings first.
    function setMarket(uint256 id, Config calldata config) external onlyOwner {
        _accrue(id);
        _configure(id, config);
    }

    function _configure(uint256 id, Config calldata config) private {
        // A partial liquidation must leave an account healthier: its fee has to stay below the maintenance margin.
        if (
            config.feed.decimals() != 8 || config.initialBps > Amounts.BPS || config.maintenanceBps >= config.initialBps
                || config.liquidationFeeBps >= config.maintenanceBps || config.feeBps >= config.maintenanceBps
                || config.keeperShareBps > Amounts.BPS || config.stepBps == 0 || config.stepBps > Amounts.BPS
                || config.skewScale == 0 || config.maxOpenInterest > 1e30 || config.maxPremium > Amounts.ONE / 5
                || config.maxFundingRate > Amounts.ONE / 1 hours
        ) revert BadConfig();
        _markets[id].config = config;
        emit MarketSet(id, _markets[id].symbol, config);
    }

    // Prices.

    function _market(uint256 id) internal view returns (Market storage) {
        if (id >= _markets.length) revert NoMarket(id);
        return _markets[id];
    }

    /// The oracle's price; reverts where there is none, and with `strict` where it is too old.
    function _observe(uint256 id, bool strict) internal view returns (uint256 price, uint256 updatedAt, bool stale) {
        Config storage config = _market(id).config;
        int256 answer;
        (, answer,, updatedAt,) = config.feed.latestRoundData();
        if (answer <= 0 || answer > type(int128).max) revert BadPrice(id, answer);
        stale = config.maxAge != 0 && block.timestamp > updatedAt + config.maxAge;
        if (strict && stale) revert StalePrice(id, updatedAt);
        price = uint256(answer);
    }

    function _skew(Market storage market) internal view returns (int256) {
        return int256(uint256(market.longs)) - int256(uint256(market.shorts));
    }

    function _premium(Market storage market, int256 skew) internal view returns (int256) {
        int256 raw = skew * int256(Amounts.ONE) / int256(uint256(market.config.skewScale));
        return raw.clamp(market.config.maxPremium);
    }

    /// What positions are valued at; rounded down.
    function _mark(Market storage market, uint256 price) internal view returns (uint256) {
        return price * uint256(int256(Amounts.ONE) + _premium(market, _skew(market))) / Amounts.ONE;
    }

    /// What a trade of `delta` fills at; rounded against it.
    function _fill(Market storage market, uint256 price, int256 delta) internal view returns (uint256) {
        int256 skew = _skew(market);
        int256 both = _premium(market, skew) + _premium(market, skew + delta);
        uint256 scaled = price * uint256(int256(2 * Amounts.ONE) + both);
        return delta > 0 ? Amounts.ceilDiv(scaled, 2 * Amounts.ONE) : scaled / (2 * Amounts.ONE);
    }

    // Funding.

    function _rate(Market storage market) internal view returns (int256) {
        int256 raw =
            _skew(market) * int256(uint256(market.config.fundingFactor)) / int256(uint256(market.config.skewScale));
        return raw.clamp(market.config.maxFundingRate);
    }

    /// The index with the funding that accrued since it was written.
    function _index(Market storage market, uint256 price) internal view returns (int256) {
        return market.index + _rate(market) * int256((block.timestamp - market.accruedAt) * price);
    }

    /// Writes the funding up to now; returns the oracle's price, which must not be stale.
    function _accrue(uint256 id) internal returns (uint256 price) {
        (price,,) = _observe(id, true);
        Market storage market = _markets[id];
        if (block.timestamp == market.accruedAt) return price;
        market.index = _index(market, price);
        market.accruedAt = uint64(block.timestamp);
        emit Funding(id, _rate(market), market.index, price);
    }

    /// Funding that a position has to pay (negative: receives) up to an index; quote, rounded against it.
    function _pending(Position storage position, int256 index) internal view returns (int256) {
        return (int256(position.size) * (index - position.entry)).ceilDiv(int256(Amounts.ONE));
    }
}
