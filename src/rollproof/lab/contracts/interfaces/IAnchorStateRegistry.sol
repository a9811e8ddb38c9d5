// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IAnchorStateRegistry {
    function anchors(uint32 gameType) external view returns (bytes32 root, uint256 l2BlockNumber);
    function tryUpdateAnchorState() external;
}
