// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Amounts} from "./Amounts.sol";
import {Deleveraging} from "./Deleveraging.sol";
import "./Types.sol";

/// The pool that is every trade's counterparty, and the shares of those who fund it.
///
/// What a share is worth follows the pool's equity: what it holds, what accounts owe it, less the traders' unrealised
/// profit. One unit of shares and of equity that nobody owns keeps the first provider from setting the price of a share.
abstract contract Liquidity is Deleveraging {
    using Amounts for int256;

    uint16 public reserveBps = 1_000; // of the open notional: what providers must leave in the pool
    uint256 public totalShares;
    mapping(address => uint256) public shares;

    function setReserve(uint16 bps) external onlyOwner {
        if (bps > Amounts.BPS) revert BadConfig();
        reserveBps = bps;
    }

    function addLiquidity(uint256 amount) external returns (uint256 added) {
        (int256 equity,) = _poolEquity(true);
        if (equity < 0) revert PoolInsolvent(pool, equity.magnitude());
        added = amount * (totalShares + 1) / (uint256(equity) + 1);
        if (added == 0) revert ZeroAmount();
        _pull(amount);
        pool += amount;
        totalShares += added;
        shares[msg.sender] += added;
        emit LiquidityAdded(msg.sender, amount, added);
    }

    /// Reverts where the pool would be left with less than its reserve.
    function removeLiquidity(uint256 removed, address to) external whenOpen returns (uint256 amount) {
        (int256 equity, uint256 notional) = _poolEquity(true);
        if (removed == 0) revert ZeroAmount();
        if (removed > shares[msg.sender]) revert InsufficientBalance(shares[msg.sender], removed);
        amount = equity < 0 ? 0 : removed * (uint256(equity) + 1) / (totalShares + 1);
        uint256 reserve = Amounts.shareUp(notional, reserveBps);
        if (amount + reserve > pool) revert PoolInsolvent(pool, amount + reserve);
        shares[msg.sender] -= removed;
        totalShares -= removed;
        pool -= amount;
        emit LiquidityRemoved(msg.sender, amount, removed);
        _push(to, amount);
    }

    /// What all positions of a market together have not realised, and both sides' notional at the mark price.
    function _tradersProfit(uint256 id, bool strict) internal view returns (int256 profit, uint256 notional) {
        Market storage market = _markets[id];
        (uint256 price,,) = _observe(id, strict);
        uint256 mark = _mark(market, price);
        int256 skew = _skew(market);
        int256 funding = (skew * _index(market, price) - market.entries).floorDiv(int256(Amounts.ONE));
        profit = (skew * int256(mark) - market.cost - funding).ceilDiv(int256(UNIT));
        notional = (uint256(market.longs) + market.shorts) * mark / UNIT;
    }

    function _poolEquity(bool strict) internal view returns (int256 equity, uint256 notional) {
        equity = int256(pool + debts);
        for (uint256 id; id < _markets.length; ++id) {
            if (_markets[id].longs == 0 && _markets[id].shorts == 0) continue;
            (int256 profit, uint256 open) = _tradersProfit(id, strict);
            equity -= profit;
            notional += open;
        }
    }
}
