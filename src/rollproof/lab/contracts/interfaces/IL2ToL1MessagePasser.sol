// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IL2ToL1MessagePasser {
    function initiateWithdrawal(address target, uint256 gasLimit, bytes calldata data) external payable;
}
