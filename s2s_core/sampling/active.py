"""Greedy choice of spots: each next one where it lowers the kriging variance of the tissue most.

The kriging variance depends on where is measured and not on what is found there, so a whole
design can be made before anything is measured; only the covariance must be known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from s2s_core.errors import S2SError
from s2s_core.geostat.variograms import KERNELS, distances

# The prior covariance of this many positions fills 400 MB.
MOST = 10_000
# Spots whose gains differ by less than this share are equal: a random draw decides.
NEARLY = 1e-3
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Covariance:
    """Kernel name, its range in pitches and the noise-to-signal variance ratio."""

    kernel: str = "matern32"
    range: float = 3.0
    nugget: float = 1.0


def reduce_variance(
    points: np.ndarray,
    covariance: Covariance,
    allowed: np.ndarray,
    count: int,
    *,
    given: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Choose spots one after another.

    A spot x of posterior variance C_xx lowers the (weighted) variance integrated over the tissue
    by sum_j w_j C_jx^2 / (C_xx + nugget). After each choice the posterior covariance loses one
    rank; what that does to every spot's gain takes two products of a matrix and a vector.

    Parameters
    ----------
    points : (n, 2) array
        All tissue positions, in pitches.
    covariance : Covariance
    allowed : (n,) bool array
        Positions that may be chosen.
    count : int
    given : (k,) int array, optional
        Positions measured already.
    weights : (n,) array, optional
        What a position's variance counts; 1 when not given.
    rng : numpy Generator
        Decides between spots of equal gain.

    Returns
    -------
    (count,) int array, in the order of choice.

    Raises
    ------
    S2SError
        If the section has too many positions.
    """
    n = len(points)
    if n > MOST:
        raise S2SError(
            f"An active design of {n:,} positions needs too much memory (at most {MOST:,}); choose "
            "poisson or stratified instead."
        )
    given = np.empty(0, int) if given is None else np.asarray(given, int)
    weights = np.ones(n, np.float32) if weights is None else np.asarray(weights, np.float32)
    free = np.asarray(allowed, bool).copy()
    free[given] = False
    count = min(count, int(free.sum()))
    prior = KERNELS[covariance.kernel](distances(points, points), covariance.range)
    # Posterior covariance = prior - factors @ factors.T
    factors = np.zeros((n, len(given) + count), np.float32, order="F")
    used = len(given)
    if used:
        gram = prior[np.ix_(given, given)].astype(np.float64)
        gram[np.diag_indices(used)] += covariance.nugget
        root = cholesky(gram, lower=True)
        factors[:, :used] = solve_triangular(root, prior[given], lower=True).T
    left = 1.0 - (factors[:, :used].astype(np.float64) ** 2).sum(1)
    gain = np.zeros(n)
    for start in range(0, n, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        block = prior[rows] - factors[rows, :used] @ factors[:, :used].T
        gain += weights[rows] @ block**2
    tie_break = 1.0 + NEARLY * rng.random(n)
    picked = np.empty(count, int)
    for k in range(count):
        score = np.where(free, gain * tie_break / (left + covariance.nugget), -np.inf)
        x = picked[k] = int(score.argmax())
        past = factors[:, :used]
        step = (prior[x] - past @ past[x]) / np.float32(np.sqrt(left[x] + covariance.nugget))
        weighted = weights * step
        along = prior @ weighted - past @ (past.T @ weighted)
        gain += step * (step * float(weighted @ step) - 2.0 * along)
        left = np.maximum(left - step.astype(np.float64) ** 2, 0.0)
        factors[:, used] = step
        used += 1
        free[x] = False
    return picked
