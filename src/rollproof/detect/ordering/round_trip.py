"""A position that one party opens and closes on one pool with others' swaps in between: what a sandwich looks like.

Terms as in Daian et al., "Flash Boys 2.0", IEEE S&P 2020, and Qin et al., IEEE S&P 2022: front leg, victims, back leg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rollproof.detect.ordering.legs import Leg

TOLERANCE = 20  # what is sold differs from what was bought by at most a 20th: fees on transfers, rounding
EXACT = 200  # and by at most a 200th where nothing else says that both legs are one party's
MAX_LEGS = 1_000  # of one pool and block that are paired
MAX_HOLDERS = 8  # of one swap that are followed to another pool


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Front and back legs of one party on one pool, and the swaps of others between them, in the front's direction.

    ``link`` says what makes the legs one party's: sender, contract, holder (who has the bought tokens in between), or
    amounts (nothing but place and amount).
    """

    pool: bytes
    fronts: tuple[Leg, ...]
    backs: tuple[Leg, ...]
    victims: tuple[Leg, ...]
    link: str

    @property
    def bought(self) -> int:
        """Base units of what the front legs bought."""
        return sum(each.swap.amount_out for each in self.fronts)

    @property
    def sold(self) -> int:
        """Base units of the same that the back legs sold."""
        return sum(each.swap.amount_in for each in self.backs)

    @property
    def paid(self) -> int:
        """Base units of what the front legs paid with."""
        return sum(each.swap.amount_in for each in self.fronts)

    @property
    def returned(self) -> int:
        """Base units of the same that the back legs got."""
        return sum(each.swap.amount_out for each in self.backs)

    @property
    def profitable(self) -> bool:
        """Whether it was sold dearer than bought; the profit may be kept in either token."""
        return self.returned * self.bought > self.paid * self.sold

    @property
    def held(self) -> bool:
        """Whether one account has what was bought from the front to the back."""
        bought = set().union(*(each.buyers for each in self.fronts))
        return bool(bought & set().union(*(each.sellers for each in self.backs)))

    @property
    def closed(self) -> bool:
        """Whether as much was sold as had been bought."""
        return close(self.bought, self.sold, TOLERANCE)


def close(one: int, other: int, part: int) -> bool:
    """Whether two amounts differ by at most a ``part``-th of the larger."""
    return abs(one - other) * part <= max(one, other)


def round_trips(pool: bytes, legs: Sequence[Leg]) -> Iterator[RoundTrip]:
    """Those of one pool, of at most `MAX_LEGS` swaps; each is a leg of one of them only. No limit on victims."""
    taken: set[int] = set()
    for link, parties in (("sender", _by_sender(legs)), ("contract", _by_actor(legs)), ("holder", _by_holder(legs))):
        for party in parties:
            own = [place for place in party if place not in taken]
            for found, places in _of_party(pool, legs, own, link):
                taken.update(places)
                yield found
    for found, places in _by_amounts(pool, legs, taken):
        taken.update(places)
        yield found


def across(pools: Mapping[bytes, Sequence[Leg]]) -> Iterator[RoundTrip]:
    """Those whose back leg is on another pool than the front: one account has what was bought in between."""
    holders: dict[bytes, list[tuple[Leg, int]]] = {}
    for legs in pools.values():
        for place, leg in enumerate(legs[:MAX_LEGS]):
            for holder in sorted(leg.buyers | leg.sellers)[:MAX_HOLDERS]:
                holders.setdefault(holder, []).append((leg, place))
    taken: set[int] = set()
    for holder, own in holders.items():
        if len({leg.swap.pool for leg, _ in own}) < 2 or len(own) > MAX_LEGS:
            continue
        own.sort(key=lambda each: (each[0].index, each[0].swap.order))
        later = [leg for leg, _ in own]
        for at, (front, place) in enumerate(own):
            if holder not in front.buyers or id(front) in taken:
                continue
            back = _elsewhere(front, later[at + 1 :], holder)
            if back is None:
                continue
            legs = [*pools[front.swap.pool][:MAX_LEGS], back]
            found = _round_trip(front.swap.pool, legs, [place], [len(legs) - 1], "holder")
            if found is not None and found.profitable:
                taken.add(id(front))
                yield found


