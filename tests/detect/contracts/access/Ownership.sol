// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Holds ether for its owner.
abstract contract OwnedPurse {
    address public owner = msg.sender;

    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    receive() external payable {}

    function transferOwnership(address to) public virtual;

    function withdraw() external {
        require(msg.sender == owner, "owner");
        (bool done,) = msg.sender.call{value: address(this).balance}("");
        require(done);
    }

    function _transferOwnership(address to) internal {
        emit OwnershipTransferred(owner, to);
        owner = to;
    }
}

/// @notice VULNERABLE (unauthorised write): nobody is asked who he is.
contract OpenPurse is OwnedPurse {
    function transferOwnership(address to) public override {
        _transferOwnership(to);
    }
}

contract ClosedPurse is OwnedPurse {
    function transferOwnership(address to) public override {
        require(msg.sender == owner, "owner");
        _transferOwnership(to);
    }
}

/// @notice VULNERABLE: who signed is looked at, and that it is somebody else than who calls.
contract OriginPurse is OwnedPurse {
    function transferOwnership(address to) public override {
        if (tx.origin != msg.sender) owner = to;
    }
}

/// @notice VULNERABLE: owner is who once gave something, which anybody may.
contract DonorPurse is OwnedPurse {
    mapping(address => uint256) public given;

    function give() external payable {
        given[msg.sender] += msg.value;
    }

    function transferOwnership(address) public pure override {
        revert("not that way");
    }

    function claim() external {
        require(given[msg.sender] > 0, "gave nothing");
        owner = msg.sender;
    }
}

/// @notice Who calls, calls another.
contract CallRelay {
    function relay(address to, bytes calldata data) external payable {
        (bool done, bytes memory answer) = to.call{value: msg.value}(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    receive() external payable {}
}

/// @notice Takes it and sweeps it in one call.
contract PurseThief {
    receive() external payable {}

    function steal(OpenPurse purse) external {
        purse.transferOwnership(address(this));
        purse.withdraw();
    }

    function claim(DonorPurse purse) external payable {
        purse.give{value: msg.value}();
        purse.claim();
        purse.withdraw();
    }
}

/// @notice Who may do what by roles, as AccessControl has it.
contract Roles {
    mapping(bytes32 => mapping(address => bool)) public hasRole;
    mapping(address => bool) public approved;
    bool internal immutable open;

    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);

    constructor(bool open_) {
        open = open_;
        hasRole[0][msg.sender] = true;
    }

    /// @notice VULNERABLE where it is open.
    function grantRole(bytes32 role, address account) external {
        require(open || hasRole[0][msg.sender], "role");
        hasRole[role][account] = true;
        emit RoleGranted(role, account, msg.sender);
    }

    /// @notice For everybody, about himself.
    function approve(bool yes) external {
        approved[msg.sender] = yes;
    }
}

/// @notice Whoever pays most is king: a name in a slot, and no privilege.
contract BidThrone {
    address public king = msg.sender;
    uint256 public price;

    function claim() external payable {
        require(msg.value > price, "price");
        address before = king;
        (king, price) = (msg.sender, msg.value);
        (bool done,) = before.call{value: msg.value}("");
        require(done);
    }
}
