// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ResourceConfig} from "../interfaces/ISystemConfig.sol";

/// @notice Deposits buy L2 gas by burning L1 gas, at a base fee that follows demand from L1 block to L1 block
///         (OP Stack specification, guaranteed gas fee market).
/// @dev One thing differs from the OP Stack's contract: the fee's decay over blocks without deposits is an integer
///      power, rounded down at each squaring, where that one goes over logarithms; they differ by less than 1e-9.
abstract contract ResourceMetering {
    struct ResourceParams {
        uint128 prevBaseFee;
        uint64 prevBoughtGas;
        uint64 prevBlockNum;
    }

    error OutOfGas();

    uint128 private constant INITIAL_BASE_FEE = 1 gwei;
    uint256 private constant WAD = 1e18;

    ResourceParams public params;
    uint256[48] private __gap;

    /// @dev Runs the function first, so that what it costs itself counts as burnt.
    modifier metered(uint64 amount) {
        uint256 before = gasleft();
        _;
        _meter(amount, before);
    }

    function _resourceConfig() internal view virtual returns (ResourceConfig memory);

    function _startMetering() internal {
        if (params.prevBlockNum == 0) params = ResourceParams(INITIAL_BASE_FEE, 0, uint64(block.number));
    }

    function _meter(uint64 amount, uint256 before) private {
        ResourceConfig memory config = _resourceConfig();
        ResourceParams memory now_ = params;
        uint256 passed = block.number - now_.prevBlockNum;
        if (passed > 0) {
            now_.prevBaseFee = uint128(_nextBaseFee(config, now_, passed));
            now_.prevBoughtGas = 0;
            now_.prevBlockNum = uint64(block.number);
        }
        now_.prevBoughtGas += amount;
        if (now_.prevBoughtGas > config.maxResourceLimit) revert OutOfGas();
        params = now_;

        uint256 cost = uint256(amount) * now_.prevBaseFee / (block.basefee > 1 gwei ? block.basefee : 1 gwei);
        uint256 used = before - gasleft();
        if (cost > used) _burn(cost - used);
    }

    function _nextBaseFee(ResourceConfig memory config, ResourceParams memory last, uint256 passed)
        private
        pure
        returns (uint256 fee)
    {
        int256 target = int256(uint256(config.maxResourceLimit / config.elasticityMultiplier));
        int256 denominator = int256(uint256(config.baseFeeMaxChangeDenominator));
        int256 before = int256(uint256(last.prevBaseFee));
        int256 change = before * (int256(uint256(last.prevBoughtGas)) - target) / (target * denominator);
        fee = _clamp(before + change, config);
        if (passed > 1) {
            uint256 rate = WAD - WAD / config.baseFeeMaxChangeDenominator;
            fee = _clamp(int256(fee * _power(rate, passed - 1) / WAD), config);
        }
    }

    function _clamp(int256 fee, ResourceConfig memory config) private pure returns (uint256) {
        if (fee < int256(uint256(config.minimumBaseFee))) return config.minimumBaseFee;
        if (fee > int256(uint256(config.maximumBaseFee))) return config.maximumBaseFee;
        return uint256(fee);
    }

    function _power(uint256 base, uint256 exponent) private pure returns (uint256 result) {
        result = WAD;
        for (; exponent > 0; exponent >>= 1) {
            if (exponent & 1 == 1) result = result * base / WAD;
            base = base * base / WAD;
        }
    }

    function _burn(uint256 amount) private view {
        uint256 start = gasleft();
        while (start - gasleft() < amount) {}
    }
}
