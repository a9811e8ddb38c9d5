"""One claim judged: consistency, consensus rules, execution, comparison.

`broken` rests on authenticated inputs only. A mismatch that unauthenticated input could explain is `unknown`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rollproof import _core
from rollproof.chain.config import resolve
from rollproof.chain.fork import Fork, instant
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.replay import body, by_value, consensus, consistency, disclosure, execute, extra_data
from rollproof.replay.consensus import Block
from rollproof.replay.difference import header_differences, state_differences, transaction_differences
from rollproof.replay.draft import Draft, Inconclusive
from rollproof.replay.execute import Inputs, Source
from rollproof.replay.header import NAMES, as_mapping, from_attributes, header_hash, wire, with_results
from rollproof.replay.narrow import Narrow, Narrowing
from rollproof.types import Claim, Difference, Header, Outcome

RESULTS = (
    "state_root",
    "receipts_root",
    "logs_bloom",
    "gas_used",
    "blob_gas_used",
    "withdrawals_root",
    "requests_hash",
)
_STATELESS = {"undecodable", "signature"}  # what a transaction is found invalid for before any state is read
_OF_THE_BODY = {"blob_gas_used", "blob_gas_bound", "block_size", "withdrawals"}  # rules on the lists

# Where only a hash is claimed, nothing that can be read commits to the rest.
_SERVED = "the parent, attributes and transactions served are those of the block whose hash is claimed"

Judgement = tuple[Outcome, str, Inputs | None]


def judge(
    draft: Draft, preimages: _core.Preimages, source: Source | None, config: ChainConfig | None, max_rounds: int
) -> Judgement:
    """The outcome, the reason for `unknown`, and the inputs that execution had. Raises RollproofError, CoreError."""
    claim = draft.claim
    if claim.header is None and claim.attributes is None:
        raise Inconclusive("neither a header nor payload attributes: nothing to check")
    consistency.identity(draft)
    parent = consistency.parent(draft, preimages)
    roots = _transactions_root(draft)
    chain, fork = _configuration(draft, config, roots)
    if claim.header is None and claim.claimed_hash is None and not claim.partial_header:
        raise Inconclusive("neither a hash nor a field of the header is claimed: nothing to compare with")
    if config is None and not disclosure.rules_agreed(source):
        draft.stale = _stale(chain, claim)
    if chain.family == "ethereum":
        roots |= _withdrawals_root(draft)
    elif claim.withdrawals:
        listed = len(claim.withdrawals)
        raise Inconclusive(f"self-inconsistent: withdrawals: an OP Stack block has none, the record gives {listed}")
    header = _environment(claim, chain, parent) if claim.header is None else claim.header
    consistency.ommers(draft, merged=chain.merged(header.number, header.timestamp))
    if claim.header is not None:
        block = Block(chain, header, claim.transactions, parent, claim.withdrawals)
        ruling = consensus.check(block)
        if "state_root" in draft.without:
            draft.rule(_excused(ruling))
        else:
            draft.rule(ruling if not roots else _without_body(ruling))
            header = _by_the_rules(block)
    inputs = None
    try:
        if chain.family == "ethereum" and claim.withdrawals is None and _claimed(claim).get("withdrawals_root"):
            raise Inconclusive("the withdrawals were not served")
        root = consistency.pre_state(draft, parent)
        inputs = Inputs(
            chain, fork, header, parent, root, claim.transactions, claim.withdrawals, claim.block_hashes, preimages
        )
        if isinstance(source, by_value.ByValue):
            inputs, result = by_value.run(inputs, source, max_rounds, inspect=draft.inspect)
            draft.assume(("the values before and after the block are the node's own, without proof",))
            draft.skip(*source.notes)
        else:
            result = execute.run(inputs, source, max_rounds, inspect=draft.inspect)
        if isinstance(result, _core.Invalid) and claim.block_hashes:
            inputs = execute.authenticated_only(inputs)  # a false ancestor hash may be why
            result = execute.run(inputs, source, max_rounds, inspect=draft.inspect)
        return (*_compare(draft, inputs, result, roots, source), inputs)
    except (Inconclusive, RollproofError, _core.CoreError) as error:
        if not draft.rules or draft.weak_rules:
            raise
        draft.executed = []
        draft.skip(f"execution: {error}")
        return (*_conclude(draft), inputs)


def _claimed(claim: Claim) -> Mapping[str, Any]:
    """What the claim says of the header: all of it, some fields, or nothing."""
    return as_mapping(claim.header) if claim.header is not None else claim.partial_header or {}


def _transactions_root(draft: Draft) -> dict[str, Difference]:
    """Empty when the transactions given hash to the root that the header claims (or none is claimed)."""
    claimed = _claimed(draft.claim).get("transactions_root")
    if "transactions_root" in draft.without:
        return {}
    return _root(draft, "transactions_root", claimed, body.transactions_root(draft.claim.transactions))


def _withdrawals_root(draft: Draft) -> dict[str, Difference]:
    """The same for an Ethereum block's withdrawals, where they were served."""
    claimed, withdrawals = _claimed(draft.claim).get("withdrawals_root"), draft.claim.withdrawals
    if withdrawals is None:
        return {}
    return _root(draft, "withdrawals_root", claimed, body.withdrawals_root(withdrawals))


