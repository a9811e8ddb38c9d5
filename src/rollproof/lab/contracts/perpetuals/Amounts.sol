// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// Signed divisions that say which way they round, and the venue's three scales:
/// sizes have 18 decimals, prices 8, so a size times a price has 26 ("quote"); collateral has its token's decimals.
library Amounts {
    uint256 internal constant ONE = 1e18;
    uint256 internal constant BPS = 10_000;

    /// Towards minus infinity; `b` is positive.
    function floorDiv(int256 a, int256 b) internal pure returns (int256) {
        int256 quotient = a / b;
        return a % b < 0 ? quotient - 1 : quotient;
    }

    /// Towards plus infinity; `b` is positive.
    function ceilDiv(int256 a, int256 b) internal pure returns (int256) {
        int256 quotient = a / b;
        return a % b > 0 ? quotient + 1 : quotient;
    }

    function ceilDiv(uint256 a, uint256 b) internal pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }

    function magnitude(int256 a) internal pure returns (uint256) {
        return a < 0 ? uint256(-a) : uint256(a);
    }

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    /// `a` kept between -bound and bound.
    function clamp(int256 a, uint256 bound) internal pure returns (int256) {
        if (a > int256(bound)) return int256(bound);
        return a < -int256(bound) ? -int256(bound) : a;
    }

    /// A share of an amount in basis points, rounded up.
    function shareUp(uint256 amount, uint256 bps) internal pure returns (uint256) {
        return ceilDiv(amount * bps, BPS);
    }
}
