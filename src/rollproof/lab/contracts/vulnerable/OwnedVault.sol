// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";

/// @notice Tokens that the owner pays out; runs behind an `UpgradeableProxy` that is initialised in a call of its own.
abstract contract OwnedVaultBase {
    using SafeTransfer for IERC20;

    event Initialized(address owner);
    event Swept(address indexed token, address indexed to, uint256 amount);

    error OnlyOwner(address caller);
    error AlreadyInitialised();

    address public owner;

    function initialize(address owner_) external virtual;

    function sweep(IERC20 token, address to, uint256 amount) external {
        _onlyOwner();
        emit Swept(address(token), to, amount);
        token.push(to, amount);
    }

    function _onlyOwner() internal view {
        if (msg.sender != owner) revert OnlyOwner(msg.sender);
    }

    function _initialize(address owner_) internal {
        owner = owner_;
        emit Initialized(owner_);
    }
}

/// @notice VULNERABLE (unprotected initialiser): it can be initialised again, by anybody.
contract OwnedVault is OwnedVaultBase {
    function initialize(address owner_) external override {
        _initialize(owner_);
    }
}

/// @notice The same, corrected: once, and never on the code itself.
contract OwnedVaultFixed is OwnedVaultBase {
    constructor() {
        owner = address(this);
    }

    function initialize(address owner_) external override {
        if (owner != address(0)) revert AlreadyInitialised();
        _initialize(owner_);
    }
}
