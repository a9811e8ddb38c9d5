// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "./IERC20.sol";

/// @notice Ether as an ERC-20.
interface IWETH is IERC20 {
    function deposit() external payable;
    function withdraw(uint256 value) external;
}
