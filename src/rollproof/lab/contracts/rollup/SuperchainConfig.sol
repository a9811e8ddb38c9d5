// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ISuperchainConfig} from "../interfaces/ISuperchainConfig.sol";
import {Initializable} from "./proxy/Initializable.sol";
import {Word} from "./Word.sol";

/// @notice The guardian, and the switch that stops withdrawals of every chain that asks here.
contract SuperchainConfig is Initializable, ISuperchainConfig {
    enum UpdateType {
        GUARDIAN
    }

    event ConfigUpdate(UpdateType indexed updateType, bytes data);
    event Paused(string identifier);
    event Unpaused();

    bytes32 public constant PAUSED_SLOT = bytes32(uint256(keccak256("superchainConfig.paused")) - 1);
    bytes32 public constant GUARDIAN_SLOT = bytes32(uint256(keccak256("superchainConfig.guardian")) - 1);
    string public constant version = "1.1.0";

    function initialize(address guardian_, bool paused_) external initializer {
        Word.store(GUARDIAN_SLOT, uint160(guardian_));
        emit ConfigUpdate(UpdateType.GUARDIAN, abi.encode(guardian_));
        if (paused_) _pause("Initializer paused");
    }

    function pause(string calldata identifier) external {
        require(msg.sender == guardian(), "SuperchainConfig: only guardian can pause");
        _pause(identifier);
    }

    function unpause() external {
        require(msg.sender == guardian(), "SuperchainConfig: only guardian can unpause");
        Word.store(PAUSED_SLOT, 0);
        emit Unpaused();
    }

    function guardian() public view returns (address) {
        return address(uint160(Word.load(GUARDIAN_SLOT)));
    }

    function paused() public view returns (bool) {
        return Word.load(PAUSED_SLOT) != 0;
    }

    function _pause(string memory identifier) private {
        Word.store(PAUSED_SLOT, 1);
        emit Paused(identifier);
    }
}
