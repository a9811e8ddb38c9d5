"""Rules by name, from files and with overrides; what is not known is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rollproof.errors import Malformed, Missing, Unsupported
from rollproof.venue.rules import registry
from rollproof.venue.rules.dydx import Dydx
from rollproof.venue.rules.gmx import Gmx
from rollproof.venue.rules.hyperliquid import Hyperliquid, Tier
from rollproof.venue.rules.lab import Lab
from rollproof.venue.rules.liquidation import AdlRank


def written(directory: Path, text: str) -> Path:
    path = directory / "rules.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", registry.FAMILIES)
def test_every_family_loads_and_says_what_it_is(name: str) -> None:
    rules = registry.load(name)
    said = rules.describe()
    assert (rules.family, said["family"]) == (name, name)
    assert said["source"]
    assert said["assumes"]
    assert rules == type(rules)()
    assert msgspec.convert(said["parameters"], type(rules)) == rules
    assert name in registry.describe()


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        family = "gmx"
        min_collateral_factor = 0.02
        [liquidation]
        grace_seconds = 60.0
        [backstop]
        adl_rank = "profit-leverage"
        [markets.BTC]
        min_collateral_factor_for_liquidation = 0.005
        """,
    )
    rules = registry.load(path)
    assert isinstance(rules, Gmx)
    assert rules.min_collateral_factor == 0.02
    assert (rules.liquidation.grace_seconds, rules.liquidation.penalty) == (60.0, Gmx().liquidation.penalty)
    assert (rules.backstop.adl_rank, rules.backstop.fund_first) == (AdlRank.PROFIT_LEVERAGE, False)
    assert rules.markets == {"BTC": {"min_collateral_factor_for_liquidation": 0.005}}
    assert rules.max_profit_factor == Gmx().max_profit_factor


def test_overrides_come_last(tmp_path: Path) -> None:
    path = written(tmp_path, 'family = "lab"\ninitial_ratio = 0.1\nmaintenance_ratio = 0.05\n')
    rules = registry.load(path, {"initial_ratio": 0.2, "liquidation.step": 0.25, "markets": {"ETH": {"fee": 0.001}}})
    assert isinstance(rules, Lab)
    assert (rules.initial_ratio, rules.maintenance_ratio, rules.liquidation.step) == (0.2, 0.05, 0.25)
    assert rules.liquidation.penalty == 0.005
    assert rules.markets == {"ETH": {"fee": 0.001}}
    assert registry.load("dydx", {"markets.ETH.initial_fraction": 0.1}) == Dydx(
        markets={"ETH": {"initial_fraction": 0.1}}
    )


def test_tiers_in_a_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        family = "hyperliquid"
        [tiers]
        BTC = [{from_notional = 0, max_leverage = 50}, {from_notional = 1e6, max_leverage = 20}]
        """,
    )
    rules = registry.load(path)
    assert isinstance(rules, Hyperliquid)
    assert rules.tiers["BTC"] == (Tier(0, 50), Tier(1e6, 20))
    assert rules.tiers["ETH"] == Hyperliquid().tiers["ETH"]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("initial_ratio = 0.1", Malformed, "no family named"),
        ("family = 3", Malformed, "no family named"),
        ('family = "ftx"', Unsupported, "rules 'ftx' are not known: dydx, gmx"),
        ('family = "lab"\ninital_ratio = 0.1', Unsupported, "unknown field `inital_ratio`"),
        ('family = "lab"\n[liquidation]\npenalti = 1', Unsupported, "unknown field `penalti`"),
        ('family = "lab"\n[markets.ETH]\nkeeper = 1.0', Unsupported, r"markets\.ETH\.keeper is not known"),
        ('family = "lab"\ninitial_ratio = "0.1"', Malformed, "initial_ratio"),
        ('family = "lab"\ninitial_ratio = nan', Malformed, "initial_ratio is nan"),
        ('family = "lab"\nskew_value = inf', Malformed, "skew_value is inf"),
        ('family = "lab"\ninitial_ratio = 0.001', Malformed, "maintenance_ratio is 0.01, but has to be at most"),
        ('family = "lab"\n[liquidation]\nstep = 0.0', Malformed, "liquidation: step is 0.0"),
        ('family = "lab"\n[liquidation]\ngrace_seconds = -1.0', Malformed, "grace_seconds is -1.0"),
        ('family = "lab"\n[backstop]\nadl_rank = "first"', Malformed, "first"),
        ('family = "lab"\nliquidation = 3', Malformed, "liquidation"),
        ("family = ", Malformed, "not TOML"),
        ("x = " + "[" * 5_000, Malformed, "not TOML"),
        ("# " + "x" * (1 << 20), Malformed, "over 1048576 bytes"),
    ],
)
def test_files_are_refused_by_name(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        registry.load(written(tmp_path, text))
    assert len(str(raised.value)) < 500


def test_what_is_no_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    with pytest.raises(Missing, match=r"rules\.toml: cannot be read"):
        registry.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Malformed, match="not TOML"):
        registry.load(path)
    with pytest.raises(Unsupported, match="rules 'gmxx' are not known"):
        registry.load("gmxx")


@pytest.mark.parametrize(
    "override", [{"steps": 1.0}, {"liquidation.steps": 1.0}, {"markets.ETH.fees": 1.0}, {"fee.of": 1.0}, {"fee": None}]
)
def test_overrides_are_refused_by_name(override: dict[str, Any]) -> None:
    with pytest.raises((Unsupported, Malformed), match=r"steps|fee"):
        registry.load("lab", override)
