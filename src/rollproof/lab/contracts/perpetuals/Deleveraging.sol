// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Amounts} from "./Amounts.sol";
import {Liquidation} from "./Liquidation.sol";
import "./Types.sol";

/// Auto-deleveraging: a bankrupt position, too large for the insurance fund, is closed against the positions on the
/// other side that profit most, at its bankruptcy price. Nobody is closed at a loss, and the pool is not part of it.
///
/// The caller names the counterparties; that they are the first of the ranking, in its order, is checked here against
/// every position of that side, so the number of positions on a side is bounded. Equal scores rank by address.
abstract contract Deleveraging is Liquidation {
    using Amounts for int256;

    /// Closes as much of the position of `who` as `counterparties` have; the last may be closed in part. A position
    /// that is larger than all of them together stays, smaller, for another call or for `liquidate`.
    function deleverage(uint256 id, address who, address[] calldata counterparties) external whenOpen {
        (,, int256 left) = _sentence(id, who);
        if (left >= 0 || left.magnitude() <= fund) revert FundSuffices(left < 0 ? left.magnitude() : 0, fund);
        (uint256 price, bool exists) = _bankruptcyPrice(id, who);
        if (!exists || counterparties.length == 0 || counterparties.length > MAX_COUNTERPARTIES) revert ZeroAmount();
        _requireFirst(id, who, price, counterparties);

        int256 rest = _positions[id][who].size;
        int256 bankrupt = rest;
        int256[] memory made = new int256[](counterparties.length);
        for (uint256 i; i < counterparties.length; ++i) {
            (rest, made[i]) = _match(id, who, rest, counterparties[i], price);
        }
        int256 lost = _resize(id, who, rest - bankrupt, price);
        _changed(id, who, rest - bankrupt, price, lost);
        _conclude(id, who, lost);
        // Last, when the pool has what the bankrupt account paid.
        for (uint256 i; i < counterparties.length; ++i) {
            _conclude(id, counterparties[i], made[i]);
        }
    }

    /// Closes what a counterparty has of a bankrupt size; returns what is left of that, and what the counterparty made.
    function _match(uint256 id, address who, int256 rest, address counterparty, uint256 price)
        private
        returns (int256 left, int256 made)
    {
        if (rest == 0) revert NotNeeded(counterparty);
        uint256 part = Amounts.min(rest.magnitude(), int256(_positions[id][counterparty].size).magnitude());
        int256 delta = rest > 0 ? int256(part) : -int256(part);
        made = _resize(id, counterparty, delta, price);
        left = rest - delta;
        emit Adl(id, who, counterparty, delta, price, made);
        _changed(id, counterparty, delta, price, made);
    }

    function _conclude(uint256 id, address who, int256 realised) private {
        uint256 missing = _book(id, who, realised);
        _cover(id, who, missing + _finish(id, who));
    }

    function _changed(uint256 id, address who, int256 delta, uint256 price, int256 realised) private {
        Position storage position = _positions[id][who];
        emit PositionChanged(id, who, delta, position.size, position.cost, price, realised, 0);
    }

    /// Reverts unless the list is the beginning of the ranking.
    function _requireFirst(uint256 id, address who, uint256 price, address[] calldata list) private view {
        uint256 last;
        address lastHolder;
        bool short = _positions[id][who].size > 0; // what a counterparty has to be
        for (uint256 i; i < list.length; ++i) {
            int256 size = _positions[id][list[i]].size;
            if (short ? size >= 0 : size <= 0) revert OutOfRank(list[i]);
            uint256 score = _score(id, list[i], price);
            if (score == 0 || (i != 0 && !_before(last, lastHolder, score, list[i]))) revert OutOfRank(list[i]);
            (last, lastHolder) = (score, list[i]);
        }
        uint256 ahead;
        address[] storage holders = _opposite(id, who);
        for (uint256 i; i < holders.length; ++i) {
            if (!_before(last, lastHolder, _score(id, holders[i], price), holders[i])) ++ahead;
        }
        if (ahead != list.length) revert OutOfRank(lastHolder);
    }

    function _before(uint256 score, address holder, uint256 otherScore, address other) internal pure returns (bool) {
        return score != otherScore ? score > otherScore : holder < other;
    }

    /// The first `most` counterparties for a bankrupt position, in the order that `deleverage` wants, and their scores.
    function adlQueue(uint256 id, address who, uint256 most)
        external
        view
        returns (address[] memory queue, uint256[] memory scores)
    {
        _market(id);
        (uint256 price, bool exists) = _bankruptcyPrice(id, who);
        most = exists ? Amounts.min(most, Amounts.min(_ranked(id, who, price), MAX_COUNTERPARTIES)) : 0;
        queue = new address[](most);
        scores = new uint256[](most);
        if (most == 0) return (queue, scores);
        address[] storage holders = _opposite(id, who);
        uint256 filled;
        for (uint256 i; i < holders.length; ++i) {
            (address holder, uint256 score) = (holders[i], _score(id, holders[i], price));
            if (score == 0) continue;
            uint256 at = filled;
            while (at != 0 && _before(score, holder, scores[at - 1], queue[at - 1])) {
                if (at < most) (queue[at], scores[at]) = (queue[at - 1], scores[at - 1]);
                --at;
            }
            if (at < most) (queue[at], scores[at]) = (holder, score);
            if (filled < most) ++filled;
        }
    }
}
