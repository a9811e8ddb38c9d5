// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ICrossDomainMessenger} from "../../interfaces/ICrossDomainMessenger.sol";
import {ISuperchainConfig} from "../../interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "../../interfaces/ISystemConfig.sol";
import {StandardBridge} from "./StandardBridge.sol";

/// @notice The bridge's L1 side, with the functions and events of before Bedrock that wallets still use.
contract L1StandardBridge is StandardBridge {
    event ETHDepositInitiated(address indexed from, address indexed to, uint256 amount, bytes extraData);
    event ETHWithdrawalFinalized(address indexed from, address indexed to, uint256 amount, bytes extraData);
    event ERC20DepositInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    event ERC20WithdrawalFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    StandardBridge private constant L2_BRIDGE = StandardBridge(0x4200000000000000000000000000000000000010);

    string public constant version = "2.1.0";
    ISuperchainConfig public superchainConfig; // slot 50
    ISystemConfig public systemConfig;

    function initialize(
        ICrossDomainMessenger messenger_,
        ISuperchainConfig superchainConfig_,
        ISystemConfig systemConfig_
    ) external initializer {
        messenger = messenger_;
        otherBridge = L2_BRIDGE;
        superchainConfig = superchainConfig_;
        systemConfig = systemConfig_;
    }

    receive() external payable onlyEOA {
        _bridgeETH(msg.sender, msg.sender, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    function depositETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyEOA {
        _bridgeETH(msg.sender, msg.sender, minGasLimit, extraData);
    }

    function depositETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable {
        _bridgeETH(msg.sender, to, minGasLimit, extraData);
    }

    function depositERC20(
        address l1Token,
        address l2Token,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyEOA {
        _bridgeERC20(l1Token, l2Token, msg.sender, msg.sender, amount, minGasLimit, extraData);
    }

    function depositERC20To(
        address l1Token,
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _bridgeERC20(l1Token, l2Token, msg.sender, to, amount, minGasLimit, extraData);
    }

    function finalizeETHWithdrawal(address from, address to, uint256 amount, bytes calldata extraData)
        external
        payable
    {
        finalizeBridgeETH(from, to, amount, extraData);
    }

    function finalizeERC20Withdrawal(
        address l1Token,
        address l2Token,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external {
        finalizeBridgeERC20(l1Token, l2Token, from, to, amount, extraData);
    }

    function l2TokenBridge() external view returns (address) {
        return address(otherBridge);
    }

    function paused() public view override returns (bool) {
        return superchainConfig.paused();
    }

    function _ethLeft(address from, address to, uint256 amount, bytes memory extraData) internal override {
        emit ETHDepositInitiated(from, to, amount, extraData);
    }

    function _ethArrived(address from, address to, uint256 amount, bytes memory extraData) internal override {
        emit ETHWithdrawalFinalized(from, to, amount, extraData);
    }

    function _erc20Left(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit ERC20DepositInitiated(localToken, remoteToken, from, to, amount, extraData);
    }

    function _erc20Arrived(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit ERC20WithdrawalFinalized(localToken, remoteToken, from, to, amount, extraData);
    }
}