def _root(draft: Draft, name: str, claimed: bytes | None, computed: bytes) -> dict[str, Difference]:
    if claimed is None:
        return {}
    if claimed == computed:
        draft.check(name)
        return {}
    return {name: Difference("header", name, wire(claimed), wire(computed))}


def _configuration(
    draft: Draft, given: ChainConfig | None, roots: Mapping[str, Difference]
) -> tuple[ChainConfig, Fork]:
    claim = draft.claim
    try:
        chain, assumes = resolve(claim.chain_id, claim.rollup_config) if given is None else (given, _own(given, claim))
    except RollproofError as error:
        raise _broken_record(roots) or error from None
    draft.assume(assumes)
    if given is None and not chain.builtin:
        draft.weak_rules = assumes[0] if assumes else "a configuration from the record"
    header = claim.header
    timestamp = header.timestamp if header is not None else claim.attributes.timestamp if claim.attributes else 0
    if chain.genesis_time is not None and timestamp < chain.genesis_time:
        raise Inconclusive(f"the block's time {timestamp} is before chain {chain.chain_id} began: wrong chain id")
    fork = chain.fork_at(claim.number, timestamp)
    draft.fork = fork.name
    if fork.runs_as is None:
        raise _broken_record(roots) or Unsupported(chain.cannot_run(fork))
    stale = chain.stale(timestamp)
    if stale is not None:
        draft.assume((stale,))
    if chain.family == "op":
        draft.assume(("L1 inputs: the deposits, attributes and gas limit are as L1 has them",))
    elif chain.merged(claim.number, timestamp):
        draft.assume(("beacon chain inputs: randomness, withdrawals and beacon root are as the beacon chain has them",))
    return chain, fork


def _own(given: ChainConfig, claim: Claim) -> tuple[str, ...]:
    """What is assumed with a configuration of the caller's own. Raises Inconclusive for one of another chain."""
    if given.chain_id != claim.chain_id:
        said = f"the configuration is of chain {given.chain_id}, the block of {claim.chain_id}"
        raise Inconclusive(f"wrong chain: {said}")
    return () if given.builtin else (f"configuration of chain {given.chain_id} from {given.source}",)


def _stale(chain: ChainConfig, claim: Claim) -> str:
    """Why rules may have changed without us knowing; empty where the schedule covers the block."""
    timestamp = claim.header.timestamp if claim.header else claim.attributes.timestamp if claim.attributes else 0
    if chain.stale(timestamp) is None:
        return ""
    return f"the fork schedule of chain {chain.chain_id} is known up to {instant(chain.as_of or 0)}"


