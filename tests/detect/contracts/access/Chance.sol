// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice A wallet that asks who signed the transaction.
contract OriginWallet {
    address public owner = msg.sender;

    constructor() payable {}

    /// @notice VULNERABLE (tx.origin).
    function pay(address payable to, uint256 amount) external {
        require(tx.origin == owner, "owner");
        to.transfer(amount);
    }
}

contract CallerWallet {
    address public owner = msg.sender;

    constructor() payable {}

    function pay(address payable to, uint256 amount) external {
        require(msg.sender == owner, "owner");
        to.transfer(amount);
    }
}

/// @notice What a wallet's owner is lured into calling.
contract Lure {
    address payable private immutable _thief = payable(msg.sender);

    function free(OriginWallet wallet) external {
        wallet.pay(_thief, address(wallet).balance);
    }
}

/// @notice VULNERABLE (weak randomness): heads or tails by the hash of the last block.
contract Toss {
    constructor() payable {}

    function play(bool heads) external payable {
        bool fell = uint256(blockhash(block.number - 1)) % 2 == 0;
        if (fell == heads) payable(msg.sender).transfer(2 * msg.value);
    }
}

/// @notice VULNERABLE (timestamp): pays in a second of the right remainder.
contract Roulette {
    constructor() payable {}

    function play(uint256 by, uint256 rest) external payable {
        if (block.timestamp % by == rest) payable(msg.sender).transfer(2 * msg.value);
    }
}

/// @notice Pays back what was given, in due time.
contract Deadline {
    uint256 public until = block.timestamp + 1 days;

    constructor() payable {}

    function play(uint256, uint256) external payable {
        require(block.timestamp < until, "late");
        payable(msg.sender).transfer(2 * msg.value);
    }
}
