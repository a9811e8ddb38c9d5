"""Everybody who uses what is deployed in the ordinary way."""

from __future__ import annotations

from typing import Final

from rollproof.lab.actors import bank_customer, lender, rollup_owner, rollup_user, safe_owner, swapper, voter
from rollproof.lab.actors.customer import Customer

# Accounts that have to be funded at genesis.
NAMES: Final = (
    lender.NAME, swapper.NAME, bank_customer.NAME, voter.NAME, safe_owner.NAME, rollup_user.USER, rollup_user.DEPOSITOR,
    rollup_owner.NAME,
)  # fmt: skip


def customers() -> list[Customer]:
    """Needs everything that `population` deploys, and a proposer's and guardians' accounts."""
    return [
        lender.lender(),
        swapper.swapper(),
        bank_customer.bank_customer(),
        voter.voter(),
        safe_owner.safe_owner(),
        rollup_user.rollup_user(),
        rollup_user.depositor(),
        rollup_owner.rollup_owner(),
    ]
