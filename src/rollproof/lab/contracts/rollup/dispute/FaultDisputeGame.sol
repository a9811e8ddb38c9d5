// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {GameStatus, IDisputeGame} from "../../interfaces/IDisputeGame.sol";
import {IAnchorStateRegistry} from "../../interfaces/IAnchorStateRegistry.sol";
import {OutputRootProof, hashOutputRoot} from "../encoding/OutputRoot.sol";
import {Rlp} from "../encoding/Rlp.sol";
import {GameClone} from "./GameClone.sol";

/// @notice A game about one output root: a tree of bonded claims, each of which counters the one above it, and a chess
///         clock for either side. A claim stands when its opponents' clock ran out before they countered it.
/// @dev Interface, rules of moves, clocks and resolution follow the OP Stack's FaultDisputeGame 1.2.0. Simplified:
///      - Claims do not bisect an execution trace down to one instruction, and no virtual machine decides at the
///        bottom: an adjudicator, named at creation, rules on claims at the greatest depth by `step`, without a proof.
///        So this game is as honest as its adjudicator; the OP Stack's is not a matter of trust at that place.
///      - Bonds are ETH in the game itself, without DelayedWETH and its delay: `claimCredit` pays at once.
///      - A move's bond doubles with each level.
contract FaultDisputeGame is IDisputeGame {
    struct ClaimData {
        uint32 parentIndex;
        address counteredBy;
        address claimant;
        uint128 bond;
        bytes32 claim;
        uint128 position;
        uint128 clock; // what its side has used up (8 bytes), when it was made (8)
    }

    struct ResolutionCheckpoint {
        bool initialCheckpointComplete;
        uint32 subgameIndex;
        uint128 leftmostPosition;
        address counteredBy;
    }

    struct OutputRoot {
        bytes32 root;
        uint256 l2BlockNumber;
    }

    error AlreadyInitialized();
    error AnchorRootNotFound();
    error BadAuth();
    error BadExtraData();
    error BlockNumberMatches();
    error BondTransferFailed();
    error CannotDefendRootClaim();
    error ClaimAlreadyExists();
    error ClaimAlreadyResolved();
    error ClockNotExpired();
    error ClockTimeExceeded();
    error DuplicateStep();
    error GameDepthExceeded();
    error GameNotInProgress();
    error IncorrectBondAmount();
    error InvalidClockExtension();
    error InvalidDisputedClaimIndex();
    error InvalidHeaderRLP();
    error InvalidOutputRootProof();
    error InvalidParent();
    error L2BlockNumberChallenged();
    error NoCreditToClaim();
    error OutOfOrderResolution();
    error UnexpectedRootClaim(bytes32 rootClaim);

    event Move(uint256 indexed parentIndex, bytes32 indexed claim, address indexed claimant);

    string public constant version = "1.2.0";
    uint128 private constant ROOT_POSITION = 1;
    uint32 private constant NO_PARENT = type(uint32).max;
    uint256 private constant NUMBER_FIELD = 8; // of a block header

    uint32 public immutable gameType;
    uint256 public immutable maxGameDepth;
    uint64 public immutable clockExtension;
    uint64 public immutable maxClockDuration;
    uint256 public immutable moveBond; // wei, of a move at depth 0
    IAnchorStateRegistry public immutable anchorStateRegistry;
    uint256 public immutable l2ChainId;
    address public immutable adjudicator;

    uint64 public createdAt;
    uint64 public resolvedAt;
    GameStatus public status;
    bool private _initialized;
    bool public l2BlockNumberChallenged;
    address public l2BlockNumberChallenger;
    ClaimData[] public claimData;
    mapping(address account => uint256) public credit;
    mapping(bytes32 claimHash => bool) public claims;
    mapping(uint256 claimIndex => uint256[]) public subgames;
    mapping(uint256 claimIndex => bool) public resolvedSubgames;
    mapping(uint256 claimIndex => ResolutionCheckpoint) public resolutionCheckpoints;
    OutputRoot public startingOutputRoot;

    /// @param clockExtension_ seconds that a side has left at least, after a move of the other
    /// @param maxClockDuration_ seconds that a side has in all
    constructor(
        uint32 gameType_,
        uint256 maxGameDepth_,
        uint64 clockExtension_,
        uint64 maxClockDuration_,
        uint256 moveBond_,
        IAnchorStateRegistry anchorStateRegistry_,
        uint256 l2ChainId_,
        address adjudicator_
    ) {
        if (maxGameDepth_ > 64) revert GameDepthExceeded();
        if (clockExtension_ > maxClockDuration_) revert InvalidClockExtension();
        gameType = gameType_;
        maxGameDepth = maxGameDepth_;
        clockExtension = clockExtension_;
        maxClockDuration = maxClockDuration_;
        moveBond = moveBond_;
        anchorStateRegistry = anchorStateRegistry_;
        l2ChainId = l2ChainId_;
        adjudicator = adjudicator_;
    }

    /// @notice The factory's first call. What comes with it is the root claim's bond.
    function initialize() public payable virtual {
        if (_initialized) revert AlreadyInitialized();
        if (address(this).code.length != GameClone.CODE + GameClone.EXTRA_DATA + 32) revert BadExtraData();
        (bytes32 root, uint256 number) = anchorStateRegistry.anchors(gameType);
        if (root == 0) revert AnchorRootNotFound();
        if (l2BlockNumber() <= number) revert UnexpectedRootClaim(rootClaim());
        startingOutputRoot = OutputRoot(root, number);
        _initialized = true;
        createdAt = uint64(block.timestamp);
        _push(NO_PARENT, gameCreator(), rootClaim(), ROOT_POSITION, 0);
    }

    // Moves.

    function attack(bytes32 disputed, uint256 parentIndex, bytes32 claim) external payable {
        move(disputed, parentIndex, claim, true);
    }

    function defend(bytes32 disputed, uint256 parentIndex, bytes32 claim) external payable {
        move(disputed, parentIndex, claim, false);
    }

    /// @notice Counters claim `challengeIndex`, which says `disputed`, by another claim, with a bond.
    function move(bytes32 disputed, uint256 challengeIndex, bytes32 claim, bool isAttack) public payable virtual {
        _inProgress();
        ClaimData memory parent = claimData[challengeIndex];
        if (parent.claim != disputed) revert InvalidDisputedClaimIndex();
        if (challengeIndex == 0 && !isAttack) revert CannotDefendRootClaim();
        if (challengeIndex == 0 && l2BlockNumberChallenged) revert L2BlockNumberChallenged();
        uint128 position = (isAttack ? parent.position : parent.position | 1) << 1;
        if (_depth(position) > maxGameDepth) revert GameDepthExceeded();
        if (msg.value != getRequiredBond(position)) revert IncorrectBondAmount();

        uint64 used = getChallengerDuration(challengeIndex);
        if (used == maxClockDuration) revert ClockTimeExceeded();
        if (used > maxClockDuration - clockExtension) used = maxClockDuration - clockExtension;

        bytes32 claimHash = keccak256(abi.encodePacked(claim, position, challengeIndex));
        if (claims[claimHash]) revert ClaimAlreadyExists();
        claims[claimHash] = true;
        subgames[challengeIndex].push(claimData.length);
        _push(uint32(challengeIndex), msg.sender, claim, position, used);
        emit Move(challengeIndex, claim, msg.sender);
    }

    /// @notice The adjudicator's ruling that a claim at the greatest depth is wrong. The OP Stack's game takes a proof
    ///         here; this one takes none, so the last two arguments are not looked at.
    function step(uint256 claimIndex, bool isAttack, bytes calldata, bytes calldata) external virtual {
        _inProgress();
        if (msg.sender != adjudicator) revert BadAuth();
        ClaimData storage disputed = claimData[claimIndex];
        if (!isAttack || _depth(disputed.position) != maxGameDepth) revert InvalidParent();
        if (disputed.counteredBy != address(0)) revert DuplicateStep();
        if (resolvedSubgames[claimIndex]) revert ClaimAlreadyResolved();
        disputed.counteredBy = msg.sender;
    }

    /// @notice Shows that the root claim is about another block than the game says: its header has another number.
    function challengeRootL2Block(OutputRootProof calldata outputRootProof, bytes calldata headerRLP) external {
        _inProgress();
        if (l2BlockNumberChallenged) revert L2BlockNumberChallenged();
        if (hashOutputRoot(outputRootProof) != rootClaim()) revert InvalidOutputRootProof();
        if (keccak256(headerRLP) != outputRootProof.latestBlockhash) revert InvalidHeaderRLP();
        if (_number(headerRLP) == l2BlockNumber()) revert BlockNumberMatches();
        l2BlockNumberChallenger = msg.sender;
        l2BlockNumberChallenged = true;
    }

    // Resolution.

    /// @notice Settles a claim whose opponents' clock has run out: it falls to the leftmost of the claims against it
    ///         that stand. Those must be settled before it. `numToResolve` bounds how many are looked at; 0 is all.
    function resolveClaim(uint256 claimIndex, uint256 numToResolve) external {
        _inProgress();
        if (getChallengerDuration(claimIndex) < maxClockDuration) revert ClockNotExpired();
        if (resolvedSubgames[claimIndex]) revert ClaimAlreadyResolved();
        ClaimData storage root = claimData[claimIndex];
        uint256[] storage children = subgames[claimIndex];
        if (children.length == 0 && claimIndex != 0) {
            _settle(claimIndex, root.counteredBy);
            return;
        }

        ResolutionCheckpoint memory checkpoint = resolutionCheckpoints[claimIndex];
        if (!checkpoint.initialCheckpointComplete) {
            checkpoint.leftmostPosition = type(uint128).max;
            checkpoint.initialCheckpointComplete = true;
        }
        uint256 stop = children.length;
        if (numToResolve != 0 && numToResolve < stop - checkpoint.subgameIndex) {
            stop = checkpoint.subgameIndex + numToResolve;
        }
        for (; checkpoint.subgameIndex < stop; checkpoint.subgameIndex++) {
            uint256 child = children[checkpoint.subgameIndex];
            if (!resolvedSubgames[child]) revert OutOfOrderResolution();
            ClaimData storage counter = claimData[child];
            if (counter.counteredBy == address(0) && counter.position < checkpoint.leftmostPosition) {
                checkpoint.counteredBy = counter.claimant;
                checkpoint.leftmostPosition = counter.position;
            }
        }
        resolutionCheckpoints[claimIndex] = checkpoint;
        if (stop < children.length) return;
        bool about = claimIndex == 0 && l2BlockNumberChallenged;
        _settle(claimIndex, about ? l2BlockNumberChallenger : checkpoint.counteredBy);
    }

    /// @notice Ends the game, once its root claim is settled.
    function resolve() external returns (GameStatus outcome) {
        _inProgress();
        if (!resolvedSubgames[0]) revert OutOfOrderResolution();
        outcome = claimData[0].counteredBy == address(0) ? GameStatus.DEFENDER_WINS : GameStatus.CHALLENGER_WINS;
        resolvedAt = uint64(block.timestamp);
        status = outcome;
        emit Resolved(outcome);
        anchorStateRegistry.tryUpdateAnchorState();
    }

    /// @notice Pays out what `recipient` got of the bonds.
    function claimCredit(address recipient) external {
        uint256 amount = credit[recipient];
        if (amount == 0) revert NoCreditToClaim();
        credit[recipient] = 0;
        (bool success,) = recipient.call{value: amount}("");
        if (!success) revert BondTransferFailed();
    }

    // Views.

    /// @notice Seconds that the opponents of a claim have used up.
    function getChallengerDuration(uint256 claimIndex) public view returns (uint64) {
        _inProgress();
        ClaimData storage claim = claimData[claimIndex];
        uint256 used = claim.parentIndex == NO_PARENT ? 0 : claimData[claim.parentIndex].clock >> 64;
        used += block.timestamp - uint64(claim.clock);
        return used > maxClockDuration ? maxClockDuration : uint64(used);
    }

    function getNumToResolve(uint256 claimIndex) external view returns (uint256) {
        return subgames[claimIndex].length - resolutionCheckpoints[claimIndex].subgameIndex;
    }

    /// @notice Wei of a move to a position.
    function getRequiredBond(uint128 position) public view returns (uint256) {
        uint256 depth = _depth(position);
        if (depth > maxGameDepth) revert GameDepthExceeded();
        return moveBond << depth;
    }

    function claimDataLen() external view returns (uint256) {
        return claimData.length;
    }

    function startingBlockNumber() external view returns (uint256) {
        return startingOutputRoot.l2BlockNumber;
    }

    function startingRootHash() external view returns (bytes32) {
        return startingOutputRoot.root;
    }

    function gameCreator() public view returns (address) {
        return address(bytes20(GameClone.word(GameClone.CREATOR)));
    }

    function rootClaim() public view returns (bytes32) {
        return GameClone.word(GameClone.ROOT_CLAIM);
    }

    function l1Head() external view returns (bytes32) {
        return GameClone.word(GameClone.L1_HEAD);
    }

    function l2BlockNumber() public view returns (uint256) {
        return uint256(GameClone.word(GameClone.EXTRA_DATA));
    }

    function extraData() public view returns (bytes memory) {
        return abi.encode(l2BlockNumber());
    }

    function gameData() external view returns (uint32, bytes32, bytes memory) {
        return (gameType, rootClaim(), extraData());
    }

    function _inProgress() private view {
        if (status != GameStatus.IN_PROGRESS) revert GameNotInProgress();
    }

    function _push(uint32 parent, address claimant, bytes32 claim, uint128 position, uint64 used) private {
        uint128 clock = uint128(used) << 64 | uint64(block.timestamp);
        claimData.push(ClaimData(parent, address(0), claimant, uint128(msg.value), claim, position, clock));
    }

    /// @dev The bond goes to whoever countered the claim, and back to its claimant where nobody did.
    function _settle(uint256 claimIndex, address counteredBy) private {
        ClaimData storage claim = claimData[claimIndex];
        claim.counteredBy = counteredBy;
        resolvedSubgames[claimIndex] = true;
        credit[counteredBy == address(0) ? claim.claimant : counteredBy] += claim.bond;
        claim.bond = 0;
    }

    function _depth(uint128 position) private pure returns (uint256 depth) {
        while (position > 1) {
            position >>= 1;
            depth++;
        }
    }

    function _number(bytes calldata header) private pure returns (uint256) {
        (uint256 at, uint256 stop) = Rlp.wholeList(header);
        for (uint256 field = 0;; field++) {
            (bool list, uint256 start, uint256 end) = Rlp.item(header[:stop], at);
            if (field == NUMBER_FIELD) {
                if (list || end - start > 8) revert InvalidHeaderRLP();
                return uint256(bytes32(header[start:end])) >> 8 * (32 - (end - start));
            }
            at = end;
        }
        revert InvalidHeaderRLP();
    }
}
