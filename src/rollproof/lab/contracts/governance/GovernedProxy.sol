// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {UpgradeableProxy} from "./UpgradeableProxy.sol";

/// @notice What a governed proxy's admin may call.
interface IGovernedProxy {
    function admin() external returns (address);
    function implementation() external returns (address);
    function changeAdmin(address to) external;
    function upgradeTo(address to) external;
    function upgradeToAndCall(address to, bytes calldata data) external payable;
}

/// @notice An EIP-1967 proxy whose admin may change the code behind it. Everybody else only ever reaches that code; the
/// admin reaches it too, with calls that are not the proxy's own, so that one timelock can be both admin and owner.
contract GovernedProxy is UpgradeableProxy {
    event AdminChanged(address previousAdmin, address newAdmin);

    error BadAdmin();

    bytes32 private constant _ADMIN = bytes32(uint256(keccak256("eip1967.proxy.admin")) - 1);

    constructor(address implementation_, address admin_, bytes memory data) payable UpgradeableProxy(implementation_, data) {
        _setAdmin(admin_);
    }

    fallback() external payable override {
        if (msg.sender == _admin()) {
            bytes4 what = msg.sig;
            if (what == IGovernedProxy.upgradeTo.selector) {
                _upgrade(abi.decode(msg.data[4:], (address)), "");
                return;
            }
            if (what == IGovernedProxy.upgradeToAndCall.selector) {
                (address to, bytes memory data) = abi.decode(msg.data[4:], (address, bytes));
                _upgrade(to, data);
                return;
            }
            if (what == IGovernedProxy.changeAdmin.selector) {
                _setAdmin(abi.decode(msg.data[4:], (address)));
                return;
            }
            if (what == IGovernedProxy.admin.selector) _answer(_admin());
            if (what == IGovernedProxy.implementation.selector) _answer(_implementation());
        }
        _delegate();
    }

    function _admin() private view returns (address found) {
        bytes32 slot = _ADMIN;
        assembly ("memory-safe") {
            found := sload(slot)
        }
    }

    function _setAdmin(address to) private {
        if (to == address(0)) revert BadAdmin();
        emit AdminChanged(_admin(), to);
        bytes32 slot = _ADMIN;
        assembly ("memory-safe") {
            sstore(slot, to)
        }
    }

    function _answer(address value) private pure {
        assembly ("memory-safe") {
            mstore(0, value)
            return(0, 32)
        }
    }
}
