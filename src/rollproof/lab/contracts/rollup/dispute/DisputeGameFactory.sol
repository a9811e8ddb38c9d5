// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IDisputeGame} from "../../interfaces/IDisputeGame.sol";
import {IDisputeGameFactory} from "../../interfaces/IDisputeGameFactory.sol";
import {Ownable} from "../proxy/Ownable.sol";
import {GameClone} from "./GameClone.sol";

/// @notice Makes the games in which output roots are proposed, one for each claim, and lists them.
contract DisputeGameFactory is Ownable, IDisputeGameFactory {
    struct GameSearchResult {
        uint256 index;
        bytes32 metadata;
        uint64 timestamp;
        bytes32 rootClaim;
        bytes extraData;
    }

    error GameAlreadyExists(bytes32 uuid);
    error IncorrectBondAmount();
    error NoImplementation(uint32 gameType);

    event DisputeGameCreated(address indexed disputeProxy, uint32 indexed gameType, bytes32 indexed rootClaim);
    event ImplementationSet(address indexed impl, uint32 indexed gameType);
    event InitBondUpdated(uint32 indexed gameType, uint256 indexed newBond);

    string public constant version = "1.0.0";

    mapping(uint32 gameType => IDisputeGame) public gameImpls; // slot 101
    mapping(uint32 gameType => uint256) public initBonds;
    mapping(bytes32 uuid => bytes32) private _games; // game type (4 bytes), time (8), address (20)
    bytes32[] private _list;

    function initialize(address owner_) external initializer {
        _setOwner(owner_);
    }

    /// @notice Proposes `rootClaim`; the call carries exactly the game type's bond.
    function create(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        external
        payable
        returns (IDisputeGame proxy)
    {
        IDisputeGame implementation = gameImpls[gameType];
        if (address(implementation) == address(0)) revert NoImplementation(gameType);
        if (msg.value != initBonds[gameType]) revert IncorrectBondAmount();
        bytes32 uuid = getGameUUID(gameType, rootClaim, extraData);
        if (_games[uuid] != 0) revert GameAlreadyExists(uuid);

        bytes memory arguments = abi.encodePacked(msg.sender, rootClaim, blockhash(block.number - 1), extraData);
        proxy = IDisputeGame(GameClone.create(address(implementation), arguments));
        bytes32 id = bytes32(uint256(gameType) << 224 | block.timestamp << 160 | uint160(address(proxy)));
        _games[uuid] = id;
        _list.push(id);
        proxy.initialize{value: msg.value}();
        emit DisputeGameCreated(address(proxy), gameType, rootClaim);
    }

    function games(uint32 gameType, bytes32 rootClaim, bytes calldata extraData)
        external
        view
        returns (IDisputeGame proxy, uint64 timestamp)
    {
        (, timestamp, proxy) = _unpack(_games[getGameUUID(gameType, rootClaim, extraData)]);
    }

    function gameAtIndex(uint256 index) external view returns (uint32, uint64, IDisputeGame) {
        return _unpack(_list[index]);
    }

    function gameCount() external view returns (uint256) {
        return _list.length;
    }

    /// @notice Up to `n` games of a type, newest first, from index `start` downwards.
    function findLatestGames(uint32 gameType, uint256 start, uint256 n)
        external
        view
        returns (GameSearchResult[] memory found)
    {
        if (n == 0 || start >= _list.length) return found;
        found = new GameSearchResult[](n < start + 1 ? n : start + 1);
        uint256 count = 0;
        for (uint256 index = start + 1; index > 0 && count < n; index--) {
            bytes32 id = _list[index - 1];
            (uint32 type_, uint64 timestamp, IDisputeGame proxy) = _unpack(id);
            if (type_ != gameType) continue;
            found[count++] =
                GameSearchResult(index - 1, id, timestamp, proxy.rootClaim(), proxy.extraData());
        }
        assembly {
            mstore(found, count)
        }
    }

    function getGameUUID(uint32 gameType, bytes32 rootClaim, bytes calldata extraData) public pure returns (bytes32) {
        return keccak256(abi.encode(gameType, rootClaim, extraData));
    }

    function setImplementation(uint32 gameType, IDisputeGame implementation) external onlyOwner {
        gameImpls[gameType] = implementation;
        emit ImplementationSet(address(implementation), gameType);
    }

    function setInitBond(uint32 gameType, uint256 bond) external onlyOwner {
        initBonds[gameType] = bond;
        emit InitBondUpdated(gameType, bond);
    }

    function _unpack(bytes32 id) private pure returns (uint32, uint64, IDisputeGame) {
        return (uint32(uint256(id) >> 224), uint64(uint256(id) >> 160), IDisputeGame(address(uint160(uint256(id)))));
    }
}
