"""Shrinkage factors: how much of a proposed correction withheld spots support.

The factor of a column is the least-squares slope of its errors at withheld spots on the proposed
correction there (the preshrunk prediction of Copas 1983), pulled towards the slope that all columns
have in common and cut to 0..1. Pulling noisy single slopes to a common one is shrinkage of the
James-Stein kind (Efron & Morris 1975); unlike there the strength of the pull is a constant and not
estimated.

References
----------
Copas, Regression, prediction and shrinkage, J. R. Stat. Soc. B 45, 1983.
Efron & Morris, Data analysis using Stein's estimator and its generalizations, JASA 70, 1975.
"""

from __future__ import annotations

import numpy as np

# Pull of the common slope, in typical columns: a column of typical size counts one, the common
# slope five. Untuned.
COMMON_WEIGHT = 5.0


def shrinkage_factors(
    correction: np.ndarray, error: np.ndarray, precision: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """(C,) factors in 0..1 of a proposed correction, column by column.

    Parameters
    ----------
    correction, error : (m, C) arrays
        What is proposed at withheld spots, and what would have been right.
    precision : (m,) array
        Weight of each spot.
    scale : (C,) array
        Weight of each column in the common slope: a column alone is judged on few spots and is
        pulled towards it.
    """
    along = (precision[:, None] * correction * error).sum(0) * scale**2
    size = (precision[:, None] * correction**2).sum(0) * scale**2
    common = along.sum() / max(float(size.sum()), 1e-12)
    pull = COMMON_WEIGHT * size.mean() + 1e-12
    return np.clip((along + pull * common) / (size + pull), 0.0, 1.0).astype(np.float32)
