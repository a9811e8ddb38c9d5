// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Proxy} from "./Proxy.sol";

/// @notice Owns the rollup's proxies. Only proxies of EIP-1967; the OP Stack's two older kinds are not here.
contract ProxyAdmin {
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    address public owner;

    constructor(address owner_) {
        emit OwnershipTransferred(address(0), owner_);
        owner = owner_;
    }

    modifier onlyOwner() {
        require(msg.sender == owner, "Ownable: caller is not the owner");
        _;
    }

    function transferOwnership(address newOwner) external onlyOwner {
        require(newOwner != address(0), "Ownable: new owner is the zero address");
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }

    function upgrade(address payable proxy, address implementation) external onlyOwner {
        Proxy(proxy).upgradeTo(implementation);
    }

    function upgradeAndCall(address payable proxy, address implementation, bytes calldata data)
        external
        payable
        onlyOwner
    {
        Proxy(proxy).upgradeToAndCall{value: msg.value}(implementation, data);
    }

    function changeProxyAdmin(address payable proxy, address newAdmin) external onlyOwner {
        Proxy(proxy).changeAdmin(newAdmin);
    }

    function getProxyImplementation(address proxy) external view returns (address) {
        return _ask(proxy, Proxy.implementation.selector);
    }

    function getProxyAdmin(address proxy) external view returns (address) {
        return _ask(proxy, Proxy.admin.selector);
    }

    function _ask(address proxy, bytes4 what) private view returns (address) {
        (bool success, bytes memory answer) = proxy.staticcall(abi.encodeWithSelector(what));
        require(success, "ProxyAdmin: unknown proxy type");
        return abi.decode(answer, (address));
    }
}
