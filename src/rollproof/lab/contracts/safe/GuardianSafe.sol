// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Owners} from "./Owners.sol";

/// @notice A multisig that tools take for a Safe 1.4.1: the same calls, hashes, events and errors.
/// @dev Left out, and refused: modules, guards, the fallback handler, a call at setup, paying for gas, signatures by
/// contracts (v = 0) and by eth_sign (v > 30). Signatures are 65 bytes each, r, s, v, in the order of their owners.
contract GuardianSafe is Owners {
    event SafeSetup(
        address indexed initiator, address[] owners, uint256 threshold, address initializer, address fallbackHandler
    );
    event ApproveHash(bytes32 indexed approvedHash, address indexed owner);
    event ExecutionFailure(bytes32 indexed txHash, uint256 payment);
    event ExecutionSuccess(bytes32 indexed txHash, uint256 payment);
    event SafeReceived(address indexed sender, uint256 value);

    error NotSupported(string what);

    string public constant VERSION = "1.4.1";
    bytes32 private constant _DOMAIN = keccak256("EIP712Domain(uint256 chainId,address verifyingContract)");
    bytes32 private constant _SAFE_TX = keccak256(
        "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
    );

    enum Operation {
        Call,
        DelegateCall
    }

    uint256 public nonce;
    bytes32 private _deprecatedDomainSeparator;
    mapping(bytes32 hash => uint256) private _signedMessages;
    mapping(address owner => mapping(bytes32 hash => uint256)) public approvedHashes;

    /// @dev The code itself belongs to nobody: only proxies are set up.
    constructor() {
        _threshold = 1;
    }

    receive() external payable {
        emit SafeReceived(msg.sender, msg.value);
    }

    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address,
        uint256 payment,
        address payable
    ) external {
        if (to != address(0) || data.length > 0) revert NotSupported("a call at setup");
        if (fallbackHandler != address(0)) revert NotSupported("a fallback handler");
        if (payment > 0) revert NotSupported("payment");
        _setupOwners(owners, threshold);
        emit SafeSetup(msg.sender, owners, threshold, to, fallbackHandler);
    }

    function execTransaction(
        address to,
        uint256 value,
        bytes calldata data,
        Operation operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address payable refundReceiver,
        bytes memory signatures
    ) external payable returns (bool success) {
        if (gasPrice > 0) revert NotSupported("paying for gas");
        bytes32 hash = getTransactionHash(
            to, value, data, operation, safeTxGas, baseGas, gasPrice, gasToken, refundReceiver, nonce++
        );
        checkSignatures(hash, "", signatures);
        uint256 enough = safeTxGas * 64 / 63;
        if (enough < safeTxGas + 2500) enough = safeTxGas + 2500;
        require(gasleft() >= enough + 500, "GS010");
        // What is left must do for the event, and a failure without a gas limit of its own is one of everything.
        if (operation == Operation.DelegateCall) (success,) = to.delegatecall{gas: gasleft() - 2500}(data);
        else (success,) = to.call{value: value, gas: gasleft() - 2500}(data);
        require(success || safeTxGas != 0, "GS013");
        if (success) emit ExecutionSuccess(hash, 0);
        else emit ExecutionFailure(hash, 0);
    }

    function approveHash(bytes32 hash) external {
        require(isOwner(msg.sender), "GS030");
        approvedHashes[msg.sender][hash] = 1;
        emit ApproveHash(hash, msg.sender);
    }

    function checkSignatures(bytes32 dataHash, bytes memory data, bytes memory signatures) public view {
        require(_threshold > 0, "GS001");
        checkNSignatures(dataHash, data, signatures, _threshold);
    }

    function checkNSignatures(bytes32 dataHash, bytes memory, bytes memory signatures, uint256 required) public view {
        require(signatures.length >= required * 65, "GS020");
        address last;
        for (uint256 i; i < required; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = _split(signatures, i);
            address owner;
            if (v == 0) revert NotSupported("a signature by a contract");
            if (v > 30) revert NotSupported("a signature by eth_sign");
            if (v == 1) {
                owner = address(uint160(uint256(r)));
                require(msg.sender == owner || approvedHashes[owner][dataHash] != 0, "GS025");
            } else {
                owner = ecrecover(dataHash, v, r, s);
            }
            require(owner > last && _owners[owner] != address(0) && owner != SENTINEL, "GS026");
            last = owner;
        }
    }

    function domainSeparator() public view returns (bytes32) {
        return keccak256(abi.encode(_DOMAIN, block.chainid, this));
    }

    function encodeTransactionData(
        address to,
        uint256 value,
        bytes calldata data,
        Operation operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address refundReceiver,
        uint256 nonce_
    ) public view returns (bytes memory) {
        bytes32 inner = keccak256(
            abi.encode(
                _SAFE_TX,
                to,
                value,
                keccak256(data),
                operation,
                safeTxGas,
                baseGas,
                gasPrice,
                gasToken,
                refundReceiver,
                nonce_
            )
        );
        return abi.encodePacked(bytes2(0x1901), domainSeparator(), inner);
    }

    /// @notice What the owners sign (EIP-712).
    function getTransactionHash(
        address to,
        uint256 value,
        bytes calldata data,
        Operation operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address refundReceiver,
        uint256 nonce_
    ) public view returns (bytes32) {
        return keccak256(
            encodeTransactionData(
                to, value, data, operation, safeTxGas, baseGas, gasPrice, gasToken, refundReceiver, nonce_
            )
        );
    }

    function _split(bytes memory signatures, uint256 index) private pure returns (uint8 v, bytes32 r, bytes32 s) {
        assembly ("memory-safe") {
            let at := add(add(signatures, 32), mul(65, index))
            r := mload(at)
            s := mload(add(at, 32))
            v := byte(0, mload(add(at, 64)))
        }
    }
}
