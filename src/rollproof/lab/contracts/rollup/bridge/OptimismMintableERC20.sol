// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC165, IOptimismMintableERC20} from "../../interfaces/IOptimismMintableERC20.sol";
import {FungibleToken} from "../../token/FungibleToken.sol";

/// @notice A token of L2 that stands for one of L1; only the bridge makes and destroys it.
contract OptimismMintableERC20 is FungibleToken, IERC165, IOptimismMintableERC20 {
    event Mint(address indexed account, uint256 amount);
    event Burn(address indexed account, uint256 amount);

    // mint, burn and l1Token: the interface of tokens of before Bedrock.
    bytes4 private constant LEGACY = 0x1d1d8b63;

    string public constant version = "1.3.0";
    address public immutable bridge;
    address public immutable remoteToken;

    constructor(
        address bridge_,
        address remoteToken_,
        string memory name_,
        string memory symbol_,
        uint8 decimals_
    ) FungibleToken(name_, symbol_, decimals_) {
        bridge = bridge_;
        remoteToken = remoteToken_;
    }

    modifier onlyBridge() {
        require(msg.sender == bridge, "OptimismMintableERC20: only bridge can mint and burn");
        _;
    }

    function mint(address to, uint256 amount) external onlyBridge {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        _mint(to, amount);
        emit Mint(to, amount);
    }

    function burn(address from, uint256 amount) external onlyBridge {
        _burn(from, amount);
        emit Burn(from, amount);
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IOptimismMintableERC20).interfaceId
            || interfaceId == LEGACY;
    }

    // The same under the names of before Bedrock.
    function l1Token() external view returns (address) {
        return remoteToken;
    }

    function l2Bridge() external view returns (address) {
        return bridge;
    }

    function REMOTE_TOKEN() external view returns (address) {
        return remoteToken;
    }

    function BRIDGE() external view returns (address) {
        return bridge;
    }
}
