// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ICrossDomainMessenger} from "../../interfaces/ICrossDomainMessenger.sol";
import {IOptimismPortal} from "../../interfaces/IOptimismPortal.sol";
import {ISuperchainConfig} from "../../interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "../../interfaces/ISystemConfig.sol";
import {CrossDomainMessenger} from "./CrossDomainMessenger.sol";

/// @notice Sends by a deposit; is called by the portal when a withdrawal of the L2 messenger is finalized.
contract L1CrossDomainMessenger is CrossDomainMessenger {
    ICrossDomainMessenger private constant L2_MESSENGER =
        ICrossDomainMessenger(0x4200000000000000000000000000000000000007);

    string public constant version = "2.3.0";
    ISuperchainConfig public superchainConfig; // slot 251
    IOptimismPortal public portal;
    ISystemConfig public systemConfig;

    function initialize(ISuperchainConfig superchainConfig_, IOptimismPortal portal_, ISystemConfig systemConfig_)
        external
        initializer
    {
        superchainConfig = superchainConfig_;
        portal = portal_;
        systemConfig = systemConfig_;
        otherMessenger = L2_MESSENGER;
        if (_sender == address(0)) _sender = NOBODY;
    }

    function PORTAL() external view returns (IOptimismPortal) {
        return portal;
    }

    function paused() public view override returns (bool) {
        return superchainConfig.paused();
    }

    function _send(address to, uint64 gasLimit, uint256 value, bytes memory data) internal override {
        portal.depositTransaction{value: value}(to, value, gasLimit, false, data);
    }

    function _fromOtherMessenger() internal view override returns (bool) {
        return msg.sender == address(portal) && portal.l2Sender() == address(otherMessenger);
    }

    function _isUnsafeTarget(address target) internal view override returns (bool) {
        return target == address(this) || target == address(portal);
    }
}
