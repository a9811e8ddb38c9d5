// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";

/// @notice Money that a timelock decides about; runs behind a `GovernedProxy`.
contract Treasury {
    using SafeTransfer for IERC20;

    event Paid(address indexed token, address indexed to, uint256 amount);

    error AlreadyInitialised();
    error OnlyOwner(address caller);
    error PaymentFailed(address to);

    address public owner;

    /// @dev The code itself is nobody's to initialise.
    constructor() {
        owner = address(this);
    }

    receive() external payable {}

    function initialize(address owner_) external {
        if (owner != address(0)) revert AlreadyInitialised();
        owner = owner_;
    }

    /// @param token the zero address: ether.
    function pay(address token, address to, uint256 amount) external {
        if (msg.sender != owner) revert OnlyOwner(msg.sender);
        emit Paid(token, to, amount);
        if (token != address(0)) {
            IERC20(token).push(to, amount);
            return;
        }
        (bool done,) = to.call{value: amount}("");
        if (!done) revert PaymentFailed(to);
    }
}
