// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";
import {IPair} from "./IPair.sol";

/// @notice Swaps through pairs and adds liquidity within the caller's bounds. Holds nothing between calls.
/// @dev Which pair is used for two tokens is what the owner registered; there is no factory.
contract Router {
    using SafeTransfer for IERC20;

    error OnlyOwner(address caller);
    error Expired(uint256 deadline);
    error BadPath();
    error NoPair(address tokenA, address tokenB);
    error TooLittleOut(uint256 amount, uint256 wanted);
    error TooLittleTaken(uint256 amountA, uint256 amountB);

    event PairRegistered(address indexed tokenA, address indexed tokenB, address pair);

    uint256 public constant MAX_PATH = 5;
    address public immutable owner = msg.sender;
    mapping(address tokenA => mapping(address tokenB => address)) public getPair;

    modifier before(uint256 deadline) {
        if (block.timestamp > deadline) revert Expired(deadline);
        _;
    }

    function register(IPair pair) external {
        if (msg.sender != owner) revert OnlyOwner(msg.sender);
        (address a, address b) = (pair.token0(), pair.token1());
        getPair[a][b] = getPair[b][a] = address(pair);
        emit PairRegistered(a, b, address(pair));
    }

    /// @return amounts what goes in and comes out along ``path``, the first being ``amountIn``.
    function swapExactTokensForTokens(
        uint256 amountIn,
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external before(deadline) returns (uint256[] memory amounts) {
        amounts = getAmountsOut(amountIn, path);
        uint256 got = amounts[amounts.length - 1];
        if (got < amountOutMin) revert TooLittleOut(got, amountOutMin);
        IERC20(path[0]).move(msg.sender, _pair(path[0], path[1]), amountIn);
        for (uint256 i; i + 1 < path.length; ++i) {
            address next = i + 2 < path.length ? _pair(path[i + 1], path[i + 2]) : to;
            (uint256 out0, uint256 out1) = path[i] < path[i + 1] ? (uint256(0), amounts[i + 1]) : (amounts[i + 1], 0);
            IPair(_pair(path[i], path[i + 1])).swap(out0, out1, next, "");
        }
    }

    /// @notice Takes as much of both tokens as the pool's ratio asks for, at most the amounts wanted.
    function addLiquidity(
        address tokenA,
        address tokenB,
        uint256 amountADesired,
        uint256 amountBDesired,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external before(deadline) returns (uint256 amountA, uint256 amountB, uint256 liquidity) {
        (amountA, amountB) = _fitting(tokenA, tokenB, amountADesired, amountBDesired);
        if (amountA < amountAMin || amountB < amountBMin) revert TooLittleTaken(amountA, amountB);
        liquidity = _provide(tokenA, tokenB, amountA, amountB, to);
    }

    function removeLiquidity(
        address tokenA,
        address tokenB,
        uint256 liquidity,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external before(deadline) returns (uint256 amountA, uint256 amountB) {
        address pair = _pair(tokenA, tokenB);
        IERC20(pair).move(msg.sender, pair, liquidity);
        (uint256 amount0, uint256 amount1) = IPair(pair).burn(to);
        (amountA, amountB) = tokenA < tokenB ? (amount0, amount1) : (amount1, amount0);
        if (amountA < amountAMin || amountB < amountBMin) revert TooLittleOut(amountA, amountAMin);
    }

    function getAmountsOut(uint256 amountIn, address[] calldata path) public view returns (uint256[] memory amounts) {
        if (path.length < 2 || path.length > MAX_PATH) revert BadPath();
        amounts = new uint256[](path.length);
        amounts[0] = amountIn;
        for (uint256 i; i + 1 < path.length; ++i) {
            (uint256 reserveIn, uint256 reserveOut) = _reserves(path[i], path[i + 1]);
            amounts[i + 1] = getAmountOut(amounts[i], reserveIn, reserveOut);
        }
    }

    /// @notice What a pair gives for ``amountIn``, after its fee, rounded down.
    function getAmountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) public pure returns (uint256) {
        uint256 charged = amountIn * 997;
        return charged * reserveOut / (reserveIn * 1000 + charged);
    }

    /// @dev The most of both tokens that is in the pool's ratio; all of both where the pool is empty.
    function _fitting(address tokenA, address tokenB, uint256 amountA, uint256 amountB)
        private
        view
        returns (uint256, uint256)
    {
        (uint256 reserveA, uint256 reserveB) = _reserves(tokenA, tokenB);
        if (reserveA == 0) return (amountA, amountB);
        uint256 fitting = amountA * reserveB / reserveA;
        return fitting <= amountB ? (amountA, fitting) : (amountB * reserveA / reserveB, amountB);
    }

    function _provide(address tokenA, address tokenB, uint256 amountA, uint256 amountB, address to)
        private
        returns (uint256)
    {
        address pair = _pair(tokenA, tokenB);
        IERC20(tokenA).move(msg.sender, pair, amountA);
        IERC20(tokenB).move(msg.sender, pair, amountB);
        return IPair(pair).mint(to);
    }

    function _pair(address tokenA, address tokenB) private view returns (address pair) {
        pair = getPair[tokenA][tokenB];
        if (pair == address(0)) revert NoPair(tokenA, tokenB);
    }

    function _reserves(address tokenA, address tokenB) private view returns (uint256, uint256) {
        (uint256 reserve0, uint256 reserve1,) = IPair(_pair(tokenA, tokenB)).getReserves();
        return tokenA < tokenB ? (reserve0, reserve1) : (reserve1, reserve0);
    }
}