def _broken_record(roots: Mapping[str, Difference]) -> Inconclusive | None:
    for name, found in roots.items():
        list_name = name.removesuffix("_root")
        said = f"the header says {found.claimed}, the {list_name} given hash to {found.computed}"
        return Inconclusive(f"self-inconsistent: {name}: {said}")
    return None


def _environment(claim: Claim, chain: ChainConfig, parent: Header | None) -> Header:
    """The header that payload attributes ask for, by the OP Stack's rules. Raises Inconclusive, Malformed."""
    attributes = claim.attributes
    if attributes is None or parent is None:
        raise Inconclusive("payload attributes need the parent header, which was not served")
    if chain.family != "op":
        raise Inconclusive("payload attributes without a header are judged on the OP Stack only")
    # Any header of that number and time will do to ask which rules hold.
    probe = Block(chain, replace(parent, number=claim.number, timestamp=attributes.timestamp), (), parent)
    jovian = probe.past("jovian")
    extra = attributes.extra_data
    if extra is None:
        extra = b""
        if probe.past("holocene"):
            default = chain.base_fee_params(claim.number, attributes.timestamp)
            if attributes.eip1559_params is None:
                raise Malformed("payload attributes: eip1559Params is absent, which Holocene needs")
            extra = extra_data.from_attributes(
                attributes.eip1559_params, attributes.min_base_fee, default, jovian=jovian
            )
    return from_attributes(
        attributes,
        claim.number,
        header_hash(parent),
        base_fee=consensus.expected_base_fee(probe),
        extra_data=extra,
        excess_blob_gas=consensus.expected_excess_blob_gas(probe),
    )


def _without_body(ruling: consensus.Ruling) -> consensus.Ruling:
    """The ruling without what it says of a list of transactions that is not the header's."""
    return consensus.Ruling(
        tuple(name for name in ruling.checked if name not in _OF_THE_BODY),
        ruling.not_checked,
        tuple(found for found in ruling.differences if found.key not in _OF_THE_BODY),
    )


def _excused(ruling: consensus.Ruling) -> consensus.Ruling:
    """The ruling on a development node's header: its clock, fees and limits are what somebody set them to."""
    broken = {found.key: found for found in ruling.differences}
    said = (
        f"{name}: {d.claimed} where the rules ask for {d.computed}; a development node sets it at will"
        for name, d in broken.items()
    )
    return consensus.Ruling(tuple(n for n in ruling.checked if n not in broken), (*ruling.not_checked, *said), ())


def _by_the_rules(block: Block) -> Header:
    """The header with the environment the rules give, so that one wrong fee does not hide what else is wrong."""
    wanted: tuple[tuple[str, Callable[[Block], int | None]], ...] = (
        ("base_fee", consensus.expected_base_fee),
        ("excess_blob_gas", consensus.expected_excess_blob_gas),
        ("difficulty", consensus.expected_difficulty),
    )
    changes: dict[str, Any] = {}
    for name, rule in wanted:
        try:
            expected = rule(block)
        except Malformed:
            continue
        if not (expected is None and name == "difficulty"):
            changes[name] = expected
    return replace(block.header, **changes)


