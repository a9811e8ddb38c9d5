// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IOptimismPortal {
    function l2Sender() external view returns (address);
    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes calldata data)
        external
        payable;
}
