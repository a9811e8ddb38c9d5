// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// Counts for whoever pays, and pays back what is too much: the stage's own tests use it.
contract Counter {
    event Counted(address indexed by, uint256 total);

    uint256 public immutable price;
    mapping(address => uint256) public counts;

    constructor(uint256 price_) payable {
        price = price_;
    }

    function count() external payable returns (uint256 total) {
        require(msg.value >= price, "too little");
        total = ++counts[msg.sender];
        emit Counted(msg.sender, total);
        if (msg.value > price) {
            (bool paid,) = msg.sender.call{value: msg.value - price}("");
            require(paid, "not paid back");
        }
    }
}
