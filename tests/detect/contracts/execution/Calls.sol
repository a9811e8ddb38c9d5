// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FalseToken} from "./Tokens.sol";

/// @notice VULNERABLE (unchecked call): what the token answers is not looked at.
contract Till {
    FalseToken public immutable token;
    mapping(address account => uint256) public credit;

    constructor(FalseToken token_) {
        token = token_;
    }

    function deposit(uint256 amount) external virtual {
        token.transferFrom(msg.sender, address(this), amount);
        credit[msg.sender] += amount;
    }

    function withdraw(uint256 amount) external virtual {
        credit[msg.sender] -= amount;
        token.transfer(msg.sender, amount);
    }
}

/// @notice The same, corrected.
contract TillFixed is Till {
    constructor(FalseToken token_) Till(token_) {}

    function deposit(uint256 amount) external override {
        require(token.transferFrom(msg.sender, address(this), amount), "transfer");
        credit[msg.sender] += amount;
    }
}

/// @notice Not vulnerable: tries, and credits only what came.
contract TillTrying is Till {
    event Refused(address account, uint256 amount);

    constructor(FalseToken token_) Till(token_) {}

    function deposit(uint256 amount) external override {
        if (token.transferFrom(msg.sender, address(this), amount)) credit[msg.sender] += amount;
        else emit Refused(msg.sender, amount);
    }
}

/// @notice VULNERABLE (unchecked call): the token may be an address without code, where every call succeeds.
contract OpenTill {
    mapping(address token => mapping(address account => uint256)) public credit;

    function deposit(address token, uint256 amount) external virtual {
        (bool done,) = token.call(abi.encodeCall(FalseToken.transferFrom, (msg.sender, address(this), amount)));
        require(done, "transfer");
        credit[token][msg.sender] += amount;
    }
}

/// @notice The same, corrected.
contract OpenTillFixed is OpenTill {
    function deposit(address token, uint256 amount) external override {
        require(FalseToken(token).transferFrom(msg.sender, address(this), amount), "transfer");
        credit[token][msg.sender] += amount;
    }
}

/// @notice Takes no ether unless told to.
contract Refuser {
    bool public takes;

    receive() external payable {
        require(takes, "no ether");
    }

    function take(bool takes_) external {
        takes = takes_;
    }

    function collect(Debtor debtor) external {
        debtor.settle(payable(address(this)));
    }

    function open(Throne throne) external payable {
        throne.claim{value: msg.value}();
    }
}

/// @notice VULNERABLE (unchecked call): a debt is struck off whether the payment was taken or not.
contract Debtor {
    mapping(address account => uint256) public owed;

    function owe(address account) external payable {
        owed[account] += msg.value;
    }

    function settle(address payable account) external virtual {
        uint256 amount = owed[account];
        owed[account] = 0;
        bool done = account.send(amount);
        done;
    }
}

/// @notice The same, corrected.
contract DebtorFixed is Debtor {
    function settle(address payable account) external override {
        uint256 amount = owed[account];
        owed[account] = 0;
        (bool done,) = account.call{value: amount}("");
        require(done, "payment");
    }
}

/// @notice Not vulnerable: what is not taken stays owed, and the failure is told.
contract DebtorPatient is Debtor {
    event Refused(address account, uint256 amount);

    function settle(address payable account) external override {
        uint256 amount = owed[account];
        owed[account] = 0;
        if (!account.send(amount)) {
            owed[account] = amount;
            emit Refused(account, amount);
        }
    }
}

/// @notice Not vulnerable: tips its caller as well as it can, and remembers what matters before that.
contract BestEffort {
    uint256 public rounds;
    uint256 public refused;

    receive() external payable {}

    function turn(address payable tipped) external {
        ++rounds;
        (bool done,) = tipped.call{value: 1 wei}("");
        if (!done) ++refused;
    }
}

/// @notice VULNERABLE (denial of service): the last king has to take his payment before there can be another.
contract Throne {
    address payable public king;
    uint256 public price;

    function claim() external payable virtual {
        require(msg.value > price, "price");
        if (king != address(0)) king.transfer(msg.value);
        king = payable(msg.sender);
        price = msg.value;
    }
}

/// @notice The same, corrected: kings fetch what is theirs.
contract ThroneFixed is Throne {
    mapping(address account => uint256) public owed;

    function claim() external payable override {
        require(msg.value > price, "price");
        owed[king] += msg.value;
        king = payable(msg.sender);
        price = msg.value;
    }
}

/// @notice Tries to become king for somebody, and notes whether it did.
contract Claimant {
    uint256 public failures;

    function claim(Throne throne) external payable {
        try throne.claim{value: msg.value}() {}
        catch {
            ++failures;
        }
    }

    receive() external payable {}
}

/// @notice VULNERABLE (unchecked call): tells a listener and creates a child, and looks at neither outcome.
contract Careless {
    uint256 public told;
    uint256 public failed;

    function notify(address listener) external {
        (bool done,) = listener.call(abi.encodeCall(Careless.notify, (address(this))));
        done;
        ++told;
    }

    function breed(bytes memory code) external virtual {
        address made;
        assembly {
            made := create(0, add(code, 32), mload(code))
        }
        made;
        ++told;
    }
}

/// @notice The same, corrected.
contract CarelessFixed is Careless {
    function breed(bytes memory code) external override {
        address made;
        assembly {
            made := create(0, add(code, 32), mload(code))
        }
        if (made != address(0)) ++told;
        else ++failed;
    }
}
