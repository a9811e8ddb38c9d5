// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice An upgradeable proxy (EIP-1967). To its admin it is a proxy; to everybody else it is its implementation.
contract Proxy {
    event Upgraded(address indexed implementation);
    event AdminChanged(address previousAdmin, address newAdmin);

    bytes32 private constant IMPLEMENTATION = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
    bytes32 private constant ADMIN = bytes32(uint256(keccak256("eip1967.proxy.admin")) - 1);

    constructor(address admin_) {
        _setAdmin(admin_);
    }

    /// @dev A call from the zero address is how a reader without a key asks for the admin or the implementation.
    modifier forAdmin() {
        if (msg.sender == _load(ADMIN) || msg.sender == address(0)) _;
        else _forward();
    }

    receive() external payable {
        _forward();
    }

    fallback() external payable {
        _forward();
    }

    function upgradeTo(address implementation_) external forAdmin {
        _setImplementation(implementation_);
    }

    function upgradeToAndCall(address implementation_, bytes calldata data)
        external
        payable
        forAdmin
        returns (bytes memory)
    {
        _setImplementation(implementation_);
        (bool success, bytes memory answer) = implementation_.delegatecall(data);
        require(success, "Proxy: delegatecall to new implementation contract failed");
        return answer;
    }

    function changeAdmin(address admin_) external forAdmin {
        _setAdmin(admin_);
    }

    function admin() external forAdmin returns (address) {
        return _load(ADMIN);
    }

    function implementation() external forAdmin returns (address) {
        return _load(IMPLEMENTATION);
    }

    function _forward() private {
        address target = _load(IMPLEMENTATION);
        require(target != address(0), "Proxy: implementation not initialized");
        assembly {
            calldatacopy(0, 0, calldatasize())
            let success := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(success) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    function _setImplementation(address to) private {
        _store(IMPLEMENTATION, to);
        emit Upgraded(to);
    }

    function _setAdmin(address to) private {
        emit AdminChanged(_load(ADMIN), to);
        _store(ADMIN, to);
    }

    function _load(bytes32 slot) private view returns (address held) {
        assembly {
            held := sload(slot)
        }
    }

    function _store(bytes32 slot, address value) private {
        assembly {
            sstore(slot, value)
        }
    }
}
