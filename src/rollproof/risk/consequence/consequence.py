"""A venue revalued: every account, what the venue and the bridge owe, and what follows. Pure, exact integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollproof.errors import Malformed
from rollproof.risk.consequence.account import AccountConsequence, Label, account_consequence, standing, unknown
from rollproof.risk.consequence.market import MarketConsequence, markets
from rollproof.risk.consequence.venue import Knock, VenueStanding, knock, venue_standing
from rollproof.venue.holdings import Holdings
from rollproof.venue.revaluation import Revaluation
from rollproof.venue.snapshot import AccountAt, Snapshot, Token


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a wrong state costs whom. Differences are claimed less computed, in base units of ``collateral``.

    ``accounts`` are the venue's, in the order of their addresses; ``outside`` are others whose tokens differ. Whoever
    could not be read is among ``accounts`` with `Label.UNKNOWN`; ``unlisted`` says why some may not even be named.
    """

    chain_id: int
    number: int
    venue: bytes
    collateral: Token
    accounts: tuple[AccountConsequence, ...]
    outside: tuple[AccountConsequence, ...]
    markets: tuple[MarketConsequence, ...]
    claimed: VenueStanding
    computed: VenueStanding
    knock: Knock
    unlisted: str = ""
    unexplained: tuple[bytes, ...] = field(default=())  # keccak-256 of slots of the token that nobody explains

    def labelled(self, label: Label) -> tuple[AccountConsequence, ...]:
        """The accounts of a label."""
        return tuple(each for each in (*self.accounts, *self.outside) if label in each.labels)

    @property
    def overpaid(self) -> int:
        """The sum over everybody who has too much."""
        return sum(max(0, each.worth) for each in (*self.accounts, *self.outside))

    @property
    def underpaid(self) -> int:
        """The sum over everybody who has too little, as a positive amount."""
        return sum(max(0, -each.worth) for each in (*self.accounts, *self.outside))

    @property
    def at_stake(self) -> int:
        """What those who are wrongly liquidated, or may be, should be worth inside the venue."""
        return sum(max(0, each.computed.equity) for each in self.labelled(Label.WRONGLY_LIQUIDATED))

    @property
    def notional(self) -> int:
        """Of all positions that should be open, each counted as positive."""
        return sum(each.computed.notional for each in self.accounts)

    @property
    def inside(self) -> int:
        """The sum of all differences inside the venue, whichever way, each counted as positive."""
        return sum(abs(each.equity) for each in self.accounts)

    @property
    def venue_tokens(self) -> int:
        """Difference in the tokens that the venue holds."""
        return self.claimed.held - self.computed.held

    @property
    def wallets(self) -> int:
        """Difference in the tokens of everybody else, where they could be read."""
        return sum(each.wallet for each in (*self.accounts, *self.outside))

    @property
    def unbacked(self) -> int:
        """Tokens on this chain that nothing on L1 stands behind: what the bridge's escrow would lack.

        The larger of what the supply says and of what holders have too much, all together: a bridge pays holders.
        """
        return max(0, self.claimed.supply - self.computed.supply, self.venue_tokens + self.wallets)

    @property
    def hole(self) -> int | None:
        """What the venue would lack to pay everybody because of the claimed state; None where accounts are unknown."""
        if self.claimed.surplus is None or self.computed.surplus is None:
            return None
        return max(0, self.computed.surplus - self.claimed.surplus)

    @property
    def complete(self) -> bool:
        """Whether every account was read."""
        return not (self.unlisted or self.unexplained or self.labelled(Label.UNKNOWN))

    @property
    def wrong(self) -> bool:
        """Whether anything of the venue, its accounts or its token differs."""
        calm = (Label.UNCHANGED, Label.UNKNOWN)
        return (
            any(label not in calm for each in (*self.accounts, *self.outside) for label in each.labels)
            or any(each.changed for each in self.markets)
            or self.claimed != self.computed
            or bool(self.unexplained)
        )


def of(revalued: Revaluation) -> Consequence | None:
    """What a revaluation comes to; None where nothing was revalued, for its ``reason``, or because the block holds."""
    if revalued.claimed is None or revalued.computed is None:
        return None
    return consequence(revalued.before, revalued.claimed, revalued.computed, revalued.holdings)


def consequence(
    before: Snapshot | None, claimed: Snapshot, computed: Snapshot, holdings: Holdings | None = None
) -> Consequence:
    """Compares the snapshots of one venue. ``before`` (the parent's state) shows what the block itself liquidated.

    Raises Malformed for snapshots that are not of one venue, block and collateral, or that name an account twice.
    """
    for one, other in ((claimed, computed), *(((before, computed),) if before is not None else ())):
        if (one.chain_id, one.venue, one.collateral) != (other.chain_id, other.venue, other.collateral):
            raise Malformed("the snapshots are not of one venue")
    if claimed.number != computed.number:
        raise Malformed(f"the snapshots are of blocks {claimed.number} and {computed.number}")
    holdings = holdings or Holdings()
    was = {} if before is None else _by_address(before)
    said, made = _by_address(claimed), _by_address(computed)
    unread = {**holdings.unread, **computed.unread, **claimed.unread}
    accounts = []
    for address in sorted({*said, *made, *claimed.unread, *computed.unread}):
        if address in unread:
            accounts.append(unknown(address, unread[address]))
            continue
        old = was.get(address)
        sizes = None if old is None else {each.market: each.size for each in old.positions}
        accounts.append(
            account_consequence(
                address,
                sizes,
                standing(said.get(address), holdings.claimed.get(address)),
                standing(made.get(address), holdings.computed.get(address)),
            )
        )
    whole = not (claimed.unlisted or computed.unlisted or any(Label.UNKNOWN in each.labels for each in accounts))
    ours = venue_standing(claimed, [each.claimed for each in accounts] if whole else None)
    theirs = venue_standing(computed, [each.computed for each in accounts] if whole else None)
    return Consequence(
        chain_id=computed.chain_id,
        number=computed.number,
        venue=computed.venue,
        collateral=computed.collateral,
        accounts=tuple(accounts),
        outside=tuple(_outside(holdings, {each.address for each in accounts})),
        markets=markets(claimed.markets, computed.markets),
        claimed=ours,
        computed=theirs,
        knock=knock(accounts, ours, theirs),
        unlisted=claimed.unlisted or computed.unlisted,
        unexplained=holdings.unexplained,
    )


def _outside(holdings: Holdings, members: set[bytes]) -> list[AccountConsequence]:
    """Who has no account at the venue and whose tokens differ, or could not be read."""
    found = [unknown(address, why) for address, why in sorted(holdings.unread.items()) if address not in members]
    for address in sorted({*holdings.claimed, *holdings.computed} - members - {*holdings.unread}):
        said, made = holdings.claimed.get(address), holdings.computed.get(address)
        if said != made:
            found.append(account_consequence(address, None, standing(None, said), standing(None, made)))
    return found


def _by_address(snapshot: Snapshot) -> Mapping[bytes, AccountAt]:
    found = {each.address: each for each in snapshot.accounts}
    if len(found) != len(snapshot.accounts):
        raise Malformed(f"the snapshot of block {snapshot.number} names an account twice")
    return found
