"""Weak contracts that are robbed, and governance that is turned against what it governs. Parameters in smallest units.

Every block here is valid, and executing it again shows nothing: the contracts do what they say. What gives it away is
in the transactions' traces, logs and writes. With ``fixed`` the same attack goes against the corrected twin, in vain.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

from rollproof.errors import Missing
from rollproof.lab.actors.attempt import Attempt
from rollproof.lab.actors.exploits import EXPLOITS, begin
from rollproof.lab.faults.effect import Effect, Expected
from rollproof.lab.faults.fault import Fault, register
from rollproof.types import Outcome

if TYPE_CHECKING:
    from rollproof.lab.block import Block, Built
    from rollproof.lab.stack import Stack


def _default(exploit: str, parameter: str) -> int:
    return EXPLOITS[exploit].defaults[parameter]


@dataclass
class ContractExploit(Fault):
    """Base: runs the exploit that is named like the fault; its further fields are that exploit's parameters.

    The effects are the blocks that hold the transactions which do the damage. ``detector`` is what a finding is called.
    """

    fixed: bool = False

    family: ClassVar[str] = "contract"
    check: ClassVar[str] = "inspect"
    detector: ClassVar[str] = ""  # empty: the fault's id

    def start(self, stack: Stack) -> None:
        victim = EXPLOITS[self.id].victim
        if victim not in stack.deployed:
            raise Missing(f"{self.id}: the lab has no {victim} deployed")
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.init and each.name != "fixed"}
        self._attempt = begin(stack, self.id, fixed=self.fixed, parameters=given)

    @property
    def attempt(self) -> Attempt:
        """What was sent so far; there from `start` on."""
        return self._attempt

    def stop(self, stack: Stack) -> None:
        self._attempt.done = True

    def before_step(self, stack: Stack) -> None:
        self._attempt.advance()

    def sealed(self, stack: Stack, layer: str, built: Built, block: Block) -> Block:
        held = [each for each in block.hashes if each in self._attempt.core] if layer == "l2" else []
        if held and not self.fixed:
            named = Expected.finding(self.detector or self.id)
            subjects = map(Expected.subject, [*held, self._attempt.robbed])
            self.effects.append(
                Effect(layer, block.number, block.hash, stack.time, (named, *subjects), Outcome.HOLDS, exact=False)
            )
        return block


@register
@dataclass
class Reentrancy(ContractExploit):
    """The DAO, June 2016. Shows: `EtherBank` pays its caller, and inside that call is called by it again."""

    stake: int = _default("reentrancy", "stake")
    rounds: int = _default("reentrancy", "rounds")

    id: ClassVar[str] = "reentrancy"
    title: ClassVar[str] = "A bank pays before it forgets the balance, and is asked again while it pays."


@register
@dataclass
class CrossFunction(ContractExploit):
    """Shows: while `TransferableBank.withdraw` pays, its `transfer` moves the balance that is being paid."""

    stake: int = _default("reentrancy-cross-function", "stake")
    rounds: int = _default("reentrancy-cross-function", "rounds")

    id: ClassVar[str] = "reentrancy-cross-function"
    title: ClassVar[str] = "A locked withdrawal is re-entered through another function of the same contract."


@register
@dataclass
class CrossContract(ContractExploit):
    """Shows: while `ShareVault.withdraw` pays, the shares that it is about to end move in their own contract."""

    stake: int = _default("reentrancy-cross-contract", "stake")
    rounds: int = _default("reentrancy-cross-contract", "rounds")

    id: ClassVar[str] = "reentrancy-cross-contract"
    title: ClassVar[str] = "A locked withdrawal is re-entered through another contract that shares its state."


@register
@dataclass
class ReadOnly(ContractExploit):
    """dForce, February 2023. Shows: `ShareLender` lends inside `StablePool.removeLiquidity`, at its price just then."""

    stake: int = _default("reentrancy-read-only", "stake")
    kept_bps: int = _default("reentrancy-read-only", "kept_bps")

    id: ClassVar[str] = "reentrancy-read-only"
    title: ClassVar[str] = "A lender believes a price that a pool answers in the middle of a payment."


@register
@dataclass
class TokenHook(ContractExploit):
    """Lendf.Me, April 2020. Shows: inside `CallbackBank.supply`, the token's hook withdraws from the same bank."""

    stake: int = _default("reentrancy-token-hook", "stake")
    rounds: int = _default("reentrancy-token-hook", "rounds")

    id: ClassVar[str] = "reentrancy-token-hook"
    title: ClassVar[str] = "A token tells its sender of a transfer, who withdraws while a bank is taking it."
    detector: ClassVar[str] = "reentrancy-token-callback"


