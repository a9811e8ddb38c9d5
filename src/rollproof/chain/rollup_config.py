"""An OP Stack rollup configuration in JSON (op-node's rollup.json, kona's record of it) read into a ChainConfig.

Nothing in such a record is authenticated: the result is never built in, and whoever uses it says so in ``assumes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rollproof.chain.entry import read_forks, uint
from rollproof.chain.fork import ORDER
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Malformed, Unsupported

_MAX_KEYS: Final = 256
# Times that no execution rule hangs on: batch encoding (Delta), the L1 blob base fee as derivation reads it.
_NOT_FORKS: Final = frozenset({"block_time", "delta_time", "pectra_blob_schedule_time"})
# Derivation and contract addresses: not execution rules, so not looked into.
_NOT_EXECUTION: Final = frozenset(
    {
        "alt_da", "batch_inbox_address", "blobs_data", "channel_timeout", "da_challenge_address", "da_challenge_window",
        "da_resolve_window", "deposit_contract_address", "granite_channel_timeout", "interop_message_expiry_window",
        "keep_karst_upgrade_gas", "l1_system_config_address", "max_sequencer_drift", "protocol_versions_address",
        "seq_window_size", "superchain_config_address", "use_plasma",
    }
)  # fmt: skip
_READ: Final = frozenset(
    {
        "base_fee_params", "block_time", "canyon_base_fee_params", "chain_op_config", "family", "genesis",
        "l1_chain_id", "l2_chain_id", "name",
    }
)  # fmt: skip
# Chain names as alloy writes them in kona's records.
_CHAIN_NAMES: Final = {
    "mainnet": 1, "sepolia": 11155111, "holesky": 17000, "hoodi": 560048, "optimism": 10, "optimism-sepolia": 11155420,
    "base": 8453, "base-sepolia": 84532, "unichain": 130, "unichain-sepolia": 1301, "ink": 57073, "ink-sepolia": 763373,
    "mode": 34443, "mode-sepolia": 919, "zora": 7777777, "zora-sepolia": 999999999, "world": 480,
    "world-sepolia": 4801, "soneium": 1868, "soneium-minato-testnet": 1946, "celo": 42220,
}  # fmt: skip


def from_rollup_config(record: Mapping[str, Any], *, family: str = "op", source: str = "record") -> ChainConfig:
    """A configuration of ``family`` from a rollup configuration; ``builtin`` is False.

    Every ``*_time`` is a fork; one that is not known by name stays in the schedule, with ``runs_as`` None. Raises
    Unsupported for an unknown key, by name, and Malformed for an ill-typed value.
    """
    if not isinstance(record, Mapping):
        raise Malformed(f"{source}: the rollup configuration is not an object")
    if len(record) > _MAX_KEYS:
        raise Malformed(f"{source}: the rollup configuration has more than {_MAX_KEYS} keys")
    where = f"{source}: rollup configuration"
    chain_id = _chain_id(record, "l2_chain_id", where)
    if chain_id is None:
        raise Malformed(f"{where} has no l2_chain_id")
    genesis = _table(record, "genesis", where)
    l2 = _table(genesis, "l2", f"{where}: genesis")
    number = uint(l2.get("number", 0), f"{where}: genesis.l2.number")
    time = genesis.get("l2_time")
    elasticity, denominator, canyon = _base_fee(record, where)
    block_time = record.get("block_time")
    return ChainConfig(
        chain_id=chain_id,
        name=f"Chain {chain_id}",
        family=family,
        forks=read_forks(family, [("bedrock", number)], _times(record, where), {}, where),
        eip1559_elasticity=elasticity,
        eip1559_denominator=denominator,
        eip1559_denominator_canyon=canyon,
        l1_chain_id=_chain_id(record, "l1_chain_id", where),
        genesis_number=number,
        genesis_time=None if time is None else uint(time, f"{where}: genesis.l2_time"),
        block_time=None if block_time is None else uint(block_time, f"{where}: block_time"),
        source=source,
    )


def _times(record: Mapping[str, Any], where: str) -> list[tuple[str, int]]:
    times: dict[str, int] = {}
    for key, value in record.items():
        if not isinstance(key, str) or len(key) > 64 or not key.isidentifier():
            raise Malformed(f"{where}: {str(key)[:64]!r} is not a key")
        if key.endswith("_time") and key not in _NOT_FORKS:
            if value is not None:
                times[key.removesuffix("_time")] = uint(value, f"{where}: {key}")
        elif key not in _READ and key not in _NOT_EXECUTION and key not in _NOT_FORKS:
            raise Unsupported(f"{where}: unknown key {key!r}")
    order = ORDER["op"]
    known = [(name, times[name]) for name in order if name in times]
    unknown = [(name, at) for name, at in times.items() if name not in order]
    # A fork that is not known by name goes where its time puts it, behind known ones of the same time.
    for name, at in sorted(unknown, key=lambda item: item[1]):
        place = next((i for i, (_, other) in enumerate(known) if other > at), len(known))
        known.insert(place, (name, at))
    return known


def _base_fee(record: Mapping[str, Any], where: str) -> tuple[int, int, int | None]:
    """(elasticity, denominator, denominator from Canyon on), in either of the two shapes that records have."""
    if record.get("chain_op_config") is not None:
        config = _table(record, "chain_op_config", where)
        elasticity, denominator = config.get("eip1559Elasticity"), config.get("eip1559Denominator")
        canyon = config.get("eip1559DenominatorCanyon")
    else:
        config = _table(record, "base_fee_params", where)
        elasticity, denominator = config.get("elasticity_multiplier"), config.get("max_change_denominator")
        after = (
            config if record.get("canyon_base_fee_params") is None else _table(record, "canyon_base_fee_params", where)
        )
        canyon = after.get("max_change_denominator")
        if after.get("elasticity_multiplier") != elasticity:
            raise Unsupported(f"{where}: an EIP-1559 elasticity that changes with Canyon")
    for value, name in ((elasticity, "elasticity"), (denominator, "denominator")):
        if value is None:
            raise Malformed(f"{where} has no EIP-1559 {name}")
    values = [uint(value, f"{where}: EIP-1559 parameter") for value in (elasticity, denominator)]
    values += [] if canyon is None else [uint(canyon, f"{where}: EIP-1559 denominator from Canyon on")]
    if not all(0 < value < 2**32 for value in values):
        raise Malformed(f"{where}: an EIP-1559 parameter is not between 1 and 2^32")
    return values[0], values[1], values[2] if canyon is not None else None


def _table(record: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = record.get(key)
    if not isinstance(value, Mapping):
        raise Malformed(f"{where}: {key!r} is not an object")
    return value


def _chain_id(record: Mapping[str, Any], key: str, where: str) -> int | None:
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, str) and not value.startswith("0x"):
        if value not in _CHAIN_NAMES:
            raise Unsupported(f"{where}: {key} {value[:64]!r} is not a chain known by that name")
        return _CHAIN_NAMES[value]
    return uint(value, f"{where}: {key}")
