// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Who owns a Safe, and how many of them it takes: functions, events, errors and storage as Safe 1.4.1 has them.
/// @dev The owners are a linked list that begins and ends at the address 1. Slot 0 is the proxy's: which code it runs.
abstract contract Owners {
    event AddedOwner(address indexed owner);
    event RemovedOwner(address indexed owner);
    event ChangedThreshold(uint256 threshold);

    address internal constant SENTINEL = address(1);

    address private _singleton;
    mapping(address module => address) private _modules; // never filled: there are no modules here
    mapping(address owner => address) internal _owners;
    uint256 internal _count;
    uint256 internal _threshold;

    modifier authorized() {
        require(msg.sender == address(this), "GS031");
        _;
    }

    function getThreshold() public view returns (uint256) {
        return _threshold;
    }

    function isOwner(address owner) public view returns (bool) {
        return owner != SENTINEL && _owners[owner] != address(0);
    }

    function getOwners() public view returns (address[] memory listed) {
        listed = new address[](_count);
        address owner = _owners[SENTINEL];
        for (uint256 i; owner != SENTINEL; ++i) {
            listed[i] = owner;
            owner = _owners[owner];
        }
    }

    function addOwnerWithThreshold(address owner, uint256 threshold) public authorized {
        _admissible(owner);
        _owners[owner] = _owners[SENTINEL];
        _owners[SENTINEL] = owner;
        ++_count;
        emit AddedOwner(owner);
        if (threshold != _threshold) changeThreshold(threshold);
    }

    function removeOwner(address before, address owner, uint256 threshold) public authorized {
        require(_count - 1 >= threshold, "GS201");
        require(owner != address(0) && owner != SENTINEL, "GS203");
        require(_owners[before] == owner, "GS205");
        _owners[before] = _owners[owner];
        _owners[owner] = address(0);
        --_count;
        emit RemovedOwner(owner);
        if (threshold != _threshold) changeThreshold(threshold);
    }

    function swapOwner(address before, address owner, address to) public authorized {
        _admissible(to);
        require(owner != address(0) && owner != SENTINEL, "GS203");
        require(_owners[before] == owner, "GS205");
        _owners[to] = _owners[owner];
        _owners[before] = to;
        _owners[owner] = address(0);
        emit RemovedOwner(owner);
        emit AddedOwner(to);
    }

    function changeThreshold(uint256 threshold) public authorized {
        require(threshold <= _count, "GS201");
        require(threshold >= 1, "GS202");
        _threshold = threshold;
        emit ChangedThreshold(threshold);
    }

    function _setupOwners(address[] memory owners, uint256 threshold) internal {
        require(_threshold == 0, "GS200");
        require(threshold <= owners.length, "GS201");
        require(threshold >= 1, "GS202");
        address last = SENTINEL;
        for (uint256 i; i < owners.length; ++i) {
            _admissible(owners[i]);
            _owners[last] = owners[i];
            last = owners[i];
        }
        _owners[last] = SENTINEL;
        _count = owners.length;
        _threshold = threshold;
    }

    function _admissible(address owner) private view {
        require(owner != address(0) && owner != SENTINEL && owner != address(this), "GS203");
        require(_owners[owner] == address(0), "GS204");
    }
}
