"""A node's ``eth_config`` answer (EIP-7910) compared with our fork schedule.

The answer is a node's word about itself: a difference says that the node and Rollproof follow different schedules, not
that a block is wrong.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from rollproof.chain.entry import uint
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Malformed, Unsupported
from rollproof.types import Difference

_PERIODS: Final = ("current", "next", "last")
# What drafts of EIP-7910 served beside the periods: hashes of what is compared here field by field.
_DRAFT: Final = frozenset(f"{period}{what}" for period in _PERIODS for what in ("Hash", "ForkId"))
_KEYS: Final = frozenset({"activationTime", "blobSchedule", "chainId", "forkId", "precompiles", "systemContracts"})
_NO_FORK_ID: Final = frozenset({"frontier", "paris"})  # genesis itself; a total-difficulty rule, no number (EIP-2124)


def fork_id(config: ChainConfig, timestamp: int) -> int | None:
    """The EIP-2124 / EIP-6122 fork hash past every block fork and past the time forks up to ``timestamp``.

    None where it cannot be computed: another family, or no genesis hash known.
    """
    if config.family != "ethereum" or config.genesis_hash is None or config.genesis_time is None:
        return None
    blocks = {fork.block for fork in config.forks if fork.block and fork.name not in _NO_FORK_ID}
    blocks |= {config.netsplit_block} if config.netsplit_block else set()
    times = {
        fork.time for fork in config.forks if fork.time is not None and config.genesis_time < fork.time <= timestamp
    }
    checksum = zlib.crc32(config.genesis_hash)
    for group in (blocks, times):
        for at in sorted(at for at in group if at is not None):
            checksum = zlib.crc32(at.to_bytes(8, "big"), checksum)
    return checksum


def compare_eth_config(config: ChainConfig, answer: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What the node's answer says otherwise than ``config``; scope ``config``, key ``PERIOD.FIELD``.

    ``current`` is the period the node says it is in. Raises Malformed for an answer of another shape and Unsupported
    for an unknown key, by name.
    """
    if not isinstance(answer, Mapping):
        raise Malformed("eth_config: the answer is not an object")
    for key in answer:
        if key not in _PERIODS and key not in _DRAFT:
            raise Unsupported(f"eth_config: unknown key {str(key)[:64]!r}")
    if not isinstance(answer.get("current"), Mapping):
        raise Malformed("eth_config: the answer has no 'current' object")
    found: list[Difference] = []
    starts = _starts(config)
    now = uint(answer["current"].get("activationTime"), "eth_config: current.activationTime")
    later = [start for start in starts if start > now]
    expected = {
        "current": now if now in starts else None,
        "next": min(later, default=None),
        "last": max(later, default=None),
    }
    for period in _PERIODS:
        given = answer.get(period)
        if given is not None and not isinstance(given, Mapping):
            raise Malformed(f"eth_config: {period!r} is not an object")
        found += _compare_period(config, period, given, expected[period])
    return tuple(found)


def unchecked_of_eth_config(config: ChainConfig) -> tuple[str, ...]:
    """What `compare_eth_config` does not look at for this chain, for ``not_checked``."""
    unchecked = ["eth_config precompiles", "eth_config system contracts other than the deposit contract"]
    if fork_id(config, 0) is None:
        unchecked.append("eth_config forkId: not computed for this chain")
    if config.family != "ethereum":
        unchecked.append("eth_config blobSchedule: no blobs on this chain")
    return tuple(unchecked)


def _starts(config: ChainConfig) -> list[int]:
    """Activation times as EIP-7910 counts them: 0 for what holds from genesis on."""
    genesis = config.genesis_time or 0
    return sorted({0 if fork.time is None or fork.time <= genesis else fork.time for fork in config.forks})


def _compare_period(
    config: ChainConfig, period: str, given: Mapping[str, Any] | None, expected: int | None
) -> list[Difference]:
    if given is None:
        return [] if expected is None else [_difference(period, "activationTime", None, expected)]
    for key in given:
        if key not in _KEYS:
            raise Unsupported(f"eth_config: unknown key {period}.{str(key)[:64]!r}")
    at = uint(given.get("activationTime"), f"eth_config: {period}.activationTime")
    if at != expected:
        return [_difference(period, "activationTime", at, expected)]
    found = []
    chain_id = uint(given.get("chainId"), f"eth_config: {period}.chainId")
    if chain_id != config.chain_id:
        found.append(_difference(period, "chainId", chain_id, config.chain_id))
    number = max((fork.block or 0 for fork in config.forks), default=0)
    if config.family == "ethereum":
        found += _compare_blobs(period, given.get("blobSchedule"), config.blob_schedule(number, at))
    ours, theirs = fork_id(config, at), given.get("forkId")
    if ours is not None and theirs is not None:
        theirs = uint(theirs, f"eth_config: {period}.forkId")
        if theirs != ours:
            found.append(_difference(period, "forkId", f"0x{theirs:08x}", f"0x{ours:08x}"))
    found += _compare_deposit_contract(config, period, given.get("systemContracts"))
    return found


def _compare_blobs(period: str, given: object, ours: tuple[int, int, int] | None) -> list[Difference]:
    if given is None:
        return [] if ours is None else [_difference(period, "blobSchedule", None, str(list(ours)))]
    if not isinstance(given, Mapping):
        raise Malformed(f"eth_config: {period}.blobSchedule is not an object")
    names = ("target", "max", "baseFeeUpdateFraction")
    values = [uint(given.get(name), f"eth_config: {period}.blobSchedule.{name}") for name in names]
    expected: tuple[int | None, ...] = ours if ours is not None else (None, None, None)
    return [
        _difference(period, f"blobSchedule.{name}", value, own)
        for name, value, own in zip(names, values, expected, strict=True)
        if value != own
    ]


def _compare_deposit_contract(config: ChainConfig, period: str, contracts: object) -> list[Difference]:
    if config.deposit_contract is None or not isinstance(contracts, Mapping):
        return []
    given, ours = contracts.get("DEPOSIT_CONTRACT_ADDRESS"), f"0x{config.deposit_contract.hex()}"
    if given is None or (isinstance(given, str) and given.lower() == ours):
        return []
    return [_difference(period, "systemContracts.DEPOSIT_CONTRACT_ADDRESS", str(given)[:66], ours)]


def _difference(period: str, field: str, claimed: int | str | None, computed: int | str | None) -> Difference:
    return Difference(
        "config",
        f"{period}.{field}",
        None if claimed is None else str(claimed),
        None if computed is None else str(computed),
    )
