// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice A price that anybody may write: whose it is does not matter here.
contract PriceBoard {
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    uint256 public price;
    uint256 public round;

    constructor(uint256 price_) {
        price = price_;
    }

    function post(uint256 price_) external {
        price = price_;
        emit AnswerUpdated(int256(price_), ++round, block.timestamp);
    }
}
