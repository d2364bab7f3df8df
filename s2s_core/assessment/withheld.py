"""Statistics of predictions at withheld spots: a few numbers that are kept with a run.

Without a mask nothing hidden is known, but a run predicts some measured spots from the others for
its scores. The predictions are not kept; these numbers are, however many genes there are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.assessment.spatial_errors import (
    BLOCKS,
    blocks,
    error_morans,
    lag_weights,
    pooled_slope,
    slope_sums,
)

# Fewer spots than this say nothing about patterns.
FEWEST = 20
GENES_AT_ONCE = 256
KEY = "withheld"


@dataclass(frozen=True)
class Withheld:
    """Predictions of one method at withheld measured spots against what was measured there.

    Attributes
    ----------
    n_spots : int
    slope, slope_error : float
        Of the measured values on the predicted ones, pooled over genes, and its standard error.
    reach : float
        Distance in pitches from which on errors should be independent.
    pairs : int
        Pairs of spots at ``reach`` to 1.6 times it, counted twice.
    errors, truth : float
        Mean over genes of Moran's I at that distance: of the errors, of the measured values.
    sure : int
        Genes whose errors have a Moran's I above chance.
    """

    n_spots: int
    slope: float
    slope_error: float
    reach: float
    pairs: int
    errors: float
    truth: float
    sure: int

    def to_info(self) -> dict:
        """For ``Result.info``."""
        return {KEY: asdict(self)}

    @classmethod
    def from_info(cls, info: dict) -> Withheld | None:
        """Read :meth:`to_info` back; None where a run has none."""
        found = info.get(KEY) or {}
        names = {field.name for field in fields(cls)}
        return cls(**found) if set(found) == names else None


def compare_withheld(
    measured: np.ndarray, predicted: np.ndarray, points: np.ndarray, others: np.ndarray
) -> Withheld | None:
    """Compare predictions at withheld spots with what was measured there.

    Parameters
    ----------
    measured, predicted : (k, G) arrays
        Log-normalised.
    points, others : (k, 2), (m, 2) arrays
        Lattice coordinates (pitch 1) of the withheld spots, and of the spots they were all
        predicted from.

    Returns
    -------
    Withheld or None
        None with fewer than 20 spots, or where every prediction is flat.
    """
    if len(points) < FEWEST:
        return None
    # Closer than a spot lies to the nearest that it was predicted from nothing can be known.
    reach = 2.0 * float(cKDTree(others).query(points)[0].mean())
    block, lag = blocks(points), lag_weights(points, reach)
    sums, morans, sure = np.zeros((2, BLOCKS)), np.zeros(2), 0
    for start in range(0, measured.shape[1], GENES_AT_ONCE):
        genes = slice(start, start + GENES_AT_ONCE)
        truth, imputed = (np.asarray(v[:, genes], np.float64) for v in (measured, predicted))
        sums = sums + slope_sums(truth - truth.mean(0), imputed - imputed.mean(0), block)
        found, above = error_morans(truth, imputed, lag)
        morans, sure = morans + found, sure + above
    # A flat prediction has no slope.
    if sums[1].sum() <= 1e-12:
        return None
    errors, true = (morans / measured.shape[1]).tolist()
    return Withheld(len(points), *pooled_slope(sums), reach, int(lag.nnz), errors, true, sure)
