"""Tokens whose transfer events are not what their balances did."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.shows import Shows, Trigger
from rollproof.types import Amount, Confidence, Severity

_ROUNDING = 1000  # shares are as many tokens for everybody, but for one part in so many

Lie = tuple[bytes, int, int]  # account, what the events say it got, what its balance slot got


class FalseEvents(Detector):
    """Transfer events of a token against the mapping in which it keeps balances."""

    id = "false-events"
    severity = Severity.LOW
    title = "A token's events are not what its balances did"
    what = (
        "Over a transaction, the Transfer events of a token sum up to another change of an account's balance than the "
        "slot of its mapping shows, and not by one rate for everybody, as where balances are kept as shares."
    )
    why = (
        "Whoever reads events (exchanges, bridges, indexers, this program where it has nothing better) books sums that "
        "nobody has; and a balance that rises without an event was made of nothing."
    )
    example = (
        "A transfer to oneself that reads the receiver's balance before it lowers the sender's: the sum is doubled."
    )
    references = ("https://eips.ethereum.org/EIPS/eip-20",)
    needs = Shows.CALLS | Shows.LOGS | Shows.VALUES | Shows.HASHES
    trigger = Trigger.LIES

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        """One finding for each token; balances that are shares, and fees that are withheld, are kept back."""
        lies: dict[bytes, list[Lie]] = {}
        for token, account, logged, stored in evidence.facts.lies:
            lies.setdefault(token, []).append((account, _signed(logged), _signed(stored)))
        for token, found in lies.items():
            title = f"Events of the token 0x{token.hex()} are not what its balances did"
            if _shares(found):
                yield self.suppressed(evidence, title, "every balance differs by the same rate: they are shares")
                continue
            gained = sum(stored - logged for _, logged, stored in found)
            if gained <= 0:
                yield self.suppressed(evidence, title, "balances got less than the events say: a fee, or shares")
                continue
            yield self.finding(
                evidence,
                f"Balances of the token 0x{token.hex()} rose by {gained} more than its events say",
                confidence=Confidence.OBSERVED,
                addresses=(token, *(account for account, *_ in found)),
                amounts=[Amount(token, account, stored) for account, _, stored in found],
                notes=[
                    f"0x{account.hex()}: {logged} by events, {stored} by its slot" for account, logged, stored in found
                ],
                subject=f"0x{token.hex()}",
            )


def _signed(word: int) -> int:
    return word - (1 << 256) if word >> 255 else word


def _shares(found: list[Lie]) -> bool:
    """Whether what was stored is what was logged by one rate. Of a single account that cannot be told: it may be."""
    if any(logged == 0 or (logged > 0) != (stored > 0) for _, logged, stored in found):
        return False
    _, first_logged, first_stored = max(found, key=lambda lie: abs(lie[1]))
    return all(
        abs(stored * first_logged - first_stored * logged) * _ROUNDING <= abs(first_stored * logged) + _ROUNDING**2
        for _, logged, stored in found
    )
