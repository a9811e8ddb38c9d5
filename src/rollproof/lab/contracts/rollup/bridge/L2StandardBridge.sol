// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IOptimismMintableERC20} from "../../interfaces/IOptimismMintableERC20.sol";
import {StandardBridge} from "./StandardBridge.sol";

/// @notice Predeploy 0x4200..10: the bridge's L2 side, with the functions and events of before Bedrock.
/// @dev Genesis storage: slot 3 = L2CrossDomainMessenger (0x4200..07), slot 4 = L1StandardBridge.
contract L2StandardBridge is StandardBridge {
    event WithdrawalInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    event DepositFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    address private constant ETH = 0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000; // ether's token of before Bedrock

    string public constant version = "1.11.0";

    receive() external payable onlyEOA {
        _withdraw(ETH, msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    function withdraw(address l2Token, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        onlyEOA
    {
        _withdraw(l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    function withdrawTo(
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external payable {
        _withdraw(l2Token, to, amount, minGasLimit, extraData);
    }

    function l1TokenBridge() external view returns (address) {
        return address(otherBridge);
    }

    function _withdraw(address l2Token, address to, uint256 amount, uint32 minGasLimit, bytes memory extraData)
        private
    {
        if (l2Token == ETH) {
            require(msg.value == amount, "StandardBridge: bridging ETH must include sufficient ETH value");
            _bridgeETH(msg.sender, to, minGasLimit, extraData);
        } else {
            address l1Token = IOptimismMintableERC20(l2Token).remoteToken();
            _bridgeERC20(l2Token, l1Token, msg.sender, to, amount, minGasLimit, extraData);
        }
    }

    function _ethLeft(address from, address to, uint256 amount, bytes memory extraData) internal override {
        emit WithdrawalInitiated(address(0), ETH, from, to, amount, extraData);
    }

    function _ethArrived(address from, address to, uint256 amount, bytes memory extraData) internal override {
        emit DepositFinalized(address(0), ETH, from, to, amount, extraData);
    }

    function _erc20Left(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit WithdrawalInitiated(remoteToken, localToken, from, to, amount, extraData);
    }

    function _erc20Arrived(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit DepositFinalized(remoteToken, localToken, from, to, amount, extraData);
    }
}
