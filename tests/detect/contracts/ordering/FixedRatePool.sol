// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// @notice Exchanges two tokens one for one, whatever was traded before: nobody's order costs anybody else.
contract FixedRatePool {
    IToken public immutable one;
    IToken public immutable two;

    constructor(IToken one_, IToken two_) {
        (one, two) = (one_, two_);
    }

    function swap(bool up, uint256 amount) external {
        (IToken paid, IToken got) = up ? (one, two) : (two, one);
        paid.transferFrom(msg.sender, address(this), amount);
        got.transfer(msg.sender, amount - amount / 1000);
    }
}
