"""The state that a block claims and the one that its transactions make, both readable: roots over one store of nodes.

The computed state comes from executing the block. The claimed one is never believed: it is read by the root that the
claimed header commits to. Where its nodes were not served, the verdict's differences are written over the computed
state: that is the claimed one if, and only if, the claimed root comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from rollproof import _core
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Missing, RollproofError, Unsupported
from rollproof.replay import disclosure, execute
from rollproof.replay.by_value import ByValue
from rollproof.replay.draft import Draft, Inconclusive
from rollproof.replay.execute import Inputs, Source
from rollproof.replay.header import header_hash, with_results
from rollproof.replay.judge import judge
from rollproof.replay.verify import MAX_ROUNDS, SecondOpinion, verify_claim
from rollproof.types import Claim, Difference, Outcome, Verdict

_ACCOUNT: Final = re.compile(r"0x([0-9a-f]{40})\.(nonce|balance|code_hash|storage_root)\Z")
_SLOT: Final = re.compile(r"0x([0-9a-f]{40})\[0x([0-9a-f]{64})\]\Z")

Written = tuple[bytes, int | None, int | None, bytes | None, list[tuple[int, int]]]
Slots = Mapping[bytes, set[bytes]]  # account -> slots


@dataclass(frozen=True, slots=True)
class BothStates:
    """What one block claims and what it makes. Roots are readable in ``inputs.preimages``, as far as it has the nodes.

    ``inputs`` and ``computed`` are None where the block could not be executed, ``claimed`` where the claimed state is
    not known; ``reason`` says why.
    """

    verdict: Verdict
    inputs: Inputs | None = None
    computed: bytes | None = None
    claimed: bytes | None = None
    reason: str = ""
    touched: Slots = field(default_factory=dict)  # by our own execution
    outcomes: Sequence[Mapping[str, Any]] = ()
    named: frozenset[bytes] = frozenset()  # addresses that the verdict names


def both_states(
    claim: Claim,
    preimages: _core.Preimages,
    *,
    source: Source | None = None,
    claimed_source: Source | None = None,
    config: ChainConfig | None = None,
    second_opinion: SecondOpinion = "auto",
) -> BothStates:
    """Judges a claim and finds both states. Never raises for what a claim or a source may contain.

    ``source`` proves the parent's state, ``claimed_source`` the claimed one. New nodes go to ``preimages``.
    """
    verdict = verify_claim(claim, preimages, source=source, config=config, second_opinion=second_opinion)
    if verdict.outcome is Outcome.UNKNOWN:
        return BothStates(verdict, reason=verdict.reason)
    if isinstance(source, ByValue):
        return BothStates(verdict, reason="the node's tries break consensus rules: no state of it can be read by root")
    draft = Draft(claim, disclosure.without(source))
    try:
        _, _, inputs = judge(draft, preimages, source, config, MAX_ROUNDS)
        if inputs is None:
            return BothStates(verdict, reason="it could not be executed to its end")
        done = _built(inputs, source)
    except (Inconclusive, RollproofError, _core.CoreError) as error:
        return BothStates(verdict, reason=" ".join(str(error).split()))
    if isinstance(done, _core.Invalid):
        said = f"transaction {done.transaction} may not be in it ({done.kind})"
        return BothStates(verdict, inputs, reason=f"no state follows from the block: {said}")
    found = BothStates(
        verdict, inputs, done.state_root, touched=disclosure.touched(done), outcomes=done.outcomes,
        named=_named(verdict.differences),
    )  # fmt: skip
    return _claimed(found, claim, inputs, done, source, claimed_source)


def _claimed(
    found: BothStates,
    claim: Claim,
    inputs: Inputs,
    done: _core.Done,
    source: Source | None,
    claimed_source: Source | None,
) -> BothStates:
    root = claim.header.state_root if claim.header is not None else (claim.partial_header or {}).get("state_root")
    if root == done.state_root or found.verdict.outcome is Outcome.HOLDS:
        return replace(found, claimed=done.state_root)
    written, left = _writes(found.verdict.differences, inputs.preimages)
    over = done.state_root
    try:
        over = _write(inputs.preimages, over, written, source) if written else over
    except (RollproofError, _core.CoreError) as error:
        left = (*left, str(error))
    if root is None and claim.claimed_hash is not None:
        header = replace(with_results(inputs.env, done), state_root=over)
        root = over if header_hash(header) == claim.claimed_hash else None
    if root is not None and (
        root in (over, _by_its_own_header(claim, inputs, source))
        or root in inputs.preimages
        or (claimed_source is not None and _begun(inputs, root, claimed_source))
    ):
        return replace(found, claimed=root)
    what = "root" if claim.header is not None else "hash"
    why = left[0] if left else f"accounts and slots that were disclosed do not make the claimed {what}"
    return replace(found, reason=f"the claimed state is not known: {why}; give --rpc-url of a node that has the block")


def _built(inputs: Inputs, source: Source | None) -> _core.Done | _core.Invalid:
    """Executes the block and keeps the new state's nodes. Raises as `execute.run`."""
    result = execute.run(inputs, source, MAX_ROUNDS)  # fetches what is missing, and refuses what is too large
    if isinstance(result, _core.Done):
        result = _core.build_block(
            inputs.preimages, inputs.pre_state_root, _core.Rules(**execute.arguments(inputs)),
            execute.environment(inputs), inputs.transactions, execute.withdrawals(inputs),
        )  # fmt: skip
    if isinstance(result, _core.Needs):
        raise Missing(f"missing: {result.first}")
    return result


