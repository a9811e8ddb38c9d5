// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice A storage word at a slot of its own, apart from the compiler's layout.
library Word {
    function load(bytes32 slot) internal view returns (uint256 value) {
        assembly {
            value := sload(slot)
        }
    }

    function store(bytes32 slot, uint256 value) internal {
        assembly {
            sstore(slot, value)
        }
    }
}
