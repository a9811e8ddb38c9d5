// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IL1Block} from "../../interfaces/IL1Block.sol";
import {FastLz} from "../encoding/FastLz.sol";

/// @notice Predeploy 0x4200..0f: what a transaction pays beyond its gas on L2, by the rules of Fjord, Isthmus, Jovian.
/// @dev A subset: the lab's L2 is of Jovian from its first block, so there is no formula of earlier forks.
contract GasPriceOracle {
    IL1Block private constant L1_BLOCK = IL1Block(0x4200000000000000000000000000000000000015);
    // Fjord: size of a compressed transaction, estimated from what FastLZ makes of it, in millionths of a byte.
    int256 private constant INTERCEPT = -42_585_600;
    int256 private constant COEFFICIENT = 836_500;
    int256 private constant MIN_SIZE = 100 * 1e6;
    uint256 private constant SIGNATURE = 68; // bytes that an unsigned transaction is short of

    string public constant version = "1.6.0";
    uint256 public constant DECIMALS = 6;
    bool public constant isEcotone = true;
    bool public constant isFjord = true;
    bool public constant isIsthmus = true;
    bool public constant isJovian = true;

    /// @notice Wei that an unsigned transaction, given in its encoding, pays for its data on L1.
    function getL1Fee(bytes memory data) external view returns (uint256) {
        return _l1Cost(FastLz.size(data) + SIGNATURE);
    }

    /// @notice The most that a transaction of this size pays: one that cannot be compressed.
    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256) {
        uint256 size = unsignedTxSize + SIGNATURE;
        return _l1Cost(size + size / 255 + 16);
    }

    /// @notice The estimated size as L1 calldata gas; no fee is computed from it any more.
    function getL1GasUsed(bytes memory data) external pure returns (uint256) {
        return _size(FastLz.size(data) + SIGNATURE) * 16 / 1e6;
    }

    /// @notice Wei that a transaction which uses so much gas pays to the operator (Jovian's formula).
    function getOperatorFee(uint256 gasUsed) external view returns (uint256) {
        return gasUsed * L1_BLOCK.operatorFeeScalar() * 100 + L1_BLOCK.operatorFeeConstant();
    }

    function gasPrice() external view returns (uint256) {
        return block.basefee;
    }

    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    function l1BaseFee() public view returns (uint256) {
        return L1_BLOCK.basefee();
    }

    function blobBaseFee() public view returns (uint256) {
        return L1_BLOCK.blobBaseFee();
    }

    function baseFeeScalar() public view returns (uint32) {
        return L1_BLOCK.baseFeeScalar();
    }

    function blobBaseFeeScalar() public view returns (uint32) {
        return L1_BLOCK.blobBaseFeeScalar();
    }

    function decimals() external pure returns (uint256) {
        return DECIMALS;
    }

    function _l1Cost(uint256 compressed) private view returns (uint256) {
        uint256 price = uint256(baseFeeScalar()) * 16 * l1BaseFee() + uint256(blobBaseFeeScalar()) * blobBaseFee();
        return _size(compressed) * price / 1e12;
    }

    function _size(uint256 compressed) private pure returns (uint256) {
        int256 estimate = INTERCEPT + COEFFICIENT * int256(compressed);
        return uint256(estimate > MIN_SIZE ? estimate : MIN_SIZE);
    }
}
