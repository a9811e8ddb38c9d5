"""Whether a claim agrees with itself: a source that contradicts itself is a broken source, not a broken chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from rollproof import _core
from rollproof.errors import RollproofError
from rollproof.replay import body
from rollproof.replay.draft import Draft, Inconclusive
from rollproof.replay.header import EMPTY_OMMERS_HASH, decode_header, encode_header, header_hash, wire
from rollproof.types import Claim, Header, PayloadAttributes

_L1_ATTRIBUTES_GAS = 1_000_000
MAX_WITHDRAWALS = 128  # EIP-4895 allows 16 in a block; longer lists are not searched


def contradiction(what: str, claimed: bytes | int | None, found: bytes | int | None) -> Inconclusive:
    return Inconclusive(f"self-inconsistent: {what}: claimed {wire(claimed)}, the record gives {wire(found)}")


def identity(draft: Draft) -> None:
    """The header hashes to the claimed hash and is the block that the claim names. Raises Inconclusive."""
    claim = draft.claim
    header, attributes = claim.header, claim.attributes
    if header is None:
        _partial(claim)
        return
    own = header_hash(header)
    if claim.claimed_hash is not None and claim.claimed_hash != own:
        raise Inconclusive(
            f"self-inconsistent: header hashes to {wire(own)}, the claimed hash is {wire(claim.claimed_hash)}"
        )
    draft.claimed_hash = own
    draft.check("block_hash")
    if claim.number != header.number:
        raise contradiction("number", claim.number, header.number)
    if claim.parent_hash is not None and claim.parent_hash != header.parent_hash:
        raise contradiction("parent_hash", header.parent_hash, claim.parent_hash)
    if attributes is not None:
        for name, given in _given(attributes).items():
            if getattr(header, name) != given:
                raise contradiction(name, getattr(header, name), given)


def _given(attributes: PayloadAttributes) -> dict[str, int | bytes | None]:
    """The header fields that payload attributes fix."""
    return {
        "timestamp": attributes.timestamp,
        "mix_hash": attributes.prev_randao,
        "beneficiary": attributes.fee_recipient,
        "gas_limit": attributes.gas_limit,
        "parent_beacon_block_root": attributes.parent_beacon_block_root,
    }


def _partial(claim: Claim) -> None:
    """The header fields that a record has are those of the block it names elsewhere. Raises Inconclusive."""
    fields = claim.partial_header or {}
    stated: dict[str, int | bytes | None] = {"number": claim.number}
    if claim.parent_hash is not None:
        stated["parent_hash"] = claim.parent_hash
    if claim.attributes is not None:
        stated |= _given(claim.attributes)
    for name, given in stated.items():
        if fields.get(name) is not None and fields[name] != given:
            raise contradiction(name, fields[name], given)


def ommers(draft: Draft, merged: bool) -> None:
    """Blocks with ommers are not judged; the reward for them is not recomputed. Raises Inconclusive."""
    header = draft.claim.header
    if draft.claim.ommers or (header is not None and not merged and header.ommers_hash != EMPTY_OMMERS_HASH):
        raise Inconclusive("has ommers, which are not supported")


def parent(draft: Draft, preimages: _core.Preimages) -> Header | None:
    """The parent's header, authenticated by the claimed parent hash; None where it was not served.

    Raises Inconclusive when another header was served, or a state root that is not the parent's.
    """
    claim = draft.claim
    expected = claim.header.parent_hash if claim.header is not None else claim.parent_hash
    found = claim.parent
    if found is None and expected is not None:
        rlp = preimages.get(expected)
        if rlp is not None:
            try:
                found = decode_header(rlp, "parent header")
            except RollproofError as error:
                raise Inconclusive(f"parent header: {error}") from None
    if found is None:
        return None
    own = header_hash(found)
    if expected is not None and own != expected:
        raise contradiction("parent_hash", expected, own)
    if claim.header is None and claim.number != found.number + 1:
        raise contradiction("number", claim.number, found.number + 1)
    if claim.pre_state_root is not None and claim.pre_state_root != found.state_root:
        raise contradiction("pre_state_root", found.state_root, claim.pre_state_root)
    preimages.add([encode_header(found)])  # BLOCKHASH walks on from here
    draft.check("parent_hash")
    return found


def pre_state(draft: Draft, known_parent: Header | None) -> bytes:
    """The state root to start from. Raises Inconclusive without one; distrusts one that no header vouches for."""
    if known_parent is not None:
        return known_parent.state_root
    root = draft.claim.pre_state_root
    if root is None:
        raise Inconclusive("neither the parent header nor its state root was served")
    draft.distrust("pre-state root from the record: the parent header was not served")
    return root


def signed_for(transactions: Sequence[bytes]) -> int | None:
    """The one chain id that all transactions signed for a chain name; None where none does or they differ."""
    found = _chain_ids(transactions)
    return found.pop() if len(found) == 1 else None


def _chain_ids(transactions: Sequence[bytes]) -> set[int]:
    signed: set[int] = set()
    for raw in transactions:
        try:
            items = _core.rlp_decode(raw if raw[:1] >= b"\xc0" else raw[1:], 16, 1_000_000)
            if raw[:1] >= b"\xc0":
                v = int.from_bytes(items[6], "big")
                signed.update({(v - 35) // 2} if v >= 35 else ())
            elif raw[:1] in (b"\x01", b"\x02", b"\x03", b"\x04"):
                signed.add(int.from_bytes(items[0], "big"))
        except (_core.CoreError, IndexError, TypeError):
            continue  # execution names what does not decode
    return signed


def foreign_chain(claim: Claim) -> str | None:
    """Why the record's chain id is wrong: every transaction that is signed for a chain is signed for another one."""
    signed = _chain_ids(claim.transactions)
    if not signed or claim.chain_id in signed:
        return None
    return f"wrong chain: the transactions are signed for chain {min(signed)}, the record says {claim.chain_id}"


