// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice VULNERABLE (unbounded loop): interest is paid to all members at once.
contract Roll {
    struct Member {
        address account;
        uint256 balance;
    }

    Member[] public members;

    function join() external {
        members.push(Member(msg.sender, 1 ether));
    }

    function pay() external virtual {
        for (uint256 i; i < members.length; ++i) members[i].balance += members[i].balance / 100;
    }
}

/// @notice The same, corrected: a page at a time.
contract RollFixed is Roll {
    uint256 public next;

    function pay() external override {
        uint256 end = next + 10;
        if (end > members.length) end = members.length;
        for (uint256 i = next; i < end; ++i) members[i].balance += members[i].balance / 100;
        next = end == members.length ? 0 : end;
    }
}

/// @notice Fills a roll, each member in a call of its own.
contract Crowd {
    function join(Roll roll, uint256 count) external {
        for (uint256 i; i < count; ++i) roll.join();
    }
}

/// @notice Not vulnerable: gives to as many as its caller lists.
contract Airdrop {
    mapping(address account => uint256) public balanceOf;

    function give(address[] calldata to, uint256 amount) external {
        for (uint256 i; i < to.length; ++i) balanceOf[to[i]] += amount;
    }
}
