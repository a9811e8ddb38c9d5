// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IPriceFeed} from "../oracle/IPriceFeed.sol";
import {IERC20} from "../token/IERC20.sol";
import {IOracle} from "./IOracle.sol";

/// @notice Collateral at the price of a feed that nobody moves by trading. The debt token is taken to be worth a dollar.
contract FeedOracle is IOracle {
    error NoPrice(int256 answer);
    error Stale(uint256 updatedAt);

    IPriceFeed public immutable feed;
    uint256 public immutable maxAge; // seconds; 0: any age will do
    uint256 private immutable _units; // debt units for 10**18 collateral units at a price of 1
    uint256 private immutable _scale;

    constructor(IPriceFeed feed_, uint8 collateralDecimals, IERC20 debt, uint256 maxAge_) {
        feed = feed_;
        maxAge = maxAge_;
        _units = 10 ** (18 + uint256(debt.decimals()));
        _scale = 10 ** (uint256(collateralDecimals) + feed_.decimals());
    }

    function price() external view returns (uint256) {
        (, int256 answer,, uint256 updatedAt,) = feed.latestRoundData();
        if (answer <= 0) revert NoPrice(answer);
        if (maxAge > 0 && block.timestamp > updatedAt + maxAge) revert Stale(updatedAt);
        return uint256(answer) * _units / _scale;
    }
}
