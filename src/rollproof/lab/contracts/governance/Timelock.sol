// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Calls that anybody can see coming: scheduled by a proposer, executable by anybody after a delay, and until
/// then cancellable. Calls and events are those of OpenZeppelin's TimelockController, batches only.
/// @dev Proposers and cancellers are set once; only the timelock itself changes its delay.
contract Timelock {
    event CallScheduled(
        bytes32 indexed id,
        uint256 indexed index,
        address target,
        uint256 value,
        bytes data,
        bytes32 predecessor,
        uint256 delay
    );
    event CallExecuted(bytes32 indexed id, uint256 indexed index, address target, uint256 value, bytes data);
    event CallSalt(bytes32 indexed id, bytes32 salt);
    event Cancelled(bytes32 indexed id);
    event MinDelayChange(uint256 oldDuration, uint256 newDuration);

    error Unauthorised(address caller);
    error BadLengths();
    error DelayTooShort(uint256 delay, uint256 least);
    error NotPending(bytes32 id);
    error NotReady(bytes32 id);
    error AlreadyThere(bytes32 id);
    error CallFailed(uint256 index, bytes reason);

    uint256 public constant MAX_CALLS = 32;
    uint256 private constant _DONE = 1;

    uint256 public getMinDelay; // seconds
    mapping(address => bool) public isProposer;
    mapping(address => bool) public isCanceller;
    mapping(bytes32 id => uint256) public getTimestamp; // when it is ready; 0 not there, 1 done

    constructor(uint256 delay, address[] memory proposers, address[] memory cancellers) {
        getMinDelay = delay;
        emit MinDelayChange(0, delay);
        for (uint256 i; i < proposers.length; ++i) isProposer[proposers[i]] = true;
        for (uint256 i; i < cancellers.length; ++i) isCanceller[cancellers[i]] = true;
    }

    receive() external payable {}

    function scheduleBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt,
        uint256 delay
    ) external {
        if (!isProposer[msg.sender]) revert Unauthorised(msg.sender);
        if (delay < getMinDelay) revert DelayTooShort(delay, getMinDelay);
        bytes32 id = hashOperationBatch(targets, values, payloads, predecessor, salt);
        if (getTimestamp[id] != 0) revert AlreadyThere(id);
        getTimestamp[id] = block.timestamp + delay;
        for (uint256 i; i < targets.length; ++i) {
            emit CallScheduled(id, i, targets[i], values[i], payloads[i], predecessor, delay);
        }
        if (salt != bytes32(0)) emit CallSalt(id, salt);
    }

    function cancel(bytes32 id) external {
        if (!isCanceller[msg.sender]) revert Unauthorised(msg.sender);
        if (getTimestamp[id] <= _DONE) revert NotPending(id);
        delete getTimestamp[id];
        emit Cancelled(id);
    }

    function executeBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) external payable {
        bytes32 id = hashOperationBatch(targets, values, payloads, predecessor, salt);
        if (!isOperationReady(id)) revert NotReady(id);
        if (predecessor != bytes32(0) && getTimestamp[predecessor] != _DONE) revert NotReady(predecessor);
        getTimestamp[id] = _DONE; // before the calls: it cannot be executed from within itself
        for (uint256 i; i < targets.length; ++i) {
            (bool done, bytes memory reason) = targets[i].call{value: values[i]}(payloads[i]);
            if (!done) revert CallFailed(i, reason);
            emit CallExecuted(id, i, targets[i], values[i], payloads[i]);
        }
    }

    function updateDelay(uint256 delay) external {
        if (msg.sender != address(this)) revert Unauthorised(msg.sender);
        emit MinDelayChange(getMinDelay, delay);
        getMinDelay = delay;
    }

    function isOperationPending(bytes32 id) external view returns (bool) {
        return getTimestamp[id] > _DONE;
    }

    function isOperationReady(bytes32 id) public view returns (bool) {
        return getTimestamp[id] > _DONE && getTimestamp[id] <= block.timestamp;
    }

    function isOperationDone(bytes32 id) external view returns (bool) {
        return getTimestamp[id] == _DONE;
    }

    function hashOperationBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) public pure returns (bytes32) {
        if (targets.length != values.length || targets.length != payloads.length || targets.length > MAX_CALLS) {
            revert BadLengths();
        }
        return keccak256(abi.encode(targets, values, payloads, predecessor, salt));
    }
}
