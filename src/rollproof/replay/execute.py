"""Run a block on the core until it is done, fetching what it needs in bounded rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypedDict

from rollproof import _core
from rollproof.chain.fork import Fork
from rollproof.chain.schedule import ChainConfig
from rollproof.errors import Missing, Unsupported
from rollproof.types import Header, Withdrawal

# Some minutes of work and 3 GB of memory at most; a core that runs cannot be interrupted. Block limits are far below.
MAX_GAS = 10_000_000_000


class Source(Protocol):
    """Serves what execution could not read, checked against its own commitments (hash, proof) by the source."""

    def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
        """Preimages (trie nodes, codes, header RLP) for ``needs``. Raises Retry, Missing or Lying."""
        ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that execution of one block rests on; quantities as in the header.

    ``env`` is a header whose environment fields (number, timestamp, fees, ...) are used and whose results are not.
    ``block_hashes`` are unauthenticated. ``rules`` and ``fork`` name what runs it.
    """

    config: ChainConfig
    fork: Fork
    env: Header
    parent: Header | None
    pre_state_root: bytes
    transactions: tuple[bytes, ...]
    withdrawals: tuple[Withdrawal, ...] | None
    block_hashes: Mapping[int, bytes]
    preimages: _core.Preimages


class Arguments(TypedDict):
    """The arguments of ``_core.Rules``."""

    family: str
    chain_id: int
    fork: str
    blob: tuple[int, int, int] | None
    block_reward: int
    dao: bool
    create2_deployer: bool
    deposit_contract: bytes | None


def arguments(inputs: Inputs) -> Arguments:
    """The rules of the block, as both machines take them."""
    config, env, fork = inputs.config, inputs.env, inputs.fork
    parent_time = inputs.parent.timestamp if inputs.parent is not None else env.timestamp
    return Arguments(
        family=config.family,
        chain_id=config.chain_id,
        fork=fork.runs_as or fork.name,
        blob=config.blob_schedule(env.number, env.timestamp),
        block_reward=config.block_reward(env.number, env.timestamp),
        dao=config.dao_block == env.number,
        create2_deployer=config.family == "op"
        and config.is_first_block_of("canyon", env.number, env.timestamp, parent_time),
        deposit_contract=config.deposit_contract,
    )


def environment(inputs: Inputs) -> _core.Env:
    """What the header gives to execution. Raises Unsupported for a fee or excess that no machine takes."""
    env = inputs.env
    if env.base_fee is not None and env.base_fee >> 64:
        raise Unsupported(f"base fee {env.base_fee} wei is beyond 64 bits")
    # A header's own has 64 bits; one that the rules compute from a parent at that edge may have more.
    if env.excess_blob_gas is not None and env.excess_blob_gas >> 64:
        raise Unsupported(f"excess blob gas {env.excess_blob_gas} is beyond 64 bits")
    return _core.Env(
        number=env.number,
        timestamp=env.timestamp,
        gas_limit=env.gas_limit,
        beneficiary=env.beneficiary,
        parent_hash=env.parent_hash,
        difficulty=env.difficulty,
        prev_randao=env.mix_hash,
        base_fee=env.base_fee,
        excess_blob_gas=env.excess_blob_gas,
        parent_beacon_block_root=env.parent_beacon_block_root,
        block_hashes=dict(inputs.block_hashes),
    )


def run(
    inputs: Inputs, source: Source | None, max_rounds: int, *, trace: bool = False, inspect: str | None = None
) -> _core.Done | _core.Invalid | _core.Needs:
    """Run, fetch, resume. ``Needs`` comes back only without a source; what a source serves is kept in the preimages.

    ``trace`` and ``inspect`` are as in the core. Raises CoreError naming a family or fork that the core does not run,
    Unsupported for a block that could take more than `MAX_GAS`, Missing when the rounds are spent or one brought
    nothing new, and what the source raises.
    """
    bounded(inputs)
    built, env, listed = _core.Rules(**arguments(inputs)), environment(inputs), withdrawals(inputs)
    first = ""
    for _ in range(max_rounds):
        result = _core.run_block(
            inputs.preimages,
            inputs.pre_state_root,
            built,
            env,
            inputs.transactions,
            listed,
            trace=trace,
            inspect=inspect,
        )
        if not isinstance(result, _core.Needs) or source is None:
            return result
        first = result.first
        if inputs.preimages.add(list(source.fetch(result))) == 0:
            raise Missing(f"{first}: the source served nothing new")
    raise Missing(f"{first}: still missing after {max_rounds} round(s)")


def bounded(inputs: Inputs) -> None:
    """Raises Unsupported where the transactions could take more than `MAX_GAS` within the block's gas limit.

    No rule bounds an OP Stack block's limit, nor the gas of a system deposit before Regolith.
    """
    limit = inputs.env.gas_limit
    if limit <= MAX_GAS and inputs.fork.runs_as != "bedrock":
        return
    signed = system = 0
    for raw in inputs.transactions:
        try:
            decoded = _core.decode_transaction(raw, inputs.config.family)
        except _core.CoreError:  # by this reading; an old fork's may be wider
            signed += limit
            continue
        if decoded.get("is_system"):
            system += decoded["gas_limit"]
        else:
            signed += decoded["gas_limit"]
    most = min(signed, limit) + system
    if most > MAX_GAS:
        raise Unsupported(f"a block that could take {most} gas: more than {MAX_GAS} is not executed")


def withdrawals(inputs: Inputs) -> list[tuple[int, int, bytes, int]] | None:
    """The withdrawals as both machines take them; the OP Stack has none."""
    if inputs.withdrawals is None or inputs.config.family != "ethereum":
        return None
    return [(each.index, each.validator_index, each.address, each.amount) for each in inputs.withdrawals]


def authenticated_only(inputs: Inputs) -> Inputs:
    """The same inputs without the block hashes that nothing vouches for."""
    return replace(inputs, block_hashes={})
