// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice A message that L2 sends to L1, as L2ToL1MessagePasser records it. `nonce` has its version in the upper two
///         bytes; `sender` is on L2, `target` on L1; `value` in wei.
struct WithdrawalTransaction {
    uint256 nonce;
    address sender;
    address target;
    uint256 value;
    uint256 gasLimit;
    bytes data;
}

uint16 constant MESSAGE_VERSION = 1;

/// @notice What the message passer marks as sent, and the portal as proven and finalized.
function hashWithdrawal(WithdrawalTransaction memory message) pure returns (bytes32) {
    return keccak256(
        abi.encode(message.nonce, message.sender, message.target, message.value, message.gasLimit, message.data)
    );
}

/// @notice A message's nonce with its version above it.
function versioned(uint240 nonce) pure returns (uint256) {
    return (uint256(MESSAGE_VERSION) << 240) | nonce;
}
