// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice State here, code elsewhere, at the address in EIP-1967's slot. Who may change it is the code's question.
contract UpgradeableProxy {
    event Upgraded(address indexed implementation);

    error NoCode(address implementation);

    bytes32 internal constant IMPLEMENTATION = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);

    /// @param data a call to make on the implementation at once, or nothing.
    constructor(address implementation_, bytes memory data) payable {
        _upgrade(implementation_, data);
    }

    receive() external payable virtual {
        _delegate();
    }

    fallback() external payable virtual {
        _delegate();
    }

    function _upgrade(address to, bytes memory data) internal {
        if (to.code.length == 0) revert NoCode(to);
        bytes32 slot = IMPLEMENTATION;
        assembly ("memory-safe") {
            sstore(slot, to)
        }
        emit Upgraded(to);
        if (data.length == 0) return;
        (bool done, bytes memory answer) = to.delegatecall(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function _implementation() internal view returns (address found) {
        bytes32 slot = IMPLEMENTATION;
        assembly ("memory-safe") {
            found := sload(slot)
        }
    }

    function _delegate() internal {
        address to = _implementation();
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), to, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}
