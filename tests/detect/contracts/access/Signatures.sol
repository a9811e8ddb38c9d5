// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Pays who brings a word of the signer's.
abstract contract Cheques {
    address public signer;
    mapping(address => uint256) public nonces;

    constructor(address signer_) payable {
        signer = signer_;
    }

    function cash(address payable to, uint256 amount, uint8 v, bytes32 r, bytes32 s) external {
        bytes32 digest = _digest(to, amount);
        address found = ecrecover(digest, v, r, s);
        _accept(found);
        require(found == signer, "signer");
        to.transfer(amount);
    }

    function _digest(address to, uint256 amount) internal virtual returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), to, amount));
    }

    function _accept(address found) internal pure virtual {}
}

/// @notice VULNERABLE: a cheque can be cashed twice, and nobody's is good while the signer is not set.
contract CarelessCheques is Cheques {
    constructor(address signer_) payable Cheques(signer_) {}
}

contract CarefulCheques is Cheques {
    constructor(address signer_) payable Cheques(signer_) {}

    function _digest(address to, uint256 amount) internal override returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), to, amount, nonces[to]++));
    }

    function _accept(address found) internal pure override {
        require(found != address(0), "none");
    }
}
