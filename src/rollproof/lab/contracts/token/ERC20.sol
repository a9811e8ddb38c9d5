// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FungibleToken} from "./FungibleToken.sol";

/// @notice A plain ERC-20 whose owner, at first its creator, may mint.
contract ERC20 is FungibleToken {
    error OnlyOwner(address caller);

    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    address public owner = msg.sender;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) FungibleToken(name_, symbol_, decimals_) {
        emit OwnershipTransferred(address(0), msg.sender);
    }

    function mint(address to, uint256 value) external {
        _onlyOwner();
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        _mint(to, value);
    }

    function burn(uint256 value) external {
        _burn(msg.sender, value);
    }

    function transferOwnership(address to) external {
        _onlyOwner();
        emit OwnershipTransferred(owner, to);
        owner = to;
    }

    function _onlyOwner() private view {
        if (msg.sender != owner) revert OnlyOwner(msg.sender);
    }
}
