// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice The size that FastLZ, level 1, makes of some bytes: Fjord's measure of what a transaction costs in a batch.
/// @dev Only the length matters, so nothing is written. Literals go in runs of up to 32 with one byte in front; a match
///      takes two bytes, or three from nine matched bytes on, and is cut at 264.
library FastLz {
    uint256 private constant MAX_DISTANCE = 8191;
    uint256 private constant MAX_MATCH = 262;
    uint256 private constant TAIL = 13;
    uint256 private constant UNMATCHED = 4;

    function size(bytes memory data) internal pure returns (uint256 total) {
        uint256 anchor = 0;
        if (data.length > TAIL) {
            uint256[] memory table = new uint256[](8192);
            uint256 limit = data.length - TAIL;
            uint256 position = 2;
            while (position < limit) {
                uint256 window = _window(data, position);
                uint256 slot = _slot(window);
                uint256 seen = table[slot];
                table[slot] = position;
                if (position - seen > MAX_DISTANCE || window != _window(data, seen)) {
                    position++;
                    continue;
                }
                uint256 length = _matched(data, seen + 3, position + 3);
                total += _literals(position - anchor) + _match(length - 1);
                position += length;
                table[_slot(_window(data, position))] = position;
                position++;
                table[_slot(_window(data, position))] = position;
                position++;
                anchor = position;
            }
        }
        total += _literals(data.length - anchor);
    }

    /// @dev How far two places agree; the byte that ends the agreement is passed over with it.
    function _matched(bytes memory data, uint256 one, uint256 other) private pure returns (uint256 length) {
        uint256 most = data.length - UNMATCHED - other;
        while (length < most && data[one + length] == data[other + length]) length++;
        return length < most ? length + 1 : most;
    }

    function _match(uint256 length) private pure returns (uint256) {
        return 3 * (length / MAX_MATCH) + (length % MAX_MATCH >= 6 ? 3 : 2);
    }

    function _literals(uint256 count) private pure returns (uint256) {
        return count + (count + 31) / 32;
    }

    function _window(bytes memory data, uint256 at) private pure returns (uint256) {
        return uint256(uint8(data[at])) | uint256(uint8(data[at + 1])) << 8 | uint256(uint8(data[at + 2])) << 16;
    }

    function _slot(uint256 window) private pure returns (uint256) {
        return (2654435769 * window & 0xffffffff) >> 19;
    }
}
