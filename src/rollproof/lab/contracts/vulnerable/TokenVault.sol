// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";

/// @notice Keeps a token for whoever brings it.
abstract contract TokenVaultBase {
    using SafeTransfer for IERC20;

    /// @param received whether the tokens came.
    event Deposit(address indexed account, uint256 amount, bool received);
    event Withdrawal(address indexed account, uint256 amount);

    IERC20 public immutable token;
    mapping(address account => uint256) public balanceOf;

    constructor(IERC20 token_) {
        token = token_;
    }

    function deposit(uint256 amount) external virtual;

    function withdraw(uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        emit Withdrawal(msg.sender, amount);
        token.push(msg.sender, amount);
    }
}

/// @notice VULNERABLE (unchecked call): whether the tokens came is logged, and not looked at.
contract TokenVault is TokenVaultBase {
    constructor(IERC20 token_) TokenVaultBase(token_) {}

    function deposit(uint256 amount) external override {
        (bool received,) =
            address(token).call(abi.encodeCall(IERC20.transferFrom, (msg.sender, address(this), amount)));
        balanceOf[msg.sender] += amount;
        emit Deposit(msg.sender, amount, received);
    }
}

/// @notice The same, corrected: no tokens, no balance.
contract TokenVaultFixed is TokenVaultBase {
    using SafeTransfer for IERC20;

    constructor(IERC20 token_) TokenVaultBase(token_) {}

    function deposit(uint256 amount) external override {
        balanceOf[msg.sender] += amount;
        emit Deposit(msg.sender, amount, true);
        token.pull(msg.sender, amount);
    }
}
