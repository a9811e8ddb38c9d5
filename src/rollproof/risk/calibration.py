"""A market model fitted to a series of prices: diffusion, jumps common to the assets and their own, loadings.

What is jump and what is diffusion is told by size (`risk.jump_law`), so both are of the prices' own spacing: fit at the
spacing whose noise is small (``interval_seconds``), and see ``signature`` for whether it is. Drift is not fitted: over
any span that minutes of prices cover, its standard error is larger than it is; the model's is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from rollproof.errors import Malformed
from rollproof.risk import jump_law, realised
from rollproof.risk.estimate import Estimate
from rollproof.risk.jump_law import JumpFit, Mask
from rollproof.risk.market import YEAR, Model
from rollproof.risk.prices import Prices
from rollproof.risk.realised import Returns
from rollproof.venue.book import Floats

FEWEST = 50  # returns
MOST_LOADING = 0.999
_BLOCKS = 10  # of the jackknife
WORST_MINUTES = (1.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class AssetFit:
    """One asset's parameters with their errors, and what the series looked like. Rates and volatilities are annual."""

    asset: str
    returns: int
    gaps: int  # spacings too long for a return
    years: float  # that the returns cover
    step_seconds: float  # the usual spacing
    realised_volatility: float  # of diffusion and jumps
    bipower_volatility: float
    volatility: Estimate  # of the diffusion: of returns that are no jumps
    jump_share: float  # of the variance, 1 - bipower / realised
    kurtosis: float
    autocorrelation: float  # of neighbouring returns: below about -0.1, prices bounce and the spacing is too short
    worst: tuple[tuple[float, float], ...]  # (minutes, log return)
    signature: tuple[tuple[float, float], ...]  # (seconds, realised volatility at that spacing)
    jumps: JumpFit  # its own; of a single asset all of them, which the model has as common
    loading: Estimate
    beta: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model and how sure it is."""

    model: Model
    assets: tuple[AssetFit, ...]
    common: JumpFit
    correlation: Floats  # (assets, assets) of the diffusions
    notes: tuple[str, ...]


def fit(
    prices: Prices, *, interval_seconds: float | None = None, significance: float = jump_law.SIGNIFICANCE
) -> Fitted:
    """A model of the series' assets.

    Args:
        prices: of one asset or several; times at which one of them has no price are left out.
        interval_seconds: fit to the last prices in intervals so long; None takes every price.
        significance: probability of calling anything a jump in a whole series without one.

    Several assets jump in common where at least half of them (two at least) jump at the same time. The size of such a
    jump is the mean of the assets' returns, and beta their regression on it, 1 on average. Loadings are the one-factor
    fit to the correlations of returns without jumps, their errors by jackknife over ten parts of the series.

    Raises:
        Malformed: fewer than `FEWEST` returns, or prices of an asset never move.
    """
    sampled = prices if interval_seconds is None else prices.sampled(interval_seconds)
    known = ~np.isnan(sampled.price).any(axis=1)
    seconds, price = sampled.seconds[known], sampled.price[known]
    count = len(prices.assets)
    each = [Returns.of(seconds, price[:, at]) for at in range(count)]
    notes = [] if known.all() else [f"{int((~known).sum())} times without a price of every asset were left out"]
    if (returns := len(each[0].log)) < FEWEST:
        raise Malformed(f"prices: {returns} returns of all assets together, at least {FEWEST} are needed")
    for asset, one in zip(prices.assets, each, strict=True):
        if not one.products.any():
            raise Malformed(f"prices: {asset} hardly ever moves: there is nothing to fit to")

    log = np.column_stack([one.log for one in each])
    noise = np.column_stack([jump_law.local_deviation(one) for one in each])
    bound = noise * jump_law.threshold(returns, significance)
    jumped = np.abs(log) > bound
    years = each[0].years
    together = jumped.sum(axis=1) >= max(2, math.ceil(count / 2)) if count > 1 else jumped[:, 0]
    common, beta, beta_error = _common(log, noise, bound, together, years)
    quiet = np.asarray(~jumped.any(axis=1))
    correlation, loading, loading_error = _loadings(log / np.sqrt(years)[:, None], quiet)

    fits = []
    for at, (asset, one) in enumerate(zip(prices.assets, each, strict=True)):
        alone = jumped[:, at] & ~together if count > 1 else jumped[:, at]
        fits.append(
            AssetFit(
                asset, returns, one.gaps, one.span, float(np.median(np.diff(seconds))),
                math.sqrt(realised.variance(one)), math.sqrt(realised.bipower(one)),
                _volatility(one, ~jumped[:, at] & ~together), realised.jump_share(one), realised.kurtosis(one),
                realised.autocorrelation(one),
                tuple((minutes, realised.worst_move(seconds, price[:, at], minutes)) for minutes in WORST_MINUTES),
                realised.signature(seconds, price[:, at], _intervals(one)),
                jump_law.fit(log[alone, at], noise[alone, at], bound[:, at], noise[:, at], years),
                Estimate.of(float(loading[at]), float(loading_error[at])),
                Estimate.of(float(beta[at]), float(beta_error[at])),
            )
        )  # fmt: skip
    notes += _noted(fits, common, count)
    own = [one.jumps.jumps for one in fits] if count > 1 else []
    model = Model(
        prices.assets, np.array([one.volatility.value for one in fits]), loading, np.zeros(count),
        common.jumps, beta,
        *(np.array([getattr(jumps, name) for jumps in own] or [0.0]) for name in ("intensity", "mean", "deviation")),
    )  # fmt: skip
    return Fitted(model, tuple(fits), common, correlation, tuple(notes))


def _common(log: Floats, noise: Floats, bound: Floats, together: Mask, years: Floats) -> tuple[JumpFit, Floats, Floats]:
    """The common jumps' law, the assets' betas and their standard errors."""
    count = log.shape[1]
    size = log.mean(axis=1)
    beta, error = np.ones(count), np.zeros(count)
    if count > 1 and together.any():
        moved, total = size[together], float((size[together] ** 2).sum())
        beta = log[together].T @ moved / total
        rest = log[together] - np.outer(moved, beta)
        error = np.sqrt((rest**2).sum(axis=0) / max(len(moved) - 1, 1) / total)
    # An asset sees a common jump that is above its bound over its beta; as many must as make it common.
    needed = max(2, math.ceil(count / 2)) if count > 1 else 1
    seen = np.sort(bound / np.maximum(np.abs(beta), 1e-3), axis=1)[:, needed - 1]
    around = noise.mean(axis=1) if count > 1 else noise[:, 0]
    return jump_law.fit(size[together], around[together], seen, around, years), beta, error


def _volatility(returns: Returns, quiet: Mask) -> Estimate:
    """Annual volatility of returns that are no jumps (Mancini 2009), with the error of their quarticity."""
    squares, span = returns.log[quiet] ** 2, float(returns.years[quiet].sum())
    rate = float(squares.sum()) / span
    error = math.sqrt(2 / 3 * float((squares**2).sum())) / span
    return Estimate.of(math.sqrt(rate), error / (2 * math.sqrt(rate)))


def _loadings(standard: Floats, quiet: Mask) -> tuple[Floats, Floats, Floats]:
    """Correlations of the diffusions, the loadings that give them, and the loadings' standard errors."""
    count = standard.shape[1]
    if count == 1:
        return np.ones((1, 1)), np.zeros(1), np.zeros(1)  # nothing is common to one asset
    chosen = standard[quiet]
    correlation = _correlation(chosen)
    loading = _one_factor(correlation, np.full(count, 0.7))
    parts = np.array_split(np.arange(len(chosen)), _BLOCKS)
    without = [_one_factor(_correlation(np.delete(chosen, part, axis=0)), loading) for part in parts]
    spread = np.array(without) - np.mean(without, axis=0)
    return correlation, loading, np.asarray(np.sqrt((_BLOCKS - 1) / _BLOCKS * (spread**2).sum(axis=0)))


