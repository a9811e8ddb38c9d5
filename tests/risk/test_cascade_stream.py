"""Random streams and price paths: NumPy's generator, the normal law, and the market model's moments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rollproof.risk.cascade import stream
from rollproof.risk.cascade.prices import laws, walk
from rollproof.risk.cascade.timing import Grid, reached, times
from rollproof.risk.closed.outage import shortfall_probability
from rollproof.risk.market import YEAR, Jumps, Model, gbm, jump_diffusion
from rollproof.venue.book import Floats


def test_a_stream_is_numpys_sfc64() -> None:
    theirs = np.random.SFC64(5)
    ours = np.asarray(theirs.state["state"]["state"], dtype=np.uint64).copy()
    assert [int(stream.draw(ours)) for _ in range(100)] == theirs.random_raw(100).tolist()


def test_streams_of_a_path_do_not_depend_on_how_many_there_are() -> None:
    assert (stream.words(3, 1, 8)[:4] == stream.words(3, 1, 4)).all()
    assert not (stream.words(3, 1, 4) == stream.words(3, 2, 4))[:, :, :3].any()  # the fourth word counts draws
    assert len({tuple(each) for each in stream.words(3, 0, 50).reshape(-1, 4).tolist()}) == 200


def test_normals_are_normal() -> None:
    count = 2_000_000
    drawn = np.empty(count)
    stream.normals(stream.words(11, 0, 1)[0, 0], drawn, count)
    assert stats.kstest(drawn[:200_000], "norm").pvalue > 1e-3
    for moment, value, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((drawn**moment).mean() - value) < 4 * np.sqrt(variance / count)
    for level in (1.0, 2.5, 3.2, 3.6541528853610088, 4.0):  # the fourth is where the ziggurat's tail begins
        for seen, expected in (
            ((drawn > level).mean(), stats.norm.sf(level)),
            ((drawn < -level).mean(), stats.norm.sf(level)),
        ):
            assert abs(seen - expected) < 4.5 * np.sqrt(expected / count), level


def test_one_by_one_is_the_same_as_many() -> None:
    one, many = stream.words(2, 0, 1)[0, 0], stream.words(2, 0, 1)[0, 0]
    drawn = np.empty(20_000)
    stream.normals(many, drawn, len(drawn))
    assert drawn.tolist() == [stream.normal(one) for _ in range(len(drawn))]


def test_scattered_numbers_are_uniform_and_fixed() -> None:
    key = np.uint64(0x1234_5678_9ABC_DEF0)
    drawn = np.array([stream.scattered(key, index) for index in range(50_000)])
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 4 / np.sqrt(len(drawn))
    assert stream.scattered(key, 7) == drawn[7]


def ends(model: Model, grid: Grid, seconds: float, paths: int, *, seed: int = 1) -> Floats:
    """(paths, steps, assets) log prices."""
    law, jumps = laws(model, model)
    when = times(grid, seconds)
    steps = when.steps + when.later
    out = np.zeros((paths, steps, len(model.assets)))
    words, room = stream.words(seed, 0, paths), np.zeros(steps * (len(model.assets) + 1))
    for path in range(paths):
        walk(words[path], law[0], jumps[0], when, room, out[path])
    return out


def test_several_assets_have_the_models_covariance() -> None:
    model = jump_diffusion(
        ("A", "B"), [0.8, 1.2], loading=0.6, common=Jumps(400.0, -0.04, 0.05), beta=1.3, own=Jumps(300.0, 0.02, 0.03)
    )
    paths, years = 40_000, 86_400 / YEAR
    got = ends(model, Grid(7_200.0, 3_600.0, 43_200.0), 43_200.0, paths)[:, -1]
    jumps = 400 * 1.3**2 * (0.04**2 + 0.05**2)
    expected = (
        np.array([[0.8**2, 0.6**2 * 0.96], [0.6**2 * 0.96, 1.2**2]]) + jumps + np.diag([300 * (0.02**2 + 0.03**2)] * 2)
    )
    seen = np.cov(got.T) / years
    for i, j in ((0, 0), (0, 1), (1, 1)):
        product = (got[:, i] - got[:, i].mean()) * (got[:, j] - got[:, j].mean()) / years
        assert abs(seen[i, j] - expected[i, j]) < 4 * product.std() / np.sqrt(paths)
    price = np.exp(got)
    assert (np.abs(price.mean(axis=0) - 1) < 4 * price.std(axis=0) / np.sqrt(paths)).all()  # compensated


@pytest.mark.parametrize("steps", [1, 24])
def test_one_asset_ends_where_merton_says(steps: int) -> None:
    seconds, paths = 116 * 60.0, 200_000
    got = np.exp(ends(jump_diffusion(("A",)), Grid(seconds / steps, 60.0, 0.0), seconds, paths)[:, -1, 0])
    expected = float(shortfall_probability(1.0, 0.05, 0.8, seconds / YEAR, jumps=Jumps(50.0, -0.04, 0.05)))
    assert abs((got < 0.95).mean() - expected) < 4 * np.sqrt(expected / paths)


def test_jumps_come_at_real_times_whatever_the_steps() -> None:
    still = jump_diffusion(("A",), 1e-12, common=Jumps(20_000.0, 0.0, 0.05))
    fine = ends(still, Grid(60.0, 60.0, 0.0), 6_000.0, 50)[:, :, 0]
    rough = ends(still, Grid(600.0, 60.0, 0.0), 6_000.0, 50)[:, :, 0]
    assert np.abs(fine[:, 9::10] - rough).max() < 1e-6


def test_a_grid_ends_where_it_should() -> None:
    when = times(Grid(60.0, 15.0, 100.0), 130.0)
    assert (when.steps, when.later) == (3, 7)
    assert (when.step, when.later_step) == pytest.approx((130 / 3, 100 / 7))
    assert [reached(when, now) for now in (0.0, 43.0, 44.0, 130.0, 130.1, 229.9, 231.0)] == [0, 0, 1, 2, 3, 9, 10]
    assert ends(gbm(("A",)), Grid(60.0, 15.0, 100.0), 0.0, 2).shape == (2, 8, 1)
