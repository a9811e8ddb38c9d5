// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FungibleToken} from "../token/FungibleToken.sol";
import {IERC20} from "../token/IERC20.sol";
import {ReentrancyLock} from "../token/ReentrancyLock.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";

/// @notice A pool of ether and a token that is worth as much; its own token is a share in both.
abstract contract StablePoolBase is FungibleToken, ReentrancyLock {
    using SafeTransfer for IERC20;

    event AddLiquidity(address indexed provider, uint256 ether_, uint256 tokens, uint256 shares);
    event RemoveLiquidity(address indexed provider, uint256 ether_, uint256 tokens, uint256 shares);

    error Nothing();
    error PaymentFailed(address to);

    IERC20 public immutable token;
    uint256 public tokenReserve;

    constructor(IERC20 token_) FungibleToken("Stable Pool", "SP-LP", 18) {
        token = token_;
    }

    /// @notice Value of 10**18 shares in wei.
    function virtualPrice() external view virtual returns (uint256);

    function addLiquidity(uint256 tokens) external payable locked returns (uint256 shares) {
        uint256 worth = msg.value + tokens;
        uint256 before = address(this).balance - msg.value + tokenReserve;
        shares = totalSupply == 0 ? worth : worth * totalSupply / before;
        if (shares == 0) revert Nothing();
        tokenReserve += tokens;
        _mint(msg.sender, shares);
        emit AddLiquidity(msg.sender, msg.value, tokens, shares);
        token.pull(msg.sender, tokens);
    }

    /// @dev Ether first, tokens after: in between, whoever is paid runs code of its own.
    function removeLiquidity(uint256 shares) external locked returns (uint256 ether_, uint256 tokens) {
        ether_ = address(this).balance * shares / totalSupply;
        tokens = tokenReserve * shares / totalSupply;
        _burn(msg.sender, shares);
        (bool done,) = msg.sender.call{value: ether_}("");
        if (!done) revert PaymentFailed(msg.sender);
        tokenReserve -= tokens;
        emit RemoveLiquidity(msg.sender, ether_, tokens, shares);
        token.push(msg.sender, tokens);
    }

    function _virtualPrice() internal view returns (uint256) {
        return (address(this).balance + tokenReserve) * 1e18 / totalSupply;
    }
}

/// @notice VULNERABLE (read-only reentrancy): in the middle of `removeLiquidity` the shares are gone and the tokens are
/// not yet, so that the price it answers is too high. Nothing is lost here, but with who believes that price.
contract StablePool is StablePoolBase {
    constructor(IERC20 token_) StablePoolBase(token_) {}

    function virtualPrice() external view override returns (uint256) {
        return _virtualPrice();
    }
}

/// @notice The same, corrected: no price while something is going on.
contract StablePoolFixed is StablePoolBase {
    constructor(IERC20 token_) StablePoolBase(token_) {}

    function virtualPrice() external view override settled returns (uint256) {
        return _virtualPrice();
    }
}

/// @notice Lends the pool's token against shares of the pool, at the price the pool answers; no interest.
contract ShareLender is ReentrancyLock {
    using SafeTransfer for IERC20;

    event Lent(address indexed account, uint256 collateral, uint256 amount);
    event Paid(address indexed account, uint256 amount);

    error Undercollateralised(uint256 debt, uint256 limit);

    uint256 public constant COLLATERAL_FACTOR_BPS = 9_000;
    StablePoolBase public immutable pool;
    IERC20 public immutable token;
    mapping(address account => uint256) public collateralOf;
    mapping(address account => uint256) public debtOf;

    constructor(StablePoolBase pool_) {
        pool = pool_;
        token = pool_.token();
    }

    /// @notice Takes shares as collateral and lends against all that the caller has here.
    function borrow(uint256 collateral, uint256 amount) external locked {
        collateralOf[msg.sender] += collateral;
        debtOf[msg.sender] += amount;
        uint256 limit = collateralOf[msg.sender] * pool.virtualPrice() / 1e18 * COLLATERAL_FACTOR_BPS / 10_000;
        if (debtOf[msg.sender] > limit) revert Undercollateralised(debtOf[msg.sender], limit);
        emit Lent(msg.sender, collateral, amount);
        IERC20(address(pool)).pull(msg.sender, collateral);
        token.push(msg.sender, amount);
    }

    /// @notice Pays all of the caller's debt and gives the collateral back.
    function repay() external locked {
        (uint256 debt, uint256 collateral) = (debtOf[msg.sender], collateralOf[msg.sender]);
        (debtOf[msg.sender], collateralOf[msg.sender]) = (0, 0);
        emit Paid(msg.sender, debt);
        token.pull(msg.sender, debt);
        IERC20(address(pool)).push(msg.sender, collateral);
    }
}
