"""The second machine's say in a verdict: confirm an accusation, or withdraw it where the two machines disagree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rollproof import _core
from rollproof.errors import Missing, RollproofError
from rollproof.replay import execute, header_opinion, second_opinion
from rollproof.replay.difference import transaction_differences
from rollproof.replay.draft import Draft
from rollproof.replay.execute import Inputs
from rollproof.types import Difference, Outcome

MAX_SHOWN = 50  # differences between the machines that a verdict carries

Confirmation = tuple[Outcome, str, bool | None, dict[str, Any]]


class _Served(Mapping[bytes, bytes]):
    """The core's preimages as a mapping, without a copy of all of them."""

    def __init__(self, preimages: _core.Preimages) -> None:
        self._preimages = preimages

    def __getitem__(self, key: bytes) -> bytes:
        value = self._preimages.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[bytes]:
        return map(_core.keccak256, self._preimages.values())

    def __len__(self) -> int:
        return len(self._preimages)


def opinion_inputs(inputs: Inputs) -> second_opinion.Inputs:
    """What the second machine is given of what the first one ran on."""
    env, rules, listed = inputs.env, execute.arguments(inputs), execute.withdrawals(inputs)
    return second_opinion.Inputs(
        **rules,
        number=env.number,
        timestamp=env.timestamp,
        gas_limit=env.gas_limit,
        beneficiary=env.beneficiary,
        parent_hash=env.parent_hash,
        parent_state_root=inputs.pre_state_root,
        transactions=inputs.transactions,
        preimages=_Served(inputs.preimages),
        withdrawals=None if listed is None else tuple(listed),
        difficulty=env.difficulty,
        prev_randao=env.mix_hash,
        base_fee=env.base_fee,
        excess_blob_gas=env.excess_blob_gas,
        parent_beacon_block_root=env.parent_beacon_block_root,
        block_hashes=dict(inputs.block_hashes),
    )


def confirm(draft: Draft, outcome: Outcome, inputs: Inputs | None) -> Confirmation:
    """Outcome, reason, ``confirmed`` and what the second machine said, after asking it about the same inputs.

    A `broken` is confirmed when both machines computed the same, which contradicts the claim. Where they computed
    different things the outcome is `unknown`. Where the second machine cannot say, a `broken` stays unconfirmed.
    """
    unconfirmed = False if outcome is Outcome.BROKEN else None
    note: dict[str, Any] = {"machine": "EELS"}
    if inputs is None or (draft.done is None and draft.invalid is None):
        return outcome, "", unconfirmed, {**note, "note": "not asked: the first machine could not execute the block"}
    try:
        opinion = second_opinion.reexecute(opinion_inputs(inputs))
    except RollproofError as error:
        return outcome, "", unconfirmed, {**note, "note": str(error)}
    note["seconds"] = round(opinion.seconds, 3)
    if opinion.missing is not None or opinion.failed is not None:
        return outcome, "", unconfirmed, {**note, "note": opinion.missing or opinion.failed}
    if draft.done is None or opinion.invalid is not None:
        return _on_validity(draft, outcome, opinion, note)
    apart = second_opinion.compare(draft.done, opinion)
    note["agrees"] = not apart
    note["transactions"] = len(opinion.transactions)
    if draft.claim.receipts is not None:
        note["receipts"] = _against_receipts(draft.claim.receipts, draft.done, opinion)
    if apart:
        header = draft.claim.header
        if header is not None:
            note["agrees_with_claim"] = not second_opinion.contradicts(header, opinion)
        note["differences"] = [_shown(found) for found in apart[:MAX_SHOWN]]
        return Outcome.UNKNOWN, _disagreement(apart[0].key), None, note
    if outcome is Outcome.BROKEN and not (draft.executed or draft.disclosed):
        return _on_rules(draft, outcome, inputs, note)
    return outcome, "", True, note


def _against_receipts(
    receipts: Sequence[Mapping[str, Any]], done: _core.Done, opinion: second_opinion.Opinion
) -> list[dict[str, Any]]:
    """Which machine agrees with the claimed receipts, transaction by transaction, where one of them does not."""
    found: list[dict[str, Any]] = []
    for index, (receipt, first, second) in enumerate(zip(receipts, done.outcomes, opinion.transactions, strict=False)):
        other = {name: getattr(second, name) for name in ("status", "gas_used", "cumulative_gas_used", "logs")}
        agree = [not transaction_differences([receipt], [each]) for each in (first, other)]
        if not all(agree):
            found.append({"transaction": index, "first": agree[0], "second": agree[1]})
        if len(found) == MAX_SHOWN:
            break
    return found


def _on_rules(draft: Draft, outcome: Outcome, inputs: Inputs, note: dict[str, Any]) -> Confirmation:
    """Execution agrees with the claim, which breaks a rule on headers: EELS has those too, for Ethereum."""
    claimed, broken = draft.claim.header, {found.key for found in draft.rules}
    rejected = header_opinion.rejects(inputs, claimed) if claimed is not None else None
    if rejected is None or not broken & header_opinion.JUDGES:
        note["note"] = "both machines execute the block alike; the header rule was computed once"
        return outcome, "", False, note
    note["rejects_header"] = rejected
    if rejected:
        return outcome, "", True, note
    note["agrees"] = False
    return Outcome.UNKNOWN, _disagreement("the header's rules"), None, note


def _on_validity(draft: Draft, outcome: Outcome, opinion: second_opinion.Opinion, note: dict[str, Any]) -> Confirmation:
    mine, other = draft.invalid, opinion.invalid
    note["agrees"] = mine is not None and other is not None and mine.transaction == other.transaction
    if other is not None:
        note["invalid"] = {"transaction": other.transaction, "reason": other.reason}
    if mine is not None:
        note["first_machine"] = {"transaction": mine.transaction, "reason": f"{mine.kind}: {mine.reason}"}
    if note["agrees"]:
        return outcome, "", True, note
    return Outcome.UNKNOWN, _disagreement("whether the block is valid"), None, note


def _disagreement(where: str) -> str:
    return f"the two machines disagree on {where}; this is a defect of one of them"


def _shown(found: Difference) -> dict[str, str | None]:
    return {"key": found.key, "first": found.claimed, "second": found.computed}


def require() -> None:
    """Raises Missing, saying how to install it, where the second machine is not there."""
    if not second_opinion.available():
        raise Missing(second_opinion.INSTALL)
