"""Residual Gaussian process: kriging's errors, learned from the kriged profile of a position.

Programmes inform each other beyond any linear rule: a spot on the edge of a duct has its typical
profile. So the kriged scores of a position (its profile) predict what kriging got wrong at measured
spots of a similar profile. The process lives in programme space, not on the tissue.

References
----------
Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006: section 8.3.1, subset of
regressors (equation 8.14, here with the noise of each spot).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from s2s_core.geostat.gene_weightings import WeightedProgrammes
from s2s_core.geostat.kriging import Kriged

# First programmes of a weighting that make a profile, and most regressors; untuned. The process as
# a whole is the row "no regression" of benchmarks/results/2026-11-21-ablations.md (+3.2 % PCC on
# osmFISH, nothing on the other two).
PROFILE_COMPONENTS = 20
REGRESSORS = 1000
# Positions corrected at once: bounds memory.
POSITIONS_AT_ONCE = 20_000
# Ridges of one weighting's process (noise-to-signal variance ratios), predictions averaged over
# them; none where the process did not help.
Ridges = tuple[float, ...]


def residual_gp_mean(
    kriged: Kriged,
    scores: np.ndarray,
    noise: np.ndarray,
    programmes: WeightedProgrammes,
    ridges: tuple[Ridges, ...],
) -> np.ndarray:
    """(t, P) kriged scores, corrected in each weighting's programme space.

    Parameters
    ----------
    kriged : Kriged
        With leave-one-out scores, if any weighting has ridges.
    scores : (m, P) array
        Measured.
    noise : (m,) array
        Relative noise variance of the measured spots.
    programmes : WeightedProgrammes
    ridges : tuple of tuple of float
        Of each weighting.
    """
    mean = kriged.mean.copy()
    for at, own in zip(programmes.columns, ridges, strict=True):
        if own:
            part = Kriged(kriged.mean[:, at], leave_one_out=kriged.asked_leave_one_out()[:, at])
            mean[:, at] += profile_correction(part, scores[:, at], noise, programmes.scale[at], own)
    return mean


def profile_correction(
    kriged: Kriged, scores: np.ndarray, noise: np.ndarray, scale: np.ndarray, ridges: Ridges
) -> np.ndarray:
    """(t, C) correction of kriged scores of one weighting, averaged over ridges.

    Inputs of the regression are kriged profiles (each measured spot's from the other spots), the
    response is the error of kriging there. The kernel is Gaussian.

    Parameters
    ----------
    kriged : Kriged
        With leave-one-out scores.
    scores : (m, C) array
        Measured.
    noise : (m,) array
        Relative noise variance of the measured spots.
    scale : (C,) array
        Size of each programme: distances between profiles are in units of the genes.
    ridges : tuple of float
        At least one.
    """
    leave_one_out = kriged.asked_leave_one_out()
    profile = leave_one_out[:, :PROFILE_COMPONENTS] * scale[:PROFILE_COMPONENTS]
    asked = kriged.mean[:, :PROFILE_COMPONENTS] * scale[:PROFILE_COMPONENTS]
    error = (scores - leave_one_out).astype(np.float64)
    regressors = profile[:: -(-len(profile) // REGRESSORS)]
    among = cdist(regressors, regressors, "sqeuclidean")
    # Bandwidth: variance 1/2 of the typical squared distance between profiles (median heuristic).
    width = max(float(np.median(among)), 1e-12)
    gram = np.exp(-among / width)
    cross = np.exp(-cdist(regressors, profile, "sqeuclidean") / width)
    precise = cross / noise
    normal, response = precise @ cross.T, precise @ error
    weights = np.zeros_like(response)
    for ridge in ridges:
        system = normal + ridge * gram
        system[np.diag_indices_from(system)] += 1e-6 * np.trace(system) / len(system)
        weights += cho_solve(cho_factor(system, check_finite=False), response) / len(ridges)
    weights = weights.astype(np.float32)
    out = np.empty((len(asked), weights.shape[1]), np.float32)
    for first in range(0, len(asked), POSITIONS_AT_ONCE):
        rows = slice(first, first + POSITIONS_AT_ONCE)
        apart = cdist(asked[rows], regressors, "sqeuclidean").astype(np.float32)
        out[rows] = np.exp(-apart / width) @ weights
    return out
