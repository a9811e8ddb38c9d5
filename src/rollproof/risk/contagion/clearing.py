"""One round of clearing by the fictitious default algorithm; `fire_sale.equilibrium` goes through all of them.

L. Eisenberg and T. Noe, Systemic risk in financial systems, Management Science 47 (2001), section 3: the greatest
payments p = min(due, e + Pi' p) are found by letting all pay in full, declaring who then cannot, solving for what those
pay, and going on until nobody new defaults: at most as many rounds as there are nodes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rollproof.venue.book import Floats

# A node whose means are short by less than this share of what it owes is not called in default: rounding.
TOLERANCE = 1e-12


def short_of(due: Floats, shares: Floats, means: Floats, paid: Floats) -> NDArray[np.bool_]:
    """(nodes,) who cannot pay all that is ``due`` if others pay ``paid``, quote.

    ``shares`` (nodes, nodes) is how the row's payment is split among columns, the rest of it going outside, ``means``
    (nodes,) at least 0 what each has besides what others pay it.
    """
    return np.asarray(means + shares.T @ paid < due * (1 - TOLERANCE))


def payments(due: Floats, shares: Floats, means: Floats, defaulted: NDArray[np.bool_], last: Floats) -> Floats:
    """(nodes,) where the ``defaulted`` pay all that they have and the others what is due; at most ``last``."""
    paid = due.astype(np.float64)
    out = np.flatnonzero(defaulted)
    if not len(out):
        return paid
    among = shares[np.ix_(out, out)]
    income = means[out] + shares[np.ix_(~defaulted, defaulted)].T @ due[~defaulted]
    try:
        solved = np.linalg.solve(np.eye(len(out)) - among.T, income)
    except np.linalg.LinAlgError:
        # A closed circle without means pays what circulates: the greatest solution, from above.
        solved = last[out]
        for _ in range(10_000):
            next_ = np.minimum(solved, income + among.T @ solved)
            if np.abs(next_ - solved).max() <= TOLERANCE * np.abs(solved).max():
                break
            solved = next_
    paid[out] = np.clip(solved, 0.0, np.minimum(last[out], due[out]))
    return paid
