// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "./IERC20.sol";

/// @notice Token transfers that either happen or revert, also with tokens that answer false or nothing.
library SafeTransfer {
    error TransferFailed(address token);

    function push(IERC20 token, address to, uint256 value) internal {
        _call(token, abi.encodeCall(IERC20.transfer, (to, value)));
    }

    function pull(IERC20 token, address from, uint256 value) internal {
        move(token, from, address(this), value);
    }

    function move(IERC20 token, address from, address to, uint256 value) internal {
        _call(token, abi.encodeCall(IERC20.transferFrom, (from, to, value)));
    }

    function _call(IERC20 token, bytes memory data) private {
        (bool done, bytes memory answer) = address(token).call(data);
        if (!done) revert TransferFailed(address(token));
        bool agreed = answer.length == 0 ? address(token).code.length > 0 : abi.decode(answer, (bool));
        if (!agreed) revert TransferFailed(address(token));
    }
}
