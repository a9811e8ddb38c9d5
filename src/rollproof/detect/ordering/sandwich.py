"""Swaps of others between a purchase and a sale by one party, who moves their price and takes the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.ordering.legs import Leg, owners, pools
from rollproof.detect.ordering.round_trip import MAX_LEGS, RoundTrip, across, round_trips
from rollproof.detect.ordering.victim import Loss, Proof, hexadecimal, prove
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity

HIGH_SHARE = 0.05  # of what a victim would have got


@dataclass(frozen=True, slots=True)
class Bundle:
    """The round trips of one party with the same transactions, over one pool or several (a route of several hops)."""

    trips: tuple[RoundTrip, ...]

    @property
    def fronts(self) -> tuple[Execution, ...]:
        return _once(leg for trip in self.trips for leg in trip.fronts)

    @property
    def backs(self) -> tuple[Execution, ...]:
        return _once(leg for trip in self.trips for leg in trip.backs)

    @property
    def victims(self) -> tuple[Execution, ...]:
        return _once(leg for trip in self.trips for leg in trip.victims)

    @property
    def closed(self) -> bool:
        """Whether what was bought was sold again, on one of the pools."""
        return any(trip.closed for trip in self.trips)

    @property
    def one_party(self) -> bool:
        """Whether more than the sender says so: who sends transactions for others is behind many trades."""
        return self.closed or any(trip.held for trip in self.trips)

    @property
    def profitable(self) -> bool:
        """Whether what was bought was sold dearer, on one of the pools."""
        return any(trip.profitable for trip in self.trips)


class Sandwich(Detector):
    """Looks for round trips around others' swaps and, where the state is at hand, executes the block without them."""

    id: ClassVar[str] = "sandwich"
    severity: ClassVar[Severity] = Severity.HIGH
    title: ClassVar[str] = "Somebody traded around others' swaps, at their cost"
    what: ClassVar[str] = (
        "In one block and pool, one party buys before swaps of others in the same direction, and sells behind them. "
        "With the state below the block it is executed again without the purchase: what the others have less is their "
        "loss, in their own tokens. Without it only the pattern is seen, and the finding says so."
    )
    why: ClassVar[str] = "The others got a worse price because somebody who saw their swaps was let before them."
    example: ClassVar[str] = (
        "A swap allows 3 % slippage. The builder buys until exactly that is used up, lets the swap pass, and sells."
    )
    references: ClassVar[tuple[str, ...]] = (
        "Daian et al., Flash Boys 2.0, IEEE S&P 2020, https://arxiv.org/abs/1904.05234",
        "Qin, Zhou, Gervais, Quantifying Blockchain Extractable Value, IEEE S&P 2022, https://arxiv.org/abs/2101.05511",
    )
    scope: ClassVar[Literal["transaction", "block"]] = "block"
    needs: ClassVar[Shows] = Shows.CALLS
    trigger: ClassVar[Trigger] = Trigger.TWO_TOKENS

    def check(self, evidence: ExecutedBlock) -> Iterator[Judgement]:
        for bundle in bundles(evidence):
            yield self._judge(evidence, bundle)
        for pool, legs in pools(evidence).items():
            if len(legs) > MAX_LEGS:
                yield self.unjudged(
                    evidence, f"pool 0x{pool.hex()} has {len(legs)} swaps, of which {MAX_LEGS} were paired"
                )

    def _judge(self, block: ExecutedBlock, bundle: Bundle) -> Judgement:
        title = _title(bundle)
        if not bundle.one_party:
            why = "one sender, but another amount by another account: he may send for several"
            return self.suppressed(block, title, why, Severity.MEDIUM)
        apart = set(pools(block))
        whose = {
            each.index: frozenset().union(*(owners(leg, apart) for leg in _legs(bundle) if leg.execution is each))
            for each in bundle.victims
        }
        proof = prove(block, bundle.fronts, [(each, whose[each.index]) for each in bundle.victims])
        hurt = [each for each in proof.losses if each.hurt]
        if proof.unknown and not hurt:
            return self._pattern(block, bundle, title, proof)
        if not hurt:
            why = "executed without the front leg, no swap between the legs gets more"
            return self.suppressed(block, title, why, Severity.MEDIUM)
        return self.finding(
            block,
            f"{title}; {_lost(hurt)}",
            severity=_severity(bundle, hurt),
            addresses=_addresses(bundle),
            amounts=[*_gained(bundle), *(amount for each in hurt for amount in each.amounts())],
            notes=(
                *_notes(bundle, block),
                *((f"what others lost is not proven: {proof.unknown}",) if proof.unknown else ()),
            ),
            subject=_subject(bundle),
            counterfactual=proof.record(),
            transaction=bundle.fronts[0].transaction,
        )

    def _pattern(self, block: ExecutedBlock, bundle: Bundle, title: str, proof: Proof) -> Judgement:
        trips = bundle.trips
        if not bundle.profitable:
            return self.suppressed(block, title, "what was bought was not sold dearer", Severity.LOW)
        if not bundle.closed:
            return self.suppressed(
                block, title, "what was bought and what was sold are not the same amount", Severity.LOW
            )
        if all(trip.link == "amounts" for trip in trips):
            return self.suppressed(
                block, title, "nothing but the amounts says that both legs are one party's", Severity.LOW
            )
        return self.finding(
            block,
            title,
            severity=Severity.LOW,
            confidence=Confidence.POSSIBLE,
            addresses=_addresses(bundle),
            amounts=_gained(bundle),
            notes=(*_notes(bundle, block), f"the pattern alone: what the victims lost is not proven, {proof.unknown}"),
            subject=_subject(bundle),
            counterfactual=proof.record() if block.counterfactual is not None else None,
            transaction=bundle.fronts[0].transaction,
        )


