// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {BalanceShop} from "./BalanceShop.sol";
import {Coin} from "./Coin.sol";
import {CoinLender} from "./CoinLender.sol";
import {EtherLender} from "./EtherLender.sol";
import {PlainVault} from "./PlainVault.sol";
import {ShareShop} from "./ShareShop.sol";
import {SpotLender, SpotPool} from "./SpotLender.sol";

/// @notice Does what it is told: somebody in a story.
contract Persona {
    function act(address to, uint256 value, bytes calldata data) external {
        (bool done, bytes memory answer) = to.call{value: value}(data);
        require(done, string(answer));
    }

    receive() external payable {}
}

/// @notice Stories with a saver and a thief in them, told in one transaction each.
contract Teller {
    Persona public immutable saver = new Persona();
    Persona public immutable thief = new Persona();

    function inflated(PlainVault vault) external {
        Coin coin = vault.asset();
        _approve(thief, coin, address(vault));
        _approve(saver, coin, address(vault));
        thief.act(address(vault), 0, abi.encodeCall(vault.deposit, (1, address(thief))));
        thief.act(address(coin), 0, abi.encodeCall(coin.transfer, (address(vault), 10_000)));
        saver.act(address(vault), 0, abi.encodeCall(vault.deposit, (9_000, address(saver))));
        thief.act(address(vault), 0, abi.encodeCall(vault.redeem, (1, address(thief))));
    }

    function priced(SpotPool pool, SpotLender lender, uint256 sold, uint256 borrowed) external {
        _approve(thief, pool.coin(), address(pool));
        _approve(thief, pool.money(), address(lender));
        thief.act(address(pool), 0, abi.encodeCall(pool.sell, (sold)));
        thief.act(address(lender), 0, abi.encodeCall(lender.borrow, (borrowed)));
    }

    function swung(BalanceShop shop, Coin one, Coin two, uint256 times) external {
        _approve(thief, one, address(shop));
        _approve(thief, two, address(shop));
        for (uint256 i = 0; i < times; ++i) {
            (Coin paid, Coin got) = i % 2 == 0 ? (one, two) : (two, one);
            uint256 amount = paid.balanceOf(address(thief));
            uint256 most = paid.balanceOf(address(shop));
            if (amount > most) amount = most;
            thief.act(address(shop), 0, abi.encodeCall(shop.swap, (paid, got, amount)));
        }
    }

    function rounded(ShareShop shop, uint256 amount) external {
        _approve(thief, shop.coin(), address(shop));
        thief.act(address(shop), 0, abi.encodeCall(shop.buy, (amount)));
        thief.act(address(shop), 0, abi.encodeCall(shop.refund, ()));
    }

    /// @dev Nobody loses: both put in and take out what is theirs.
    function saved(CoinLender lender, EtherLender bank) external {
        Coin coin = lender.coin();
        _approve(saver, coin, address(lender));
        saver.act(address(lender), 0, abi.encodeCall(lender.deposit, (5_000)));
        thief.act(address(bank), 1 ether, abi.encodeCall(bank.deposit, ()));
        saver.act(address(lender), 0, abi.encodeCall(lender.withdraw, (5_000)));
        thief.act(address(bank), 0, abi.encodeCall(bank.withdraw, ()));
    }

    /// @dev What was put in before is all taken out, and it is all there was.
    function withdrawn(CoinLender lender, uint256 amount) external {
        saver.act(address(lender), 0, abi.encodeCall(lender.withdraw, (amount)));
    }

    function put(CoinLender lender, uint256 amount) external {
        _approve(saver, lender.coin(), address(lender));
        saver.act(address(lender), 0, abi.encodeCall(lender.deposit, (amount)));
    }

    function _approve(Persona who, Coin coin, address spender) private {
        who.act(address(coin), 0, abi.encodeCall(coin.approve, (spender, type(uint256).max)));
    }
}
