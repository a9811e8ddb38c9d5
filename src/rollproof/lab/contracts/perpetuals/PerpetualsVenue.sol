// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {Amounts} from "./Amounts.sol";
import {Liquidity} from "./Liquidity.sol";
import {Markets} from "./Markets.sol";
import "./Types.sol";

/// Leveraged perpetual futures, settled in one ERC-20 token, against a pool of liquidity.
///
/// Sizes have 18 decimals, prices 8, amounts those of the token. What changes state is in the contracts that this one
/// inherits, in the order Markets, Margin, Trading, Liquidation, Deleveraging, Liquidity; here is what a risk engine
/// reads. Views answer with stale prices too, and say so.
contract PerpetualsVenue is Liquidity {
    using Amounts for int256;

    constructor(IERC20 collateral_, address guardian_) Markets(collateral_, guardian_) {}

    // Markets.

    function marketCount() external view returns (uint256) {
        return _markets.length;
    }

    function config(uint256 id) external view returns (Config memory) {
        return _market(id).config;
    }

    function market(uint256 id) external view returns (MarketState memory state) {
        Market storage found = _market(id);
        (state.oraclePrice, state.updatedAt, state.stale) = _observe(id, false);
        state.symbol = found.symbol;
        state.markPrice = _mark(found, state.oraclePrice);
        state.longs = found.longs;
        state.shorts = found.shorts;
        state.skew = _skew(found);
        state.fundingRate = _rate(found);
        state.index = _index(found, state.oraclePrice);
        (state.tradersProfit,) = _tradersProfit(id, false);
    }

    /// Size on each side.
    function openInterest(uint256 id) external view returns (uint256 longs, uint256 shorts) {
        return (_market(id).longs, _market(id).shorts);
    }

    /// What a trade of `delta` would fill at now.
    function quote(uint256 id, int256 delta) external view returns (uint256 price) {
        (uint256 observed,,) = _observe(id, false);
        return _fill(_markets[id], observed, delta);
    }

    // Accounts.

    /// Everybody who ever held collateral here, to be read with `accountAt`.
    function accountCount() external view returns (uint256) {
        return _list.length;
    }

    function accountAt(uint256 index) external view returns (address) {
        return _list[index];
    }

    /// The cross account: equity is its balance less its debt, and its positions' unrealised profit.
    function account(address who)
        external
        view
        returns (int256 equity, uint256 initial, uint256 maintenance, uint256 balance, uint256 debt)
    {
        (equity, initial, maintenance) = _cross(who, false);
        (balance, debt) = (_accounts[who].balance, _accounts[who].debt);
    }

    /// Markets in which an account has a cross, and an isolated position; one bit each.
    function marketsOf(address who) external view returns (uint256 cross, uint256 isolated) {
        return (_accounts[who].cross, _accounts[who].isolated);
    }

    /// Zeros where there is none.
    function position(uint256 id, address who) external view returns (PositionState memory state) {
        Position storage found = _positions[id][who];
        Market storage at = _market(id);
        state.size = found.size;
        if (state.size == 0) return state;
        (uint256 price,,) = _observe(id, false);
        int256 index = _index(at, price);
        state.isolated = found.isolated;
        state.margin = found.margin;
        state.cost = found.cost;
        if ((found.cost > 0) == (found.size > 0)) state.breakEven = uint256(found.cost / found.size);
        state.pendingFunding = _pending(found, index).ceilDiv(int256(UNIT));
        (state.profit, state.notional) = _valued(found, index, _mark(at, price));
        state.initial = Amounts.shareUp(state.notional, at.config.initialBps);
        state.maintenance = Amounts.shareUp(state.notional, at.config.maintenanceBps);
        (state.equity,,) = _behind(id, who, false);
        (state.bankruptcyPrice,) = _bankruptcyPrice(id, who);
    }

    /// Positions on one side of a market, to be read with `holderAt`.
    function holderCount(uint256 id, bool long) external view returns (uint256) {
        return long ? _market(id).longHolders.length : _market(id).shortHolders.length;
    }

    function holderAt(uint256 id, bool long, uint256 index) external view returns (address) {
        return long ? _market(id).longHolders[index] : _market(id).shortHolders[index];
    }

    /// The markets, one bit each, in which anybody may liquidate this account now.
    function liquidatable(address who) external view returns (uint256 markets) {
        Account storage holder = _accounts[who];
        (int256 equity,, uint256 maintenance) = _cross(who, false);
        if (equity < int256(maintenance)) markets = holder.cross;
        for (uint256 id; id < _markets.length; ++id) {
            if (holder.isolated & (1 << id) == 0) continue;
            (equity,, maintenance) = _isolated(id, who, false);
            if (equity < int256(maintenance)) markets |= 1 << id;
        }
    }

    /// The pool's equity: what it holds and is owed, less the traders' unrealised profit.
    function poolEquity() external view returns (int256 equity) {
        (equity,) = _poolEquity(false);
    }
}