def _correlation(standard: Floats) -> Floats:
    return np.asarray(np.corrcoef(standard, rowvar=False), dtype=np.float64)


def _one_factor(correlation: Floats, begin: Floats) -> Floats:
    """(assets,) loadings whose products are nearest to the correlations; of two assets the same, up to sign."""
    if len(begin) == 2:
        rho = float(np.clip(correlation[0, 1], -(MOST_LOADING**2), MOST_LOADING**2))
        return np.array([math.sqrt(abs(rho)), math.copysign(math.sqrt(abs(rho)), rho)])
    rows, columns = np.triu_indices(len(begin), 1)

    def misfit(at: Floats) -> Floats:
        return np.asarray(at[rows] * at[columns] - correlation[rows, columns])

    found = least_squares(misfit, np.clip(begin, -0.99, 0.99), bounds=(-MOST_LOADING, MOST_LOADING))
    loading = np.asarray(found.x, dtype=np.float64)
    return loading if loading.sum() >= 0 else -loading


def _intervals(returns: Returns) -> tuple[float, ...]:
    step = float(np.median(returns.years)) * YEAR
    return tuple(step * times for times in (1, 5, 30))


def _noted(fits: list[AssetFit], common: JumpFit, count: int) -> list[str]:
    """What a reader of the numbers must know."""
    out = ["drift is not fitted: 0"]
    years = fits[0].years
    if years < 30 / 365:
        out.append(f"{years * 365:.1f} days of prices: jumps rarer than that are not in them")
    if count > 1:
        out.append("jumps that fewer than half of the assets show are counted as each asset's own")
    for one in fits:
        if one.autocorrelation < -0.1:
            out.append(f"{one.asset}: neighbouring returns bounce ({one.autocorrelation:.2f}): try interval_seconds")
        if one.jumps.method == "moments":
            out.append(f"{one.asset}: jump law by moments of {one.jumps.count} seen jumps: small ones are not counted")
    if count > 1 and common.method == "moments":
        out.append(f"common jump law by moments of {common.count} seen jumps: small ones are not counted")
    return out