def swapped(draft: Draft, done: _core.Done, root: bytes) -> str | None:
    """How the transactions were reordered, or None when no order of them gives ``root``.

    The header's receipts are reproduced, so only transactions with like receipts can have changed places. Where those
    have too many orders, a swap, a move, a reversal and a rotation are looked for, and any other is assumed away.
    """
    transactions = draft.claim.transactions
    alike = [
        (each["type"], each["status"], each["gas_used"], tuple((a, tuple(t), d) for a, t, d in each["logs"]))
        for each in done.outcomes
    ]
    order = body.reordered(transactions, alike, root, body.transactions_root)
    if order is not None:
        return order
    if body.rearranged(transactions, alike, root, body.transactions_root):
        return "in another order"
    if body.orders(alike) > body.MAX_TRIED:
        draft.assume(("transactions with like receipts are served in the order of the block",))
    return None


def deposits_recomputable(claim: Claim) -> bool:
    """Whether nothing in the block's deposits could be altered without changing the block's results.

    A deposit is not signed. Only the L1 attributes deposit's source hash follows from the block itself:
    keccak(1, keccak(L1 block hash, sequence number)) (OP Stack specs, deposits, "Source hash computation").
    """
    found = [raw for raw in claim.transactions if raw[:1] == b"\x7e"]
    if not found:
        return True
    if len(found) > 1:
        return False
    try:
        items = _core.rlp_decode(found[0][1:], 2, 16)
        source, gas, data = items[0], items[5], items[7]
    except (_core.CoreError, IndexError, TypeError):
        return False
    if not all(isinstance(item, bytes) for item in (source, gas, data)):
        return False
    if int.from_bytes(gas, "big") != _L1_ATTRIBUTES_GAS:
        return False
    # setL1BlockValues pads each argument to a word; from Ecotone on they are packed.
    if len(data) >= 4 + 6 * 32 and data[:4] == bytes.fromhex("015d8eb9"):
        l1_hash, sequence = data[4 + 96 : 4 + 128], data[4 + 128 : 4 + 160]
    elif len(data) >= 132:
        l1_hash, sequence = data[100:132], bytes(24) + data[12:20]
    else:
        return False
    inner = _core.keccak256(l1_hash + sequence)
    return bool(source == _core.keccak256((1).to_bytes(32, "big") + inner))


def withdrawals_recomputable(claim: Claim) -> bool:
    """Whether the withdrawals are a list consensus could have made, and none close to it has the claimed root.

    Addresses and amounts show in the state; indices have to be consecutive, which also fixes the order; validator
    indices rise along the sweep, but nothing in the block tells which. So each is tried with one bit or a small step
    changed: an altered record is found out that way, and only beyond that is the header's root taken for wrong.
    """
    withdrawals, header = claim.withdrawals, claim.header
    if withdrawals is None or header is None or len(withdrawals) > MAX_WITHDRAWALS:
        return False
    turns = sum(after.validator_index <= before.validator_index for before, after in pairwise(withdrawals))
    if turns > 1 or any(after.index != before.index + 1 for before, after in pairwise(withdrawals)):
        return False
    encoded = [body.encode_withdrawal(each) for each in withdrawals]
    for at, withdrawal in enumerate(withdrawals):
        index = withdrawal.validator_index
        steps = (*range(-16, 17), *(sign << bit for bit in range(5, 32) for sign in (1, -1)))
        near = {index ^ (1 << bit) for bit in range(32)} | {max(index + step, 0) for step in steps}
        for other in near - {index}:
            varied = [*encoded]
            varied[at] = body.encode_withdrawal(replace(withdrawal, validator_index=other))
            if _core.ordered_root(varied) == header.withdrawals_root:
                return False
    first = withdrawals[0].index if withdrawals else 0
    for start in {max(first + step, 0) for step in range(-16, 17)} - {first}:
        moved = [replace(each, index=start + at) for at, each in enumerate(withdrawals)]
        if body.withdrawals_root(moved) == header.withdrawals_root:
            return False
    return True