def _compare(
    draft: Draft,
    inputs: Inputs,
    result: _core.Done | _core.Invalid | _core.Needs,
    roots: Mapping[str, Difference],
    source: Source | None,
) -> tuple[Outcome, str]:
    if isinstance(result, _core.Needs):
        raise _broken_record(roots) or Inconclusive(f"missing: {result.first}")
    if isinstance(result, _core.Invalid):
        return _invalid(draft, result, roots)
    draft.done = result
    draft.stages.update(result.stages)
    if result.used_block_hashes:
        shown = ", ".join(map(str, result.used_block_hashes[:4]))
        draft.distrust(f"block hashes from the record, read by BLOCKHASH: {shown}")
    claim, claimed = draft.claim, _claimed(draft.claim)
    header = with_results(inputs.env, result)
    computed = as_mapping(header)
    with contextlib.suppress(Malformed):  # a field that the fork needs is absent: there is no such header
        if "state_root" not in draft.without:
            draft.computed_hash = header_hash(header)
    names = [name for name in (claimed if claim.header is None else RESULTS) if claimed[name] is not None]
    names = [name for name in names if name not in roots and name not in draft.without]
    draft.skip(*(f"{name}: {why}" for name, why in draft.without.items()))
    draft.executed = header_differences({name: claimed[name] for name in names}, computed)
    draft.check(*names)
    if claim.header is None and claim.claimed_hash is None:
        draft.skip("block_hash: the record claims none")
    elif claim.header is None:
        draft.check("block_hash")
        if claim.claimed_hash != draft.computed_hash:
            draft.executed.append(Difference("header", "hash", wire(claim.claimed_hash), wire(draft.computed_hash)))
            draft.assume((_SERVED,))
            if not claimed:
                draft.skip("header fields: the claim discloses only a hash")
    if roots:
        _wrong_root(draft, result, roots)
    elif claim.header is None and not draft.executed:
        _computed_rules(draft, Block(inputs.config, header, claim.transactions, inputs.parent, claim.withdrawals))
    _disclosed(draft, inputs, result, source)
    _parting(draft, inputs, result, source)
    return _conclude(draft)


def _computed_rules(draft: Draft, block: Block) -> None:
    """The computed header is the one claimed, so it has to keep the rules that payload attributes do not see to.

    A field that the claim neither has nor commits to by its hash is not checked by being computed.
    """
    claimed = draft.claim.partial_header
    if draft.claim.claimed_hash is None and claimed is not None:
        unclaimed = {name for name in NAMES if name not in claimed and getattr(block.header, name) is not None}
        draft.skip(*(f"{name}: the record does not have it" for name in NAMES if name in unclaimed))
    else:
        unclaimed = set()
        draft.check("transactions_root", *(name for name in RESULTS if getattr(block.header, name) is not None))
    ruling = consensus.check(block)
    draft.rule(replace(ruling, checked=tuple(name for name in ruling.checked if name not in unclaimed)))


def _invalid(draft: Draft, result: _core.Invalid, roots: Mapping[str, Difference]) -> tuple[Outcome, str]:
    broken_record = _broken_record(roots)
    if broken_record is not None:
        raise broken_record
    draft.invalid = result
    if draft.claim.header is None:
        draft.assume((_SERVED,))
    if result.kind in _STATELESS:
        draft.weak = []
    said = f"{result.kind}: {result.reason}"
    if result.transaction is None and "state_root" in draft.without:
        raise Inconclusive(f"the node's state lacks what the rules of {draft.fork} need: {said}")
    if result.transaction is None:
        draft.executed = [Difference("header", "requests_hash", None, f"invalid block, {said}")]
    else:
        draft.executed = [Difference("transaction", str(result.transaction), "included", f"invalid, {said}")]
    return _conclude(draft)


def _wrong_root(draft: Draft, done: _core.Done, roots: Mapping[str, Difference]) -> None:
    """Raises Inconclusive unless the lists given are beyond doubt the block's own, and only the root is wrong.

    They are when they reproduce everything else that the header claims and no reordering gives the claimed root.
    """
    claim, doubt = draft.claim, _broken_record(roots)
    if doubt is None:
        return
    if draft.weak or draft.executed or len(roots) > 1 or claim.header is None:
        raise doubt
    if "transactions_root" in roots:
        try:
            order = consistency.swapped(draft, done, claim.header.transactions_root)
        except Malformed:
            raise doubt from None
        if order is not None:
            raise Inconclusive(f"self-inconsistent: transactions_root: holds with transactions {order}")
        if not consistency.deposits_recomputable(claim):
            raise doubt
    elif not consistency.withdrawals_recomputable(claim):
        raise doubt
    else:  # no other result tells
        draft.assume(("validator indices, and the split of amounts to one address, are as the withdrawals served say",))
    draft.check(*roots)
    draft.executed += roots.values()


