// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {GameStatus, IDisputeGame} from "../../interfaces/IDisputeGame.sol";
import {IAnchorStateRegistry} from "../../interfaces/IAnchorStateRegistry.sol";
import {IDisputeGameFactory} from "../../interfaces/IDisputeGameFactory.sol";
import {Initializable} from "../proxy/Initializable.sol";

/// @notice For each type of game the newest output root that a game defended: what new games begin from.
contract AnchorStateRegistry is Initializable, IAnchorStateRegistry {
    struct OutputRoot {
        bytes32 root;
        uint256 l2BlockNumber;
    }

    struct StartingAnchorRoot {
        uint32 gameType;
        OutputRoot outputRoot;
    }

    error UnregisteredGame();

    string public constant version = "1.0.0";
    IDisputeGameFactory public immutable disputeGameFactory;

    mapping(uint32 gameType => OutputRoot) public anchors; // slot 1

    constructor(IDisputeGameFactory factory) {
        disputeGameFactory = factory;
    }

    function initialize(StartingAnchorRoot[] calldata starting) external initializer {
        for (uint256 each = 0; each < starting.length; each++) {
            anchors[starting[each].gameType] = starting[each].outputRoot;
        }
    }

    /// @notice Called by a game when it is resolved; moves the anchor when the game defended a newer root.
    function tryUpdateAnchorState() external {
        IDisputeGame game = IDisputeGame(msg.sender);
        (uint32 gameType, bytes32 root, bytes memory extraData) = game.gameData();
        (IDisputeGame made,) = disputeGameFactory.games(gameType, root, extraData);
        if (address(made) != msg.sender) revert UnregisteredGame();
        uint256 number = game.l2BlockNumber();
        if (number <= anchors[gameType].l2BlockNumber || game.status() != GameStatus.DEFENDER_WINS) return;
        anchors[gameType] = OutputRoot(root, number);
    }
}
