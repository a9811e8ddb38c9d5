// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

uint160 constant ALIAS_OFFSET = uint160(0x1111000000000000000000000000000000001111);

/// @notice What a contract of L1 is called on L2, so that it cannot pose as the contract at its address there.
function toAlias(address l1) pure returns (address) {
    unchecked {
        return address(uint160(l1) + ALIAS_OFFSET);
    }
}

function fromAlias(address l2) pure returns (address) {
    unchecked {
        return address(uint160(l2) - ALIAS_OFFSET);
    }
}
