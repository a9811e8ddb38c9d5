// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Amounts} from "./Amounts.sol";
import {Markets} from "./Markets.sol";
import "./Types.sol";

/// Whose collateral is whose, and what it has to stand behind.
///
/// The collateral that the venue holds is accountsTotal + pool + fund, to the unit, always; only a transfer that calls
/// no function here makes it more, and `skim` gives that to the fund. accountsTotal is the sum of every account's
/// balance and isolated margins. Rounding always goes against the account: what it pays is rounded up, what it gets
/// down, and the difference stays in the pool.
///
/// A cross account's balance is never below zero. A loss that it cannot pay while its other positions are in profit is
/// its debt: the pool's claim on whatever reaches the account next, no part of what the venue holds.
abstract contract Margin is Markets {
    using Amounts for int256;

    uint256 public pool; // what liquidity providers' shares stand for, before open profits and debts
    uint256 public fund; // insurance
    uint256 public accountsTotal;
    uint256 public debts; // of all accounts
    uint256 public badDebt; // losses that nobody's collateral and no insurance covered, ever
    mapping(address => Account) internal _accounts;
    address[] internal _list;
    mapping(uint256 market => mapping(address => Position)) internal _positions;

    // Collateral in and out.

    /// Adds collateral to the cross balance of `account`, which need not be the caller.
    function deposit(address account_, uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        _pull(amount);
        _credit(account_, amount);
        emit Deposit(account_, msg.sender, amount);
    }

    /// Pays out of the caller's cross balance what its initial margin does not need. To take it to L1, the receiver
    /// uses the token's bridge in a second step: the venue knows nothing of bridges.
    function withdraw(uint256 amount, address to) external whenOpen {
        if (amount == 0) revert ZeroAmount();
        _spend(msg.sender, amount);
        _requireInitial(msg.sender);
        emit Withdrawal(msg.sender, to, amount);
        _push(to, amount);
    }

    /// Moves collateral between the cross balance and an isolated position: into it where `amount` is positive.
    function moveMargin(uint256 id, int256 amount) external whenOpen {
        Position storage position = _positions[id][msg.sender];
        if (position.size == 0) revert NoPosition(id, msg.sender);
        if (!position.isolated) revert WrongMode(id, msg.sender);
        if (amount == 0) revert ZeroAmount();
        _accrue(id);
        if (amount > 0) {
            _toMargin(id, position, uint256(amount));
            _requireInitial(msg.sender);
        } else {
            uint256 taken = amount.magnitude();
            if (taken > position.margin) revert InsufficientBalance(position.margin, taken);
            position.margin -= taken;
            accountsTotal -= taken;
            _credit(msg.sender, taken);
            (int256 equity, uint256 initial,) = _isolated(id, msg.sender, true);
            if (equity < int256(initial)) revert InsufficientMargin(equity, initial);
            emit MarginMoved(id, msg.sender, amount);
        }
    }

    /// Adds to the insurance fund.
    function insure(uint256 amount) external {
        _pull(amount);
        _changeFund(int256(amount));
    }

    /// Gives to the fund what was sent to the venue without a call.
    function skim() external returns (uint256 amount) {
        amount = collateral.balanceOf(address(this)) - accountsTotal - pool - fund;
        _changeFund(int256(amount));
    }

    function _pull(uint256 amount) internal {
        if (!collateral.transferFrom(msg.sender, address(this), amount)) revert TransferFailed();
    }

    function _push(address to, uint256 amount) internal {
        if (!collateral.transfer(to, amount)) revert TransferFailed();
    }

    function _changeFund(int256 change) internal {
        if (change == 0) return;
        fund = uint256(int256(fund) + change);
        emit InsuranceChanged(change, fund);
    }

    // Balances. Each function says where the other side of what it moves goes.

    /// To an account's balance, from outside or from its own margin; its debt to the pool comes first.
    function _credit(address who, uint256 amount) internal {
        Account storage holder = _accounts[who];
        if (!holder.known) {
            holder.known = true;
            _list.push(who);
        }
        uint256 repaid = Amounts.min(holder.debt, amount);
        if (repaid != 0) {
            holder.debt -= repaid;
            debts -= repaid;
            pool += repaid;
        }
        holder.balance += amount - repaid;
        accountsTotal += amount - repaid;
    }

    /// From an account's balance, to wherever the caller puts it.
    function _spend(address who, uint256 amount) internal {
        Account storage holder = _accounts[who];
        if (amount > holder.balance) revert InsufficientBalance(holder.balance, amount);
        holder.balance -= amount;
        accountsTotal -= amount;
    }

    function _toMargin(uint256 id, Position storage position, uint256 amount) internal {
        _spend(msg.sender, amount);
        position.margin += amount;
        accountsTotal += amount;
        emit MarginMoved(id, msg.sender, int256(amount));
    }

    /// From the pool to the collateral behind a position. Where the pool has too little, a profit that was asked for
    /// reverts, and one that was forced is paid as far as it goes.
    function _pay(uint256 id, address who, uint256 amount, bool forced) internal {
        Position storage position = _positions[id][who];
        // A debt that this repays comes straight back.
        uint256 available = pool + (position.isolated ? 0 : Amounts.min(_accounts[who].debt, amount));
        if (amount > available) {
            if (!forced) revert PoolInsolvent(available, amount);
            badDebt += amount - available;
            emit BadDebt(id, who, amount - available, false);
            amount = available;
        }
        if (position.isolated) {
            pool -= amount;
            position.margin += amount;
            accountsTotal += amount;
        } else {
            _credit(who, amount);
            pool -= amount;
        }
    }

    /// From the collateral behind a position; the caller puts `paid` somewhere. What a cross account cannot pay becomes
    /// its debt; what an isolated margin cannot pay is `unpaid`.
    function _charge(uint256 id, address who, uint256 amount) internal returns (uint256 paid, uint256 unpaid) {
        Position storage position = _positions[id][who];
        if (position.isolated) {
            paid = Amounts.min(position.margin, amount);
            position.margin -= paid;
            unpaid = amount - paid;
        } else {
            Account storage holder = _accounts[who];
            paid = Amounts.min(holder.balance, amount);
            holder.balance -= paid;
            holder.debt += amount - paid;
            debts += amount - paid;
        }
        accountsTotal -= paid;
    }

    // Margin.

    /// A position's unrealised profit (rounded down, pending funding taken off) and notional (rounded up) at a price.
    function _valued(Position storage position, int256 index, uint256 price)
        internal
        view
        returns (int256 profit, uint256 notional)
    {
        int256 size = position.size;
        int256 quote = size * int256(price) - position.cost - _pending(position, index);
        profit = quote.floorDiv(int256(UNIT));
        notional = Amounts.ceilDiv(size.magnitude() * price, UNIT);
    }

    /// Adds one position at the mark price to an account's equity and requirements.
    function _weighed(uint256 id, address who, bool strict)
        private
        view
        returns (int256 profit, uint256 initial, uint256 maintenance)
    {
        (uint256 price,,) = _observe(id, strict);
        Market storage market = _markets[id];
        uint256 notional;
        (profit, notional) = _valued(_positions[id][who], _index(market, price), _mark(market, price));
        initial = Amounts.shareUp(notional, market.config.initialBps);
        maintenance = Amounts.shareUp(notional, market.config.maintenanceBps);
    }

    function _isolated(uint256 id, address who, bool strict)
        internal
        view
        returns (int256 equity, uint256 initial, uint256 maintenance)
    {
        (equity, initial, maintenance) = _weighed(id, who, strict);
        equity += int256(_positions[id][who].margin);
    }

    function _cross(address who, bool strict)
        internal
        view
        returns (int256 equity, uint256 initial, uint256 maintenance)
    {
        Account storage holder = _accounts[who];
        equity = int256(holder.balance) - int256(holder.debt);
        uint256 open = holder.cross;
        for (uint256 id; open != 0; ++id) {
            if (open & 1 != 0) {
                (int256 profit, uint256 first, uint256 second) = _weighed(id, who, strict);
                equity += profit;
                initial += first;
                maintenance += second;
            }
            open >>= 1;
        }
    }

    /// What stands behind a position: its own margin, or the cross account.
    function _behind(uint256 id, address who, bool strict)
        internal
        view
        returns (int256 equity, uint256 initial, uint256 maintenance)
    {
        return _positions[id][who].isolated ? _isolated(id, who, strict) : _cross(who, strict);
    }

    /// Reverts where a cross account with open positions has less than its initial margin.
    function _requireInitial(address who) internal view {
        if (_accounts[who].cross == 0) return;
        (int256 equity, uint256 initial,) = _cross(who, true);
        if (equity < int256(initial)) revert InsufficientMargin(equity, initial);
    }
}
