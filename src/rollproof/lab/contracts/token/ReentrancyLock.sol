// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice One call at a time: whoever is called out to cannot come back in.
abstract contract ReentrancyLock {
    error Reentered();

    uint256 private _entered = 1;

    modifier locked() {
        _notEntered();
        _entered = 2;
        _;
        _entered = 1;
    }

    /// @dev For views too: what they answer in the middle of a call may be wrong.
    modifier settled() {
        _notEntered();
        _;
    }

    function _notEntered() private view {
        if (_entered != 1) revert Reentered();
    }
}
