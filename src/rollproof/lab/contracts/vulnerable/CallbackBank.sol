// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {ReentrancyLock} from "../token/ReentrancyLock.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";

/// @notice Keeps a token that tells its holders when it moves (ERC-777).
abstract contract CallbackBankBase {
    using SafeTransfer for IERC20;

    event Supplied(address indexed account, uint256 amount);
    event Withdrawal(address indexed account, uint256 amount);

    IERC20 public immutable token;
    mapping(address account => uint256) public balanceOf;

    constructor(IERC20 token_) {
        token = token_;
    }

    function supply(uint256 amount) external virtual;
    function withdraw(uint256 amount) external virtual;

    function _withdraw(uint256 amount) internal {
        balanceOf[msg.sender] -= amount;
        emit Withdrawal(msg.sender, amount);
        token.push(msg.sender, amount);
    }
}

/// @notice VULNERABLE (reentrancy through a token's hook): the balance is read before the tokens are taken and written
/// after, so that what was withdrawn in between is still there.
contract CallbackBank is CallbackBankBase {
    using SafeTransfer for IERC20;

    constructor(IERC20 token_) CallbackBankBase(token_) {}

    function supply(uint256 amount) external override {
        uint256 before = balanceOf[msg.sender];
        token.pull(msg.sender, amount);
        balanceOf[msg.sender] = before + amount;
        emit Supplied(msg.sender, amount);
    }

    function withdraw(uint256 amount) external override {
        _withdraw(amount);
    }
}

/// @notice The same, corrected: one call at a time.
contract CallbackBankFixed is CallbackBankBase, ReentrancyLock {
    using SafeTransfer for IERC20;

    constructor(IERC20 token_) CallbackBankBase(token_) {}

    function supply(uint256 amount) external override locked {
        balanceOf[msg.sender] += amount;
        emit Supplied(msg.sender, amount);
        token.pull(msg.sender, amount);
    }

    function withdraw(uint256 amount) external override locked {
        _withdraw(amount);
    }
}
