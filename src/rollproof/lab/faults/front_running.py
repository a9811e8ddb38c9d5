"""A block builder that trades on what it sees in the pool: its own transactions around, before and behind others'.

What it adds never was in a pool: it stands in the block, signed by the account "attacker", and that is all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.errors import Malformed, Missing
from rollproof.lab.contract import Contract
from rollproof.lab.faults.fault import register
from rollproof.lab.faults.ordering import Late, Ordering
from rollproof.lab.pool import Pending, read
from rollproof.lab.sequencer import BLOCK_TIME
from rollproof.lab.transaction import created

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Call
    from rollproof.lab.stack import Stack

ETHER: Final = 10**18
FOREVER: Final = 2**256 - 1
COLLATERAL: Final = 10_000 * 10**6  # of the provoked position, units of a token with 6 decimals
MAX_COPIES: Final = 8  # of one block
MAX_LIQUIDATIONS: Final = 8
MAX_ACCOUNTS: Final = 256  # of the venue that are looked at
LIQUIDATIONS: Final = ("liquidate(uint256,address)", "deleverage(uint256,address,address[])")
CLAIM: Final = abi.selector("claim(bytes32,address)")
# MSTORE(0, CALLDATALOAD(4)); KECCAK256(0, 32) == SLOAD(0), or REVERT; SSTORE(0, 0); CALL(GAS, CALLDATALOAD(36),
# SELFBALANCE, 0, 0, 0, 0), or REVERT; STOP.
BOUNTY: Final = bytes.fromhex("6004355f5260205f205f54146013575b5f5ffd5b5f5f555f5f5f5f476024355af115600f5700")
SLIPPAGE: Final = 300  # basis points that the provoked swap allows
UNITS: Final = 10**20  # size (18 decimals) times price (8) by collateral units (6)


@dataclass
class FrontRunning(Ordering):
    """Base: the builder's own transactions, in bundles that a block has to hold in their order.

    ``provoke`` has somebody do what is attacked, until a block shows it.
    """

    layer: str = field(default="l2", init=False)
    provoke: bool = True

    name: ClassVar[str] = "attacker"

    def __post_init__(self) -> None:
        self._bundles: list[list[bytes]] = []
        self._nonce = 0

    def attacker(self, stack: Stack) -> bytes:
        return stack.account(self.name, self.layer).address

    def own(self, stack: Stack, calls: Sequence[tuple[bytes, bytes, int]]) -> list[Pending]:
        """The builder's transactions: (to, calldata, tip in wei a gas) of each, behind what it has in the pool."""
        signer = stack.account(self.name, self.layer)
        found = []
        for to, data, tip in calls:
            signer.nonce, self._nonce = self._nonce, self._nonce + 1
            raw = signer.send(to, data=data, gas=1_500_000, tip=tip)
            found.append(read(raw, stack.l2.config.family, stack.time))
        return found

    def arranged(self, stack: Stack, pending: Sequence[Pending]) -> Sequence[Pending]:
        self._bundles = []
        self._nonce = stack.next_nonce(self.of, stack.account(self.name, self.layer))
        attacker = self.attacker(stack)
        earlier = [each for each in pending if each.sender == attacker]
        others = [each for each in pending if each.sender != attacker]
        placed = self.bundled(stack, others)
        if self._bundles:
            return [*earlier, *placed]
        kept = {each.hash for each in placed}
        return [each for each in pending if each.sender == attacker or each.hash in kept]

    def bundled(self, stack: Stack, pending: Sequence[Pending]) -> Sequence[Pending]:
        """Others' transactions with the builder's own among them; `bundle` what belongs together."""
        raise NotImplementedError

    def bundle(self, *transactions: Pending) -> list[Pending]:
        self._bundles.append([each.hash for each in transactions])
        return list(transactions)

    def touched(self, stack: Stack, block: Block) -> Sequence[bytes]:
        place = {each: index for index, each in enumerate(block.hashes)}
        found = []
        for bundle in self._bundles:
            places = [place.get(each, -1) for each in bundle]
            if places == sorted(places) and places[0] >= 0:
                found += bundle
        return found


