// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice VULNERABLE (wrap past 2**256): a lock is over as soon as it is made long enough.
contract TimeLock {
    mapping(address account => uint256) public until;

    function lock() external payable {
        until[msg.sender] = block.timestamp + 1 weeks;
    }

    function extend(uint256 time) external virtual {
        unchecked {
            until[msg.sender] += time;
        }
    }
}

/// @notice The same, corrected.
contract TimeLockFixed is TimeLock {
    function extend(uint256 time) external override {
        until[msg.sender] += time;
    }
}

/// @notice Not vulnerable: growth inside a range is a difference of accumulators, which may be below zero, and only
/// differences of it are ever used. Also a generator of numbers that multiplies past 2**256.
contract Accumulator {
    uint256 public inside;
    uint256 public paid;
    uint256 public seed = uint256(keccak256("seed"));
    int256 public position = 5;

    function collect(uint256 overall, uint256 outside, uint128 liquidity) external {
        unchecked {
            uint256 now_ = overall - outside;
            paid += ((now_ - inside) * liquidity) >> 128;
            inside = now_;
        }
    }

    function next() external returns (uint256) {
        unchecked {
            seed = seed * 6364136223846793005 + 1442695040888963407;
        }
        return seed;
    }

    function trade(int256 size) external {
        position += size;
    }
}

/// @notice VULNERABLE (length below zero): an array's length is lowered by hand.
contract Journal {
    bytes32[] public entries;

    function pop() external virtual {
        assembly {
            sstore(entries.slot, sub(sload(entries.slot), 1))
        }
    }
}

/// @notice The same, corrected.
contract JournalFixed is Journal {
    function pop() external override {
        entries.pop();
    }
}

/// @notice VULNERABLE (truncation): ether is counted in 64 bits.
contract NarrowBank {
    mapping(address account => uint64) public balanceOf;

    function deposit() external payable virtual {
        unchecked {
            balanceOf[msg.sender] += uint64(msg.value);
        }
    }
}

/// @notice The same, corrected.
contract NarrowBankFixed is NarrowBank {
    function deposit() external payable override {
        require(msg.value <= type(uint64).max, "too much");
        balanceOf[msg.sender] += uint64(msg.value);
    }
}

/// @notice Not vulnerable: accounts may owe, and the numbers are signed.
contract Ledger {
    mapping(address account => int256) public net;

    receive() external payable {}

    function settle(address to, int256 amount) external {
        net[msg.sender] -= amount;
        net[to] += amount;
    }

    function draw(int256 amount) external {
        net[msg.sender] -= amount;
        payable(msg.sender).transfer(uint256(amount));
    }
}
