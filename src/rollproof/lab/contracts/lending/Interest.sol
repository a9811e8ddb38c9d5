// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice What borrowers owe, by one index for all: a debt is kept divided by the index of when it was made.
/// @dev The rate is linear in how much of the pool is lent out, and simple between two accruals. A debt is rounded up.
abstract contract Interest {
    event InterestAccrued(uint256 index, uint256 interest);

    uint256 internal constant RAY = 1e27;
    uint256 private constant _WAD = 1e18;
    /// @dev Per second, 18 decimals: 2 % a year, and 20 % more when everything is lent out.
    uint256 public constant BASE_RATE = 634_195_839;
    uint256 public constant RATE_SLOPE = 6_341_958_396;

    uint256 public index = RAY;
    uint256 public accruedAt = block.timestamp;
    uint256 public scaledDebt; // of all
    uint256 public cash; // debt tokens here; what is sent here uninvited does not count
    mapping(address account => uint256) internal _scaledDebtOf;

    function rate() public view returns (uint256) {
        uint256 lent = totalDebt();
        return lent == 0 ? BASE_RATE : BASE_RATE + RATE_SLOPE * lent / (lent + cash);
    }

    function totalDebt() public view returns (uint256) {
        return _up(scaledDebt * index, RAY);
    }

    /// @notice As of the last accrual.
    function debtOf(address account) public view returns (uint256) {
        return _up(_scaledDebtOf[account] * index, RAY);
    }

    function _accrue() internal {
        uint256 elapsed = block.timestamp - accruedAt;
        if (elapsed == 0) return;
        uint256 before = totalDebt();
        index += index * (rate() * elapsed) / _WAD;
        accruedAt = block.timestamp;
        emit InterestAccrued(index, totalDebt() - before);
    }

    function _owe(address account, uint256 amount) internal {
        uint256 scaled = _up(amount * RAY, index);
        _scaledDebtOf[account] += scaled;
        scaledDebt += scaled;
    }

    /// @dev Paying all of a debt leaves nothing of it, whatever the rounding.
    function _settleDebt(address account, uint256 amount) internal {
        uint256 held = _scaledDebtOf[account];
        uint256 scaled = amount == debtOf(account) ? held : amount * RAY / index;
        _scaledDebtOf[account] = held - scaled;
        scaledDebt -= scaled;
    }

    function _up(uint256 value, uint256 by) private pure returns (uint256) {
        return (value + by - 1) / by;
    }
}
