// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {PriceBoard} from "./PriceBoard.sol";

/// @notice Ether that is pledged until the price falls below what was agreed; whoever sees that first gets it.
contract Pledge {
    event Liquidated(
        uint256 indexed market, address indexed account, address indexed liquidator, int256 a, uint256 b, uint256 c, uint256 d
    );

    PriceBoard public immutable board;
    mapping(address => uint256) public pledged;
    mapping(address => uint256) public threshold;

    constructor(PriceBoard board_) {
        board = board_;
    }

    function pledge(uint256 below) external payable {
        pledged[msg.sender] += msg.value;
        threshold[msg.sender] = below;
    }

    function liquidate(uint256 market, address who) external {
        require(board.price() < threshold[who], "healthy");
        uint256 amount = pledged[who];
        pledged[who] = 0;
        emit Liquidated(market, who, msg.sender, 0, amount, 0, 0);
        (bool ok,) = msg.sender.call{value: amount}("");
        require(ok);
    }

    /// @notice Half of somebody's own pledge back while the price is above twice the threshold.
    function bonus() external {
        require(board.price() > 2 * threshold[msg.sender], "too low");
        uint256 amount = pledged[msg.sender] / 2;
        pledged[msg.sender] -= amount;
        (bool ok,) = msg.sender.call{value: amount}("");
        require(ok);
    }
}
