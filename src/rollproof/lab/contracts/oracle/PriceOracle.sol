// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// Prices that a keeper pushes: one feed per symbol, every round kept. A price is in US dollars with 8 decimals.
/// Nothing here judges a price or its age: who reads it does, by `updatedAt`.
contract PriceOracle {
    uint8 public constant decimals = 8;
    uint256 public constant MAX_FEEDS = 32;

    struct Round {
        int192 price;
        uint64 updatedAt;
    }

    address public owner;
    address public keeper;
    bytes32[] private _symbols;
    mapping(bytes32 symbol => uint80) public latestRound; // 0: no price yet
    mapping(bytes32 symbol => mapping(uint80 round => Round)) private _rounds;

    event PricePushed(bytes32 indexed symbol, int256 price, uint80 indexed round, uint256 updatedAt);
    event KeeperChanged(address keeper);
    event OwnerChanged(address owner);

    error NotKeeper();
    error NotOwner();
    error NoSuchRound(bytes32 symbol, uint80 round);
    error BadPrice(bytes32 symbol, int256 price);
    error BadList();

    constructor(address keeper_) {
        owner = msg.sender;
        keeper = keeper_;
        emit OwnerChanged(msg.sender);
        emit KeeperChanged(keeper_);
    }

    function setKeeper(address keeper_) external {
        if (msg.sender != owner) revert NotOwner();
        keeper = keeper_;
        emit KeeperChanged(keeper_);
    }

    function setOwner(address owner_) external {
        if (msg.sender != owner) revert NotOwner();
        owner = owner_;
        emit OwnerChanged(owner_);
    }

    /// A new round for each symbol. A symbol that is pushed for the first time becomes a feed.
    function push(bytes32[] calldata symbols, int256[] calldata prices) external {
        if (msg.sender != keeper) revert NotKeeper();
        if (symbols.length != prices.length || symbols.length > MAX_FEEDS) revert BadList();
        for (uint256 i; i < symbols.length; ++i) {
            bytes32 symbol = symbols[i];
            int256 price = prices[i];
            if (price <= 0 || price > type(int128).max) revert BadPrice(symbol, price);
            uint80 round = ++latestRound[symbol];
            if (round == 1) {
                if (_symbols.length == MAX_FEEDS) revert BadList();
                _symbols.push(symbol);
            }
            _rounds[symbol][round] = Round(int192(price), uint64(block.timestamp));
            emit PricePushed(symbol, price, round, block.timestamp);
        }
    }

    function feeds() external view returns (bytes32[] memory) {
        return _symbols;
    }

    /// The round's price and time. Reverts for a round that is not there.
    function roundData(bytes32 symbol, uint80 round) public view returns (int256 price, uint256 updatedAt) {
        Round storage found = _rounds[symbol][round];
        if (found.updatedAt == 0) revert NoSuchRound(symbol, round);
        return (found.price, found.updatedAt);
    }

    /// Seconds since the newest price of a symbol.
    function age(bytes32 symbol) external view returns (uint256) {
        (, uint256 updatedAt) = roundData(symbol, latestRound[symbol]);
        return block.timestamp - updatedAt;
    }
}
