"""The network names of the fixtures as chain configurations, through the types that a user's own file ends in."""

from __future__ import annotations

from functools import cache

from conformance.fixtures import Config
from rollproof.chain.config import ChainConfig, Fork
from rollproof.chain.fork import ENABLED, Blob

# Fixture name -> our name, oldest first.
FORKS = {
    "Frontier": "frontier",
    "Homestead": "homestead",
    "EIP150": "tangerine_whistle",
    "EIP158": "spurious_dragon",
    "Byzantium": "byzantium",
    "Constantinople": "constantinople",
    "ConstantinopleFix": "petersburg",
    "Istanbul": "istanbul",
    "Berlin": "berlin",
    "London": "london",
    "Paris": "paris",
    "Shanghai": "shanghai",
    "Cancun": "cancun",
    "Prague": "prague",
    "Osaka": "osaka",
    "BPO1": "bpo1",
    "BPO2": "bpo2",
    "BPO3": "bpo3",
    "BPO4": "bpo4",
    "Amsterdam": "amsterdam",
}
_BY_TIME = list(FORKS).index("Shanghai")
DEPOSIT_CONTRACT = bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa")  # mainnet's, which the fixtures use


def final(network: str) -> bool:
    """Whether every fork of a network is one that Rollproof says it runs."""
    return all(("ethereum", FORKS[name]) in ENABLED for name in split(network)[:2])


def split(network: str) -> tuple[str, str, int]:
    """``ShanghaiToCancunAtTime15k`` as ("Shanghai", "Cancun", 15000); a network of one fork as (it, it, 0)."""
    before, to, rest = network.partition("To")
    if not to:
        return before, before, 0
    after, _, moment = rest.partition("AtTime")
    return before, after, int(moment.removesuffix("k")) * 1000


def chain_of(network: str, config: Config) -> ChainConfig:
    """The configuration of a fixture's network. Raises KeyError for a fork that is not known by name."""
    blobs = tuple(
        (name, (int(blob.target, 16), int(blob.max, 16), int(blob.base_fee_update_fraction, 16)))
        for name, blob in config.blob_schedule.items()
    )
    return _chain(network, int(config.chainid, 16), blobs)


@cache
def _chain(network: str, chain_id: int, schedule: tuple[tuple[str, Blob], ...]) -> ChainConfig:
    before, after, moment = split(network)
    names, blobs = list(FORKS), dict(schedule)
    forks, blob = [], None
    for index, name in enumerate(names[: names.index(after) + 1]):
        blob = blobs.get(name, blob)
        late = moment if index > names.index(before) else 0
        own = FORKS[name]
        place = {"time": late} if index >= _BY_TIME else {"block": 0}
        runs_as = ENABLED.get(("ethereum", own))
        forks.append(Fork(own, runs_as, blob=blob if index >= names.index("Cancun") else None, **place))
    return ChainConfig(
        chain_id=chain_id,
        name=network,
        family="ethereum",
        forks=tuple(forks),
        deposit_contract=DEPOSIT_CONTRACT,
        source="fixture",
    )
