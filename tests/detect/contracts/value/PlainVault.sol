// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Coin} from "./Coin.sol";

/// @notice VULNERABLE (share inflation): a share's price is what the vault happens to hold.
contract PlainVault {
    Coin public immutable asset;
    mapping(address => uint256) public balanceOf;
    uint256 public totalSupply;

    event Transfer(address indexed from, address indexed to, uint256 amount);

    constructor(Coin asset_) {
        asset = asset_;
    }

    function totalAssets() public view virtual returns (uint256) {
        return asset.balanceOf(address(this));
    }

    function deposit(uint256 assets, address to) external returns (uint256 shares) {
        uint256 held = totalAssets();
        shares = totalSupply == 0 ? assets : (assets * totalSupply) / held;
        _took(assets);
        asset.transferFrom(msg.sender, address(this), assets);
        totalSupply += shares;
        balanceOf[to] += shares;
        _told(address(0), to, shares);
    }

    function redeem(uint256 shares, address to) external returns (uint256 assets) {
        assets = (shares * totalAssets()) / totalSupply;
        balanceOf[msg.sender] -= shares;
        totalSupply -= shares;
        _told(msg.sender, address(0), shares);
        _gave(assets);
        asset.transfer(to, assets);
    }

    function _took(uint256 assets) internal virtual {}

    function _gave(uint256 assets) internal virtual {}

    function _told(address from, address to, uint256 shares) internal virtual {
        emit Transfer(from, to, shares);
    }
}

/// @notice VULNERABLE in the same way; its shares are no token and nobody is told of them.
contract QuietVault is PlainVault {
    constructor(Coin asset_) PlainVault(asset_) {}

    function _told(address, address, uint256) internal override {}
}

/// @notice The same, corrected: it counts what was deposited.
contract CountingVault is PlainVault {
    uint256 private counted;

    constructor(Coin asset_) PlainVault(asset_) {}

    function totalAssets() public view override returns (uint256) {
        return counted;
    }

    function _took(uint256 assets) internal override {
        counted += assets;
    }

    function _gave(uint256 assets) internal override {
        counted -= assets;
    }
}
