"""The range that colours of maps run over, on the screen and in print alike."""

from __future__ import annotations

import numpy as np

QUANTILE = 0.995


def colour_range(
    values: np.ndarray, quantile: float = QUANTILE, *, symmetric: bool = False
) -> tuple[float, float]:
    """Low and high end of the colours: a few extreme spots must not wash out the rest.

    Parameters
    ----------
    values : array
        Of all maps that share the colours; what is not finite is left out.
    quantile : float
        Share (0..1) of the values that lie below the high end.
    symmetric : bool
        About 0, for diverging colours.

    Returns
    -------
    low, high : float
        From 0 (or the least value) to the quantile; 0 to 1 where all values are alike.
    """
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    values = np.abs(values) if symmetric else values
    if len(values) == 0 or values.max() == values.min():
        low, high = 0.0, 1.0
    else:
        low = float(min(0.0, values.min()))
        high = float(np.quantile(values, quantile)) or float(values.max())
    return (-high, high) if symmetric else (low, high)
