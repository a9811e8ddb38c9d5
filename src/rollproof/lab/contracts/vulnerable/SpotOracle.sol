// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IPair} from "../amm/IPair.sol";
import {IOracle} from "../lending/IOracle.sol";

/// @notice VULNERABLE (price manipulation): the collateral's price is the ratio of a pool's reserves at this moment, and
/// whoever trades in the pool in the same transaction sets it. Corrected: `FeedOracle`.
contract SpotOracle is IOracle {
    error NotInPair(address token);

    IPair public immutable pair;
    bool private immutable _collateralFirst;

    constructor(IPair pair_, address collateral) {
        if (collateral != pair_.token0() && collateral != pair_.token1()) revert NotInPair(collateral);
        pair = pair_;
        _collateralFirst = collateral == pair_.token0();
    }

    function price() external view returns (uint256) {
        (uint256 reserve0, uint256 reserve1,) = pair.getReserves();
        return _collateralFirst ? reserve1 * 1e18 / reserve0 : reserve0 * 1e18 / reserve1;
    }
}