@register
@dataclass
class Sandwich(FrontRunning):
    """The builder buys before somebody's swap and sells what it bought behind it, at the swapper's cost.

    Any swap by ``Router.swapExactTokensForTokens`` over one pair is attacked that leaves a profit: the builder buys as
    much as lets the swap still get its least amount. ``share``: basis points of that. The three stand first in the
    block. Shows: in one block three swaps of one pair, the first and the third by one account in opposite directions,
    with the same amount of the one token, between them another's in the first one's direction, at a worse price than
    alone.
    """

    share: int = 10_000

    id: ClassVar[str] = "sandwich"
    title: ClassVar[str] = "The builder trades around a user's swap."

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if not 1 <= self.share <= 10_000:
            raise Malformed(f"{self.id}: share from 1 to 10000 basis points, not {self.share}")
        router, pair = deployed(stack, self.id, "Router"), deployed(stack, self.id, "Pair")
        for index, function in enumerate(("token0", "token1")):
            token = load("ERC20", stack.view("l2", pair, function)[0])
            wealth = max(1, stack.view("l2", pair, "getReserves")[index])
            for name in (self.name, "victim"):
                fund(stack, name, token, wealth)
                stack.send("l2", name, token.address, data=token.encode("approve", router.address, FOREVER))

    def before_step(self, stack: Stack) -> None:
        victim, router = stack.account("victim", "l2"), stack.deployed["Router"]
        if not self.provoke or self.effects or any(each.sender == victim.address for each in stack.l2_pool):
            return
        pair = stack.deployed["Pair"]
        path = [stack.view("l2", pair, "token0")[0], stack.view("l2", pair, "token1")[0]]
        reserves = stack.view("l2", pair, "getReserves")
        amount = reserves[0] // 20
        least = bought(amount, *reserves[:2]) * (10_000 - SLIPPAGE) // 10_000
        data = router.encode("swapExactTokensForTokens", amount, least, path, victim.address, FOREVER)
        stack.send("l2", victim, router.address, data=data)

    def bundled(self, stack: Stack, pending: Sequence[Pending]) -> Sequence[Pending]:
        for each in pending:
            calls = self._around(stack, each)
            if calls is not None:
                buy, sell = self.own(stack, calls)
                earlier = [other for other in pending if other.sender == each.sender and other.nonce < each.nonce]
                rest = [other for other in pending if other is not each and other not in earlier]
                return [*earlier, *self.bundle(buy, each, sell), *rest]
        return pending

    def _around(self, stack: Stack, swap: Pending) -> list[tuple[bytes, bytes, int]] | None:
        """The builder's two calls, where they make a profit."""
        router = stack.deployed["Router"]
        if swap.to != router.address:
            return None
        try:
            amount, least, path, _, _ = router.arguments("swapExactTokensForTokens", swap.input)
        except Malformed:
            return None
        if len(path) != 2:
            return None
        pair = load("Pair", stack.view("l2", router, "getPair", *path)[0])
        if not stack.l2.code(pair.address):
            return None
        reserves = stack.view("l2", pair, "getReserves")[:2]
        into, out = reserves if path[0] < path[1] else reserves[::-1]
        attacker = self.attacker(stack)
        [funds] = stack.view("l2", load("ERC20", path[0]), "balanceOf", attacker)
        front = most(amount, least, into, out, funds) * self.share // 10_000
        got = bought(front, into, out)
        left = bought(amount, into + front, out - got)
        if front == 0 or got == 0 or bought(got, out - got - left, into + front + amount) <= front:
            return None
        buy = router.encode("swapExactTokensForTokens", front, got, path, attacker, FOREVER)
        if stack.l2.call(router.address, buy, sender=attacker).status != 1:
            return None
        sell = router.encode("swapExactTokensForTokens", got, 0, path[::-1], attacker, FOREVER)
        return [(router.address, buy, swap.tip + 1), (router.address, sell, swap.tip)]


