// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Token} from "./Token.sol";

/// @notice VULNERABLE (arbitrary call): lends tokens, and calls whom the borrower names with what he says.
contract TalkativeLender {
    Token public immutable token;

    constructor(Token token_) {
        token = token_;
    }

    function lend(uint256 amount, address to, address target, bytes calldata data) external {
        uint256 before = token.balanceOf(address(this));
        token.transfer(to, amount);
        (bool done,) = target.call(data);
        require(done);
        require(token.balanceOf(address(this)) >= before, "not repaid");
    }
}

/// @notice The same, corrected: the borrower is called, by a function of his.
contract QuietLender {
    Token public immutable token;

    constructor(Token token_) {
        token = token_;
    }

    function lend(uint256 amount, address to, address, bytes calldata data) external {
        uint256 before = token.balanceOf(address(this));
        token.transfer(to, amount);
        Borrower(to).onLoan(token, amount, data);
        require(token.balanceOf(address(this)) >= before, "not repaid");
    }
}

contract Borrower {
    function borrow(TalkativeLender lender, Token token) external {
        uint256 all = token.balanceOf(address(lender));
        lender.lend(0, address(this), address(token), abi.encodeCall(Token.approve, (address(this), all)));
        token.transferFrom(address(lender), msg.sender, all);
    }

    function borrowQuietly(QuietLender lender, Token token) external {
        lender.lend(token.balanceOf(address(lender)), address(this), address(0), "");
    }

    function onLoan(Token token, uint256 amount, bytes calldata) external {
        token.transfer(msg.sender, amount);
    }
}

/// @notice VULNERABLE (arbitrary call): a router with others' allowances, and tokens of its own, that calls anything.
contract TalkativeRouter {
    function route(address target, bytes calldata data) external returns (bytes memory answer) {
        bool done;
        (done, answer) = target.call(data);
        require(done);
    }
}

/// @notice A router as it should be: it pulls from who calls.
contract CarefulRouter {
    function pay(Token token, address to, uint256 amount) external {
        token.transferFrom(msg.sender, to, amount);
    }
}

/// @notice Orders that their makers placed before, and anybody may fill.
contract OrderBook {
    struct Order {
        address maker;
        Token gives;
        uint256 amount;
        Token wants;
        uint256 price;
    }

    mapping(uint256 => Order) public orders;
    uint256 public count;

    function place(Token gives, uint256 amount, Token wants, uint256 price) external {
        orders[count++] = Order(msg.sender, gives, amount, wants, price);
    }

    function fill(uint256 number) external {
        Order memory order = orders[number];
        delete orders[number];
        order.wants.transferFrom(msg.sender, order.maker, order.price);
        order.gives.transferFrom(order.maker, msg.sender, order.amount);
    }
}

/// @notice A vault whose own functions trust only itself, and an `execute` that says who may call them.
abstract contract SelfCaller {
    Token public immutable token;
    address public owner = msg.sender;

    constructor(Token token_) {
        token = token_;
    }

    function sweep(address to) external {
        require(msg.sender == address(this), "self");
        token.transfer(to, token.balanceOf(address(this)));
    }

    function execute(bytes calldata data) external {
        _check();
        (bool done,) = address(this).call(data);
        require(done);
    }

    function _check() internal view virtual;
}

contract OpenSelfCaller is SelfCaller {
    constructor(Token token_) SelfCaller(token_) {}

    function _check() internal view override {}
}

contract ClosedSelfCaller is SelfCaller {
    constructor(Token token_) SelfCaller(token_) {}

    function _check() internal view override {
        require(msg.sender == owner, "owner");
    }
}
