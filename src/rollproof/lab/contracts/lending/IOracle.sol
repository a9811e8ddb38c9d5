// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice What a lender believes its collateral to be worth.
interface IOracle {
    /// @return Smallest units of the debt token for 10**18 smallest units of the collateral.
    function price() external view returns (uint256);
}
