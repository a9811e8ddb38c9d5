// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ICrossDomainMessenger} from "../../interfaces/ICrossDomainMessenger.sol";
import {IL2ToL1MessagePasser} from "../../interfaces/IL2ToL1MessagePasser.sol";
import {fromAlias} from "../encoding/AddressAlias.sol";
import {CrossDomainMessenger} from "./CrossDomainMessenger.sol";

/// @notice Predeploy 0x4200..07: sends by a withdrawal; is called by a deposit of the L1 messenger, under its alias.
/// @dev Genesis storage: slot 204 = 0xdead, slot 207 = L1CrossDomainMessenger.
contract L2CrossDomainMessenger is CrossDomainMessenger {
    IL2ToL1MessagePasser private constant MESSAGE_PASSER =
        IL2ToL1MessagePasser(0x4200000000000000000000000000000000000016);

    string public constant version = "2.1.0";

    function l1CrossDomainMessenger() external view returns (ICrossDomainMessenger) {
        return otherMessenger;
    }

    function _send(address to, uint64 gasLimit, uint256 value, bytes memory data) internal override {
        MESSAGE_PASSER.initiateWithdrawal{value: value}(to, gasLimit, data);
    }

    function _fromOtherMessenger() internal view override returns (bool) {
        return fromAlias(msg.sender) == address(otherMessenger);
    }

    function _isUnsafeTarget(address target) internal view override returns (bool) {
        return target == address(this) || target == address(MESSAGE_PASSER);
    }
}
