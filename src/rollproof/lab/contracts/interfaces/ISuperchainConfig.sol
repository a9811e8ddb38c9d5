// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface ISuperchainConfig {
    function guardian() external view returns (address);
    function paused() external view returns (bool);
}
