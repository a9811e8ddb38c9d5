// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyLock} from "../token/ReentrancyLock.sol";

/// @notice Keeps ether for whoever brings it.
abstract contract EtherBankBase {
    event Deposit(address indexed account, uint256 amount);
    event Withdrawal(address indexed account, uint256 amount);

    error Nothing();
    error PaymentFailed(address to);

    mapping(address account => uint256) public balanceOf;

    function deposit() external payable {
        balanceOf[msg.sender] += msg.value;
        emit Deposit(msg.sender, msg.value);
    }

    /// @notice Pays out all that the caller has here.
    function withdraw() external virtual;

    function _send(address to, uint256 amount) internal {
        (bool done,) = to.call{value: amount}("");
        if (!done) revert PaymentFailed(to);
    }
}

/// @notice VULNERABLE (reentrancy): pays first and forgets the balance after, so that who is paid can ask again.
contract EtherBank is EtherBankBase {
    function withdraw() external override {
        uint256 amount = balanceOf[msg.sender];
        if (amount == 0) revert Nothing();
        _send(msg.sender, amount);
        balanceOf[msg.sender] = 0;
        emit Withdrawal(msg.sender, amount);
    }
}

/// @notice The same, corrected: the balance is gone before anything is paid, and nobody comes back in.
contract EtherBankFixed is EtherBankBase, ReentrancyLock {
    function withdraw() external override locked {
        uint256 amount = balanceOf[msg.sender];
        if (amount == 0) revert Nothing();
        balanceOf[msg.sender] = 0;
        emit Withdrawal(msg.sender, amount);
        _send(msg.sender, amount);
    }
}
