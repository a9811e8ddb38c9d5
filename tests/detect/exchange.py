"""The lab's constant-product pair and router on a stage, with accounts that trade there, some by their own contracts.

What a swap gives is computed here from the invariant alone: after the fee, the product of the reserves does not fall.
"""

from __future__ import annotations

from dataclasses import dataclass

from detect.stage import ETHER, Stage
from rollproof.lab.contract import Contract
from rollproof.lab.transaction import GWEI, Account, created

FOREVER = 2**256 - 1
FEE = 3  # of 1000, on what comes in
# Calls the address in its first word with the rest of its call data, or reverts.
_FORWARDS = bytes.fromhex("602036038060205f375f5f825f5f5f355af11560175700" + "5b5f5ffd")


def bought(paid: int, reserve_in: int, reserve_out: int) -> int:
    """The most that may leave: (1000 in + 997 paid)(out - x) must not be less than 1000 in * out."""
    kept = -(-1000 * reserve_in * reserve_out // (1000 * reserve_in + (1000 - FEE) * paid))
    return reserve_out - kept


@dataclass
class Pool:
    """What the pair holds of both tokens, followed by arithmetic; ``up`` pays the first and gets the second."""

    first: int
    second: int

    def trade(self, paid: int, *, up: bool = True) -> int:
        into, out = (self.first, self.second) if up else (self.second, self.first)
        got = bought(paid, into, out)
        self.first, self.second = (into + paid, out - got) if up else (out - got, into + paid)
        return got


class Exchange:
    """Two tokens, one pair, one router; accounts 0 to 8 have plenty of both tokens and have approved the router."""

    def __init__(self, first: int = 1_000_000 * ETHER, second: int = 2_000_000 * ETHER) -> None:
        self.stage = Stage()
        self.pool = Pool(first, second)
        self.one, self.two = (self.deploy("ERC20", name, name, 18) for name in ("ONE", "TWO"))
        self.pair = self.deploy("Pair", self.one.address, self.two.address)
        self.router = self.deploy("Router")
        deployer = self.stage.account(9)
        own = [deployer.send(self.router.address, data=self.router.encode("register", self.pair.address), gas=200_000)]
        accounts = [self.stage.account(index) for index in range(9)]
        for token, reserve in ((self.one, first), (self.two, second)):
            for account in accounts:
                own.append(self.mint(token, account.address, 10**30))
                own.append(self.call(account, token, "approve", self.router.address, FOREVER))
            own += [self.mint(token, self.pair.address, reserve)]
        own.append(self.call(deployer, self.pair, "mint", deployer.address))
        self.happened(own)

    def deploy(self, artifact: str, *arguments: object) -> Contract:
        deployer, contract = self.stage.account(9), Contract.load(artifact)
        at = created(deployer.address, deployer.nonce)
        self.happened([deployer.send(None, data=contract.deployment(*arguments), gas=12_000_000)])
        return contract.at(at)

    def happened(self, transactions: list[bytes]) -> None:
        """A block before the one that is looked at; nothing in it fails."""
        for outcome in self.stage.build(transactions).outcomes:
            assert outcome["status"] == 1, outcome

    def call(self, account: Account, contract: Contract, function: str, *arguments: object, tip: int = GWEI) -> bytes:
        return account.send(contract.address, data=contract.encode(function, *arguments), gas=1_000_000, tip=tip)

    def mint(self, token: Contract, to: bytes, amount: int) -> bytes:
        return self.call(self.stage.account(9), token, "mint", to, amount)

    def path(self, *, up: bool) -> list[bytes]:
        return [self.one.address, self.two.address][:: 1 if up else -1]

    def order(self, paid: int, to: bytes, *, up: bool = True, least: int = 0) -> bytes:
        """Call data of a swap by the router."""
        return self.router.encode("swapExactTokensForTokens", paid, least, self.path(up=up), to, FOREVER)

    def swap(self, index: int, paid: int, *, up: bool = True, least: int = 0, to: bytes | None = None) -> bytes:
        """A signed swap by an account."""
        account = self.stage.account(index)
        return account.send(
            self.router.address, data=self.order(paid, to or account.address, up=up, least=least), gas=1_000_000
        )

    def bot(self, funds: int = 10**30) -> bytes:
        """A contract that does whatever anybody tells it, with tokens of its own."""
        deployer = self.stage.account(9)
        at = created(deployer.address, deployer.nonce)
        size = len(_FORWARDS)
        init = bytes([0x60, size, 0x60, 0x0C, 0x60, 0x00, 0x39, 0x60, size, 0x60, 0x00, 0xF3]) + _FORWARDS
        self.happened([deployer.send(None, data=init, gas=300_000)])
        own = []
        for token in (self.one, self.two):
            own.append(self.mint(token, at, funds))
            own.append(self.by(at, 9, token.address, token.encode("approve", self.router.address, FOREVER)))
        self.happened(own)
        return at

    def by(self, bot: bytes, index: int, to: bytes, data: bytes) -> bytes:
        """A signed transaction of an account that has a bot make a call."""
        return self.stage.account(index).send(bot, data=bytes(12) + to + data, gas=1_000_000)

    def bot_swap(self, bot: bytes, index: int, paid: int, *, up: bool = True) -> bytes:
        return self.by(bot, index, self.router.address, self.order(paid, bot, up=up))
