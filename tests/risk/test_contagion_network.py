"""DebtRank, networks from files, shocks, and what of them is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rollproof.errors import Malformed, RollproofError, Unsupported
from rollproof.risk.contagion.contagion import contagion, sweep
from rollproof.risk.contagion.debt_rank import debt_rank, impact_of_default
from rollproof.risk.contagion.network_file import MAX_BYTES, example, load, parsed
from rollproof.risk.contagion.shock import Shock


def test_debt_rank_by_hand() -> None:
    # Step 1: node 0 passes .4 on: .2 and .08. Step 2: they pass that on: 0 gets .02, 1 gets .024, 2 gets .08.
    impact = np.array([[0, 0.5, 0.2], [0.1, 0, 0.4], [0, 0.3, 0]])
    result = debt_rank(impact, np.array([0.4, 0, 0]), np.array([0.5, 0.3, 0.2]))
    np.testing.assert_allclose(result.distress, [0.42, 0.224, 0.16], rtol=1e-14)
    assert result.debt_rank == pytest.approx(0.1092, rel=1e-13)


def test_distress_goes_round_a_circle_once() -> None:
    impact = np.array([[0, 1.0], [1.0, 0]])
    result = debt_rank(impact, np.array([0.3, 0]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(result.distress, [0.6, 0.3])


@pytest.mark.parametrize(
    ("impact", "first", "value"),
    [
        ([[0, 1.5], [0, 0]], [0.1, 0], [1, 1]),
        ([[0, 0.5], [0, 0]], [-0.1, 0], [1, 1]),
        ([[0, 0.5], [0, 0]], [0.1, 0], [0, 0]),
        ([[0, 0.5], [0, 0]], [np.nan, 0], [1, 1]),
        ([[0, 0.5]], [0.1, 0], [1, 1]),
    ],
)
def test_debt_rank_refuses_what_is_no_share(impact: list[list[float]], first: list[float], value: list[float]) -> None:
    with pytest.raises(Malformed, match="debtrank"):
        debt_rank(np.array(impact), np.array(first), np.array(value, dtype=float))


def test_a_creditor_loses_its_claim_by_its_equity() -> None:
    net = parsed(TWO.encode(), "two.toml")
    impact = impact_of_default(net, np.array([10.0, 20.0]))
    # the venue owes the lender 5 and issued 4 of the 8 tokens at 2 that the lender holds: 5 + 8 * 2, above 20
    np.testing.assert_allclose(impact, [[0, 1], [0, 0]])
    assert impact_of_default(net, np.array([10.0, 42.0]))[0, 1] == pytest.approx(21 / 42)


TWO = """
quote = "USD"
[[node]]
name = "venue"
kind = "venue"
liquid = 30.0
outside = 10
[[node]]
name = "lender"
kind = "lender"
liquid = 3.0
holds = { token = 8.0 }
[[debt]]
from = "venue"
to = "lender"
amount = 5.0
[[asset]]
name = "token"
price = 2.0
issuer = "venue"
"""


def test_a_file_says_what_it_says() -> None:
    net = parsed(TWO.encode(), "two.toml")
    assert net.nodes == ("venue", "lender")
    assert [str(kind) for kind in net.kinds] == ["venue", "lender"]
    np.testing.assert_array_equal(net.liabilities, [[0, 5], [0, 0]])
    np.testing.assert_array_equal(net.due, [15, 0])
    assert np.isinf(net.depth[0])
    assert net.issuer[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ('to = "lender"', 'to = "bank"', Unsupported, "debt 1 names 'bank'"),
        ("token = 8.0", "coin = 8.0", Unsupported, "node 'lender' names 'coin'"),
        ('issuer = "venue"', 'issuer = "x"', Unsupported, "asset 'token' names 'x'"),
        ("amount = 5.0", "amount = -5.0", Malformed, "debt 1: amount is -5.0"),
        ("amount = 5.0", "amount = nan", Malformed, "debt 1: amount is nan"),
        ("liquid = 3.0", "liquid = nan", Malformed, "liquid of 'lender' is nan"),
        ("liquid = 3.0", "liquid = inf", Malformed, "liquid of 'lender' is inf"),
        ("liquid = 3.0", "cash = 3.0", Malformed, "cash"),
        ("price = 2.0", "price = -2.0", Malformed, "prices of 'token' is -2.0"),
        ("price = 2.0", "price = 2.0\ndepth = 0.0", Malformed, "depths above 0"),
        ("liquid = 3.0", "liquid = 3.0\ncalled = 1.5", Malformed, "called of 'lender' is above 1"),
        ('name = "lender"', 'name = "venue"', RollproofError, "lender|twice"),
        ('kind = "lender"', 'kind = "bank"', Malformed, "bank"),
        ('from = "venue"\nto = "lender"', 'from = "lender"\nto = "lender"', Malformed, "'lender' owes itself"),
        ('quote = "USD"', "", Malformed, "quote"),
        ("[[debt]]", "[[debt", Malformed, "two.toml"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, error: type[RollproofError], words: str) -> None:
    assert old in TWO
    with pytest.raises(error, match=words):
        parsed(TWO.replace(old, new).encode(), "two.toml")


def test_a_file_is_bounded_and_of_a_known_kind(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="more than"):
        parsed(b"#" * (MAX_BYTES + 1), "x.toml")
    with pytest.raises(Unsupported, match=r"\.toml"):
        load(tmp_path / "network.json")
    path = tmp_path / "network.toml"
    path.write_text(TWO, encoding="utf-8")
    assert load(path).nodes == ("venue", "lender")


def test_a_shock_names_what_is_not_there() -> None:
    net = parsed(TWO.encode(), "two.toml")
    with pytest.raises(Unsupported, match="no node 'bank'"):
        contagion(net, Shock({"bank": 1.0}))
    with pytest.raises(Unsupported, match="no asset 'coin'"):
        contagion(net, Shock(haircuts={"coin": 0.1}))
    with pytest.raises(Malformed, match="loss of 'venue'"):
        contagion(net, Shock({"venue": float("nan")}))
    with pytest.raises(Malformed, match="haircut on 'token'"):
        contagion(net, Shock(haircuts={"token": 1.2}))


def test_the_example_stands_until_it_is_shocked() -> None:
    net = example()
    assert contagion(net).defaults == ()
    hit = contagion(net, Shock({"bridge": 50e6}))
    assert hit.defaults[0].node == "bridge"
    assert hit.defaults[0].round == 0
    assert hit.multiplier > 1
    assert {each.node for each in hit.defaults[1:]} <= {"lender-a", "lender-b", "market-maker"}


def test_a_sweep_over_losses_never_falls() -> None:
    losses = np.linspace(0, 72e6, 13)
    lost, defaults = sweep(example(), "perpetuals", losses.tolist())
    assert lost[0] == 0
    assert (np.diff(lost) >= -1e-3).all()
    assert (np.diff(defaults) >= 0).all()
    # The venue owes 60 million and has 72: nobody is hurt before 12 million are lost.
    assert lost[2] == 0
    assert lost[3] > 0
