// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FalseToken} from "./Tokens.sol";

/// @notice VULNERABLE (forced ether): the seventh ether wins, by the contract's own balance.
contract Game {
    address public winner;
    uint256 public count;

    function deposit() external payable virtual {
        require(msg.value == 1 ether, "one ether");
        require(address(this).balance <= 7 ether, "over");
        if (address(this).balance == 7 ether) winner = msg.sender;
        ++count;
    }
}

/// @notice The same, corrected: it counts what it was given.
contract GameFixed is Game {
    function deposit() external payable override {
        require(msg.value == 1 ether, "one ether");
        require(count < 7, "over");
        if (++count == 7) winner = msg.sender;
    }
}

/// @notice Leaves ether to a game by an account that ends in its own creation, then plays.
contract Cheat {
    uint256 public failures;

    function run(Game game) external payable {
        bytes memory code = abi.encodePacked(hex"73", game, hex"ff"); // PUSH20, SELFDESTRUCT
        uint256 left = msg.value - 1 ether;
        assembly {
            pop(create(left, add(code, 32), mload(code)))
        }
        try game.deposit{value: 1 ether}() {}
        catch {
            ++failures;
        }
    }
}

/// @notice VULNERABLE (exact balance): lends only while its balance is what it wrote down.
contract ExactLender {
    FalseToken public immutable token;
    uint256 public held;
    uint256 public loans;

    constructor(FalseToken token_) {
        token = token_;
    }

    function deposit(uint256 amount) external {
        require(token.transferFrom(msg.sender, address(this), amount), "transfer");
        held += amount;
    }

    function lend() external virtual {
        require(token.balanceOf(address(this)) == held, "balance");
        ++loans;
    }
}

/// @notice The same, corrected.
contract ExactLenderFixed is ExactLender {
    constructor(FalseToken token_) ExactLender(token_) {}

    function lend() external override {
        require(token.balanceOf(address(this)) >= held, "balance");
        ++loans;
    }
}

/// @notice Sends a token to a lender that did not ask for it, and sees whether it still lends.
contract Donor {
    uint256 public failures;

    function run(ExactLender lender) external {
        lender.token().transfer(address(lender), 1);
        try lender.lend() {}
        catch {
            ++failures;
        }
    }
}

/// @notice VULNERABLE (exact balance): pays only while its ether is what it wrote down; anybody may sweep the rest.
contract ExactSafe {
    uint256 public held;
    uint256 public rounds;

    function deposit() external payable {
        held += msg.value;
    }

    function turn() external virtual {
        require(address(this).balance == held, "balance");
        ++rounds;
    }

    function sweep() external {
        if (address(this).balance == 0) return;
        ++rounds;
    }
}

/// @notice The same, corrected.
contract ExactSafeFixed is ExactSafe {
    function turn() external override {
        require(address(this).balance >= held, "balance");
        ++rounds;
    }
}
