// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

enum GameStatus {
    IN_PROGRESS,
    CHALLENGER_WINS,
    DEFENDER_WINS
}

/// @notice A game about one output root. Times in seconds; 0 while they have not come.
interface IDisputeGame {
    event Resolved(GameStatus indexed status);

    function initialize() external payable;
    function resolve() external returns (GameStatus);
    function createdAt() external view returns (uint64);
    function resolvedAt() external view returns (uint64);
    function status() external view returns (GameStatus);
    function gameType() external view returns (uint32);
    function gameCreator() external view returns (address);
    function rootClaim() external view returns (bytes32);
    function l1Head() external view returns (bytes32);
    function l2BlockNumber() external view returns (uint256);
    function extraData() external view returns (bytes memory);
    function gameData() external view returns (uint32, bytes32, bytes memory);
}
