"""Chain configurations against activations that others published, at their boundaries, and against wrong input."""

from __future__ import annotations

import pytest

from rollproof.chain.config import builtin, load, resolve
from rollproof.chain.eth_config import fork_id
from rollproof.chain.fork import ENABLED
from rollproof.errors import Unsupported

FAR = 10**9  # a block number past every block fork

# (chain, timestamp) -> fork hash, as published: execution-specs' upgrade schedules, go-ethereum's forkid tests.
FORK_HASHES = [
    (1, 1681338455, 0xDCE96C2D),
    (1, 1710338135, 0x9F3D2254),
    (1, 1746612311, 0xC376CF8B),
    (1, 1764798551, 0x5167E2A6),
    (1, 1765290071, 0xCBA2A1C0),
    (11155111, 1677557088, 0xF7F9BC08),
    (11155111, 1706655072, 0x88CF81D9),
    (11155111, 1741159776, 0xED88B5FD),
    (11155111, 1760427360, 0xE2AE4999),
    (11155111, 1761017184, 0x56078A1E),
    (17000, 1759308480, 0x783DEF52),
    (17000, 1759800000, 0xA280A45C),
    (560048, 1761677592, 0xE7E0E7FF),
    (560048, 1762365720, 0x3893353E),
]


@pytest.mark.parametrize(("chain_id", "timestamp", "expected"), FORK_HASHES)
def test_fork_hash_is_the_published_one(chain_id: int, timestamp: int, expected: int) -> None:
    """A fork hash covers the genesis hash and every activation up to it: one wrong digit anywhere changes it."""
    assert fork_id(load(chain_id), timestamp) == expected
    assert fork_id(load(chain_id), timestamp - 1) != expected


BLOCK_BOUNDARIES = [
    (1150000, "frontier", "homestead", "homestead"),
    (1920000, "homestead", "dao_fork", "homestead"),
    (2463000, "dao_fork", "tangerine_whistle", "tangerine_whistle"),
    (2675000, "tangerine_whistle", "spurious_dragon", "spurious_dragon"),
    (4370000, "spurious_dragon", "byzantium", "byzantium"),
    (7280000, "byzantium", "petersburg", "petersburg"),
    (9069000, "petersburg", "istanbul", "istanbul"),
    (9200000, "istanbul", "muir_glacier", "istanbul"),
    (12244000, "muir_glacier", "berlin", "berlin"),
    (12965000, "berlin", "london", "london"),
    (13773000, "london", "arrow_glacier", "london"),
    (15050000, "arrow_glacier", "gray_glacier", "london"),
    (15537394, "gray_glacier", "paris", "paris"),
]


@pytest.mark.parametrize(("number", "before", "name", "runs_as"), BLOCK_BOUNDARIES)
def test_mainnet_block_forks(number: int, before: str, name: str, runs_as: str) -> None:
    config = load(1)
    assert config.fork_at(number - 1, 0).name == before
    assert (config.fork_at(number, 0).name, config.fork_at(number, 0).runs_as) == (name, runs_as)


TIME_BOUNDARIES = [
    (1, 1764798551, "prague", "osaka", "osaka"),
    (1, 1765290071, "osaka", "bpo1", "osaka"),
    (1, 1767747671, "bpo1", "bpo2", "osaka"),
    (11155111, 1791294816, "bpo2", "amsterdam", None),
    (10, 1704992401, "regolith", "canyon", "canyon"),
    (10, 1746806401, "holocene", "isthmus", "isthmus"),
    (10, 1764691201, "isthmus", "jovian", "jovian"),
    (10, 1783526401, "jovian", "karst", None),
    (11155420, 1781712001, "jovian", "karst", None),
    (130, 1736445601, "granite", "holocene", "holocene"),
    (480, 1777593600, "isthmus", "jovian", "jovian"),
    (8453, 1779991200, "jovian", "azul", None),
    (8453, 1782410400, "azul", "beryl", None),
    (8453, 1790791200, "beryl", "cobalt", None),
    (8453, 1793901600, "cobalt", "denim", None),
    (84532, 1776708000, "jovian", "azul", None),
]


@pytest.mark.parametrize(("chain_id", "timestamp", "before", "name", "runs_as"), TIME_BOUNDARIES)
def test_time_forks(chain_id: int, timestamp: int, before: str, name: str, runs_as: str | None) -> None:
    config = load(chain_id)
    assert config.fork_at(FAR, timestamp - 1).name == before
    assert (config.fork_at(FAR, timestamp).name, config.fork_at(FAR, timestamp).runs_as) == (name, runs_as)


@pytest.mark.parametrize(
    ("chain_id", "number", "timestamp", "says"),
    [
        (8453, FAR, 1779991200, "fork Base Azul (since 2026-05-28 18:00:00 UTC, 1779991200)"),
        (84532, FAR, 1781805600, "fork Base Beryl (since 2026-06-18 18:00:00 UTC, 1781805600)"),
        (10, FAR, 1783526401, "fork Karst (since 2026-07-08 16:00:01 UTC, 1783526401)"),
        (10, 105235062, 1686068000, "OP Mainnet (chain 10) before Bedrock"),
        (11155111, FAR, 1791294816, "fork Amsterdam (since 2026-10-06 13:53:36 UTC, 1791294816)"),
        (42220, FAR, 1760000000, "Celo (chain 42220) follows the rules of Celo"),
    ],
)
def test_what_cannot_be_run_is_named(chain_id: int, number: int, timestamp: int, says: str) -> None:
    with pytest.raises(Unsupported) as refused:
        load(chain_id).require_fork_at(number, timestamp)
    assert says in str(refused.value)


