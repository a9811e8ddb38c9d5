"""Every header rule that needs no execution, one small pure function each.

A rule looks at a `Block` and returns a `Ruling`: what it checked, what it could not, and how the claim departs.
Rules read only what the header itself authenticates: a parent whose hash is not ``parent_hash`` is no parent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Malformed
from rollproof.replay import base_fee, blob_gas, body, difficulty, extra_data
from rollproof.replay.header import EMPTY_OMMERS_HASH, EMPTY_ROOT, wire
from rollproof.types import Difference, Header, Withdrawal

MAX_GAS_LIMIT = 2**63 - 1
MIN_GAS_LIMIT = 5_000
GAS_LIMIT_DIVISOR = 1_024
EMPTY_REQUESTS_HASH = hashlib.sha256().digest()  # EIP-7685: no requests
NO_PARENT = "the parent header is missing"

# The OP Stack fork that brings an Ethereum fork's header fields.
_OP_FORK = {"london": "bedrock", "paris": "bedrock", "shanghai": "canyon", "cancun": "ecotone", "prague": "isthmus"}


@dataclass(frozen=True, slots=True)
class Block:
    """A header with what it commits to. ``parent`` only where its hash is the header's ``parent_hash``."""

    config: ChainConfig
    header: Header
    transactions: tuple[bytes, ...]
    parent: Header | None = None
    withdrawals: tuple[Withdrawal, ...] | None = None

    @property
    def op(self) -> bool:
        return self.config.family == "op"

    def past(self, fork: str) -> bool:
        """Whether the block is past a fork of its own family."""
        return self.config.active(fork, self.header.number, self.header.timestamp)

    def parent_past(self, fork: str) -> bool:
        parent = self.parent
        return parent is not None and self.config.active(fork, parent.number, parent.timestamp)

    def has(self, ethereum_fork: str) -> bool:
        """Whether the block has an Ethereum fork's header fields."""
        return self.past(_OP_FORK.get(ethereum_fork, ethereum_fork) if self.op else ethereum_fork)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule found. ``checked`` and ``not_checked`` are names; the latter with the reason after a colon."""

    checked: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


Rule = Callable[[Block], Ruling]


def _same(name: str, claimed: bytes | int | None, computed: bytes | int | None) -> Ruling:
    if claimed == computed:
        return Ruling((name,))
    return Ruling((name,), (), (Difference("header", name, wire(claimed), wire(computed)),))


def _holds(name: str, claimed: bytes | int | None, bound: str, ok: bool) -> Ruling:
    return Ruling((name,), (), () if ok else (Difference("header", name, wire(claimed), bound),))


def _skip(name: str, why: str) -> Ruling:
    return Ruling((), (f"{name}: {why}",))


def join(*rulings: Ruling) -> Ruling:
    """All of several rulings, in order."""
    return Ruling(
        tuple(name for ruling in rulings for name in ruling.checked),
        tuple(name for ruling in rulings for name in ruling.not_checked),
        tuple(difference for ruling in rulings for difference in ruling.differences),
    )


def number(block: Block) -> Ruling:
    """One more than the parent's."""
    if block.parent is None:
        return _skip("number", NO_PARENT)
    return _same("number", block.header.number, block.parent.number + 1)


def timestamp(block: Block) -> Ruling:
    """After the parent's; on the OP Stack by exactly the chain's block time, where that is known."""
    if block.parent is None:
        return _skip("timestamp", NO_PARENT)
    if block.op and block.config.block_time:
        return _same("timestamp", block.header.timestamp, block.parent.timestamp + block.config.block_time)
    floor = block.parent.timestamp
    return _holds("timestamp", block.header.timestamp, f"> {floor}", block.header.timestamp > floor)


def gas_limit(block: Block) -> Ruling:
    """Within 1/1024 of the parent's and at least 5000 (yellow paper 4.4.4); the first London block may double it.

    On the OP Stack the limit comes from L1's system configuration. Nodes of both families refuse one beyond 63 bits.
    """
    claimed = block.header.gas_limit
    if block.op or block.parent is None:
        if claimed > MAX_GAS_LIMIT:
            return _holds("gas_limit", claimed, f"<= {MAX_GAS_LIMIT}", False)
        return _skip("gas_limit", "given by L1" if block.op else NO_PARENT)
    before = block.parent.gas_limit
    if block.has("london") and block.parent.base_fee is None:
        before *= base_fee.LONDON_ELASTICITY
    reach = before // GAS_LIMIT_DIVISOR
    low, high = max(before - reach + 1, MIN_GAS_LIMIT), min(before + reach - 1, MAX_GAS_LIMIT)
    return _holds("gas_limit", claimed, f"{low} to {high}", low <= claimed <= high)


