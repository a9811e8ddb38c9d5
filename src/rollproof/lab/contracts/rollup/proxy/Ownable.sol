// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Initializable} from "./Initializable.sol";

/// @notice One owner, in slot 51, as in the OP Stack's upgradeable contracts; heirs begin at slot 101.
abstract contract Ownable is Initializable {
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    uint256[50] private __gap;
    address private _owner;
    uint256[49] private __gap2;

    modifier onlyOwner() {
        require(msg.sender == _owner, "Ownable: caller is not the owner");
        _;
    }

    function owner() public view returns (address) {
        return _owner;
    }

    function transferOwnership(address newOwner) external onlyOwner {
        require(newOwner != address(0), "Ownable: new owner is the zero address");
        _setOwner(newOwner);
    }

    function renounceOwnership() external onlyOwner {
        _setOwner(address(0));
    }

    function _setOwner(address to) internal {
        emit OwnershipTransferred(_owner, to);
        _owner = to;
    }
}
