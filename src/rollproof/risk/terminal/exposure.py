"""What subaccounts owe below zero, as functions of prices: tables where that is exact, revaluation elsewhere.

A subaccount that is linear in one asset is a hinge of a table. One that is linear in several assets, or that holds
options, is revalued on each path: options by Black (1976) with the time that has passed taken off their expiry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollproof.risk.compilation import njit
from rollproof.risk.table import Hinges, Table, table_of
from rollproof.risk.terminal.chance import uniform
from rollproof.risk.terminal.revalue import Options, Subaccounts
from rollproof.venue.book import Book, Floats, Kind

LARGE = 64  # subaccounts of tables whose top-ups are drawn
REVALUED = 1 << 32  # numbers below are for subaccounts that are revalued


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """A book's bad debt at any prices. Assets are those that it is exposed to, in the book's order."""

    chosen: NDArray[np.int64]  # (assets,) their index in the book
    assets: tuple[str, ...]
    marks: Floats  # (assets,)
    owed: float  # quote: by subaccounts that no price moves
    table: Table
    large: Hinges  # the largest that are in the table
    revalued: Subaccounts | None

    @property
    def groups(self) -> tuple[str, ...]:
        """What losses are shown by: the assets of tables, then all subaccounts of several assets or with options."""
        return (*self.assets, "several") if self.revalued else self.assets

    def bad_debt(self, prices: Floats, years: Floats) -> Floats:
        """(groups, paths) quote, at ``prices`` (assets, paths) after ``years`` (paths,), without what is `owed`."""
        tables = self.table.loss(prices)
        if self.revalued is None:
            return tables
        return np.vstack([tables, self.revalued.bad_debt(prices, years)])

    def topped_up(
        self,
        earlier: Floats,
        earlier_years: Floats,
        prices: Floats,
        years: Floats,
        probability: float,
        keys: NDArray[np.uint64],
    ) -> Floats:
        """(groups, paths) bad debt if those with equity left at ``earlier`` prices are topped up with ``probability``.

        Drawn, independently for each, for the `LARGE` largest subaccounts of tables and for all that are revalued; the
        other subaccounts of tables are counted at their expectation.
        """
        tables = (1 - probability) * self.table.loss(prices) + probability * self.table.lasting(earlier, prices)
        large = self.large
        _drawn(large.asset, large.at, large.weight, large.falling, earlier, prices, probability, keys, tables)
        np.maximum(tables, 0.0, out=tables)  # what is drawn takes off what was expected, to the last digit but one
        if self.revalued is None:
            return tables
        debt = self.revalued.topped_up(earlier, earlier_years, prices, years, probability, keys)
        return np.vstack([tables, debt])


def exposure_of(book: Book, also: NDArray[np.bool_] | None = None) -> Exposure:
    """Of ``book``; ``also`` (assets,) names assets to keep although no position needs them."""
    open_rows = book.size != 0
    touched = np.zeros(len(book.assets), dtype=bool) if also is None else also.copy()
    touched[book.asset[open_rows]] = True
    chosen = np.flatnonzero(touched)
    position = np.full(len(book.assets), -1)
    position[chosen] = np.arange(len(chosen))

    entry = np.where(book.kind == Kind.PERPETUAL, book.entry, 0.0)
    constant = book.cash - book.summed(book.slope() * entry)
    pairs, slope = _slopes(book, open_rows & ~book.optional)
    subaccount, asset = pairs // len(book.assets), position[pairs % len(book.assets)]
    count = np.bincount(subaccount, minlength=book.subaccounts)
    optional = np.bincount(book.subaccount[open_rows & book.optional], minlength=book.subaccounts) > 0
    single = (count == 1) & ~optional
    alone = single[subaccount]
    dense = np.flatnonzero((count > 1) | optional)
    still = (count == 0) & ~optional
    revalued = None
    if len(dense):
        revalued = _revalued(book, dense, constant, position, (subaccount[~alone], asset[~alone], slope[~alone]))
    hinges = _hinges(constant[subaccount[alone]], asset[alone], slope[alone])
    return Exposure(
        chosen=chosen,
        assets=tuple(book.assets[each] for each in chosen),
        marks=book.marks[chosen],
        owed=float(np.maximum(-constant[still], 0.0).sum()),
        table=table_of(hinges, len(chosen)),
        large=_largest(hinges, book.marks[chosen]),
        revalued=revalued,
    )


def _slopes(book: Book, rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Floats]:
    """Of each subaccount in each asset, where it is not nothing; keys are subaccount * assets + asset."""
    keys = book.subaccount[rows].astype(np.int64) * len(book.assets) + book.asset[rows]
    pairs, inverse = np.unique(keys, return_inverse=True)
    slope = np.bincount(inverse, book.slope()[rows], len(pairs)).astype(np.float64)
    return pairs[slope != 0], slope[slope != 0]


def _hinges(constant: Floats, asset: NDArray[np.int64], slope: Floats) -> Hinges:
    at = -constant / slope
    falling = slope > 0
    losing = ~falling | (at > 0)  # a long position with more cash than its entry value never loses
    return Hinges(asset[losing], at[losing], np.abs(slope[losing]), falling[losing])


def _largest(hinges: Hinges, marks: Floats) -> Hinges:
    order = np.argsort(-hinges.weight * marks[hinges.asset], kind="stable")[:LARGE]
    return Hinges(hinges.asset[order], hinges.at[order], hinges.weight[order], hinges.falling[order])


@njit(cache=True, nogil=True)
def _drawn(asset, at, weight, falling, earlier, prices, probability, keys, out):  # type: ignore[no-untyped-def]
    """Replaces the expected debt of these in ``out`` (assets, paths) by what is drawn."""
    for each in range(len(asset)):
        row, hinge = asset[each], at[each]
        units = weight[each] if falling[each] else -weight[each]
        for path in range(prices.shape[1]):
            loss = units * (hinge - prices[row, path])
            if loss > 0.0 and units * (hinge - earlier[row, path]) <= 0.0:
                if uniform(keys[path], REVALUED + each) >= probability:
                    out[row, path] += loss * probability
                else:
                    out[row, path] -= loss * (1.0 - probability)


def _revalued(
    book: Book,
    dense: NDArray[np.int64],
    constant: Floats,
    position: NDArray[np.int64],
    linear: tuple[NDArray[np.int64], NDArray[np.int64], Floats],
) -> Subaccounts:
    rows = np.flatnonzero((book.size != 0) & book.optional)
    terms = np.column_stack([book.asset[rows], book.strike[rows], book.expiry[rows], book.volatility[rows],
                             book.kind[rows]])  # fmt: skip
    different, instrument = np.unique(terms, axis=0, return_inverse=True)
    options = Options(
        asset=position[different[:, 0].astype(np.int64)],
        strike=different[:, 1].copy(),
        expiry=different[:, 2].copy(),
        volatility=different[:, 3].copy(),
        call=different[:, 4] == Kind.CALL,
    )
    assets = int((position >= 0).sum())
    subaccount = np.append(linear[0], book.subaccount[rows])
    factor = np.append(linear[1], assets + instrument.ravel())
    amount = np.append(linear[2], book.size[rows])
    order = np.lexsort((factor, subaccount))
    start = np.searchsorted(subaccount[order], np.append(dense, book.subaccounts)).astype(np.int64)
    return Subaccounts(constant[dense], start, factor[order], amount[order], options)
