"""Rounding: a price rounded down to nothing, and what it bought turned into assets afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.account_transfers import transfers_of
from rollproof.detect.ancestry import below, outermost, target
from rollproof.detect.claims import Entry, entry_used
from rollproof.detect.cluster import by_account, cluster, gainers, gains, only_loses
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.holdings import held, writes_by_frame
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Severity

DRAINED = 0.5


class Rounding(Detector):
    id = "rounding"
    severity = Severity.HIGH
    title = "Something was sold for nothing, then paid for"
    what = (
        "A contract charged an amount of zero for what it wrote into its books, and in a later call of the same "
        "transaction it paid out the asset that it had not charged."
    )
    why = "A division that rounds down to nothing gives something away, and as often as anybody calls it."
    example = "100 shares of a million cost 0 tokens; cancelling the purchase pays back by another formula."
    references = ("https://eips.ethereum.org/EIPS/eip-4626#security-considerations",)
    needs = Shows.CALLS | Shows.STORAGE
    trigger = Trigger.TOKENS

    def check(self, execution: Execution) -> Iterator[Judgement]:
        """One finding a contract that sold."""
        if execution.flags & (Trigger.FAILED | Trigger.CALLS | Trigger.WRITES) != Trigger.CALLS | Trigger.WRITES:
            return
        free = [each for each in execution.transfers if not each.amount and each.item is None and each.token]
        seen: set[bytes] = set()
        for charge in free:
            if charge.recipient not in seen:
                seen.add(charge.recipient)
                yield from self._judge(execution, charge)

    def _judge(self, execution: Execution, charge: Transfer) -> Iterator[Judgement]:
        seller, token = charge.recipient, charge.token
        net = by_account(execution).get(seller, {})
        together = cluster(execution)
        if seller in together or not only_loses(net) or gains(execution, together).get(token, 0) <= 0:
            return
        call = outermost(execution, charge.frame, seller)
        if call is None or not _wrote(execution, call):
            return
        payouts = [
            each
            for each in transfers_of(execution, seller)
            if (each.sender, each.token) == (seller, token) and each.order > charge.order and each.amount
        ]
        later = [each for each in payouts if outermost(execution, each.frame, seller) != call]
        if not later or len(later) < len(payouts):
            return  # paid in the same call: a harvest, for which nothing was to be charged
        lost = -net.get(token, 0)
        if entry_used(execution, seller, lost, together) is Entry.OWN:
            return
        had = held(execution, seller, token)
        severe = had is not None and lost >= DRAINED * had
        yield self.finding(
            execution,
            f"0x{seller.hex()} charged nothing for what it then paid {lost} for",
            severity=Severity.HIGH if severe else Severity.MEDIUM,
            addresses=(seller, *sorted(together)),
            amounts=[Amount(token, seller, -lost), *gainers(execution, together, [token])],
            frames=(call, later[0].frame),
            subject=seller.hex(),
        )


def _wrote(execution: Execution, call: int) -> bool:
    """Whether a call of a contract wrote to the contract's own storage."""
    writes = writes_by_frame(execution)
    return any(
        write.value != write.before
        for row in below(execution, call)
        if row in writes and target(execution, row) == target(execution, call)
        for write in writes[row]
    )