def _elsewhere(front: Leg, later: Sequence[Leg], holder: bytes) -> Leg | None:
    """The first leg on another pool that sells what the front one bought."""
    for leg in later:
        sells = leg.index > front.index and leg.opposes(front) and holder in leg.sellers
        if sells and leg.swap.pool != front.swap.pool:
            return leg if close(front.swap.amount_out, leg.swap.amount_in, TOLERANCE) else None
    return None


def _of_party(
    pool: bytes, legs: Sequence[Leg], own: Sequence[int], link: str
) -> Iterator[tuple[RoundTrip, Sequence[int]]]:
    """Each leg may be a front: further ones in its direction add to the position, opposite ones close it."""
    at = 0
    while at < len(own) - 1:
        first = legs[own[at]]
        fronts, backs, end = [own[at]], [], at + 1
        bought, sold = first.swap.amount_out, 0
        while end < len(own):
            leg = legs[own[end]]
            if leg.opposes(first):
                backs.append(own[end])
                sold += leg.swap.amount_in
            elif leg.direction == first.direction and not backs:
                fronts.append(own[end])
                bought += leg.swap.amount_out
            elif leg.direction == first.direction:
                break
            end += 1
            if backs and sold * TOLERANCE >= bought * (TOLERANCE - 1):
                break
        found = _round_trip(pool, legs, fronts, backs, link) if backs else None
        if found is None or (link == "holder" and not found.closed):
            at += 1
            continue
        yield found, (*fronts, *backs)
        at = end


def _round_trip(
    pool: bytes, legs: Sequence[Leg], fronts: Sequence[int], backs: Sequence[int], link: str
) -> RoundTrip | None:
    front, back = [legs[each] for each in fronts], [legs[each] for each in backs]
    party = set().union(*(each.actors for each in (*front, *back)))
    holders = set().union(*(each.buyers for each in front)) & set().union(*(each.sellers for each in back))
    victims = tuple(
        leg
        for leg in legs[fronts[0] + 1 : backs[-1]]
        if leg.direction == front[0].direction
        and front[0].index < leg.index < back[-1].index
        and not leg.actors & party
        and not leg.buyers & holders
    )
    return RoundTrip(pool, tuple(front), tuple(back), victims, link) if victims else None


def _by_sender(legs: Sequence[Leg]) -> list[list[int]]:
    parties: dict[bytes, list[int]] = {}
    for place, leg in enumerate(legs):
        if leg.execution.sender is not None:
            parties.setdefault(leg.execution.sender, []).append(place)
    return list(parties.values())


def _by_actor(legs: Sequence[Leg]) -> list[list[int]]:
    parties: dict[bytes, list[int]] = {}
    for place, leg in enumerate(legs):
        for actor in leg.actors - {leg.execution.sender}:
            parties.setdefault(actor, []).append(place)
    return list(parties.values())


def _by_holder(legs: Sequence[Leg]) -> list[list[int]]:
    parties: dict[bytes, list[int]] = {}
    for place, leg in enumerate(legs):
        for holder in leg.buyers | leg.sellers:
            parties.setdefault(holder, []).append(place)
    return list(parties.values())


def _by_amounts(pool: bytes, legs: Sequence[Leg], taken: set[int]) -> Iterator[tuple[RoundTrip, Sequence[int]]]:
    """A run of swaps in one direction whose first is undone, to the unit or nearly, by the swap behind the run."""
    start = 0
    while start < len(legs):
        end = start + 1
        while end < len(legs) and legs[end].direction == legs[start].direction:
            end += 1
        if end - start >= 2 and end < len(legs) and not {start, end} & taken:
            front, back = legs[start], legs[end]
            if back.opposes(front) and close(front.swap.amount_out, back.swap.amount_in, EXACT):
                found = _round_trip(pool, legs, [start], [end], "amounts")
                if found is not None and found.profitable:
                    yield found, (start, end)
        start = end