def test_unknown_chain_is_refused_by_id() -> None:
    with pytest.raises(Unsupported, match="chain 987654321 is not built in"):
        load(987654321)
    with pytest.raises(Unsupported, match="chain 987654321 is not built in"):
        resolve(987654321)


def test_blob_schedule() -> None:
    config = load(1)
    schedule = [
        (1710338134, None),
        (1710338135, (3, 6, 3338477)),
        (1746612311, (6, 9, 5007716)),
        (1764798551, (6, 9, 5007716)),
        (1765290071, (10, 15, 8346193)),
        (1767747671, (14, 21, 11684671)),
    ]
    for timestamp, expected in schedule:
        assert config.blob_schedule(FAR, timestamp) == expected
        assert config.fork_at(FAR, timestamp).blob == expected
    assert load(10).blob_schedule(FAR, 1764691201) is None


def test_block_reward() -> None:
    config = load(1)
    ether = 10**18
    numbers = (1, 4369999, 4370000, 7279999, 7280000, 15537393, 15537394)
    assert [config.block_reward(number) // ether for number in numbers] == [5, 5, 3, 3, 2, 2, 0]
    assert load(11155111).block_reward(1) == 2 * ether
    assert load(10).block_reward(105235064, 1686068905) == 0


def test_base_fee_params() -> None:
    assert load(1).base_fee_params(12965000, 0) == (8, 2)
    assert load(10).base_fee_params(FAR, 1704992400) == (50, 6)
    assert load(10).base_fee_params(FAR, 1704992401) == (250, 6)
    assert load(84532).base_fee_params(FAR, 1763568001) == (250, 10)
    assert load(57073).base_fee_params(FAR, 1733498413) == (250, 6)


def test_first_canyon_block() -> None:
    """That block places the create2 deployer."""
    config = load(10)
    assert config.is_first_block_of("canyon", FAR, 1704992401, 1704992399)
    assert not config.is_first_block_of("canyon", FAR, 1704992403, 1704992401)
    assert not config.is_first_block_of("canyon", FAR, 1704992399, 1704992397)
    # Canyon from genesis on: no block is its first, the genesis state has the code.
    assert not load(130).is_first_block_of("canyon", 1, 1730748360, 1730748359)


def test_op_stack_forks_imply_the_ethereum_rules_they_take_over() -> None:
    config = load(10)
    for at, newest, not_yet in [
        (1704992400, "paris", "shanghai"),
        (1704992401, "shanghai", "cancun"),
        (1710374400, "shanghai", "cancun"),
        (1710374401, "cancun", "prague"),
        (1746806401, "prague", "osaka"),
    ]:
        assert config.active(newest, FAR, at)
        assert config.active("london", FAR, at)
        assert not config.active(not_yet, FAR, at)
    assert not config.active("london", 105235062, 1686068901)
    assert config.merged(105235064)
    assert not load(1).merged(15537393)
    assert load(1).merged(15537394)


def test_later_forks_imply_earlier_ones() -> None:
    config = load(560048)  # London and everything before it at block 0, Prague by time
    assert config.active("london", 0, 0)
    assert config.active("cancun", 5, 1742999831)
    assert not config.active("prague", 5, 1742999831)
    assert config.active("berlin", 5, 1762955544)
    assert not config.active("dao_fork", 5, 1762955544)
    assert not config.active("canyon", 5, 1762955544)


def test_first_block_of_a_fork() -> None:
    config = load(1)
    assert config.dao_block == 1920000
    assert load(560048).dao_block is None
    assert config.is_first_block_of("dao_fork", 1920000, 2, 1)
    assert not config.is_first_block_of("dao_fork", 1920001, 3, 2)
    assert config.is_first_block_of("cancun", 19426587, 1710338135, 1710338123)
    assert not config.is_first_block_of("cancun", 19426588, 1710338147, 1710338135)
    assert not config.is_first_block_of("frontier", 0, 0, 0)


def test_schedule_says_how_far_it_is_known() -> None:
    config = load(1)
    assert config.stale(1767747671) is None
    assert "no fork of chain 1 activated after 2026-10-22" in (config.stale(2_000_000_000) or "")


def test_only_enabled_forks_run() -> None:
    """Every built-in activation either stands in the table of what is enabled, or has no rules to run."""
    assert len(builtin()) >= 60
    for config in builtin().values():
        assert config.builtin
        assert config.as_of is not None
        for fork in config.forks:
            assert fork.runs_as == ENABLED.get((config.family, fork.name))
    assert not {name for _, name in ENABLED} & {"karst", "interop", "lagoon", "amsterdam", "azul", "beryl", "cobalt"}