def gas_used_bound(block: Block) -> Ruling:
    """Not above the gas limit."""
    header = block.header
    return _holds("gas_used_bound", header.gas_used, f"<= {header.gas_limit}", header.gas_used <= header.gas_limit)


def expected_base_fee(block: Block) -> int | None:
    """The base fee in wei by the rules: None before London. Raises Malformed where the parent does not tell it."""
    if not block.has("london"):
        return None
    if block.parent is None:
        raise Malformed(NO_PARENT)
    if not block.op:
        return base_fee.ethereum_base_fee(block.parent)
    denominator, elasticity = block.config.base_fee_params(block.header.number, block.header.timestamp)
    minimum, jovian = None, block.parent_past("jovian")
    # Keyed by the parent's time: the first Holocene block's parent carries no parameters yet.
    if block.parent_past("holocene"):
        *params, minimum = extra_data.decode_params(block.parent.extra_data, jovian=jovian)
        if params != [0, 0]:
            denominator, elasticity = (value or 0 for value in params)
    if denominator == 0 or elasticity == 0:
        raise Malformed("a base-fee parameter in the parent's extra data is zero")
    return base_fee.op_base_fee(block.parent, denominator, elasticity, minimum, metered_da=jovian)


def base_fee_rule(block: Block) -> Ruling:
    """EIP-1559, with the OP Stack's parameters; before London there is none, which `fields_present` checks."""
    if not block.has("london"):
        return Ruling()
    try:
        expected = expected_base_fee(block)
    except Malformed as error:
        return _skip("base_fee", str(error))
    return _same("base_fee", block.header.base_fee, expected)


def extra_data_rule(block: Block) -> Ruling:
    """At most 32 bytes; EIP-779's mark; on the OP Stack empty before Holocene, then the base-fee parameters."""
    extra, name = block.header.extra_data, "extra_data"
    if block.op:
        if not block.past("holocene"):
            return _same(name, extra, b"")
        try:
            denominator, elasticity, _ = extra_data.decode_params(extra, jovian=block.past("jovian"))
        except Malformed as error:
            return _holds(name, extra, str(error), False)
        return _holds(name, extra, "parameters that are not zero", denominator != 0 and elasticity != 0)
    dao = block.config.dao_block
    if dao is not None and dao <= block.header.number < dao + extra_data.DAO_EXTRA_RANGE:
        return _same(name, extra, extra_data.DAO_EXTRA_DATA)
    limit = extra_data.MAX_EXTRA_DATA
    return _holds(name, extra, f"at most {limit} bytes", len(extra) <= limit)


def expected_difficulty(block: Block) -> int | None:
    """0 from Paris on; else the proof-of-work formula, None where the fork's is not known.

    Raises Malformed without the parent.
    """
    if block.has("paris"):
        return 0
    if block.parent is None:
        raise Malformed(NO_PARENT)
    header, parent = block.header, block.parent
    fork = block.config.fork_at(header.number, header.timestamp).name
    ommers = parent.ommers_hash != EMPTY_OMMERS_HASH
    return difficulty.difficulty(fork, header.number, header.timestamp, parent, ommers)


def seal(block: Block) -> Ruling:
    """Difficulty; and from Paris on (EIP-3675) the constants that replace the proof of work."""
    header = block.header
    try:
        expected = expected_difficulty(block)
    except Malformed as error:
        return join(_skip("difficulty", str(error)), _skip("proof of work", "the seal is not recomputed"))
    if expected is None:
        ruling = _skip("difficulty", "the fork's formula is not known")
    else:
        ruling = _same("difficulty", header.difficulty, expected)
    if not block.has("paris"):
        return join(ruling, _skip("proof of work", "the seal is not recomputed"))
    ommers = _same("ommers_hash", header.ommers_hash, EMPTY_OMMERS_HASH)
    return join(ruling, _same("nonce", header.nonce, bytes(8)), ommers)


_SINCE = (
    ("base_fee", "london"),
    ("withdrawals_root", "shanghai"),
    ("blob_gas_used", "cancun"),
    ("excess_blob_gas", "cancun"),
    ("parent_beacon_block_root", "cancun"),
    ("requests_hash", "prague"),
)


