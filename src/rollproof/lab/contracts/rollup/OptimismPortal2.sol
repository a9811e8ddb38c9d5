// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {GameStatus, IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {IDisputeGameFactory} from "../interfaces/IDisputeGameFactory.sol";
import {ISuperchainConfig} from "../interfaces/ISuperchainConfig.sol";
import {ISystemConfig, ResourceConfig} from "../interfaces/ISystemConfig.sol";
import {toAlias} from "./encoding/AddressAlias.sol";
import {MerklePatricia} from "./encoding/MerklePatricia.sol";
import {OutputRootProof, hashOutputRoot} from "./encoding/OutputRoot.sol";
import {WithdrawalTransaction, hashWithdrawal} from "./encoding/Withdrawal.sol";
import {MinGasCall} from "./MinGasCall.sol";
import {Initializable} from "./proxy/Initializable.sol";
import {ResourceMetering} from "./ResourceMetering.sol";

/// @notice Where L1 and L2 meet: deposits go in as events, withdrawals come out once they are proven and have waited.
/// @dev Functions, events, messages and storage slots are those of the OP Stack's OptimismPortal2 3.10.0.
contract OptimismPortal2 is Initializable, ResourceMetering {
    struct ProvenWithdrawal {
        IDisputeGame disputeGameProxy;
        uint64 timestamp;
    }

    error BadTarget();
    error CallPaused();
    error GasEstimation();
    error LargeCalldata();
    error SmallGasLimit();
    error Unauthorized();

    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);
    event WithdrawalProven(bytes32 indexed withdrawalHash, address indexed from, address indexed to);
    event WithdrawalProvenExtension1(bytes32 indexed withdrawalHash, address indexed proofSubmitter);
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);
    event DisputeGameBlacklisted(IDisputeGame indexed disputeGame);
    event RespectedGameTypeSet(uint32 indexed newGameType, uint64 indexed updatedAt);

    string public constant version = "3.10.0";
    uint256 private constant DEPOSIT_VERSION = 0;
    uint64 private constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;
    uint256 private constant MAX_DATA = 120_000; // so that no deposit outgrows what nodes send each other
    address private constant NOBODY = 0x000000000000000000000000000000000000dEaD; // stands in `l2Sender` between calls
    address private constant ESTIMATOR = address(1); // who gas estimations are made for
    uint256 private constant SENT_MESSAGES_SLOT = 0; // of L2ToL1MessagePasser

    uint256 public immutable proofMaturityDelaySeconds;
    uint256 public immutable disputeGameFinalityDelaySeconds;

    address public l2Sender; // slot 50
    mapping(bytes32 withdrawalHash => bool) public finalizedWithdrawals;
    uint256 private __spacer52;
    bool private __spacer53;
    ISuperchainConfig public superchainConfig;
    uint256 private __spacer54;
    ISystemConfig public systemConfig;
    IDisputeGameFactory public disputeGameFactory;
    mapping(bytes32 withdrawalHash => mapping(address submitter => ProvenWithdrawal)) public provenWithdrawals;
    mapping(IDisputeGame game => bool) public disputeGameBlacklist;
    uint32 public respectedGameType;
    uint64 public respectedGameTypeUpdatedAt;
    mapping(bytes32 withdrawalHash => address[]) public proofSubmitters; // slot 60

    modifier whenNotPaused() {
        if (paused()) revert CallPaused();
        _;
    }

    constructor(uint256 proofMaturityDelaySeconds_, uint256 disputeGameFinalityDelaySeconds_) {
        proofMaturityDelaySeconds = proofMaturityDelaySeconds_;
        disputeGameFinalityDelaySeconds = disputeGameFinalityDelaySeconds_;
    }

    function initialize(
        IDisputeGameFactory disputeGameFactory_,
        ISystemConfig systemConfig_,
        ISuperchainConfig superchainConfig_,
        uint32 initialRespectedGameType
    ) external initializer {
        disputeGameFactory = disputeGameFactory_;
        systemConfig = systemConfig_;
        superchainConfig = superchainConfig_;
        if (l2Sender == address(0)) {
            l2Sender = NOBODY;
            respectedGameTypeUpdatedAt = uint64(block.timestamp);
            respectedGameType = initialRespectedGameType;
        }
        _startMetering();
    }

    // Deposits.

    /// @notice ETH sent here is the sender's on L2. Only for accounts without code: a contract's alias would get it.
    receive() external payable {
        depositTransaction(msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, false, "");
    }

    /// @notice Takes ETH without a deposit.
    function donateETH() external payable {}

    /// @notice Makes the L2 execute a transaction of the caller's, which nobody there can leave out. The ETH that comes
    ///         with the call is minted on L2; `value` is what the L2 transaction sends on.
    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes memory data)
        public
        payable
        metered(gasLimit)
    {
        if (isCreation && to != address(0)) revert BadTarget();
        if (gasLimit < minimumGasLimit(uint64(data.length))) revert SmallGasLimit();
        if (data.length > MAX_DATA) revert LargeCalldata();
        address from = msg.sender == tx.origin ? msg.sender : toAlias(msg.sender);
        bytes memory opaqueData = abi.encodePacked(msg.value, value, gasLimit, isCreation, data);
        emit TransactionDeposited(from, to, DEPOSIT_VERSION, opaqueData);
    }

    /// @notice The least L2 gas of a deposit with so many bytes of data.
    function minimumGasLimit(uint64 byteCount) public pure returns (uint64) {
        return byteCount * 16 + 21_000;
    }

    // Withdrawals.

    /// @notice Shows that a withdrawal is among the messages that an output root of a game commits to. The first of two
    ///         steps; from now on the caller's proof matures. Proving again replaces it.
    function proveWithdrawalTransaction(
        WithdrawalTransaction memory _tx,
        uint256 disputeGameIndex,
        OutputRootProof calldata outputRootProof,
        bytes[] calldata withdrawalProof
    ) external whenNotPaused {
        require(_tx.target != address(this), "OptimismPortal: you cannot send messages to the portal contract");
        (uint32 gameType,, IDisputeGame game) = disputeGameFactory.gameAtIndex(disputeGameIndex);
        require(gameType == respectedGameType, "OptimismPortal: invalid game type");
        require(game.rootClaim() == hashOutputRoot(outputRootProof), "OptimismPortal: invalid output root proof");
        require(
            game.status() != GameStatus.CHALLENGER_WINS, "OptimismPortal: cannot prove against invalid dispute games"
        );

        bytes32 withdrawalHash = hashWithdrawal(_tx);
        bytes32 slot = keccak256(abi.encode(withdrawalHash, SENT_MESSAGES_SLOT));
        bytes calldata sent = MerklePatricia.get(
            outputRootProof.messagePasserStorageRoot, keccak256(abi.encode(slot)), withdrawalProof
        );
        require(sent.length == 1 && sent[0] == 0x01, "OptimismPortal: invalid withdrawal inclusion proof");

        provenWithdrawals[withdrawalHash][msg.sender] = ProvenWithdrawal(game, uint64(block.timestamp));
        proofSubmitters[withdrawalHash].push(msg.sender);
        emit WithdrawalProven(withdrawalHash, _tx.sender, _tx.target);
        emit WithdrawalProvenExtension1(withdrawalHash, msg.sender);
    }

    function finalizeWithdrawalTransaction(WithdrawalTransaction memory _tx) external {
        finalizeWithdrawalTransactionExternalProof(_tx, msg.sender);
    }

    /// @notice Executes a withdrawal that `proofSubmitter` has proven. It counts as finalized whether its call
    ///         succeeds or not: there is no second time here.
    function finalizeWithdrawalTransactionExternalProof(WithdrawalTransaction memory _tx, address proofSubmitter)
        public
        whenNotPaused
    {
        require(l2Sender == NOBODY, "OptimismPortal: can only trigger one withdrawal per transaction");
        bytes32 withdrawalHash = hashWithdrawal(_tx);
        checkWithdrawal(withdrawalHash, proofSubmitter);
        finalizedWithdrawals[withdrawalHash] = true;

        l2Sender = _tx.sender;
        bool success = MinGasCall.callWithMinGas(_tx.target, _tx.gasLimit, _tx.value, _tx.data);
        l2Sender = NOBODY;

        emit WithdrawalFinalized(withdrawalHash, success);
        if (!success && tx.origin == ESTIMATOR) revert GasEstimation();
    }

    /// @notice Reverts, saying why, while the withdrawal cannot be finalized on the strength of that account's proof.
    function checkWithdrawal(bytes32 withdrawalHash, address proofSubmitter) public view {
        ProvenWithdrawal memory proven = provenWithdrawals[withdrawalHash][proofSubmitter];
        IDisputeGame game = proven.disputeGameProxy;
        require(!disputeGameBlacklist[game], "OptimismPortal: dispute game has been blacklisted");
        require(
            proven.timestamp != 0, "OptimismPortal: withdrawal has not been proven by proof submitter address yet"
        );
        uint64 createdAt = game.createdAt();
        require(
            proven.timestamp > createdAt,
            "OptimismPortal: withdrawal timestamp less than dispute game creation timestamp"
        );
        require(
            block.timestamp - proven.timestamp > proofMaturityDelaySeconds,
            "OptimismPortal: proven withdrawal has not matured yet"
        );
        require(
            game.status() == GameStatus.DEFENDER_WINS, "OptimismPortal: output proposal has not been validated"
        );
        require(game.gameType() == respectedGameType, "OptimismPortal: invalid game type");
        require(
            createdAt >= respectedGameTypeUpdatedAt,
            "OptimismPortal: dispute game created before respected game type was updated"
        );
        require(
            block.timestamp - game.resolvedAt() > disputeGameFinalityDelaySeconds,
            "OptimismPortal: output proposal in air-gap"
        );
        require(!finalizedWithdrawals[withdrawalHash], "OptimismPortal: withdrawal has already been finalized");
    }

    function numProofSubmitters(bytes32 withdrawalHash) external view returns (uint256) {
        return proofSubmitters[withdrawalHash].length;
    }

    // The guardian.

    /// @notice No withdrawal is finalized on this game any more, whatever it resolved to.
    function blacklistDisputeGame(IDisputeGame disputeGame) external {
        if (msg.sender != guardian()) revert Unauthorized();
        disputeGameBlacklist[disputeGame] = true;
        emit DisputeGameBlacklisted(disputeGame);
    }

    /// @notice Only games of this type count, and only those that are created from now on.
    function setRespectedGameType(uint32 gameType) external {
        if (msg.sender != guardian()) revert Unauthorized();
        respectedGameType = gameType;
        respectedGameTypeUpdatedAt = uint64(block.timestamp);
        emit RespectedGameTypeSet(gameType, respectedGameTypeUpdatedAt);
    }

    function guardian() public view returns (address) {
        return superchainConfig.guardian();
    }

    function paused() public view returns (bool) {
        return superchainConfig.paused();
    }

    function _resourceConfig() internal view override returns (ResourceConfig memory) {
        return systemConfig.resourceConfig();
    }
}