@register
@dataclass
class Displacement(FrontRunning):
    """The builder runs somebody's call before its sender does, with itself as the one who gains.

    Every call is copied that names its own sender as an argument and pays the builder something when he makes it; the
    argument becomes the builder's address. ``provoke`` has "victim" claim a bounty that goes to the first with the
    right word. Shows: in one block two calls of one contract whose input differs in nothing but the beneficiary, which
    is the sender of each; the first is by the builder, and the second, which was in the pool, fails or gets less.
    """

    id: ClassVar[str] = "displacement"
    title: ClassVar[str] = "The builder copies a user's transaction for its own benefit and puts it first."

    def __post_init__(self) -> None:
        super().__post_init__()
        self._bounty = b""
        self._secret = b""

    def before_step(self, stack: Stack) -> None:
        victim = stack.account("victim", "l2").address
        if not self.provoke or self.effects or any(each.sender == victim for each in stack.l2_pool):
            return
        if self._bounty and stack.l2.account(self._bounty)[1]:
            stack.send("l2", "victim", self._bounty, data=CLAIM + self._secret + bytes(12) + victim)
        elif not self._bounty or stack.l2.account(self._bounty)[0]:  # none yet, or somebody had it
            setter = stack.account("bystander", "l2")
            self._secret = _core.keccak256(b"displacement" + stack.time.to_bytes(8, "big"))
            self._bounty = created(setter.address, stack.next_nonce("l2", setter))
            stack.send("l2", setter, None, data=bounty_for(self._secret), value=ETHER, gas=300_000)

    def bundled(self, stack: Stack, pending: Sequence[Pending]) -> Sequence[Pending]:
        copied = 0
        placed: list[Pending] = []
        for each in pending:
            data = self._copy(stack, each) if copied < MAX_COPIES else None
            if data is None or each.to is None:
                placed.append(each)
                continue
            [copy] = self.own(stack, [(each.to, data, each.tip + 1)])
            placed += self.bundle(copy, each)
            copied += 1
        return placed

    def _copy(self, stack: Stack, each: Pending) -> bytes | None:
        attacker = self.attacker(stack)
        theirs, ours = bytes(12) + each.sender, bytes(12) + attacker
        words = [each.input[at : at + 32] for at in range(4, len(each.input), 32)]
        if each.to is None or theirs not in words:
            return None
        data = each.input[:4] + b"".join(ours if word == theirs else word for word in words)
        tried = stack.l2.call(each.to, data, sender=attacker, trace=True)
        return data if tried.status == 1 and gains(tried, attacker) else None


@register
@dataclass
class BackRunLiquidation(FrontRunning):
    """The builder liquidates directly behind the oracle update that makes it possible, and holds back who else would.

    Others' liquidations wait ``blocks`` blocks. ``provoke`` has "victim" open a position with almost the highest
    leverage of the venue's first market, and then the oracle's keeper push a price at which it is lost. Shows: a
    PricePushed log, and in the very next transaction of the same block a Liquidated log of an account that was not
    liquidatable in the block before, over and over by the same account, whose transactions no pool ever had.
    """

    blocks: int = 3

    id: ClassVar[str] = "back-run-liquidation"
    title: ClassVar[str] = "The builder takes liquidations for itself behind the oracle's updates."

    def __post_init__(self) -> None:
        super().__post_init__()
        self._late = Late()

    def start(self, stack: Stack) -> None:
        super().start(stack)
        if not 0 <= self.blocks <= 10_000:
            raise Malformed(f"{self.id}: blocks from 0 to 10000, not {self.blocks}")
        for name in ("PriceOracle", "PerpetualsVenue", "USDC"):
            deployed(stack, self.id, name)
        if self.provoke:
            venue, token = stack.deployed["PerpetualsVenue"], stack.deployed["USDC"]
            victim = stack.account("victim", "l2").address
            stack.send("l2", "deployer", token.address, data=token.encode("mint", victim, COLLATERAL))
            stack.send("l2", "victim", token.address, data=token.encode("approve", venue.address, FOREVER))
            stack.send("l2", "victim", venue.address, data=venue.encode("deposit", victim, COLLATERAL))

    def before_step(self, stack: Stack) -> None:
        venue, victim = stack.deployed["PerpetualsVenue"], stack.account("victim", "l2").address
        if not self.provoke or self.effects or any(each.sender == victim for each in stack.l2_pool):
            return
        [state], [position] = stack.view("l2", venue, "market", 0), stack.view("l2", venue, "position", 0, victim)
        [config] = stack.view("l2", venue, "config", 0)
        symbol, price, stale, initial = state[0], state[1], state[3], config[2]
        if position[0] != 0 or stale:
            oracle = stack.deployed["PriceOracle"]
            pushed = price if position[0] == 0 else price * (10_000 - initial) // 10_000
            data = oracle.encode("push", [symbol], [pushed])
            stack.send("l2", "oracle-keeper", oracle.address, data=data)
            return
        equity = stack.view("l2", venue, "account", victim)[0]
        size = equity * UNITS // price * 10_000 // initial * 9 // 10
        if size > 0:
            data = venue.encode("trade", 0, size, FOREVER, False, 0)
            stack.send("l2", "victim", venue.address, data=data, gas=2_000_000)

    def bundled(self, stack: Stack, pending: Sequence[Pending]) -> Sequence[Pending]:
        venue, oracle = stack.deployed["PerpetualsVenue"], stack.deployed["PriceOracle"]
        theirs = {abi.selector(name) for name in LIQUIDATIONS}
        others = [each for each in pending if each.to == venue.address and each.input[:4] in theirs]
        placed = [each for each in pending if each not in others]
        update = oracle.encode("push", [], [])[:4]
        for index, each in enumerate(placed):
            if each.to == oracle.address and each.input[:4] == update:
                calls = self._liquidations(stack, placed[: index + 1], each.tip)
                if calls:
                    own = self.own(stack, calls)
                    placed[index : index + 1] = self.bundle(each, *own)
                    break
        return [*placed, *(each for each in others if self._late.blocks(stack.l2, each) >= self.blocks)]

    def _liquidations(self, stack: Stack, before: Sequence[Pending], tip: int) -> list[tuple[bytes, bytes, int]]:
        """Calls that liquidate what the block so far makes liquidatable."""
        venue = stack.deployed["PerpetualsVenue"]
        head = stack.l2.head
        after = stack.l2.build([each.raw for each in before], timestamp=head.timestamp + BLOCK_TIME, skip=True).block
        [count] = stack.view("l2", venue, "accountCount", at=head)
        found = []
        for index in range(min(count, MAX_ACCOUNTS)):
            [who] = stack.view("l2", venue, "accountAt", index, at=head)
            [now] = stack.view("l2", venue, "liquidatable", who, at=head)
            [then] = stack.view("l2", venue, "liquidatable", who, at=after)
            for market in range(16):
                call = venue.encode("liquidate", market, who)
                if (then & ~now) >> market & 1 and self._works(stack, after, call):
                    found.append((venue.address, call, tip))
        return found[:MAX_LIQUIDATIONS]

    def _works(self, stack: Stack, after: Block, call: bytes) -> bool:
        venue = stack.deployed["PerpetualsVenue"]
        return stack.l2.call(venue.address, call, sender=self.attacker(stack), at=after).status == 1


