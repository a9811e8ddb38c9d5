// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IL1Block} from "../../interfaces/IL1Block.sol";

/// @notice Predeploy 0x4200..15: what the L2 knows of L1. The first transaction of every L2 block writes it.
/// @dev The three setters take packed calldata without an ABI, and each knows more fields than the one before it. Nodes
///      read the slots themselves when they charge for L1 data, so the layout is part of the protocol.
contract L1Block is IL1Block {
    error NotDepositor();

    address public constant DEPOSITOR_ACCOUNT = 0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001;
    string public constant version = "1.7.0";

    uint64 public number;
    uint64 public timestamp;
    uint256 public basefee;
    bytes32 public hash;
    uint64 public sequenceNumber;
    uint32 public blobBaseFeeScalar;
    uint32 public baseFeeScalar;
    bytes32 public batcherHash;
    uint256 public l1FeeOverhead; // of before Ecotone, like the next
    uint256 public l1FeeScalar;
    uint256 public blobBaseFee;
    uint64 public operatorFeeConstant; // slot 8
    uint32 public operatorFeeScalar;
    uint16 public daFootprintGasScalar;

    modifier onlyDepositor() {
        if (msg.sender != DEPOSITOR_ACCOUNT) revert NotDepositor();
        _;
    }

    function setL1BlockValues(
        uint64 number_,
        uint64 timestamp_,
        uint256 basefee_,
        bytes32 hash_,
        uint64 sequenceNumber_,
        bytes32 batcherHash_,
        uint256 overhead,
        uint256 scalar
    ) external onlyDepositor {
        number = number_;
        timestamp = timestamp_;
        basefee = basefee_;
        hash = hash_;
        sequenceNumber = sequenceNumber_;
        batcherHash = batcherHash_;
        l1FeeOverhead = overhead;
        l1FeeScalar = scalar;
    }

    function setL1BlockValuesEcotone() external onlyDepositor {
        _setEcotone();
    }

    function setL1BlockValuesIsthmus() external onlyDepositor {
        _setEcotone();
        _setOperatorFee();
    }

    function setL1BlockValuesJovian() external onlyDepositor {
        _setEcotone();
        _setOperatorFee();
        daFootprintGasScalar = uint16(_read(176, 2));
    }

    function isCustomGasToken() external pure returns (bool) {
        return false;
    }

    function _setEcotone() private {
        baseFeeScalar = uint32(_read(4, 4));
        blobBaseFeeScalar = uint32(_read(8, 4));
        sequenceNumber = uint64(_read(12, 8));
        timestamp = uint64(_read(20, 8));
        number = uint64(_read(28, 8));
        basefee = _read(36, 32);
        blobBaseFee = _read(68, 32);
        hash = bytes32(_read(100, 32));
        batcherHash = bytes32(_read(132, 32));
    }

    function _setOperatorFee() private {
        operatorFeeScalar = uint32(_read(164, 4));
        operatorFeeConstant = uint64(_read(168, 8));
    }

    /// @dev An integer of so many bytes of the calldata; zeros where the calldata ends before it.
    function _read(uint256 at, uint256 size) private pure returns (uint256 value) {
        assembly {
            value := shr(sub(256, mul(8, size)), calldataload(at))
        }
    }
}
