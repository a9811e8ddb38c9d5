"""Price manipulation: what a contract prices by was moved within the transaction, then it paid by that price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof.detect.account_transfers import transfers_of
from rollproof.detect.ancestry import caller, entered, inside, line, target
from rollproof.detect.cluster import ZERO, by_account, cluster, gainers, gains, only_loses
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Transfer, net
from rollproof.detect.holdings import held, owners
from rollproof.detect.moved_slots import Move, Read, reads_of_moved
from rollproof.detect.ordering.swap import swaps
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity, SlotChange

MOVED = 1.2  # times; less than this happens in honest trades
FAR = 2.0
EXTREME = 5.0
DRAINED = 0.5  # of what a pool held
MOST_READS, MOST_VICTIMS = 512, 32  # of one transaction that are looked into


@dataclass(frozen=True, slots=True)
class Belief:
    """A contract that read what had been moved before it was called, and then paid those who acted."""

    victim: bytes
    frame: int
    read: Read
    payments: tuple[Transfer, ...]


class PriceManipulation(Detector):
    id = "price-manipulation"
    severity = Severity.HIGH
    title = "A contract paid by a price that was moved in the same transaction"
    what = (
        "Reserves, a balance or an oracle's value were moved by a large factor, a contract that was called after that "
        "read them by static call, and in the same call it paid or minted to those who acted; or a pool lost by being "
        "traded with back and forth."
    )
    why = "A spot price is what the last trade made it: within one transaction it costs only fees to make it anything."
    example = (
        "A pair's token is dumped; a lender asks the pair for the price and lends all it has against little ether."
    )
    references = ("https://arxiv.org/abs/2003.03810",)
    needs = Shows.CALLS | Shows.STORAGE | Shows.VALUES | Shows.ETHER
    trigger = Trigger.TWO_TOKENS

    def check(self, execution: Execution) -> Iterator[Judgement]:
        """One finding a contract that believed."""
        if execution.flags & (Trigger.FAILED | Trigger.CALLS | Trigger.WRITES) != Trigger.CALLS | Trigger.WRITES:
            return
        seen: set[bytes] = set()
        looked: set[tuple[bytes, bytes, int]] = set()
        for read in reads_of_moved(execution, MOVED):
            place = (read.move.account, read.move.slot, read.frame)
            if place in looked:
                continue
            if len(looked) == MOST_READS or len(seen) == MOST_VICTIMS:
                yield self.unjudged(execution, f"more than {len(looked)} reads of what had been moved")
                return
            looked.add(place)
            belief = _belief(execution, read)
            if belief is not None and belief.victim not in seen:
                seen.add(belief.victim)
                yield from self._judge(execution, belief)
        for pool in sorted(_swung(execution) - seen):
            yield self._beaten(execution, pool)

    def _beaten(self, execution: Execution, pool: bytes) -> Judgement:
        """A pool that was traded with back and forth, and lost in every asset."""
        together, lost = cluster(execution), by_account(execution)[pool]
        held_before = {token: held(execution, pool, token) for token in lost}
        drained = any(had and -lost[token] >= DRAINED * had for token, had in held_before.items())
        return self.finding(
            execution,
            f"0x{pool.hex()} traded back and forth at its own price, and lost all the way",
            severity=Severity.HIGH if drained else Severity.MEDIUM,
            addresses=(pool, *sorted(together)),
            amounts=[Amount(token, pool, amount) for token, amount in lost.items()]
            + gainers(execution, together, list(lost)),
            subject=pool.hex(),
        )

    def _judge(self, execution: Execution, belief: Belief) -> Iterator[Judgement]:
        together, move = cluster(execution), belief.read.move
        gained = gains(execution, together)
        lost = by_account(execution).get(belief.victim, {})
        paid = {each.token for each in belief.payments if each.item is None}
        if len(paid) < len(belief.payments):
            paid |= lost.keys()  # an item was given by that price; the harm is in what it was turned into
        since = net([each for each in execution.transfers if each.order > move.written])
        harmed = any(gained.get(token, 0) > 0 > lost.get(token, 0) for token in paid) or any(
            sum(since.get((who, token), 0) for who in together) > 0 > since.get((belief.victim, token), 0)
            for token in paid
        )
        profit = all(amount >= 0 for amount in gained.values()) and any(amount > 0 for amount in gained.values())
        severity = _severity(move.factor, harmed, profit, only_loses(lost))
        title = f"0x{belief.victim.hex()} paid by a price that had been moved {_times(move.factor)}"
        if severity is None:
            if harmed and move.factor >= FAR:
                yield self.suppressed(execution, title, "who acted did not gain by it", Severity.MEDIUM)
            return
        yield self.finding(
            execution,
            title,
            severity=severity,
            confidence=Confidence.OBSERVED if harmed else Confidence.POSSIBLE,
            addresses=(belief.victim, move.account, *sorted(together)),
            amounts=[Amount(token, belief.victim, amount) for token, amount in lost.items()]
            + gainers(execution, together, [token for token, amount in lost.items() if amount < 0]),
            frames=(belief.frame, belief.read.frame, move.writer),
            slots=(SlotChange(move.account, move.slot, move.before, move.after),),
            notes=(_source(execution, move),),
            subject=belief.victim.hex(),
        )


def _swung(execution: Execution) -> set[bytes]:
    """Pools that gave those who acted one asset for another and the other for the one, and only lost by it."""
    table, together = by_account(execution), cluster(execution)
    losers = {each for each, net in table.items() if only_loses(net) and each not in together and each != ZERO}
    if not losers or any(amount < 0 for amount in gains(execution, together).values()):
        return set()
    ways = {(each.pool, each.token_in, each.token_out) for each in swaps(execution) if each.pool in losers}
    return {pool for pool, paid, got in ways if (pool, got, paid) in ways}


def _severity(factor: float, harmed: bool, profit: bool, for_nothing: bool) -> Severity | None:
    if not harmed:
        return None
    if factor >= FAR and (for_nothing or profit or factor >= EXTREME):
        return Severity.HIGH
    if factor >= FAR or profit:
        return Severity.MEDIUM
    return None


def _belief(execution: Execution, read: Read) -> Belief | None:
    """The contract that acted on a read: the nearest around it, called after the move, that paid after the read."""
    together, move = cluster(execution), read.move
    owner = owners(execution).get((move.account, move.slot))
    if owner in together or owner == ZERO:
        return None
    for row in line(execution, read.frame):
        if entered(execution, row) < move.written:
            return None  # the move is its own doing, or that of something that it called
        who = target(execution, row)
        if who in together or who == move.account or who == owner or execution.reverted(row):
            continue
        if owner is None and _asks_for_own(execution, read.frame, who):
            continue
        payments = tuple(
            each
            for each in transfers_of(execution, who)
            if each.order > read.order
            and each.recipient in together
            and (each.sender == who or (each.token == who and each.sender == ZERO))
            and inside(execution, each.frame, row)
        )
        if payments:
            return Belief(who, row, read, payments)
    return None


def _asks_for_own(execution: Execution, frame: int, who: bytes) -> bool:
    """Whether a read was asked for with the asker's own address: its own balance, whose owner the slot did not show.

    Where the source has only the selector, a balance of nobody known is taken for its own.
    """
    for row in line(execution, frame):
        if caller(execution, row) == who:
            data = execution.frame(row).input
            return who in data if len(data) > 4 else data[:4] == _BALANCE_OF
    return False


_BALANCE_OF = bytes.fromhex("70a08231")


def _source(execution: Execution, move: Move) -> str:
    owner = owners(execution).get((move.account, move.slot))
    what = f"slot 0x{move.slot.hex()} of 0x{move.account.hex()}"
    return f"the price's source: {what}" + (f", the balance of 0x{owner.hex()}" if owner else "")


def _times(factor: float) -> str:
    return "to nothing" if factor == float("inf") else f"{factor:.1f} times"
