// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyLock} from "../token/ReentrancyLock.sol";
import {EtherBankBase} from "./EtherBank.sol";

/// @notice A bank whose balances can be given to others.
abstract contract TransferableBankBase is EtherBankBase, ReentrancyLock {
    event Transfer(address indexed from, address indexed to, uint256 amount);

    function transfer(address to, uint256 amount) external virtual;

    function _move(address to, uint256 amount) internal {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        emit Transfer(msg.sender, to, amount);
    }
}

/// @notice VULNERABLE (cross-function reentrancy): `withdraw` is locked against itself, but while it pays, `transfer`
/// still sees the old balance and gives it to somebody else.
contract TransferableBank is TransferableBankBase {
    function transfer(address to, uint256 amount) external override {
        _move(to, amount);
    }

    function withdraw() external override locked {
        uint256 amount = balanceOf[msg.sender];
        if (amount == 0) revert Nothing();
        _send(msg.sender, amount);
        balanceOf[msg.sender] = 0;
        emit Withdrawal(msg.sender, amount);
    }
}

/// @notice The same, corrected: one lock for everything that reads or moves a balance, and the effect before the call.
contract TransferableBankFixed is TransferableBankBase {
    function transfer(address to, uint256 amount) external override locked {
        _move(to, amount);
    }

    function withdraw() external override locked {
        uint256 amount = balanceOf[msg.sender];
        if (amount == 0) revert Nothing();
        balanceOf[msg.sender] = 0;
        emit Withdrawal(msg.sender, amount);
        _send(msg.sender, amount);
    }
}
