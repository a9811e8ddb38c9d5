// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice A Safe: state here, code at the singleton, whose address is in slot 0 as Safe's own proxies have it. Whoever
/// gets a delegated call to write that slot owns everything that the Safe holds.
contract GuardianSafeProxy {
    address private _singleton;

    /// @param setup_ the call that sets it up, in the same transaction: nobody gets in between.
    constructor(address singleton_, bytes memory setup_) {
        _singleton = singleton_;
        (bool done, bytes memory answer) = singleton_.delegatecall(setup_);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    fallback() external payable {
        address to = _singleton;
        // masterCopy(): how tools ask which code a Safe runs.
        if (msg.sig == 0xa619486e) {
            assembly ("memory-safe") {
                mstore(0, to)
                return(0, 32)
            }
        }
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), to, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    receive() external payable {
        address to = _singleton;
        assembly {
            if iszero(delegatecall(gas(), to, 0, 0, 0, 0)) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
