// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ICrossDomainMessenger} from "../../interfaces/ICrossDomainMessenger.sol";
import {versioned, MESSAGE_VERSION as VERSION} from "../encoding/Withdrawal.sol";
import {MinGasCall} from "../MinGasCall.sol";
import {Initializable} from "../proxy/Initializable.sol";

/// @notice Calls between contracts of the two layers. A message whose call fails is kept and can be tried again.
/// @dev Functions, events, messages and storage slots follow the OP Stack's messengers; messages of before Bedrock
///      (version 0) are refused. Slots: 203 successfulMessages, 204 sender of the message being relayed (0xdead between
///      messages), 205 nonce, 206 failedMessages, 207 the other layer's messenger.
abstract contract CrossDomainMessenger is Initializable, ICrossDomainMessenger {
    event SentMessage(address indexed target, address sender, bytes message, uint256 messageNonce, uint256 gasLimit);
    event SentMessageExtension1(address indexed sender, uint256 value);
    event RelayedMessage(bytes32 indexed msgHash);
    event FailedRelayedMessage(bytes32 indexed msgHash);

    uint16 public constant MESSAGE_VERSION = VERSION;
    uint64 public constant RELAY_CONSTANT_OVERHEAD = 200_000;
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR = 64;
    uint64 public constant MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR = 63;
    uint64 public constant MIN_GAS_CALLDATA_OVERHEAD = 16;
    uint64 public constant RELAY_CALL_OVERHEAD = 40_000;
    uint64 public constant RELAY_RESERVED_GAS = 40_000;
    uint64 public constant RELAY_GAS_CHECK_BUFFER = 5_000;
    address internal constant NOBODY = 0x000000000000000000000000000000000000dEaD;
    address private constant ESTIMATOR = address(1);

    uint256[202] private __gap;
    mapping(bytes32 msgHash => bool) public successfulMessages;
    address internal _sender;
    uint240 internal _nonce;
    mapping(bytes32 msgHash => bool) public failedMessages;
    ICrossDomainMessenger public otherMessenger;
    uint256[43] private __gap2;

    /// @notice Has `target` on the other layer called with `message`, and at least `minGasLimit` gas, in the caller's
    ///         name; the value goes along.
    function sendMessage(address target, bytes calldata message, uint32 minGasLimit) external payable {
        bytes memory relay = abi.encodeCall(
            ICrossDomainMessenger.relayMessage,
            (messageNonce(), msg.sender, target, msg.value, minGasLimit, message)
        );
        _send(address(otherMessenger), baseGas(message, minGasLimit), msg.value, relay);
        emit SentMessage(target, msg.sender, message, messageNonce(), minGasLimit);
        emit SentMessageExtension1(msg.sender, msg.value);
        unchecked {
            ++_nonce;
        }
    }

    /// @notice Delivers a message: the other layer's messenger does so first, and then anybody, where it failed.
    function relayMessage(
        uint256 nonce,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes calldata message
    ) external payable {
        require(!paused(), "CrossDomainMessenger: paused");
        require(nonce >> 240 == VERSION, "CrossDomainMessenger: only version 1 messages are supported");
        bytes32 msgHash = keccak256(
            abi.encodeCall(ICrossDomainMessenger.relayMessage, (nonce, sender, target, value, minGasLimit, message))
        );
        if (_fromOtherMessenger()) {
            // The other messenger sends a message once, so it cannot have failed before.
            assert(msg.value == value && !failedMessages[msgHash]);
        } else {
            require(
                msg.value == 0, "CrossDomainMessenger: value must be zero unless message is from a system address"
            );
            require(failedMessages[msgHash], "CrossDomainMessenger: message cannot be replayed");
        }
        require(!_isUnsafeTarget(target), "CrossDomainMessenger: cannot send message to blocked system address");
        require(!successfulMessages[msgHash], "CrossDomainMessenger: message has already been relayed");
        _deliver(msgHash, sender, target, value, minGasLimit, message);
    }

    function _deliver(
        bytes32 msgHash,
        address sender,
        address target,
        uint256 value,
        uint256 minGasLimit,
        bytes memory message
    ) private {
        bool success = false;
        // Too little gas for what was promised, or a message within a message: kept for another time.
        if (MinGasCall.affords(minGasLimit, RELAY_RESERVED_GAS + RELAY_GAS_CHECK_BUFFER) && _sender == NOBODY) {
            _sender = sender;
            success = MinGasCall.send(target, gasleft() - RELAY_RESERVED_GAS, value, message);
            _sender = NOBODY;
        }
        if (success) {
            successfulMessages[msgHash] = true;
            emit RelayedMessage(msgHash);
            return;
        }
        failedMessages[msgHash] = true;
        emit FailedRelayedMessage(msgHash);
        if (tx.origin == ESTIMATOR) revert("CrossDomainMessenger: failed to relay message");
    }

    /// @notice Who sent the message that is being relayed now. Reverts at any other time.
    function xDomainMessageSender() external view returns (address) {
        require(_sender != NOBODY, "CrossDomainMessenger: xDomainMessageSender is not set");
        return _sender;
    }

    // Capitals as contracts of before Bedrock read it.
    function OTHER_MESSENGER() external view returns (ICrossDomainMessenger) {
        return otherMessenger;
    }

    function messageNonce() public view returns (uint256) {
        return versioned(_nonce);
    }

    /// @notice Gas to buy on the other layer, so that relaying there leaves the call `minGasLimit`.
    function baseGas(bytes calldata message, uint32 minGasLimit) public pure returns (uint64) {
        return RELAY_CONSTANT_OVERHEAD + uint64(message.length) * MIN_GAS_CALLDATA_OVERHEAD
            + uint64(minGasLimit) * MIN_GAS_DYNAMIC_OVERHEAD_NUMERATOR / MIN_GAS_DYNAMIC_OVERHEAD_DENOMINATOR
            + RELAY_CALL_OVERHEAD + RELAY_RESERVED_GAS + RELAY_GAS_CHECK_BUFFER;
    }

    function paused() public view virtual returns (bool) {
        return false;
    }

    function _send(address to, uint64 gasLimit, uint256 value, bytes memory data) internal virtual;
    function _fromOtherMessenger() internal view virtual returns (bool);
    function _isUnsafeTarget(address target) internal view virtual returns (bool);
}
