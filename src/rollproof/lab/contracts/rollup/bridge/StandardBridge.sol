// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ICrossDomainMessenger} from "../../interfaces/ICrossDomainMessenger.sol";
import {IERC165, IOptimismMintableERC20} from "../../interfaces/IOptimismMintableERC20.sol";
import {IERC20} from "../../token/IERC20.sol";
import {SafeTransfer} from "../../token/SafeTransfer.sol";
import {Initializable} from "../proxy/Initializable.sol";

/// @notice Moves ETH and ERC-20 between the layers by messages to the other layer's bridge: a token is locked here and
///         minted there, or burnt here and unlocked there.
/// @dev Functions, events, messages and storage slots follow the OP Stack's bridges. Slots: 2 deposits, 3 messenger,
///      4 the other layer's bridge. Tokens that take a fee of transfers are not supported, as there.
abstract contract StandardBridge is Initializable {
    using SafeTransfer for IERC20;

    event ETHBridgeInitiated(address indexed from, address indexed to, uint256 amount, bytes extraData);
    event ETHBridgeFinalized(address indexed from, address indexed to, uint256 amount, bytes extraData);
    event ERC20BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    event ERC20BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    uint32 internal constant RECEIVE_DEFAULT_GAS_LIMIT = 200_000;
    uint256 private constant PROBE_GAS = 30_000; // ERC-165

    uint256 private __gap;
    mapping(address localToken => mapping(address remoteToken => uint256)) public deposits;
    ICrossDomainMessenger public messenger;
    StandardBridge public otherBridge;
    uint256[45] private __gap2;

    /// @dev An account with code may have none on the other layer, where its funds would be lost.
    modifier onlyEOA() {
        require(msg.sender.code.length == 0, "StandardBridge: function can only be called from an EOA");
        _;
    }

    modifier onlyOtherBridge() {
        require(
            msg.sender == address(messenger) && messenger.xDomainMessageSender() == address(otherBridge),
            "StandardBridge: function can only be called from the other bridge"
        );
        _;
    }

    function MESSENGER() external view returns (ICrossDomainMessenger) {
        return messenger;
    }

    function OTHER_BRIDGE() external view returns (StandardBridge) {
        return otherBridge;
    }

    function paused() public view virtual returns (bool) {
        return false;
    }

    // Leaving.

    function bridgeETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyEOA {
        _bridgeETH(msg.sender, msg.sender, minGasLimit, extraData);
    }

    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable {
        _bridgeETH(msg.sender, to, minGasLimit, extraData);
    }

    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyEOA {
        _bridgeERC20(localToken, remoteToken, msg.sender, msg.sender, amount, minGasLimit, extraData);
    }

    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _bridgeERC20(localToken, remoteToken, msg.sender, to, amount, minGasLimit, extraData);
    }

    // Arriving.

    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData)
        public
        payable
        onlyOtherBridge
    {
        require(!paused(), "StandardBridge: paused");
        require(msg.value == amount, "StandardBridge: amount sent does not match amount required");
        require(to != address(this), "StandardBridge: cannot send to self");
        require(to != address(messenger), "StandardBridge: cannot send to messenger");
        _ethArrived(from, to, amount, extraData);
        emit ETHBridgeFinalized(from, to, amount, extraData);
        (bool success,) = to.call{value: amount}("");
        require(success, "StandardBridge: ETH transfer failed");
    }

    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) public onlyOtherBridge {
        require(!paused(), "StandardBridge: paused");
        if (_isMintable(localToken)) {
            _matches(localToken, remoteToken);
            IOptimismMintableERC20(localToken).mint(to, amount);
        } else {
            deposits[localToken][remoteToken] -= amount;
            IERC20(localToken).push(to, amount);
        }
        _erc20Arrived(localToken, remoteToken, from, to, amount, extraData);
        emit ERC20BridgeFinalized(localToken, remoteToken, from, to, amount, extraData);
    }

    // What both layers do alike.

    function _bridgeETH(address from, address to, uint32 minGasLimit, bytes memory extraData) internal {
        _ethLeft(from, to, msg.value, extraData);
        emit ETHBridgeInitiated(from, to, msg.value, extraData);
        messenger.sendMessage{value: msg.value}(
            address(otherBridge),
            abi.encodeCall(this.finalizeBridgeETH, (from, to, msg.value, extraData)),
            minGasLimit
        );
    }

    function _bridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes memory extraData
    ) internal {
        require(msg.value == 0, "StandardBridge: cannot send value");
        if (_isMintable(localToken)) {
            _matches(localToken, remoteToken);
            IOptimismMintableERC20(localToken).burn(from, amount);
        } else {
            IERC20(localToken).pull(from, amount);
            deposits[localToken][remoteToken] += amount;
        }
        _erc20Left(localToken, remoteToken, from, to, amount, extraData);
        emit ERC20BridgeInitiated(localToken, remoteToken, from, to, amount, extraData);
        // The other bridge's local token is this one's remote token.
        bytes memory message = abi.encodeCall(
            this.finalizeBridgeERC20, (remoteToken, localToken, from, to, amount, extraData)
        );
        messenger.sendMessage(address(otherBridge), message, minGasLimit);
    }

    function _isMintable(address token) private view returns (bool) {
        if (token.code.length == 0) return false;
        bytes memory call = abi.encodeCall(IERC165.supportsInterface, (type(IOptimismMintableERC20).interfaceId));
        (bool success, bytes memory answer) = token.staticcall{gas: PROBE_GAS}(call);
        return success && answer.length == 32 && abi.decode(answer, (uint256)) == 1;
    }

    function _matches(address localToken, address remoteToken) private view {
        require(
            IOptimismMintableERC20(localToken).remoteToken() == remoteToken,
            "StandardBridge: wrong remote token for Optimism Mintable ERC20 local token"
        );
    }

    // Events under the names of before Bedrock, which differ between the layers.
    function _ethLeft(address from, address to, uint256 amount, bytes memory extraData) internal virtual;
    function _ethArrived(address from, address to, uint256 amount, bytes memory extraData) internal virtual;
    function _erc20Left(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual;
    function _erc20Arrived(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual;
}
