// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Uses as much gas as it takes to write that many words.
contract Worker {
    mapping(uint256 place => uint256) public work;

    function run(uint256 count) external {
        for (uint256 i; i < count; ++i) work[i] = block.number;
    }
}

/// @notice VULNERABLE (insufficient gas): a message is used up although its call had too little gas.
contract Relay {
    mapping(uint256 nonce => bool) public used;

    event Relayed(uint256 nonce, bool done);

    function relay(address target, bytes calldata data, uint256 nonce, uint256 gas_) external virtual {
        require(!used[nonce], "used");
        used[nonce] = true;
        gas_;
        (bool done,) = target.call(data);
        done;
        emit Relayed(nonce, true);
    }
}

/// @notice The same, corrected: the signer's gas has to be there.
contract RelayFixed is Relay {
    function relay(address target, bytes calldata data, uint256 nonce, uint256 gas_) external override {
        require(!used[nonce], "used");
        used[nonce] = true;
        require(gasleft() * 63 / 64 > gas_ + 5_000, "gas");
        (bool done,) = target.call{gas: gas_}(data);
        emit Relayed(nonce, done);
    }
}

/// @notice Uses up whatever gas it is sent with ether.
contract Burner {
    receive() external payable {
        while (true) {}
    }
}

/// @notice VULNERABLE (gas griefing): the partner gets all gas, and the owner is paid after that.
contract Partnership {
    address payable public immutable partner;
    address payable public immutable owner;
    uint256 public paid;

    constructor(address payable partner_, address payable owner_) payable {
        (partner, owner) = (partner_, owner_);
    }

    function withdraw() external virtual {
        (bool done,) = partner.call{value: 1 wei}("");
        done;
        _rest();
    }

    function _rest() internal {
        owner.transfer(1 wei);
        ++paid;
    }
}

/// @notice The same, corrected: a stipend for the partner.
contract PartnershipFixed is Partnership {
    constructor(address payable partner_, address payable owner_) payable Partnership(partner_, owner_) {}

    function withdraw() external override {
        bool done = partner.send(1 wei);
        done;
        _rest();
    }
}

/// @notice Calls something with little gas of its own, and goes on if that fails.
contract Trial {
    uint256 public failures;

    function attempt(address target, bytes calldata data, uint256 gas_) external {
        (bool done,) = target.call{gas: gas_}(data);
        if (!done) ++failures;
    }
}

/// @notice Answers with as many bytes as it is asked for.
contract Bomb {
    function explode(uint256 length) external pure {
        assembly {
            revert(0, length)
        }
    }
}

/// @notice VULNERABLE (return bomb): the answer is copied whole, read or not.
contract Poller {
    uint256 public polls;

    function poll(address target, uint256 length, uint256 gas_) external virtual {
        ++polls;
        (bool done, bytes memory answer) = target.call{gas: gas_}(abi.encodeCall(Bomb.explode, (length)));
        if (!done && answer.length == 1) ++polls;
    }
}

/// @notice The same, corrected: no more than a word is copied.
contract PollerFixed is Poller {
    function poll(address target, uint256 length, uint256 gas_) external override {
        ++polls;
        bytes memory data = abi.encodeCall(Bomb.explode, (length));
        assembly {
            pop(call(gas_, target, 0, add(data, 32), mload(data), 0, 32))
        }
    }
}

/// @notice VULNERABLE (gas price): pays its caller back at whatever price that one chose.
contract Refunder {
    uint256 public rounds;

    receive() external payable {}

    function turn() external virtual {
        ++rounds;
        payable(msg.sender).transfer(500_000 * tx.gasprice);
    }
}

/// @notice The same, corrected: a fixed fee.
contract RefunderFixed is Refunder {
    function turn() external override {
        ++rounds;
        payable(msg.sender).transfer(50_000 gwei);
    }
}

/// @notice VULNERABLE (gas left decides): opens to who finds the right amount of gas.
contract Gate {
    uint256 public opened;

    function open() external virtual {
        require(gasleft() % 64 == 0, "gas");
        ++opened;
    }
}

/// @notice The same, corrected: opens to whoever knows the word.
contract GateFixed is Gate {
    function open() external override {
        require(gasleft() > 30_000, "gas");
        ++opened;
    }
}

/// @notice Tries gas limits one after another.
contract GateOpener {
    uint256 public tries;

    function run(Gate gate) external {
        for (uint256 i; i < 256; ++i) {
            (bool done,) = address(gate).call{gas: 60_000 + i}(abi.encodeCall(Gate.open, ()));
            if (done) {
                tries = i + 1;
                return;
            }
        }
    }
}