def gains(tried: Call, account: bytes) -> bool:
    """Whether a call that was traced moved something to an account."""
    transfers = [] if tried.trace is None else [each for facts in tried.trace.facts() for each in facts.transfers]
    return any(recipient == account and amount > 0 for _, _, _, _, recipient, amount, *_ in transfers)


def deployed(stack: Stack, fault: str, name: str) -> Contract:
    """The contract of a role. Raises Missing where the lab has none."""
    if name not in stack.deployed:
        raise Missing(f"{fault}: the lab has no {name}")
    return stack.deployed[name]


def load(artifact: str, address: bytes) -> Contract:
    return Contract.load(artifact).at(address)


def fund(stack: Stack, name: str, token: Contract, amount: int) -> None:
    """Gives an account tokens: wrapped ether for ether, any other by the lab's deployer, who may mint it."""
    weth = stack.deployed.get("WETH")
    if weth is not None and weth.address == token.address:
        stack.send("l2", name, token.address, data=weth.encode("deposit"), value=amount)
    else:
        data = token.encode("mint", stack.account(name, "l2").address, amount)
        stack.send("l2", "deployer", token.address, data=data)


def bought(amount: int, into: int, out: int) -> int:
    """What a pair with these reserves gives for ``amount``: constant product, 0.3 % fee, rounded down."""
    return amount * 997 * out // (into * 1000 + amount * 997) if amount > 0 else 0


def most(amount: int, least: int, into: int, out: int, funds: int) -> int:
    """The largest purchase, at most ``funds``, behind which a swap of ``amount`` still gets ``least``."""
    low, high = 0, funds
    while low < high:
        middle = (low + high + 1) // 2
        if bought(amount, into + middle, out - bought(middle, into, out)) >= least:
            low = middle
        else:
            high = middle - 1
    return low


def bounty_for(secret: bytes) -> bytes:
    """Init code of a contract that gives all it has to whom the first ``claim(bytes32 secret, address to)`` names.

    It keeps the secret's hash in slot 0: PUSH32 hash PUSH0 SSTORE, then it leaves `BOUNTY`.
    """
    store = b"\x7f" + _core.keccak256(secret) + bytes.fromhex("5f55")
    copy = bytes([0x60, len(BOUNTY), 0x80, 0x60, len(store) + 9, 0x5F, 0x39, 0x5F, 0xF3])
    return store + copy + BOUNTY
