"""Configurations from records and files: unknown names, wrong shapes, and never over a built-in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rollproof.chain.config import from_file, from_rollup_config, load, resolve
from rollproof.errors import Malformed, Missing, RollproofError, Unsupported


def record(**changes: Any) -> dict[str, Any]:
    """A rollup configuration as op-node writes it, of a chain that is not built in."""
    base: dict[str, Any] = {
        "genesis": {"l1": {"number": 7}, "l2": {"number": 0}, "l2_time": 1000, "system_config": {}},
        "block_time": 2,
        "max_sequencer_drift": 600,
        "seq_window_size": 3600,
        "channel_timeout": 300,
        "l1_chain_id": 1,
        "l2_chain_id": 424242,
        "regolith_time": 0,
        "canyon_time": 0,
        "delta_time": 0,
        "ecotone_time": 2000,
        "fjord_time": "0xbb8",
        "granite_time": None,
        "batch_inbox_address": "0x00",
        "chain_op_config": {"eip1559Elasticity": 6, "eip1559Denominator": 50, "eip1559DenominatorCanyon": 250},
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def test_record_of_an_unknown_chain_counts_and_is_named() -> None:
    config, assumes = resolve(424242, record())
    assert not config.builtin
    assert assumes == ("rollup configuration of chain 424242 from the record",)
    assert [config.fork_at(1, at).name for at in (1999, 2000, 2999, 3000)] == ["canyon", "ecotone", "ecotone", "fjord"]
    assert config.base_fee_params(1, 2000) == (250, 6)


def test_unknown_fork_in_a_record_is_kept_by_name() -> None:
    config = from_rollup_config(record(kelp_time=2500))
    assert config.fork_at(1, 2499).name == "ecotone"
    assert config.fork_at(1, 9999).name == "kelp"  # Fjord, later, builds on rules that are not known
    with pytest.raises(Unsupported, match="fork Kelp"):
        config.require_fork_at(1, 9999)
    assert config.require_fork_at(1, 2499).runs_as == "ecotone"


def test_the_other_shape_of_base_fee_parameters() -> None:
    shape = {"elasticity_multiplier": "0xa", "max_change_denominator": "0x32"}
    canyon = {"elasticity_multiplier": "0xa", "max_change_denominator": "0xfa"}
    config = from_rollup_config(record(chain_op_config=..., base_fee_params=shape, canyon_base_fee_params=canyon))
    assert config.base_fee_params(1, 2000) == (250, 10)


def test_chain_id_by_name() -> None:
    assert from_rollup_config(record(l2_chain_id="base-sepolia")).chain_id == 84532
    with pytest.raises(Unsupported, match="'atlantis'"):
        from_rollup_config(record(l2_chain_id="atlantis"))


def test_a_record_never_overrides_a_built_in_chain() -> None:
    config, assumes = resolve(10, record(l2_chain_id=10, canyon_time=5, kelp_time=1))
    assert config is load(10)
    assert config.fork_at(10**9, 1704992400).name == "regolith"
    assert len(assumes) == 1
    assert "the record says otherwise" in assumes[0]
    assert "canyon" in assumes[0]
    assert "kelp" in assumes[0]
    unreadable, assumes = resolve(10, record(l2_chain_id=10, surprise=1))
    assert unreadable is load(10)
    assert "'surprise'" in assumes[0]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"surprise": 1}, Unsupported, "unknown key 'surprise'"),
        ({"ecotone_time": -1}, Malformed, "ecotone_time"),
        ({"ecotone_time": 2**64}, Malformed, "ecotone_time"),
        ({"ecotone_time": 1.5}, Malformed, "ecotone_time"),
        ({"ecotone_time": True}, Malformed, "ecotone_time"),
        ({"ecotone_time": "0xzz"}, Malformed, "ecotone_time"),
        ({"ecotone_time": 4000}, Malformed, "'fjord' activates before 'ecotone'"),
        ({"l2_chain_id": ...}, Malformed, "no l2_chain_id"),
        ({"l2_chain_id": []}, Malformed, "l2_chain_id"),
        ({"genesis": []}, Malformed, "'genesis'"),
        ({"chain_op_config": {}}, Malformed, "EIP-1559 elasticity"),
        ({"chain_op_config": {"eip1559Elasticity": 0, "eip1559Denominator": 50}}, Malformed, "between 1 and 2^32"),
        ({f"x{n}_time": 1 for n in range(300)}, Malformed, "256 keys"),
        ({f"x{n}_time": 1 for n in range(100)}, Malformed, "64 forks"),
        ({"bedrock_time": 1}, Malformed, "stands twice"),
    ],
)
def test_wrong_records(changes: dict[str, Any], error: type[RollproofError], says: str) -> None:
    with pytest.raises(error) as refused:
        from_rollup_config(record(**changes))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_record_of_another_chain_is_refused() -> None:
    with pytest.raises(Malformed, match="chain 424242, the block of 5"):
        resolve(5, record())


ENTRY = """
name = "Own"
chain_id = 424242
family = "op"
genesis_time = 1000
eip1559_denominator_canyon = 250
[blocks]
bedrock = 0
[times]
regolith = 0
canyon = 1500
"""


def test_own_chain_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(ENTRY)
    config, assumes = resolve(424242, from_file(path))
    assert not config.builtin
    assert assumes == ("rollup configuration of chain 424242 from the own.toml",)
    assert [config.fork_at(1, at).name for at in (1499, 1500)] == ["regolith", "canyon"]


def test_rollup_json_needs_its_family_named(tmp_path: Path) -> None:
    path = tmp_path / "rollup.json"
    path.write_text(json.dumps(record()))
    with pytest.raises(Malformed, match="no rule family named"):
        from_file(path)
    assert from_file(path, family="op").fork_at(1, 2000).runs_as == "ecotone"
    assert from_file(path, family="celo").fork_at(1, 2000).runs_as is None


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (ENTRY.replace("family", "famly"), Malformed, "no rule family named"),
        (ENTRY + "[surprise]\n", Unsupported, "unknown key 'surprise'"),
        (ENTRY.replace("canyon = 1500", "canyon = 1500\necotone = 1499"), Malformed, "'ecotone' activates before"),
        (ENTRY.replace("regolith = 0\ncanyon = 1500", "canyon = 0\nregolith = 0"), Malformed, "builds on it"),
        (ENTRY.replace("canyon = 1500", '"ca nyon" = 1500'), Malformed, "not a fork name"),
        (ENTRY.replace("424242", '"0x"'), Malformed, "chain_id"),
        (ENTRY.replace("denominator_canyon = 250", "denominator_canyon = 0"), Malformed, "denominator_canyon"),
        (ENTRY + "[blobs]\nkelp = [1, 2, 3]\n", Malformed, "blob schedule of 'kelp'"),
        (ENTRY + "[blobs]\ncanyon = [3, 2, 3]\n", Malformed, "target above its maximum"),
        (ENTRY.replace('"op"', '"ethereum"') + "cancun = 1600\n", Malformed, "'cancun' has no blob schedule"),
        (
            ENTRY.replace('"op"', '"ethereum"') + "cancun = 1600\nbpo1 = 1700\n[blobs]\ncancun = [3, 6, 9]\n",
            Malformed,
            "'bpo1' has no blob schedule",
        ),
        ("[", Malformed, "not TOML"),
        ("", Malformed, "no rule family named"),
        ("#" * (1 << 20) + "\n", Malformed, "over 1048576 bytes"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, error: type[RollproofError], says: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(error) as refused:
        from_file(path)
    assert says in str(refused.value)


def test_deep_json_and_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "rollup.json"
    path.write_text("[" * 100_000)
    with pytest.raises(Malformed, match="nested deeper than 64"):
        from_file(path)
    with pytest.raises(Missing, match="cannot be read"):
        from_file(tmp_path / "absent.toml")
