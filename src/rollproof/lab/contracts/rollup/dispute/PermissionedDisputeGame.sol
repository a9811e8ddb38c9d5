// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IAnchorStateRegistry} from "../../interfaces/IAnchorStateRegistry.sol";
import {FaultDisputeGame} from "./FaultDisputeGame.sol";

/// @notice The game of which only one proposer can begin one, and only he and one challenger can move.
/// @dev While the proposer is away nobody can propose a root, and so nobody can withdraw.
contract PermissionedDisputeGame is FaultDisputeGame {
    address public immutable proposer;
    address public immutable challenger;

    constructor(
        uint32 gameType_,
        uint256 maxGameDepth_,
        uint64 clockExtension_,
        uint64 maxClockDuration_,
        uint256 moveBond_,
        IAnchorStateRegistry anchorStateRegistry_,
        uint256 l2ChainId_,
        address adjudicator_,
        address proposer_,
        address challenger_
    )
        FaultDisputeGame(
            gameType_,
            maxGameDepth_,
            clockExtension_,
            maxClockDuration_,
            moveBond_,
            anchorStateRegistry_,
            l2ChainId_,
            adjudicator_
        )
    {
        proposer = proposer_;
        challenger = challenger_;
    }

    function initialize() public payable override {
        if (tx.origin != proposer) revert BadAuth();
        super.initialize();
    }

    function move(bytes32 disputed, uint256 challengeIndex, bytes32 claim, bool isAttack) public payable override {
        if (msg.sender != proposer && msg.sender != challenger) revert BadAuth();
        super.move(disputed, challengeIndex, claim, isAttack);
    }
}
