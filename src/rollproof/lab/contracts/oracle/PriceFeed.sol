// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IPriceFeed} from "./IPriceFeed.sol";
import {PriceOracle} from "./PriceOracle.sol";

/// One symbol of a `PriceOracle` as a Chainlink-compatible feed.
contract PriceFeed is IPriceFeed {
    uint8 public constant decimals = 8;
    uint256 public constant version = 1;
    PriceOracle public immutable oracle;
    bytes32 public immutable symbol;

    constructor(PriceOracle oracle_, bytes32 symbol_) {
        oracle = oracle_;
        symbol = symbol_;
    }

    /// The symbol as text, without its trailing zero bytes.
    function description() external view returns (string memory) {
        uint256 length;
        while (length < 32 && symbol[length] != 0) ++length;
        bytes memory text = new bytes(length);
        for (uint256 i; i < length; ++i) text[i] = symbol[i];
        return string(text);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(oracle.latestRound(symbol));
    }

    function getRoundData(uint80 round) public view returns (uint80, int256, uint256, uint256, uint80) {
        (int256 price, uint256 updatedAt) = oracle.roundData(symbol, round);
        return (round, price, updatedAt, updatedAt, round);
    }
}
