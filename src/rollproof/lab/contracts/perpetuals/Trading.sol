// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Amounts} from "./Amounts.sol";
import {Margin} from "./Margin.sol";
import "./Types.sol";

/// Opening, changing and closing positions against the pool.
abstract contract Trading is Margin {
    using Amounts for int256;

    uint16 public insuranceShareBps = 2_000; // of trading fees; the pool gets the rest

    function setInsuranceShare(uint16 bps) external onlyOwner {
        if (bps > Amounts.BPS) revert BadConfig();
        insuranceShareBps = bps;
    }

    /// Buys (`delta` > 0) or sells at once, at `limit` or better. Opens a position, adds to it or reduces it, but never
    /// turns it round. `margin` is moved from the balance into an isolated position first; it is 0 for a cross one.
    /// After an addition the initial margin must be there, after a reduction the maintenance margin.
    function trade(uint256 id, int256 delta, uint256 limit, bool isolated, uint256 margin) external whenOpen {
        _trade(id, delta, limit, isolated, margin);
    }

    /// Closes the caller's position at `limit` or better.
    function close(uint256 id, uint256 limit) external whenOpen {
        Position storage position = _positions[id][msg.sender];
        if (position.size == 0) revert NoPosition(id, msg.sender);
        _trade(id, -int256(position.size), limit, position.isolated, 0);
    }

    function _trade(uint256 id, int256 delta, uint256 limit, bool isolated, uint256 margin) private {
        if (delta == 0) revert ZeroAmount();
        uint256 price = _accrue(id);
        Position storage position = _positions[id][msg.sender];
        int256 size = position.size;
        bool adds = size == 0 || (size > 0) == (delta > 0);
        if (size == 0) position.isolated = isolated;
        else if (position.isolated != isolated) revert WrongMode(id, msg.sender);
        if (margin != 0) {
            if (!isolated) revert WrongMode(id, msg.sender);
            _toMargin(id, position, margin);
        }
        if (!adds && delta.magnitude() > size.magnitude()) revert WouldFlip(size, delta);
        price = _fill(_markets[id], price, delta);
        if (delta > 0 ? price > limit : price < limit) revert PriceLimit(price, limit);

        int256 realised = _resize(id, msg.sender, delta, price);
        uint256 fee = _fee(id, delta, price);
        _settle(id, realised, fee);
        size += delta;
        emit PositionChanged(id, msg.sender, delta, size, position.cost, price, realised, fee);
        if (size != 0) {
            uint256 notional = Amounts.ceilDiv(size.magnitude() * price, UNIT);
            if (notional < _markets[id].config.minNotional) revert TooSmall(notional, _markets[id].config.minNotional);
        }
        _requireAfter(id, size, adds, margin);
        if (size == 0) _release(id, msg.sender);
    }

    function _fee(uint256 id, int256 delta, uint256 price) private view returns (uint256) {
        return Amounts.shareUp(Amounts.ceilDiv(delta.magnitude() * price, UNIT), _markets[id].config.feeBps);
    }

    /// Moves what a trade of the caller made or lost, and its fee.
    function _settle(uint256 id, int256 realised, uint256 fee) private {
        uint256 unpaid;
        if (realised > 0) {
            _pay(id, msg.sender, uint256(realised), false);
        } else {
            uint256 lost;
            (lost, unpaid) = _charge(id, msg.sender, realised.magnitude());
            pool += lost;
        }
        (uint256 paid, uint256 short) = _charge(id, msg.sender, fee);
        if (unpaid + short != 0) revert InsufficientBalance(0, unpaid + short);
        uint256 insured = paid * insuranceShareBps / Amounts.BPS;
        pool += paid - insured;
        _changeFund(int256(insured));
    }

    function _requireAfter(uint256 id, int256 size, bool adds, uint256 margin) private view {
        if (_positions[id][msg.sender].isolated) {
            if (margin != 0) _requireInitial(msg.sender);
            if (size == 0) return;
        }
        (int256 equity, uint256 initial, uint256 maintenance) = _behind(id, msg.sender, true);
        uint256 needed = adds ? initial : maintenance;
        if (equity < int256(needed)) revert InsufficientMargin(equity, needed);
    }

    /// What is left of a closed isolated position's margin goes to the balance.
    function _release(uint256 id, address who) internal {
        Position storage position = _positions[id][who];
        uint256 margin = position.margin;
        if (margin != 0) {
            position.margin = 0;
            accountsTotal -= margin;
            _credit(who, margin);
        }
        delete _positions[id][who];
    }

    // A position's size, without its collateral.

    /// Changes a position by `delta` at `price`, within its side or to nothing; the market's funding is up to date.
    /// The funding it owed goes into its cost first. Returns what the part that was closed made, rounded down.
    function _resize(uint256 id, address who, int256 delta, uint256 price) internal returns (int256 realised) {
        Market storage market = _markets[id];
        Position storage position = _positions[id][who];
        int256 size = position.size;
        int256 cost = position.cost + _pending(position, market.index);
        int256 next = size + delta;
        int256 changed = delta * int256(price); // of the cost
        if (size != 0 && (size > 0) != (delta > 0)) {
            int256 part = next == 0 ? cost : (cost * int256(delta.magnitude())).ceilDiv(int256(size.magnitude()));
            realised = (-changed - part).floorDiv(int256(UNIT));
            changed = -part;
        }
        market.cost += cost - position.cost + changed;
        market.entries += next * market.index - size * position.entry;
        position.cost = cost + changed;
        position.entry = market.index;
        position.size = int128(next);
        _openInterest(market, id, size == 0 ? next > 0 : size > 0, size, next);
        if (size == 0) _enter(market, id, who, next > 0);
        else if (next == 0) _leave(market, id, who, size > 0);
    }

    function _openInterest(Market storage market, uint256 id, bool long, int256 size, int256 next) private {
        uint256 side = long ? market.longs : market.shorts;
        side = side + next.magnitude() - size.magnitude();
        if (next.magnitude() > size.magnitude() && side > market.config.maxOpenInterest) revert OpenInterestFull(id);
        if (long) market.longs = uint128(side);
        else market.shorts = uint128(side);
    }

    function _enter(Market storage market, uint256 id, address who, bool long) private {
        address[] storage holders = long ? market.longHolders : market.shortHolders;
        if (holders.length == MAX_HOLDERS) revert OpenInterestFull(id);
        _positions[id][who].place = uint64(holders.length);
        holders.push(who);
        Account storage holder = _accounts[who];
        if (_positions[id][who].isolated) holder.isolated |= uint32(1 << id);
        else holder.cross |= uint32(1 << id);
    }

    function _leave(Market storage market, uint256 id, address who, bool long) private {
        address[] storage holders = long ? market.longHolders : market.shortHolders;
        uint64 place = _positions[id][who].place;
        address last = holders[holders.length - 1];
        holders[place] = last;
        _positions[id][last].place = place;
        holders.pop();
        Account storage holder = _accounts[who];
        if (_positions[id][who].isolated) holder.isolated &= ~uint32(1 << id);
        else holder.cross &= ~uint32(1 << id);
    }
}