@register
@dataclass
class Initialiser(ContractExploit):
    """Parity's wallets, July 2017. Shows: `OwnedVault`'s owner changes by who was not it, and then it is swept."""

    id: ClassVar[str] = "unprotected-initialiser"
    title: ClassVar[str] = "Anybody can initialise a vault again and become its owner."
    detector: ClassVar[str] = "unauthorised-write"


@register
@dataclass
class UnprotectedUpgrade(ContractExploit):
    """Shows: the EIP-1967 slot of `SelfUpgradingVault`'s proxy is written in a call of who does not own it."""

    id: ClassVar[str] = "unprotected-upgrade"
    title: ClassVar[str] = "Anybody can change the code behind a vault."
    detector: ClassVar[str] = "proxy-hijack"


@register
@dataclass
class UncheckedCall(ContractExploit):
    """Qubit, January 2022. Shows: a token transfer fails inside `TokenVault.deposit`, which goes on and credits it."""

    id: ClassVar[str] = "unchecked-call"
    title: ClassVar[str] = "A vault credits tokens without looking whether they came."


@register
@dataclass
class PriceManipulation(ContractExploit):
    """Harvest, October 2020, and many since. Shows: a flash loan, a swap in `Pair`, a loan from `SpotLendingPool` whose
    collateral is priced by that pair, and the swap back, in one transaction.
    """

    loan: int = _default("price-manipulation", "loan")
    pledged: int = _default("price-manipulation", "pledged")

    id: ClassVar[str] = "price-manipulation"
    title: ClassVar[str] = "A flash loan makes collateral dear in a pool whose spot price a lender believes."


@register
@dataclass
class UnboundedLiquidation(ContractExploit):
    """GovernMental, April 2016, by its form. Shows: many tiny loans by one account, and `liquidateAll` out of gas.

    ``dust`` loans stand before one against ``collateral`` wei; the price falls by ``fall_bps``; the keeper has ``gas``.
    """

    dust: int = _default("unbounded-liquidation", "dust")
    collateral: int = _default("unbounded-liquidation", "collateral")
    fall_bps: int = _default("unbounded-liquidation", "fall_bps")
    gas: int = _default("unbounded-liquidation", "gas")

    id: ClassVar[str] = "unbounded-liquidation"
    title: ClassVar[str] = "Tiny loans make a liquidation too long for any block."
    detector: ClassVar[str] = "gas-growth"


@register
@dataclass
class GovernanceDrain(ContractExploit):
    """Build Finance, February 2022. Shows, in good time: a proposal that calls `Treasury.pay`, its votes, what the
    timelock schedules; then, as the effect, the payment. ``fixed``: the guardians cancel it.
    """

    id: ClassVar[str] = "governance-drain"
    title: ClassVar[str] = "A holder of many votes has the treasury paid out to himself."


@register
@dataclass
class GovernanceUpgrade(ContractExploit):
    """Tornado Cash, May 2023. Shows, in good time: a proposal that upgrades the treasury's proxy, to code that pays out
    everything when it is called; then, as the effect, Upgraded and the payment. ``fixed``: the guardians cancel it.
    """

    id: ClassVar[str] = "governance-upgrade"
    title: ClassVar[str] = "A vote puts code behind the treasury that drains it."
    detector: ClassVar[str] = "governance-drain"


@register
@dataclass
class MultisigTakeover(ContractExploit):
    """Bybit, February 2025. Shows: a delegated call of a Safe writes its slot 0, after which it runs other code.

    ``keys`` of the guardians' are stolen; ``fixed``: one too few.
    """

    keys: int = _default("multisig-takeover", "keys")

    id: ClassVar[str] = "multisig-takeover"
    title: ClassVar[str] = "Stolen keys sign a delegated call that changes the code of a Safe."
    detector: ClassVar[str] = "proxy-hijack"
