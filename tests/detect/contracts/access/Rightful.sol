// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Every rightful way to change an owner that the tests know.
contract Holding {
    address public immutable admin;
    address public owner;
    address public pending;
    uint256 public nonce;

    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    constructor(address admin_) payable {
        admin = admin_;
        owner = msg.sender;
    }

    /// @notice By an account that stands in the code.
    function setOwner(address to) external {
        require(msg.sender == admin, "admin");
        _set(to);
    }

    function propose(address to) external {
        require(msg.sender == owner, "owner");
        pending = to;
    }

    function acceptOwnership() external {
        require(msg.sender == pending, "pending");
        _set(pending);
    }

    function renounceOwnership() external {
        require(msg.sender == owner, "owner");
        _set(address(0));
    }

    /// @notice By the owner's signature, brought by anybody.
    function transferBySignature(address to, uint8 v, bytes32 r, bytes32 s) external {
        bytes32 digest = keccak256(abi.encode(block.chainid, address(this), to, nonce++));
        address signer = ecrecover(digest, v, r, s);
        require(signer != address(0) && signer == owner, "signature");
        _set(to);
    }

    function withdraw() external {
        require(msg.sender == owner, "owner");
        payable(msg.sender).transfer(address(this).balance);
    }

    function _set(address to) private {
        emit OwnershipTransferred(owner, to);
        owner = to;
    }
}

/// @notice Runs what was scheduled, for anybody, after a while.
contract Delay {
    address private immutable _proposer = msg.sender;
    mapping(bytes32 => uint256) public ready;

    receive() external payable {}

    function schedule(address target, bytes calldata data) external {
        require(msg.sender == _proposer, "proposer");
        ready[keccak256(abi.encode(target, data))] = block.timestamp;
    }

    function execute(address target, bytes calldata data) external {
        bytes32 id = keccak256(abi.encode(target, data));
        require(ready[id] != 0 && ready[id] <= block.timestamp, "not ready");
        ready[id] = 0;
        (bool done,) = target.call(data);
        require(done);
    }
}

/// @notice Runs what one that it knows says that somebody elsewhere said.
contract Messenger {
    address private immutable _operator = msg.sender;
    address public sender;

    function relay(address from, address target, bytes calldata data) external {
        require(msg.sender == _operator, "operator");
        sender = from;
        (bool done,) = target.call(data);
        require(done);
        sender = address(0);
    }
}

contract Remote {
    Messenger private immutable _messenger;
    address private immutable _other;
    address public owner = msg.sender;

    constructor(Messenger messenger, address other) {
        _messenger = messenger;
        _other = other;
    }

    function setOwner(address to) external {
        require(msg.sender == address(_messenger) && _messenger.sender() == _other, "other side");
        owner = to;
    }
}

/// @notice Small proxies of one code, initialised as they are made, or by whoever comes first.
contract Cloned {
    address public owner;

    function initialize(address owner_) external {
        require(owner == address(0), "initialised");
        owner = owner_;
    }
}

contract Factory {
    address private immutable _code = address(new Cloned());

    event Made(address clone);

    function make(address owner) external returns (address clone) {
        bytes memory creation =
            abi.encodePacked(hex"3d602d80600a3d3981f3363d3d373d3d3d363d73", _code, hex"5af43d82803e903d91602b57fd5bf3");
        assembly {
            clone := create(0, add(creation, 32), mload(creation))
        }
        require(clone != address(0), "not made");
        Cloned(clone).initialize(owner);
        emit Made(clone);
    }
}

/// @notice An account that many calls are made for at once.
contract Batches {
    address public owner = msg.sender;
    uint256 public number;

    function batch(bytes[] calldata calls) external {
        for (uint256 i; i < calls.length; ++i) {
            (bool done,) = address(this).delegatecall(calls[i]);
            require(done);
        }
    }

    function set(uint256 to) external {
        require(msg.sender == owner, "owner");
        number = to;
    }

    function setOwner(address to) external {
        require(msg.sender == owner, "owner");
        owner = to;
    }
}
