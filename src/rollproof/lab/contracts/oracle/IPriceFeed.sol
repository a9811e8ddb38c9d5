// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// One price, in the form that Chainlink's AggregatorV3Interface made common.
interface IPriceFeed {
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function version() external view returns (uint256);

    /// @return roundId the round, @return answer the price, @return startedAt and @return updatedAt Unix seconds
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    function getRoundData(uint80 round)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
