// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FungibleToken} from "./FungibleToken.sol";
import {IWETH} from "./IWETH.sol";

/// @notice Ether as an ERC-20, called and logged as WETH9 is.
contract WrappedEther is FungibleToken, IWETH {
    event Deposit(address indexed dst, uint256 wad);
    event Withdrawal(address indexed src, uint256 wad);

    error PaymentFailed(address to);

    constructor() FungibleToken("Wrapped Ether", "WETH", 18) {}

    receive() external payable {
        deposit();
    }

    function deposit() public payable {
        _mint(msg.sender, msg.value);
        emit Deposit(msg.sender, msg.value);
    }

    function withdraw(uint256 value) external {
        _burn(msg.sender, value);
        emit Withdrawal(msg.sender, value);
        (bool done,) = msg.sender.call{value: value}("");
        if (!done) revert PaymentFailed(msg.sender);
    }
}
