// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {OwnedVaultBase} from "./OwnedVault.sol";

/// @notice A vault that brings the change of its own code along (EIP-1967, as ERC-1822 does it).
abstract contract SelfUpgradingVaultBase is OwnedVaultBase {
    event Upgraded(address indexed implementation);

    error NoCode(address implementation);

    function upgradeTo(address to) external virtual;

    function initialize(address owner_) external override {
        if (owner != address(0)) revert AlreadyInitialised();
        _initialize(owner_);
    }

    function _upgradeTo(address to) internal {
        if (to.code.length == 0) revert NoCode(to);
        bytes32 slot = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
        assembly ("memory-safe") {
            sstore(slot, to)
        }
        emit Upgraded(to);
    }
}

/// @notice VULNERABLE (unprotected upgrade): anybody may change the code.
contract SelfUpgradingVault is SelfUpgradingVaultBase {
    function upgradeTo(address to) external override {
        _upgradeTo(to);
    }
}

/// @notice The same, corrected: only the owner may.
contract SelfUpgradingVaultFixed is SelfUpgradingVaultBase {
    function upgradeTo(address to) external override {
        _onlyOwner();
        _upgradeTo(to);
    }
}