def _by_its_own_header(claim: Claim, inputs: Inputs, source: Source | None) -> bytes | None:
    """The state root by the claimed header's own fees and limits, where those are not what the rules ask for."""
    if claim.header is None or claim.header == inputs.env:
        return None
    try:
        done = _built(replace(inputs, env=claim.header), source)
    except (RollproofError, _core.CoreError):
        return None
    return done.state_root if isinstance(done, _core.Done) else None


def _begun(inputs: Inputs, root: bytes, source: Source) -> bool:
    """Whether the source has the claimed state: it proves an account that every block touches."""
    try:
        _core.State(inputs.preimages, root).account(inputs.env.beneficiary)
    except _core.Missing as missing:
        try:
            inputs.preimages.add(list(source.fetch(missing.args[0])))
        except RollproofError:
            return False
    return root in inputs.preimages


def _write(preimages: _core.Preimages, root: bytes, written: Sequence[Written], source: Source | None) -> bytes:
    for _ in range(MAX_ROUNDS):
        try:
            return _core.write_state(preimages, root, written)
        except _core.Missing as missing:
            needs: _core.Needs = missing.args[0]
            if source is None or preimages.add(list(source.fetch(needs))) == 0:
                raise Missing(f"missing: {needs.first}") from None
    raise Missing(f"not written after {MAX_ROUNDS} rounds of fetching")


def _writes(differences: Iterable[Difference], preimages: _core.Preimages) -> tuple[list[Written], tuple[str, ...]]:
    """What the differences write over the computed state, and those that they cannot, in words."""
    fields: dict[bytes, dict[str, int]] = {}
    codes: dict[bytes, bytes] = {}
    slots: dict[bytes, dict[int, int]] = {}
    left: list[str] = []
    roots: list[bytes] = []
    for each in differences:
        try:
            if each.scope == "account" and (match := _ACCOUNT.match(each.key)) is not None:
                address, name = bytes.fromhex(match[1]), match[2]
                if name == "storage_root":
                    roots.append(address)
                elif name == "code_hash":
                    code = preimages.get(bytes.fromhex((each.claimed or "").removeprefix("0x")))
                    if code is None:
                        raise Unsupported("its code was not served")
                    codes[address] = code
                else:
                    fields.setdefault(address, {})[name] = int(each.claimed or "0")
            elif each.scope == "storage" and (match := _SLOT.match(each.key)) is not None:
                slot, value = int(match[2], 16), int(each.claimed or "0x0", 16)
                slots.setdefault(bytes.fromhex(match[1]), {})[slot] = value
            elif each.scope in ("account", "storage", "trie"):
                left.append(f"{each.scope} {each.key} differs, and no more is known of it")
        except (ValueError, Unsupported) as error:
            left.append(f"{each.key}: {error}")
    left += [f"the storage of 0x{a.hex()} differs, and its slots are not known" for a in roots if a not in slots]
    written: list[Written] = []
    for address in sorted({*fields, *codes, *slots}):
        own = fields.get(address, {})
        written.append(
            (address, own.get("nonce"), own.get("balance"), codes.get(address), sorted(slots.get(address, {}).items()))
        )
    return written, tuple(left)


def _named(differences: Iterable[Difference]) -> frozenset[bytes]:
    matches = (pattern.match(each.key) for each in differences for pattern in (_ACCOUNT, _SLOT))
    return frozenset(bytes.fromhex(match[1]) for match in matches if match is not None)
