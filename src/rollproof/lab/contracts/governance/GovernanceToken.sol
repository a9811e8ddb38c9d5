// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FungibleToken} from "../token/FungibleToken.sol";

/// @notice A fixed supply of votes. How many somebody had at the end of an earlier block stays known, so that votes
/// borrowed for one transaction count nothing.
/// @dev Everybody votes with what they hold; there is no delegation.
contract GovernanceToken is FungibleToken {
    error NotYet(uint256 block_);

    struct Checkpoint {
        uint48 block_;
        uint208 votes;
    }

    mapping(address account => Checkpoint[]) private _checkpoints;

    constructor(string memory name_, string memory symbol_, uint256 supply) FungibleToken(name_, symbol_, 18) {
        _mint(msg.sender, supply);
        _note(msg.sender);
    }

    function getVotes(address account) external view returns (uint256) {
        return balanceOf[account];
    }

    /// @notice Votes at the end of a block that is over. Blocks are counted as the chain counts them.
    function getPastVotes(address account, uint256 block_) external view returns (uint256) {
        if (block_ >= block.number) revert NotYet(block_);
        Checkpoint[] storage found = _checkpoints[account];
        uint256 low;
        uint256 high = found.length; // the first checkpoint after the block is in [low, high]
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (found[middle].block_ > block_) high = middle;
            else low = middle + 1;
        }
        return low == 0 ? 0 : found[low - 1].votes;
    }

    function _transfer(address from, address to, uint256 value) internal override {
        super._transfer(from, to, value);
        _note(from);
        _note(to);
    }

    function _note(address account) private {
        Checkpoint[] storage found = _checkpoints[account];
        uint208 votes = uint208(balanceOf[account]); // the supply is bounded by what was minted at the start
        if (found.length > 0 && found[found.length - 1].block_ == block.number) found[found.length - 1].votes = votes;
        else found.push(Checkpoint(uint48(block.number), votes));
    }
}
