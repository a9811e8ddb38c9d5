"""What the venue, its fund, its pool and the bridge behind its token hold and owe. Base units of the collateral."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollproof.risk.consequence.account import AccountConsequence, Label, Standing
from rollproof.venue.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class VenueStanding:
    """The venue in one state. What rests on accounts is None where some of them are not known."""

    held: int  # tokens of the venue's contract
    accounts: int | None  # that it owes accounts: balances and isolated margins
    pool: int  # 0 where traders face each other
    fund: int
    pool_equity: int | None
    bad_debt: int  # that nobody covered, ever
    supply: int  # of the token, on this chain
    shortfall: int | None  # of accounts whose equity is below nothing: bad debt that nobody has booked yet

    @property
    def owed(self) -> int | None:
        """To accounts, pool and fund together."""
        return None if self.accounts is None else self.accounts + self.pool + self.fund

    @property
    def surplus(self) -> int | None:
        """Tokens held beyond what is owed; below zero it cannot pay everybody."""
        return None if self.owed is None else self.held - self.owed


@dataclass(frozen=True, slots=True)
class Knock:
    """What follows if nobody notices: accounts withdraw all that the claimed state lets them, then truth is restored.

    An account then has what it should have less what it took. ``bad_debt`` is what that leaves below nothing, at most
    what the venue holds; the fund pays first, then the pool, and what both lack is owed to the other accounts.
    """

    withdrawn: int  # by accounts that the claimed state overpays
    bad_debt: int
    by_fund: int
    by_pool: int
    by_accounts: int


def venue_standing(snapshot: Snapshot, accounts: Sequence[Standing] | None) -> VenueStanding:
    """``accounts`` is None where some of them are not known."""
    return VenueStanding(
        held=snapshot.held,
        accounts=None if accounts is None else sum(each.balance + each.margin for each in accounts),
        pool=snapshot.pool or 0,
        fund=snapshot.insurance_fund,
        pool_equity=snapshot.pool_equity,
        bad_debt=snapshot.bad_debt,
        supply=snapshot.supply,
        shortfall=None if accounts is None else sum(each.shortfall for each in accounts),
    )


def knock(accounts: Sequence[AccountConsequence], claimed: VenueStanding, computed: VenueStanding) -> Knock:
    """Of the accounts that are known."""
    overpaid = [each for each in accounts if Label.UNKNOWN not in each.labels and each.equity > 0]
    withdrawn = sum(each.claimed.free for each in overpaid)
    beyond = sum(max(0, each.claimed.free - max(0, each.computed.equity)) for each in overpaid)
    bad_debt = min(beyond, claimed.held)
    by_fund = min(computed.fund, bad_debt)
    by_pool = min(max(0, computed.pool), bad_debt - by_fund)
    return Knock(withdrawn, bad_debt, by_fund, by_pool, bad_debt - by_fund - by_pool)