def bundles(block: ExecutedBlock) -> Sequence[Bundle]:
    """Every round trip around others, those of the same transactions together. Kept for other checks."""
    if "ordering.bundles" not in block.kept:
        block.kept["ordering.bundles"] = _bundles(block)
    found: Sequence[Bundle] = block.kept["ordering.bundles"]
    return found


def _bundles(block: ExecutedBlock) -> list[Bundle]:
    together: list[list[RoundTrip]] = []
    traded = pools(block)
    trips = [trip for pool, legs in traded.items() if len(legs) >= 3 for trip in round_trips(pool, legs[:MAX_LEGS])]
    taken = {leg.index for trip in trips for leg in (*trip.fronts, *trip.backs)}
    trips += [each for each in across(traded) if each.fronts[0].index not in taken]
    for trip in trips:
        for others in together:
            if _same(others, trip):
                others.append(trip)
                break
        else:
            together.append([trip])
    found = [Bundle(tuple(each)) for each in together]
    return sorted(found, key=lambda each: each.fronts[0].index)


def _same(others: Sequence[RoundTrip], trip: RoundTrip) -> bool:
    """Whether a trip shares a front and a back transaction with others."""
    fronts, backs = ({leg.index for leg in legs} for legs in (trip.fronts, trip.backs))
    return any(
        fronts & {leg.index for leg in each.fronts} and backs & {leg.index for leg in each.backs} for each in others
    )


def _severity(bundle: Bundle, hurt: Sequence[Loss]) -> Severity:
    """Low where the legs do not belong together without a doubt: who trades both ways hurts those between, too."""
    if not (bundle.closed and bundle.profitable):
        return Severity.LOW
    certain = any(trip.link != "amounts" for trip in bundle.trips)
    return Severity.HIGH if certain and max(each.share for each in hurt) >= HIGH_SHARE else Severity.MEDIUM


def _once(legs: Iterator[Leg]) -> tuple[Execution, ...]:
    found = {leg.index: leg.execution for leg in legs}
    return tuple(found[index] for index in sorted(found))


def _legs(bundle: Bundle) -> Iterator[Leg]:
    for trip in bundle.trips:
        yield from trip.victims


def _title(bundle: Bundle) -> str:
    count, pool = len(bundle.victims), bundle.trips[0].pool
    swaps = "a swap of another stands" if count == 1 else f"{count} swaps of others stand"
    more = f" and {len(bundle.trips) - 1} more" if len({trip.pool for trip in bundle.trips}) > 1 else ""
    return f"{swaps} between a purchase and a sale by one party on pool 0x{pool.hex()}{more}"


def _lost(hurt: Sequence[Loss]) -> str:
    amount = max((each for each in hurt[0].tokens.items()), key=lambda each: each[1])
    (account, token), lost = amount
    unit = "wei" if token is None else f"units of 0x{token.hex()}"
    more = f", and {len(hurt) - 1} more lost by it" if len(hurt) > 1 else ""
    return f"0x{account.hex()} has {lost} {unit} less than without the purchase{more}"


def _addresses(bundle: Bundle) -> list[bytes]:
    legs = [leg for trip in bundle.trips for leg in (*trip.fronts, *trip.backs)]
    party = [leg.execution.sender for leg in legs if leg.execution.sender is not None]
    party += [each for leg in legs for each in sorted(leg.actors)]
    for trip in bundle.trips:  # who had what was bought in between
        held = set().union(*(leg.buyers for leg in trip.fronts)) & set().union(*(leg.sellers for leg in trip.backs))
        party += sorted(held)
    victims = [each.sender for each in bundle.victims if each.sender is not None]
    return [*party, *(trip.pool for trip in bundle.trips), *victims]


def _gained(bundle: Bundle) -> list[Amount]:
    """What the party took out of the pools over what it put in: of what it paid with, and of what it kept."""
    sums: dict[tuple[bytes | None, bytes], int] = {}
    for trip in bundle.trips:
        leg = trip.backs[-1]
        account = leg.execution.sender or next(iter(sorted(leg.actors)), leg.swap.recipient)
        pairs = ((leg.swap.token_out, trip.returned - trip.paid), (leg.swap.token_in, trip.bought - trip.sold))
        for token, amount in pairs:
            sums[token, account] = sums.get((token, account), 0) + amount
    return [Amount(token, account, amount) for (token, account), amount in sums.items() if amount]


def _notes(bundle: Bundle, block: ExecutedBlock) -> tuple[str, ...]:
    links = {
        "sender": "both legs have one sender",
        "contract": "one contract of the party's own trades in both legs",
        "holder": "one account has what was bought from the first leg to the second",
        "amounts": "what is sold is what was bought, by another account: that both are one party is not proven",
    }
    said = [links[link] for link in dict.fromkeys(trip.link for trip in bundle.trips)]
    if block.pending is not None and not any(each.transaction in block.pending for each in bundle.fronts):
        said.append("the first leg was never seen in the pool")
    return (*said, "gas, and what was paid to the builder, are not taken off the gain")


def _subject(bundle: Bundle) -> str:
    parts = (("front", bundle.fronts), ("victims", bundle.victims), ("back", bundle.backs))
    return "; ".join(
        f"{name} " + " ".join(hexadecimal(each.transaction) or str(each.index) for each in found)
        for name, found in parts
    )
