// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FungibleToken} from "../token/FungibleToken.sol";
import {ReentrancyLock} from "../token/ReentrancyLock.sol";

/// @notice Shares of a vault; only the vault makes and ends them.
contract VaultShares is FungibleToken {
    error OnlyVault(address caller);

    address public immutable vault = msg.sender;

    constructor() FungibleToken("Vault Shares", "VS", 18) {}

    function mint(address to, uint256 value) external {
        if (msg.sender != vault) revert OnlyVault(msg.sender);
        _mint(to, value);
    }

    /// @notice Ends everything that an account holds by now.
    function burnAll(address from) external returns (uint256 value) {
        if (msg.sender != vault) revert OnlyVault(msg.sender);
        value = balanceOf[from];
        _burn(from, value);
    }
}

/// @notice Ether against shares, one for one, that are a token of their own.
abstract contract ShareVaultBase is ReentrancyLock {
    event Deposit(address indexed account, uint256 amount);
    event Withdrawal(address indexed account, uint256 amount);

    error Nothing();
    error PaymentFailed(address to);

    VaultShares public immutable shares = new VaultShares();

    function deposit() external payable locked {
        shares.mint(msg.sender, msg.value);
        emit Deposit(msg.sender, msg.value);
    }

    /// @notice Pays out all shares that the caller holds.
    function withdraw() external virtual;

    function _send(address to, uint256 amount) internal {
        (bool done,) = to.call{value: amount}("");
        if (!done) revert PaymentFailed(to);
    }
}

/// @notice VULNERABLE (cross-contract reentrancy): every function here is locked, but while it pays, the shares can be
/// moved in their own contract, and what is ended after is what is left of them.
contract ShareVault is ShareVaultBase {
    function withdraw() external override locked {
        uint256 amount = shares.balanceOf(msg.sender);
        if (amount == 0) revert Nothing();
        _send(msg.sender, amount);
        shares.burnAll(msg.sender);
        emit Withdrawal(msg.sender, amount);
    }
}

/// @notice The same, corrected: the shares end first, and what ended is what is paid.
contract ShareVaultFixed is ShareVaultBase {
    function withdraw() external override locked {
        uint256 amount = shares.burnAll(msg.sender);
        if (amount == 0) revert Nothing();
        emit Withdrawal(msg.sender, amount);
        _send(msg.sender, amount);
    }
}