def fields_present(block: Block) -> Ruling:
    """A field is there exactly when the block's fork has it."""
    wrong = []
    for name, fork in _SINCE:
        value, due = getattr(block.header, name), block.has(fork)
        if (value is not None) != due:
            wrong.append(Difference("header", name, wire(value), "present" if due else None))
    return Ruling(("fields",), (), tuple(wrong))


def expected_excess_blob_gas(block: Block) -> int | None:
    """Excess blob gas by the rules; None before Cancun; 0 on the OP Stack. Raises Malformed without the parent."""
    if not block.has("cancun"):
        return None
    if block.op:
        return 0
    blob = block.config.blob_schedule(block.header.number, block.header.timestamp)
    if block.parent is None or blob is None:
        raise Malformed(NO_PARENT if block.parent is None else "the blob schedule is not known")
    return blob_gas.excess_blob_gas(block.parent, blob, reserve_price=block.past("osaka"))


def blob_rules(block: Block) -> Ruling:
    """Excess from the parent; used is what the transactions carry, within the maximum (EIP-4844).

    On the OP Stack none is used before Jovian; then it is the data availability footprint, within the gas limit.
    """
    if not block.has("cancun"):
        return Ruling()
    header = block.header
    try:
        excess = _same("excess_blob_gas", header.excess_blob_gas, expected_excess_blob_gas(block))
    except Malformed as error:
        excess = _skip("excess_blob_gas", str(error))
    used = header.blob_gas_used or 0
    if block.op:
        if not block.past("jovian"):
            return join(excess, _same("blob_gas_used", header.blob_gas_used, 0))
        return join(excess, _holds("blob_gas_bound", used, f"<= {header.gas_limit}", used <= header.gas_limit))
    try:
        carried = body.blob_count(block.transactions) * blob_gas.GAS_PER_BLOB
    except Malformed as error:
        return join(excess, _skip("blob_gas_used", str(error)))
    rulings = [excess, _same("blob_gas_used", header.blob_gas_used, carried)]
    blob = block.config.blob_schedule(header.number, header.timestamp)
    if blob is not None:
        most = blob[1] * blob_gas.GAS_PER_BLOB
        rulings.append(_holds("blob_gas_bound", used, f"<= {most}", used <= most))
    return join(*rulings)


def requests(block: Block) -> Ruling:
    """On the OP Stack always the hash of no requests (isthmus/exec-engine); on Ethereum execution tells."""
    if not (block.op and block.has("prague")):
        return Ruling()
    return _same("requests_hash", block.header.requests_hash, EMPTY_REQUESTS_HASH)


def op_withdrawals(block: Block) -> Ruling:
    """On the OP Stack the withdrawals list is empty from Canyon on; before Isthmus its root stands in the header."""
    if not block.op or not block.has("shanghai"):
        return Ruling()
    listed = len(block.withdrawals or ())
    found = _holds("withdrawals", listed, "0", listed == 0)
    if block.has("prague"):
        return found
    return join(found, _same("withdrawals_root", block.header.withdrawals_root, EMPTY_ROOT))


def size(block: Block) -> Ruling:
    """EIP-7934 (Osaka, Ethereum): the block's RLP is at most 8,388,608 bytes."""
    if block.op or not block.past("osaka"):
        return Ruling()
    encoded = body.block_size(block.header, block.transactions, block.withdrawals)
    limit = body.MAX_RLP_BLOCK_SIZE
    return _holds("block_size", encoded, f"<= {limit}", encoded <= limit)


RULES: tuple[Rule, ...] = (
    fields_present,
    number,
    timestamp,
    gas_limit,
    gas_used_bound,
    base_fee_rule,
    extra_data_rule,
    seal,
    blob_rules,
    requests,
    op_withdrawals,
    size,
)


def check(block: Block) -> Ruling:
    """Every rule of the block's family and fork. Never raises for a header that decodes."""
    ruling = join(*(rule(block) for rule in RULES))
    seen: dict[tuple[str, str], Difference] = {}
    for difference in ruling.differences:  # an absent field breaks its presence and its value: say it once
        seen.setdefault((difference.scope, difference.key), difference)
    return Ruling(tuple(dict.fromkeys(ruling.checked)), ruling.not_checked, tuple(seen.values()))
