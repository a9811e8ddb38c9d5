// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice A game is a minimal proxy (EIP-1167) with its own arguments behind its code, so that making one is cheap.
/// @dev Arguments: creator (20 bytes), root claim (32), hash of the L1 block before the game's (32), extra data.
library GameClone {
    uint256 internal constant CODE = 45; // bytes of the proxy itself
    uint256 internal constant CREATOR = 0;
    uint256 internal constant ROOT_CLAIM = 20;
    uint256 internal constant L1_HEAD = 52;
    uint256 internal constant EXTRA_DATA = 84;

    error CreationFailed();

    function create(address implementation, bytes memory arguments) internal returns (address made) {
        bytes memory code = abi.encodePacked(
            hex"363d3d373d3d3d363d73", implementation, hex"5af43d82803e903d91602b57fd5bf3", arguments
        );
        // PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN
        bytes memory init = abi.encodePacked(hex"61", uint16(code.length), hex"80600a5f395ff3", code);
        assembly {
            made := create(0, add(init, 32), mload(init))
        }
        if (made == address(0)) revert CreationFailed();
    }

    /// @notice A word of the arguments of the clone that executes this.
    function word(uint256 at) internal view returns (bytes32 value) {
        uint256 from = CODE + at;
        assembly {
            extcodecopy(address(), 0, from, 32)
            value := mload(0)
        }
    }
}
