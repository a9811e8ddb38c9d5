// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IOracle} from "../lending/IOracle.sol";
import {IERC20} from "../token/IERC20.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";

/// @notice Lends a token against ether, one loan a position; no interest. Anybody may fund it.
abstract contract LoanBookBase {
    using SafeTransfer for IERC20;

    event Opened(address indexed account, uint256 collateral, uint256 debt);
    event Closed(address indexed account, uint256 collateral, uint256 debt);
    event Liquidated(address indexed account, uint256 collateral, uint256 debt, address keeper);

    error Undercollateralised(uint256 debt, uint256 limit);
    error NotYours(uint256 index);
    error TooSmall(uint256 debt);
    error PaymentFailed(address to);

    uint256 internal constant BORROW_BPS = 7_500;
    uint256 internal constant LIQUIDATION_BPS = 8_000;

    struct Loan {
        address account;
        uint96 debt;
        uint128 collateral; // wei
    }

    IERC20 public immutable token;
    IOracle public immutable oracle;
    Loan[] public loans;

    constructor(IERC20 token_, IOracle oracle_) {
        token = token_;
        oracle = oracle_;
    }

    function open(uint96 debt) external payable virtual;

    function count() external view returns (uint256) {
        return loans.length;
    }

    /// @notice Pays the debt and takes the collateral back.
    function close(uint256 index) external {
        Loan memory loan = loans[index];
        if (loan.account != msg.sender) revert NotYours(index);
        loans[index] = loans[loans.length - 1];
        loans.pop();
        emit Closed(loan.account, loan.collateral, loan.debt);
        token.pull(msg.sender, loan.debt);
        _send(msg.sender, loan.collateral);
    }

    function _open(uint96 debt) internal {
        uint256 limit = msg.value * oracle.price() / 1e18 * BORROW_BPS / 10_000;
        if (debt > limit) revert Undercollateralised(debt, limit);
        loans.push(Loan(msg.sender, debt, uint128(msg.value)));
        emit Opened(msg.sender, msg.value, debt);
        token.push(msg.sender, debt);
    }

    function _underwater(Loan memory loan, uint256 price) internal pure returns (bool) {
        return loan.debt > loan.collateral * price / 1e18 * LIQUIDATION_BPS / 10_000;
    }

    /// @dev The keeper pays the debt and gets all of the collateral.
    function _settle(Loan memory loan) internal {
        emit Liquidated(loan.account, loan.collateral, loan.debt, msg.sender);
        token.pull(msg.sender, loan.debt);
        _send(msg.sender, loan.collateral);
    }

    function _send(address to, uint256 amount) internal {
        (bool done,) = to.call{value: amount}("");
        if (!done) revert PaymentFailed(to);
    }
}

/// @notice VULNERABLE (unbounded loop): loans are liquidated all at once or not at all, each removal moves all that come
/// after, and a loan may be as small as one likes. Enough small ones, and a liquidation fits into no block.
contract LoanBook is LoanBookBase {
    constructor(IERC20 token_, IOracle oracle_) LoanBookBase(token_, oracle_) {}

    function open(uint96 debt) external payable override {
        _open(debt);
    }

    function liquidateAll() external {
        uint256 price = oracle.price();
        uint256 index;
        while (index < loans.length) {
            Loan memory loan = loans[index];
            if (!_underwater(loan, price)) {
                ++index;
                continue;
            }
            for (uint256 next = index + 1; next < loans.length; ++next) loans[next - 1] = loans[next];
            loans.pop();
            _settle(loan);
        }
    }
}

/// @notice The same, corrected: one loan at a time, at the same cost whatever else is open, and none too small to matter.
contract LoanBookFixed is LoanBookBase {
    error Healthy(uint256 index);

    uint256 public immutable leastDebt;

    constructor(IERC20 token_, IOracle oracle_, uint256 leastDebt_) LoanBookBase(token_, oracle_) {
        leastDebt = leastDebt_;
    }

    function open(uint96 debt) external payable override {
        if (debt < leastDebt) revert TooSmall(debt);
        _open(debt);
    }

    function liquidate(uint256 index) external {
        Loan memory loan = loans[index];
        if (!_underwater(loan, oracle.price())) revert Healthy(index);
        loans[index] = loans[loans.length - 1];
        loans.pop();
        _settle(loan);
    }
}
