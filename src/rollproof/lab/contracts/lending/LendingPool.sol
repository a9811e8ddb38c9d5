// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {ReentrancyLock} from "../token/ReentrancyLock.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";
import {IERC3156FlashBorrower, IERC3156FlashLender} from "./IERC3156.sol";
import {Interest} from "./Interest.sol";
import {IOracle} from "./IOracle.sol";

/// @notice Lends one token against another. As safe as its oracle: with the spot price of a pool it can be robbed.
/// Amounts are in the tokens' smallest units, ratios in basis points.
contract LendingPool is Interest, ReentrancyLock, IERC3156FlashLender {
    using SafeTransfer for IERC20;

    error Undercollateralised(uint256 debt, uint256 limit);
    error Healthy(address account);
    error NotEnoughCash(uint256 cash, uint256 wanted);
    error WrongToken(address token);
    error NotAgreed(address receiver);
    error Nothing();

    event Deposit(address indexed account, uint256 amount, uint256 shares);
    event Withdraw(address indexed account, uint256 amount, uint256 shares);
    event CollateralPosted(address indexed account, uint256 amount);
    event CollateralTaken(address indexed account, uint256 amount);
    event Borrow(address indexed account, uint256 amount);
    event Repay(address indexed payer, address indexed account, uint256 amount);
    /// @dev As Aave logs it.
    event LiquidationCall(
        address indexed collateralAsset,
        address indexed debtAsset,
        address indexed user,
        uint256 debtToCover,
        uint256 liquidatedCollateralAmount,
        address liquidator,
        bool receiveAToken
    );
    event BadDebt(address indexed account, uint256 amount);
    event FlashLoan(address indexed receiver, address indexed token, uint256 amount, uint256 fee);

    uint256 private constant _BPS = 10_000;
    uint256 private constant _WAD = 1e18;
    uint256 public constant FLASH_FEE_BPS = 5;
    uint256 public constant LIQUIDATION_BONUS_BPS = 500;
    uint256 public constant LIQUIDATION_MARGIN_BPS = 500; // between what may be borrowed and what is liquidated
    /// @dev Shares that nobody has, beside one unit that nobody paid in: the first depositor cannot make one share dear.
    uint256 private constant _VIRTUAL_SHARES = 1000;
    bytes32 private constant _AGREED = keccak256("ERC3156FlashBorrower.onFlashLoan");

    IERC20 public immutable collateralToken;
    IERC20 public immutable debtToken;
    IOracle public immutable oracle;
    uint256 public immutable collateralFactorBps;

    uint256 public totalShares;
    mapping(address account => uint256) public sharesOf;
    mapping(address account => uint256) public collateralOf;

    constructor(IERC20 collateralToken_, IERC20 debtToken_, IOracle oracle_, uint256 collateralFactorBps_) {
        require(collateralFactorBps_ + LIQUIDATION_MARGIN_BPS + LIQUIDATION_BONUS_BPS < _BPS, "collateral factor");
        collateralToken = collateralToken_;
        debtToken = debtToken_;
        oracle = oracle_;
        collateralFactorBps = collateralFactorBps_;
    }

    // Lending.

    function deposit(uint256 amount) external locked returns (uint256 shares) {
        _accrue();
        shares = amount * (totalShares + _VIRTUAL_SHARES) / (cash + totalDebt() + 1);
        if (shares == 0) revert Nothing();
        sharesOf[msg.sender] += shares;
        totalShares += shares;
        cash += amount;
        emit Deposit(msg.sender, amount, shares);
        debtToken.pull(msg.sender, amount);
    }

    function withdraw(uint256 shares) external locked returns (uint256 amount) {
        _accrue();
        amount = worth(shares);
        sharesOf[msg.sender] -= shares;
        totalShares -= shares;
        _pay(amount);
        emit Withdraw(msg.sender, amount, shares);
        debtToken.push(msg.sender, amount);
    }

    /// @notice What shares would be paid out with, as of the last accrual.
    function worth(uint256 shares) public view returns (uint256) {
        return shares * (cash + totalDebt() + 1) / (totalShares + _VIRTUAL_SHARES);
    }

    // Borrowing.

    function postCollateral(uint256 amount) external locked {
        collateralOf[msg.sender] += amount;
        emit CollateralPosted(msg.sender, amount);
        collateralToken.pull(msg.sender, amount);
    }

    function takeCollateral(uint256 amount) external locked {
        _accrue();
        collateralOf[msg.sender] -= amount;
        _covered(msg.sender);
        emit CollateralTaken(msg.sender, amount);
        collateralToken.push(msg.sender, amount);
    }

    function borrow(uint256 amount) external locked {
        _accrue();
        _owe(msg.sender, amount);
        _covered(msg.sender);
        _pay(amount);
        emit Borrow(msg.sender, amount);
        debtToken.push(msg.sender, amount);
    }

    /// @notice Pays for anybody's debt; at most all of it is taken.
    function repay(address account, uint256 amount) external locked returns (uint256 paid) {
        _accrue();
        uint256 debt = debtOf(account);
        paid = amount < debt ? amount : debt;
        _settleDebt(account, paid);
        cash += paid;
        emit Repay(msg.sender, account, paid);
        debtToken.pull(msg.sender, paid);
    }

    /// @notice Most that the account may owe.
    function borrowLimit(address account) public view returns (uint256) {
        return _value(collateralOf[account]) * collateralFactorBps / _BPS;
    }

    function liquidatable(address account) public view returns (bool) {
        uint256 limit = _value(collateralOf[account]) * (collateralFactorBps + LIQUIDATION_MARGIN_BPS) / _BPS;
        return debtOf(account) > limit;
    }

    /// @notice Pays a debt that its collateral covers too thinly, for that collateral and a bonus of it. A debt that is
    /// left with no collateral is written off: the depositors bear it.
    function liquidate(address account, uint256 amount) external locked returns (uint256 paid, uint256 seized) {
        _accrue();
        if (!liquidatable(account)) revert Healthy(account);
        uint256 debt = debtOf(account);
        uint256 held = collateralOf[account];
        paid = amount < debt ? amount : debt;
        seized = paid * (_BPS + LIQUIDATION_BONUS_BPS) * _WAD / (oracle.price() * _BPS);
        if (seized > held) {
            seized = held;
            paid = _value(held) * _BPS / (_BPS + LIQUIDATION_BONUS_BPS);
        }
        _settleDebt(account, paid);
        collateralOf[account] = held - seized;
        cash += paid;
        emit LiquidationCall(
            address(collateralToken), address(debtToken), account, paid, seized, msg.sender, false
        );
        if (seized == held && paid < debt) {
            emit BadDebt(account, debtOf(account));
            _settleDebt(account, debtOf(account));
        }
        debtToken.pull(msg.sender, paid);
        collateralToken.push(msg.sender, seized);
    }

    // Flash loans.

    function maxFlashLoan(address token) external view returns (uint256) {
        return token == address(debtToken) ? cash : 0;
    }

    function flashFee(address token, uint256 amount) public view returns (uint256) {
        if (token != address(debtToken)) revert WrongToken(token);
        return amount * FLASH_FEE_BPS / _BPS;
    }

    function flashLoan(IERC3156FlashBorrower receiver, address token, uint256 amount, bytes calldata data)
        external
        locked
        returns (bool)
    {
        uint256 fee = flashFee(token, amount);
        if (amount > cash) revert NotEnoughCash(cash, amount);
        debtToken.push(address(receiver), amount);
        if (receiver.onFlashLoan(msg.sender, token, amount, fee, data) != _AGREED) revert NotAgreed(address(receiver));
        debtToken.pull(address(receiver), amount + fee);
        cash += fee;
        emit FlashLoan(address(receiver), token, amount, fee);
        return true;
    }

    function _covered(address account) private view {
        uint256 debt = debtOf(account);
        if (debt == 0) return; // needs no price
        uint256 limit = borrowLimit(account);
        if (debt > limit) revert Undercollateralised(debt, limit);
    }

    function _value(uint256 collateral) private view returns (uint256) {
        return collateral * oracle.price() / _WAD;
    }

    function _pay(uint256 amount) private {
        if (amount > cash) revert NotEnoughCash(cash, amount);
        cash -= amount;
    }
}
