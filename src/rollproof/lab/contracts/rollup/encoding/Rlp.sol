// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Strict RLP: one encoding per value, nothing beyond the bytes given. Lengths above 2**32 are refused.
library Rlp {
    error EmptyItem();
    error InvalidHeader();
    error ContentLengthMismatch();
    error UnexpectedString();
    error UnexpectedList();

    /// @notice The item that begins at `at`: whether it is a list, and where its payload is.
    function item(bytes calldata data, uint256 at) internal pure returns (bool list, uint256 start, uint256 end) {
        if (at >= data.length) revert EmptyItem();
        uint256 first = uint8(data[at]);
        if (first < 0x80) return (false, at, at + 1);
        list = first >= 0xc0;
        uint256 length = first - (list ? 0xc0 : 0x80);
        start = at + 1;
        if (length > 55) {
            uint256 width = length - 55;
            if (width > 4) revert InvalidHeader();
            if (start + width > data.length) revert ContentLengthMismatch();
            if (data[start] == 0) revert InvalidHeader();
            length = 0;
            for (uint256 each = 0; each < width; each++) length = (length << 8) | uint8(data[start + each]);
            if (length < 56) revert InvalidHeader();
            start += width;
        }
        end = start + length;
        if (end > data.length) revert ContentLengthMismatch();
        if (!list && length == 1 && uint8(data[start]) < 0x80) revert InvalidHeader();
    }

    /// @notice Where the payload of the list is that `data` is, all of it.
    function wholeList(bytes calldata data) internal pure returns (uint256 start, uint256 end) {
        bool isList;
        (isList, start, end) = item(data, 0);
        if (!isList) revert UnexpectedString();
        if (end != data.length) revert ContentLengthMismatch();
    }
}
