// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "../token/IERC20.sol";
import {FungibleToken} from "../token/FungibleToken.sol";
import {ReentrancyLock} from "../token/ReentrancyLock.sol";
import {SafeTransfer} from "../token/SafeTransfer.sol";
import {IPair, IPairCallee} from "./IPair.sol";

/// @notice Two tokens at a price that is the ratio of what it holds: the product of both never falls by a swap.
/// Fee 0.3 % of what comes in, and it stays with the liquidity providers. Shares in the pool are this contract's token.
contract Pair is IPair, FungibleToken, ReentrancyLock {
    using SafeTransfer for IERC20;

    error SameToken();
    error NoLiquidity();
    error NothingIn();
    error NothingOut();
    error TooMuchOut(uint256 amount0Out, uint256 amount1Out);
    error BadReceiver(address to);
    error ProductFell();
    error ReserveOverflow();

    /// @dev Kept for good from the first shares, so that one share never gets worth a fortune.
    uint256 public constant MINIMUM_LIQUIDITY = 1000;
    uint256 private constant _FEE = 3; // of 1000, on what comes in

    address public immutable token0;
    address public immutable token1;
    uint112 private _reserve0;
    uint112 private _reserve1;
    uint32 private _updatedAt;
    /// @notice Sum over time of the price of one token in the other, 112 binary places, wrapping.
    uint256 public price0CumulativeLast;
    uint256 public price1CumulativeLast;

    /// @param tokenA and @param tokenB in any order; token0 is the one of the lower address.
    constructor(address tokenA, address tokenB) FungibleToken("Lab Pair", "LAB-LP", 18) {
        if (tokenA == tokenB) revert SameToken();
        (token0, token1) = tokenA < tokenB ? (tokenA, tokenB) : (tokenB, tokenA);
    }

    function getReserves() public view returns (uint112, uint112, uint32) {
        return (_reserve0, _reserve1, _updatedAt);
    }

    /// @notice Shares for both tokens that were sent here before; the scarcer of both decides.
    function mint(address to) external locked returns (uint256 liquidity) {
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 amount0 = balance0 - _reserve0;
        uint256 amount1 = balance1 - _reserve1;
        uint256 supply = totalSupply;
        if (supply == 0) {
            uint256 root = _sqrt(amount0 * amount1);
            if (root <= MINIMUM_LIQUIDITY) revert NoLiquidity();
            liquidity = root - MINIMUM_LIQUIDITY;
            _mint(address(0), MINIMUM_LIQUIDITY);
        } else {
            uint256 by0 = amount0 * supply / _reserve0;
            uint256 by1 = amount1 * supply / _reserve1;
            liquidity = by0 < by1 ? by0 : by1;
            if (liquidity == 0) revert NoLiquidity();
        }
        _mint(to, liquidity);
        _update(balance0, balance1);
        emit Mint(msg.sender, amount0, amount1);
    }

    /// @notice Both tokens for the shares that were sent here before.
    function burn(address to) external locked returns (uint256 amount0, uint256 amount1) {
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 liquidity = balanceOf[address(this)];
        amount0 = liquidity * balance0 / totalSupply;
        amount1 = liquidity * balance1 / totalSupply;
        if (amount0 == 0 || amount1 == 0) revert NoLiquidity();
        _burn(address(this), liquidity);
        IERC20(token0).push(to, amount0);
        IERC20(token1).push(to, amount1);
        (balance0, balance1) = _balances();
        _update(balance0, balance1);
        emit Burn(msg.sender, amount0, amount1, to);
    }

    /// @notice Sends tokens out, calls ``to`` where there is data, and then wants to have been paid.
    function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata data) external locked {
        if (amount0Out == 0 && amount1Out == 0) revert NothingOut();
        if (amount0Out >= _reserve0 || amount1Out >= _reserve1) revert TooMuchOut(amount0Out, amount1Out);
        if (to == token0 || to == token1) revert BadReceiver(to);
        if (amount0Out > 0) IERC20(token0).push(to, amount0Out);
        if (amount1Out > 0) IERC20(token1).push(to, amount1Out);
        if (data.length > 0) IPairCallee(to).uniswapV2Call(msg.sender, amount0Out, amount1Out, data);
        _settle(amount0Out, amount1Out, to);
    }

    /// @notice Sends away what is held beyond the reserves.
    function skim(address to) external locked {
        (uint256 balance0, uint256 balance1) = _balances();
        IERC20(token0).push(to, balance0 - _reserve0);
        IERC20(token1).push(to, balance1 - _reserve1);
    }

    /// @notice Makes what is held the reserves.
    function sync() external locked {
        (uint256 balance0, uint256 balance1) = _balances();
        _update(balance0, balance1);
    }

    function _settle(uint256 amount0Out, uint256 amount1Out, address to) private {
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 kept0 = _reserve0 - amount0Out;
        uint256 kept1 = _reserve1 - amount1Out;
        uint256 amount0In = balance0 > kept0 ? balance0 - kept0 : 0;
        uint256 amount1In = balance1 > kept1 ? balance1 - kept1 : 0;
        if (amount0In == 0 && amount1In == 0) revert NothingIn();
        uint256 charged0 = balance0 * 1000 - amount0In * _FEE;
        uint256 charged1 = balance1 * 1000 - amount1In * _FEE;
        if (charged0 * charged1 < uint256(_reserve0) * _reserve1 * 1000 ** 2) revert ProductFell();
        _update(balance0, balance1);
        emit Swap(msg.sender, amount0In, amount1In, amount0Out, amount1Out, to);
    }

    function _balances() private view returns (uint256, uint256) {
        return (IERC20(token0).balanceOf(address(this)), IERC20(token1).balanceOf(address(this)));
    }

    function _update(uint256 balance0, uint256 balance1) private {
        if (balance0 > type(uint112).max || balance1 > type(uint112).max) revert ReserveOverflow();
        uint32 time = uint32(block.timestamp); // wraps in 2106; only differences are used
        unchecked {
            uint32 elapsed = time - _updatedAt;
            if (elapsed > 0 && _reserve0 != 0 && _reserve1 != 0) {
                price0CumulativeLast += (uint256(_reserve1) << 112) / _reserve0 * elapsed;
                price1CumulativeLast += (uint256(_reserve0) << 112) / _reserve1 * elapsed;
            }
        }
        (_reserve0, _reserve1, _updatedAt) = (uint112(balance0), uint112(balance1), time);
        emit Sync(uint112(balance0), uint112(balance1));
    }

    /// @dev Newton's method from above: falls until it is the root, rounded down.
    function _sqrt(uint256 value) private pure returns (uint256 root) {
        if (value == 0) return 0;
        root = value;
        uint256 next = value / 2 + 1;
        while (next < root) {
            root = next;
            next = (value / next + next) / 2;
        }
    }
}
