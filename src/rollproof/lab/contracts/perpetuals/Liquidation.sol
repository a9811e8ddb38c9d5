// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Amounts} from "./Amounts.sol";
import {Trading} from "./Trading.sol";
import "./Types.sol";

/// Positions whose collateral is below the maintenance margin: closed by anybody, in steps where that helps.
///
/// What a bankrupt account cannot pay, the insurance fund pays to the pool. A loss that is more than the whole fund is
/// deleveraged instead (Deleveraging): only where no profitable position on the other side is left may the fund be
/// emptied, and the rest becomes the pool's bad debt.
abstract contract Liquidation is Trading {
    using Amounts for int256;

    /// Closes a step of a position, or all of it where half the maintenance margin is gone too or too little would be
    /// left. The caller gets a share of the fee on its balance, from the fund where the account cannot pay it.
    function liquidate(uint256 id, address who) external whenOpen {
        (int256 delta, uint256 fill, int256 left) = _sentence(id, who);
        if (left < 0 && left.magnitude() > fund) {
            (uint256 price, bool any) = _bankruptcyPrice(id, who);
            if (any && _ranked(id, who, price) != 0) revert NeedsDeleveraging(left.magnitude(), fund);
        }
        int256 realised = _resize(id, who, delta, fill);
        uint256 missing = _book(id, who, realised);
        (uint256 fee, uint256 reward) = _punish(id, who, Amounts.ceilDiv(delta.magnitude() * fill, UNIT), left);
        int256 cost = _positions[id][who].cost;
        int256 size = _positions[id][who].size;
        missing += _finish(id, who);
        _cover(id, who, missing);
        reward = _reward(id, delta.magnitude() * fill, reward);
        emit PositionChanged(id, who, delta, size, cost, fill, realised, fee);
        emit Liquidated(id, who, msg.sender, delta, fill, fee, reward);
    }

    /// What a liquidation does to a position now: by how much it changes it, at which price, and the equity behind the
    /// position after that, before fees. Reverts for one that is healthy.
    function _sentence(uint256 id, address who) internal returns (int256 delta, uint256 fill, int256 left) {
        uint256 price = _accrue(id);
        Market storage market = _markets[id];
        int256 size = _positions[id][who].size;
        if (size == 0) revert NoPosition(id, who);
        (int256 equity,, uint256 maintenance) = _behind(id, who, true);
        if (equity >= int256(maintenance)) revert Healthy(equity, maintenance);
        uint256 mark = _mark(market, price);
        uint256 closed = size.magnitude();
        if (equity >= int256(maintenance / 2)) {
            uint256 step = Amounts.shareUp(closed, market.config.stepBps);
            if ((closed - step) * mark / UNIT >= market.config.minNotional) closed = step;
        }
        delta = size > 0 ? -int256(closed) : int256(closed);
        fill = _fill(market, price, delta);
        left = equity + (delta * (int256(mark) - int256(fill))).floorDiv(int256(UNIT));
    }

    /// Moves what a forced change made or lost; returns what an isolated margin could not pay.
    function _book(uint256 id, address who, int256 realised) internal returns (uint256 missing) {
        if (realised > 0) {
            _pay(id, who, uint256(realised), true);
        } else {
            uint256 paid;
            (paid, missing) = _charge(id, who, realised.magnitude());
            pool += paid;
        }
    }

    /// Takes the liquidation fee, as far as there is equity and collateral for it; the keeper's share is held back for
    /// `_reward`, the fund gets the rest.
    function _punish(uint256 id, address who, uint256 notional, int256 left)
        private
        returns (uint256 fee, uint256 reward)
    {
        if (left <= 0) return (0, 0);
        Config storage config = _markets[id].config;
        fee = Amounts.min(Amounts.shareUp(notional, config.liquidationFeeBps), uint256(left));
        uint256 cash = _positions[id][who].isolated ? _positions[id][who].margin : _accounts[who].balance;
        fee = Amounts.min(fee, cash);
        (fee,) = _charge(id, who, fee);
        reward = fee * config.keeperShareBps / Amounts.BPS;
        _changeFund(int256(fee - reward));
    }

    /// Credits the keeper with its share of the full fee: what was held back, and the rest from the fund.
    function _reward(uint256 id, uint256 quote, uint256 held) private returns (uint256 reward) {
        Config storage config = _markets[id].config;
        uint256 fee = Amounts.shareUp(Amounts.ceilDiv(quote, UNIT), config.liquidationFeeBps);
        reward = fee * config.keeperShareBps / Amounts.BPS;
        reward = held + Amounts.min(fund, reward - held);
        _changeFund(-int256(reward - held));
        _credit(msg.sender, reward);
    }

    /// Ends what is closed: an isolated position's rest goes to the balance, a cross account without positions owes its
    /// debt to nobody any more. Returns what that debt was.
    function _finish(uint256 id, address who) internal returns (uint256 missing) {
        Position storage position = _positions[id][who];
        if (position.size != 0) return 0;
        bool isolated = position.isolated;
        _release(id, who);
        Account storage holder = _accounts[who];
        if (isolated || holder.cross != 0) return 0;
        missing = holder.debt;
        debts -= missing;
        holder.debt = 0;
    }

    /// The fund pays a shortfall to the pool as far as it goes; the rest is bad debt, which the pool bears.
    function _cover(uint256 id, address who, uint256 missing) internal {
        if (missing == 0) return;
        uint256 covered = Amounts.min(fund, missing);
        pool += covered;
        _changeFund(-int256(covered));
        emit Shortfall(id, who, missing, covered);
        if (covered == missing) return;
        badDebt += missing - covered;
        emit BadDebt(id, who, missing - covered, true);
    }

    /// The price at which closing the position leaves nothing behind it: the mark price moved by its equity. Rounded
    /// so that nothing is missing. False where no price above zero does.
    function _bankruptcyPrice(uint256 id, address who) internal view returns (uint256 price, bool exists) {
        (uint256 observed,,) = _observe(id, false);
        (int256 equity,,) = _behind(id, who, false);
        int256 size = _positions[id][who].size;
        int256 unit = equity * int256(UNIT);
        int256 mark = int256(_mark(_markets[id], observed));
        // A long needs mark - equity / size or more, a short mark + equity / size or less.
        int256 wanted = size > 0
            ? mark + (-unit).ceilDiv(int256(size.magnitude()))
            : mark + unit.floorDiv(int256(size.magnitude()));
        return wanted > 0 ? (uint256(wanted), true) : (0, false);
    }

    // Ranking.

    /// How a position ranks for deleveraging at a price: its profit by its cost, times its leverage, with 18 decimals;
    /// 0 where it makes no profit there. The market's funding need not be up to date.
    function _score(uint256 id, address who, uint256 price) internal view returns (uint256) {
        Market storage market = _markets[id];
        Position storage position = _positions[id][who];
        (uint256 observed,,) = _observe(id, false);
        (int256 profit, uint256 notional) = _valued(position, _index(market, observed), price);
        if (profit <= 0) return 0;
        uint256 basis = position.cost.magnitude() / UNIT;
        (int256 equity,,) = _behind(id, who, false);
        uint256 leverage = notional * Amounts.ONE / (equity > 0 ? uint256(equity) : 1);
        uint256 score = uint256(profit) * Amounts.ONE / (basis == 0 ? 1 : basis) * leverage / Amounts.ONE;
        return score == 0 ? 1 : score;
    }

    function _opposite(uint256 id, address who) internal view returns (address[] storage) {
        return _positions[id][who].size > 0 ? _markets[id].shortHolders : _markets[id].longHolders;
    }

    /// How many positions opposite `who` would make a profit at a price.
    function _ranked(uint256 id, address who, uint256 price) internal view returns (uint256 count) {
        address[] storage holders = _opposite(id, who);
        for (uint256 i; i < holders.length; ++i) {
            if (_score(id, holders[i], price) != 0) ++count;
        }
    }
}
