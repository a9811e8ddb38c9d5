// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice How the portal prices the L2 gas of deposits: like EIP-1559, per L1 block. Fees in wei per gas.
struct ResourceConfig {
    uint32 maxResourceLimit;
    uint8 elasticityMultiplier;
    uint8 baseFeeMaxChangeDenominator;
    uint32 minimumBaseFee;
    uint32 systemTxMaxGas;
    uint128 maximumBaseFee;
}

interface ISystemConfig {
    function resourceConfig() external view returns (ResourceConfig memory);
}
