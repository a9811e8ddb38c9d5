// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice A contract behind a proxy: set up once, by `initialize`, and never in the implementation itself.
abstract contract Initializable {
    event Initialized(uint8 version);

    uint8 private _initialized;

    constructor() {
        _initialized = type(uint8).max;
    }

    modifier initializer() {
        require(_initialized == 0, "Initializable: contract is already initialized");
        _initialized = 1;
        _;
        emit Initialized(1);
    }
}
