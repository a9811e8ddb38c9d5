"""The price of a perpetual over its spot, from how strongly funding pulls.

D. Ackerer, J. Hugonnier and U. Jermann, Perpetual futures pricing, Mathematical Finance (2025), arXiv 2310.11771: the
futures price is the expected spot at a time that the intensity of the funding makes random. With constant rates the
expected spot grows at base less quote interest, and the ratio is the integral of that growth against the exponential
law of that time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rollproof.errors import Malformed
from rollproof.venue.book import Floats


def perpetual_ratio(anchoring: ArrayLike, interest: ArrayLike, quote_rate: ArrayLike, base_rate: ArrayLike) -> Floats:
    """Perpetual price over spot: (anchoring - interest) / (anchoring + base_rate - quote_rate); annual rates.

    ``anchoring`` is what share of the premium is paid in a year (three times a day in full: 1,095), ``interest`` the
    part of the funding that is not the premium's. Raises Malformed where the expectation is infinite.
    """
    kappa, iota, quote, base = (np.asarray(x, dtype=np.float64) for x in (anchoring, interest, quote_rate, base_rate))
    if (kappa + base - quote <= 0).any() or (kappa <= iota).any():
        raise Malformed("the anchoring must be above the interest and above the quote rate less the base rate")
    return np.asarray((kappa - iota) / (kappa + base - quote))


def premium_for(funding: ArrayLike, anchoring: ArrayLike) -> Floats:
    """Premium of the perpetual, as a share of spot, at which annual funding is ``funding``, without interest."""
    return np.asarray(np.asarray(funding, dtype=np.float64) / np.asarray(anchoring, dtype=np.float64))
