// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface ICrossDomainMessenger {
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit) external payable;
    function relayMessage(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) external payable;
    function xDomainMessageSender() external view returns (address);
}