def _disclosed(draft: Draft, inputs: Inputs, done: _core.Done, source: Source | None) -> None:
    """What receipts and a post-state beside the claim allow to be said; they are compared, never trusted."""
    receipts: Sequence[Mapping[str, Any]] | None = draft.claim.receipts
    post_state = draft.claim.post_state
    if source is not None and (draft.executed or draft.without):
        try:  # the header's verdict stands without the detail
            receipts = disclosure.receipts(source) if receipts is None else receipts
        except RollproofError as error:
            draft.skip(f"receipts: {error}")
        try:
            post_state = disclosure.post_state(source, done) if post_state is None else post_state
        except RollproofError as error:
            if "state_root" in draft.without:
                raise Inconclusive(
                    f"neither the state root nor accounts and slots could be compared: {error}"
                ) from None
            draft.skip(f"accounts and slots: {error}")
    if receipts is not None:
        draft.disclosed += transaction_differences(receipts, done.outcomes)
        draft.check("receipts")
    if post_state is not None:
        before = _core.State(inputs.preimages, inputs.pre_state_root)
        found, unread = state_differences(post_state, done, before)
        draft.disclosed += found
        draft.check("post_state")
        if unread:
            draft.skip(f"post_state entries: {unread} could not be read from the parent's state")


def _parting(draft: Draft, inputs: Inputs, done: _core.Done, source: Source | None) -> None:
    """Where claimed and computed state part, when nothing that was touched explains a wrong state root."""
    claimed = _claimed(draft.claim).get("state_root")
    if claimed is None or claimed == done.state_root or "state_root" in draft.without:
        return
    if any(found.scope in ("account", "storage") for found in draft.disclosed):
        return
    asked = source if isinstance(source, Narrowing) else None
    if asked is None and claimed not in inputs.preimages:
        return
    names = [name for address, slots in disclosure.touched(done).items() for name in (address, *slots)]
    try:
        draft.disclosed += Narrow(inputs.preimages, done.fresh, names, asked).differences(claimed, done.state_root)
    except (RollproofError, _core.CoreError) as error:  # the header's verdict stands without the detail
        draft.skip(f"accounts and slots by the trie: {error}")


def _conclude(draft: Draft) -> tuple[Outcome, str]:
    if not draft.differences:
        return Outcome.HOLDS, ""
    foreign = consistency.foreign_chain(draft.claim)
    if foreign is not None:
        draft.rules, draft.executed, draft.disclosed = (), [], []
        return Outcome.UNKNOWN, foreign
    shown = ", ".join(found.key for found in draft.differences[:6])
    if draft.weak_rules:
        return Outcome.UNKNOWN, f"differs in {shown}, but rests on {draft.weak_rules}"
    if draft.weak and (draft.executed or draft.disclosed):
        if not draft.rules:
            return Outcome.UNKNOWN, f"differs in {shown}, but rests on {draft.weak[0]}"
        # The header breaks its own rules; what execution says beyond that may be the untrusted input's doing.
        draft.executed, draft.disclosed = [], []
        draft.skip(f"execution: rests on {draft.weak[0]}")
    if not (draft.rules or draft.executed or draft.without):
        return Outcome.UNKNOWN, f"self-inconsistent: {shown} contradict the header, which holds"
    if draft.stale:
        return Outcome.UNKNOWN, f"{draft.stale}; differs in {shown}, which a later fork may explain: give --config"
    if consistency.signed_for(draft.claim.transactions) is None:
        draft.assume((f"it is a block of chain {draft.claim.chain_id}: no transaction in it is signed for a chain",))
    return Outcome.BROKEN, ""
