// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IL2ToL1MessagePasser} from "../../interfaces/IL2ToL1MessagePasser.sol";

/// @notice Predeploys 0x4200..11 (priority fees), 19 (base fees), 1a (L1 data fees), 1b (operator fees): collect fees
///         of the L2, which anybody can have paid out to the recipient.
/// @dev Genesis storage: slot 1 = withdrawal network (byte 20: 0 L1, 1 L2) above the recipient (20 bytes), slot 2 = the
///      least amount in wei that is paid out.
contract FeeVault {
    enum WithdrawalNetwork {
        L1,
        L2
    }

    event Withdrawal(uint256 value, address to, address from);
    event Withdrawal(uint256 value, address to, address from, WithdrawalNetwork withdrawalNetwork);

    IL2ToL1MessagePasser private constant MESSAGE_PASSER =
        IL2ToL1MessagePasser(0x4200000000000000000000000000000000000016);
    uint256 private constant WITHDRAWAL_MIN_GAS = 400_000;

    string public constant version = "1.5.0";
    uint256 public totalProcessed;
    address public recipient;
    WithdrawalNetwork public withdrawalNetwork;
    uint256 public minWithdrawalAmount;

    receive() external payable {}

    function withdraw() external {
        uint256 value = address(this).balance;
        require(
            value >= minWithdrawalAmount, "FeeVault: withdrawal amount must be greater than minimum withdrawal amount"
        );
        totalProcessed += value;
        emit Withdrawal(value, recipient, msg.sender);
        emit Withdrawal(value, recipient, msg.sender, withdrawalNetwork);
        if (withdrawalNetwork == WithdrawalNetwork.L2) {
            (bool success,) = recipient.call{value: value}("");
            require(success, "FeeVault: failed to send ETH to L2 fee recipient");
        } else {
            MESSAGE_PASSER.initiateWithdrawal{value: value}(recipient, WITHDRAWAL_MIN_GAS, "");
        }
    }

    function RECIPIENT() external view returns (address) {
        return recipient;
    }

    function MIN_WITHDRAWAL_AMOUNT() external view returns (uint256) {
        return minWithdrawalAmount;
    }

    function WITHDRAWAL_NETWORK() external view returns (WithdrawalNetwork) {
        return withdrawalNetwork;
    }
}
