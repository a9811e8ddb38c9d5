// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {OptimismMintableERC20} from "./OptimismMintableERC20.sol";

/// @notice Predeploy 0x4200..12: makes L2 tokens for tokens of L1, at addresses that follow from what they are.
/// @dev Genesis storage: slot 1 = L2StandardBridge (0x4200..10).
contract OptimismMintableERC20Factory {
    event StandardL2TokenCreated(address indexed remoteToken, address indexed localToken);
    event OptimismMintableERC20Created(address indexed localToken, address indexed remoteToken, address deployer);

    string public constant version = "1.9.0";
    uint256 private __gap;
    address public bridge;

    function BRIDGE() external view returns (address) {
        return bridge;
    }

    function createStandardL2Token(address remoteToken, string calldata name, string calldata symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, 18);
    }

    function createOptimismMintableERC20(address remoteToken, string calldata name, string calldata symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, 18);
    }

    function createOptimismMintableERC20WithDecimals(
        address remoteToken,
        string calldata name,
        string calldata symbol,
        uint8 decimals
    ) public returns (address token) {
        require(remoteToken != address(0), "OptimismMintableERC20Factory: must provide remote token address");
        bytes32 salt = keccak256(abi.encode(remoteToken, name, symbol, decimals));
        token = address(new OptimismMintableERC20{salt: salt}(bridge, remoteToken, name, symbol, decimals));
        emit StandardL2TokenCreated(remoteToken, token);
        emit OptimismMintableERC20Created(token, remoteToken, msg.sender);
    }
}
