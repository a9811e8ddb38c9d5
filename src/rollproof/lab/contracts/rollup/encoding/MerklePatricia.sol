// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Rlp} from "./Rlp.sol";

/// @notice Looks a key up in a Merkle-Patricia trie of which only the nodes on the key's path are given, root first.
/// @dev Every node is read once, and has to be what the one before it names. A node that is embedded in its parent is
///      listed as well. Messages are the ones that tools know from the OP Stack's own verifier.
library MerklePatricia {
    uint256 private constant NIBBLES = 64;
    uint256 private constant BRANCH = 17;
    uint256 private constant SHORT = 2;
    uint256 private constant NOWHERE = type(uint256).max;

    struct Node {
        uint256 count;
        uint256[BRANCH] from; // where each item begins, with its header
        uint256[BRANCH] start; // where its payload begins
        uint256[BRANCH] end;
        bool[BRANCH] list;
    }

    struct Walk {
        bytes32 key;
        bytes32 expected; // hash of the next node
        uint256 depth; // nibbles of the key that are behind
    }

    /// @notice The value under `key`, as the trie's leaf holds it. Reverts where the nodes do not lead to one.
    function get(bytes32 root, bytes32 key, bytes[] calldata proof) internal pure returns (bytes calldata) {
        Walk memory walk = Walk(key, root, 0);
        for (uint256 index = 0; index < proof.length; index++) {
            if (keccak256(proof[index]) != walk.expected) {
                revert(index == 0 ? "MerkleTrie: invalid root hash" : "MerkleTrie: invalid large internal hash");
            }
            Node memory node = _split(proof[index]);
            uint256 at = node.count == BRANCH ? _branch(proof[index], node, walk) : _short(proof[index], node, walk);
            if (at != NOWHERE) return _value(proof[index], node, at, index + 1 == proof.length);
        }
        revert("MerkleTrie: ran out of proof elements");
    }

    /// @dev Takes one step; returns which item the value is, or NOWHERE while the walk goes on.
    function _branch(bytes calldata raw, Node memory node, Walk memory walk) private pure returns (uint256) {
        if (walk.depth == NIBBLES) return BRANCH - 1;
        walk.expected = _reference(raw, node, _nibble(walk.key, walk.depth));
        walk.depth += 1;
        return NOWHERE;
    }

    /// @dev As `_branch`, for a leaf or an extension.
    function _short(bytes calldata raw, Node memory node, Walk memory walk) private pure returns (uint256) {
        require(node.count == SHORT, "MerkleTrie: received an unparseable node");
        bool leaf = _follow(raw, node, walk);
        if (!leaf) {
            walk.expected = _reference(raw, node, 1);
            return NOWHERE;
        }
        require(walk.depth == NIBBLES, "MerkleTrie: key remainder must be identical to path remainder");
        return 1;
    }

    function _split(bytes calldata raw) private pure returns (Node memory node) {
        (uint256 at, uint256 stop) = Rlp.wholeList(raw);
        while (at < stop) {
            require(node.count < BRANCH, "MerkleTrie: received an unparseable node");
            uint256 each = node.count++;
            node.from[each] = at;
            (node.list[each], node.start[each], node.end[each]) = Rlp.item(raw[:stop], at);
            at = node.end[each];
        }
    }

    /// @dev A child by its hash, also one that is embedded; zero, which no node hashes to, where there is none.
    function _reference(bytes calldata raw, Node memory node, uint256 child) private pure returns (bytes32) {
        uint256 end = node.end[child];
        if (node.list[child]) {
            require(end - node.from[child] < 32, "MerkleTrie: invalid internal node hash");
            return keccak256(raw[node.from[child]:end]);
        }
        return end - node.start[child] == 32 ? bytes32(raw[node.start[child]:end]) : bytes32(0);
    }

    function _value(bytes calldata raw, Node memory node, uint256 at, bool last) private pure returns (bytes calldata) {
        if (node.list[at]) revert Rlp.UnexpectedList();
        require(node.end[at] > node.start[at], "MerkleTrie: value length must be greater than zero");
        require(last, "MerkleTrie: extra proof elements");
        return raw[node.start[at]:node.end[at]];
    }

    /// @dev Compares the path of a leaf or an extension with the key, and goes as far.
    function _follow(bytes calldata raw, Node memory node, Walk memory walk) private pure returns (bool leaf) {
        if (node.list[0]) revert Rlp.UnexpectedList();
        bytes calldata path = raw[node.start[0]:node.end[0]];
        require(path.length > 0, "MerkleTrie: received an unparseable node");
        uint256 prefix = uint8(path[0]) >> 4;
        require(prefix < 4, "MerkleTrie: received a node with an unknown prefix");
        leaf = prefix >= 2;
        uint256 stop = path.length * 2;
        uint256 position = 2 - (prefix & 1);
        require(
            stop - position <= NIBBLES - walk.depth, "MerkleTrie: path remainder must share all nibbles with key"
        );
        for (; position < stop; position++) {
            uint256 pair = uint8(path[position / 2]);
            require(
                (position % 2 == 0 ? pair >> 4 : pair & 15) == _nibble(walk.key, walk.depth++),
                "MerkleTrie: path remainder must share all nibbles with key"
            );
        }
    }

    function _nibble(bytes32 key, uint256 at) private pure returns (uint256) {
        return uint256(key) >> (4 * (NIBBLES - 1 - at)) & 15;
    }
}
