// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Calls that promise their target an amount of gas, whoever pays for the transaction.
library MinGasCall {
    uint256 private constant CALL_COST = 40_000; // of a call with value to a new account, rounded up

    /// @notice Whether a call made now can be given `minGas`, with `reserved` kept back. EIP-150 keeps a 64th.
    function affords(uint256 minGas, uint256 reserved) internal view returns (bool) {
        return gasleft() * 63 >= minGas * 64 + 63 * (CALL_COST + reserved);
    }

    /// @notice Calls with all the gas there is; reverts when that cannot be `minGas`. What is returned is not copied.
    function callWithMinGas(address target, uint256 minGas, uint256 value, bytes memory data)
        internal
        returns (bool)
    {
        require(affords(minGas, 0), "SafeCall: Not enough gas");
        return send(target, gasleft(), value, data);
    }

    /// @notice A call that cannot make its caller pay for copying what it returns.
    function send(address target, uint256 gasLimit, uint256 value, bytes memory data) internal returns (bool success) {
        assembly {
            success := call(gasLimit, target, value, add(data, 32), mload(data), 0, 0)
        }
    }
}
