// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "./ERC20.sol";

/// @notice ERC-777's hook on the sender's side, called before the balances change.
interface ITokensSender {
    function tokensToSend(
        address operator,
        address from,
        address to,
        uint256 amount,
        bytes calldata userData,
        bytes calldata operatorData
    ) external;
}

/// @notice ERC-777's hook on the receiver's side, called after the balances have changed.
interface ITokensRecipient {
    function tokensReceived(
        address operator,
        address from,
        address to,
        uint256 amount,
        bytes calldata userData,
        bytes calldata operatorData
    ) external;
}

/// @notice An ERC-20 that tells both sides of a transfer, as ERC-777 does: whoever holds the token runs code of its own
/// in the middle of somebody else's call.
/// @dev Simplified: a holder registers its hooks here and not with the ERC-1820 registry; data is always empty.
contract CallbackToken is ERC20 {
    event HooksSet(address indexed account, address sending, address receiving);

    struct Hooks {
        address sending;
        address receiving;
    }

    mapping(address account => Hooks) public hooksOf;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) ERC20(name_, symbol_, decimals_) {}

    /// @notice From now on these are told of what the caller sends and receives; the zero address: nobody.
    function setHooks(address sending, address receiving) external {
        hooksOf[msg.sender] = Hooks(sending, receiving);
        emit HooksSet(msg.sender, sending, receiving);
    }

    function _transfer(address from, address to, uint256 value) internal override {
        address sending = hooksOf[from].sending;
        if (sending != address(0)) ITokensSender(sending).tokensToSend(msg.sender, from, to, value, "", "");
        super._transfer(from, to, value);
        _received(from, to, value);
    }

    function _mint(address to, uint256 value) internal override {
        super._mint(to, value);
        _received(address(0), to, value);
    }

    function _received(address from, address to, uint256 value) private {
        address receiving = hooksOf[to].receiving;
        if (receiving != address(0)) ITokensRecipient(receiving).tokensReceived(msg.sender, from, to, value, "", "");
    }
}
