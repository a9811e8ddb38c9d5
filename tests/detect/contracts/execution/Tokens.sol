// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice VULNERABLE (wrap below zero): who has less than he sends gets nearly everything.
contract WrappingToken {
    event Transfer(address indexed from, address indexed to, uint256 value);

    mapping(address account => uint256) public balanceOf;
    bool internal immutable silent;

    constructor(bool silent_) {
        silent = silent_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        unchecked {
            balanceOf[msg.sender] -= amount;
            balanceOf[to] += amount;
        }
        if (!silent) emit Transfer(msg.sender, to, amount);
        return true;
    }

    /// @dev VULNERABLE (wrap past 2**256): the sum can be zero while each share is not.
    function share(address[] calldata to, uint256 amount) external virtual returns (bool) {
        unchecked {
            uint256 sum = to.length * amount;
            require(balanceOf[msg.sender] >= sum, "balance");
            balanceOf[msg.sender] -= sum;
            for (uint256 i; i < to.length; ++i) {
                balanceOf[to[i]] += amount;
                emit Transfer(msg.sender, to[i], amount);
            }
        }
        return true;
    }
}

/// @notice The same, corrected.
contract WrappingTokenFixed is WrappingToken {
    constructor(bool silent_) WrappingToken(silent_) {}

    function transfer(address to, uint256 amount) external override returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        emit Transfer(msg.sender, to, amount);
        return true;
    }

    function share(address[] calldata to, uint256 amount) external override returns (bool) {
        balanceOf[msg.sender] -= to.length * amount;
        for (uint256 i; i < to.length; ++i) {
            balanceOf[to[i]] += amount;
            emit Transfer(msg.sender, to[i], amount);
        }
        return true;
    }
}

/// @notice Answers false instead of reverting, as early tokens do.
contract FalseToken {
    event Transfer(address indexed from, address indexed to, uint256 value);

    mapping(address account => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) internal returns (bool) {
        if (balanceOf[from] < amount) return false;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
        return true;
    }
}
