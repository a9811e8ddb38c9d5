// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IL2ToL1MessagePasser} from "../../interfaces/IL2ToL1MessagePasser.sol";
import {MESSAGE_VERSION as VERSION, WithdrawalTransaction, hashWithdrawal, versioned} from "../encoding/Withdrawal.sol";

/// @notice Predeploy 0x4200..16: keeps every message to L1 in its storage, whose root is part of every output root.
/// @dev Nothing else is in this storage, so that a proof against its root is a proof of a message.
contract L2ToL1MessagePasser is IL2ToL1MessagePasser {
    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );
    event WithdrawerBalanceBurnt(uint256 indexed amount);

    uint16 public constant MESSAGE_VERSION = VERSION;
    uint256 private constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;
    string public constant version = "1.1.0";

    mapping(bytes32 withdrawalHash => bool) public sentMessages; // slot 0
    uint240 private _nonce; // slot 1

    receive() external payable {
        initiateWithdrawal(msg.sender, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    /// @notice Sends a message to L1, with the ETH that comes along.
    function initiateWithdrawal(address target, uint256 gasLimit, bytes memory data) public payable {
        uint256 nonce = messageNonce();
        bytes32 withdrawalHash =
            hashWithdrawal(WithdrawalTransaction(nonce, msg.sender, target, msg.value, gasLimit, data));
        sentMessages[withdrawalHash] = true;
        emit MessagePassed(nonce, msg.sender, target, msg.value, gasLimit, data, withdrawalHash);
        unchecked {
            ++_nonce;
        }
    }

    /// @notice Takes the ETH that left for L1 out of the L2's supply.
    function burn() external {
        uint256 amount = address(this).balance;
        // Ether in a contract that destroys itself while it is created, to its own address, is gone (EIP-6780).
        assembly {
            mstore(0, shl(240, 0x30ff)) // ADDRESS, SELFDESTRUCT
            if iszero(create(amount, 0, 2)) { revert(0, 0) }
        }
        emit WithdrawerBalanceBurnt(amount);
    }

    function messageNonce() public view returns (uint256) {
        return versioned(_nonce);
    }
}
