// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {GovernanceToken} from "./GovernanceToken.sol";
import {Timelock} from "./Timelock.sol";

/// @notice Holders of a token decide what a timelock does. Calls and events are those of OpenZeppelin's Governor with
/// simple counting; voting times are in blocks.
contract Governor {
    event ProposalCreated(
        uint256 proposalId,
        address proposer,
        address[] targets,
        uint256[] values,
        string[] signatures,
        bytes[] calldatas,
        uint256 voteStart,
        uint256 voteEnd,
        string description
    );
    event VoteCast(address indexed voter, uint256 proposalId, uint8 support, uint256 weight, string reason);
    event ProposalQueued(uint256 proposalId, uint256 etaSeconds);
    event ProposalExecuted(uint256 proposalId);

    error BelowThreshold(uint256 votes, uint256 threshold);
    error AlreadyThere(uint256 proposalId);
    error WrongState(uint256 proposalId, ProposalState state);
    error AlreadyVoted(address voter);
    error BadSupport(uint8 support);

    enum ProposalState {
        Pending,
        Active,
        Canceled,
        Defeated,
        Succeeded,
        Queued,
        Expired,
        Executed
    }

    struct Proposal {
        uint48 voteStart; // votes count as of the end of this block
        uint48 voteEnd; // the last block to vote in
        bytes32 operation; // in the timelock, once queued
        uint256 against;
        uint256 inFavour;
        uint256 abstained;
        mapping(address => bool) voted;
    }

    GovernanceToken public immutable token;
    Timelock public immutable timelock;
    uint256 public immutable votingDelay; // blocks
    uint256 public immutable votingPeriod; // blocks
    uint256 public immutable proposalThreshold; // votes
    uint256 public immutable quorum; // votes in favour or abstaining
    mapping(uint256 id => Proposal) private _proposals;

    constructor(
        GovernanceToken token_,
        Timelock timelock_,
        uint256 votingDelay_,
        uint256 votingPeriod_,
        uint256 proposalThreshold_,
        uint256 quorum_
    ) {
        token = token_;
        timelock = timelock_;
        votingDelay = votingDelay_;
        votingPeriod = votingPeriod_;
        proposalThreshold = proposalThreshold_;
        quorum = quorum_;
    }

    function propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description
    ) external returns (uint256 id) {
        uint256 votes = token.getPastVotes(msg.sender, block.number - 1);
        if (votes < proposalThreshold) revert BelowThreshold(votes, proposalThreshold);
        id = hashProposal(targets, values, calldatas, keccak256(bytes(description)));
        Proposal storage proposal = _proposals[id];
        if (proposal.voteEnd != 0) revert AlreadyThere(id);
        proposal.voteStart = uint48(block.number + votingDelay);
        proposal.voteEnd = uint48(block.number + votingDelay + votingPeriod);
        emit ProposalCreated(
            id,
            msg.sender,
            targets,
            values,
            new string[](targets.length),
            calldatas,
            proposal.voteStart,
            proposal.voteEnd,
            description
        );
    }

    /// @param support 0 against, 1 for, 2 abstain.
    function castVote(uint256 id, uint8 support) external returns (uint256 weight) {
        _in(id, ProposalState.Active);
        Proposal storage proposal = _proposals[id];
        if (proposal.voted[msg.sender]) revert AlreadyVoted(msg.sender);
        proposal.voted[msg.sender] = true;
        weight = token.getPastVotes(msg.sender, proposal.voteStart);
        if (support == 0) proposal.against += weight;
        else if (support == 1) proposal.inFavour += weight;
        else if (support == 2) proposal.abstained += weight;
        else revert BadSupport(support);
        emit VoteCast(msg.sender, id, support, weight, "");
    }

    function queue(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 id) {
        id = hashProposal(targets, values, calldatas, descriptionHash);
        _in(id, ProposalState.Succeeded);
        uint256 delay = timelock.getMinDelay();
        _proposals[id].operation = timelock.hashOperationBatch(targets, values, calldatas, 0, descriptionHash);
        timelock.scheduleBatch(targets, values, calldatas, 0, descriptionHash, delay);
        emit ProposalQueued(id, block.timestamp + delay);
    }

    function execute(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata calldatas,
        bytes32 descriptionHash
    ) external payable returns (uint256 id) {
        id = hashProposal(targets, values, calldatas, descriptionHash);
        _in(id, ProposalState.Queued);
        timelock.executeBatch{value: msg.value}(targets, values, calldatas, 0, descriptionHash);
        emit ProposalExecuted(id);
    }

    function state(uint256 id) public view returns (ProposalState) {
        Proposal storage proposal = _proposals[id];
        if (proposal.operation != 0) {
            if (timelock.isOperationDone(proposal.operation)) return ProposalState.Executed;
            return timelock.isOperationPending(proposal.operation) ? ProposalState.Queued : ProposalState.Canceled;
        }
        if (proposal.voteEnd == 0) revert WrongState(id, ProposalState.Pending);
        if (block.number <= proposal.voteStart) return ProposalState.Pending;
        if (block.number <= proposal.voteEnd) return ProposalState.Active;
        bool enough = proposal.inFavour + proposal.abstained >= quorum;
        return enough && proposal.inFavour > proposal.against ? ProposalState.Succeeded : ProposalState.Defeated;
    }

    function proposalVotes(uint256 id) external view returns (uint256 against, uint256 inFavour, uint256 abstained) {
        Proposal storage proposal = _proposals[id];
        return (proposal.against, proposal.inFavour, proposal.abstained);
    }

    function hashProposal(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) public pure returns (uint256) {
        return uint256(keccak256(abi.encode(targets, values, calldatas, descriptionHash)));
    }

    function _in(uint256 id, ProposalState wanted) private view {
        ProposalState found = state(id);
        if (found != wanted) revert WrongState(id, found);
    }
}
