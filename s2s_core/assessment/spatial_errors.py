"""Spatial residual statistics of quality checks: pooled slopes, local planes, pairs at a lag."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from s2s_core.data.spatial import morton_order
from s2s_core.data.structure import SURE, morans_i

# Compact parts of the tissue: enough of them for a variance (15 degrees of freedom). Untuned.
BLOCKS = 16
# Neighbours of a local plane, and the largest sum of its squared weights: 1 / 8 amid eight spots,
# more the further it extrapolates. Untuned.
PLANE_SPOTS = 8
PLANE_LEVERAGE = 0.6
# Pairs of points are counted out to this many times the distance they begin at. Untuned.
LAG_REACH = 1.6


def blocks(points: np.ndarray) -> np.ndarray:
    """Block (n,) of each point: :data:`BLOCKS` compact parts of the tissue of equal size.

    Neighbouring spots are spatially correlated, blocks hardly: errors of means and slopes are
    taken from the differences between them.
    """
    block = np.empty(len(points), int)
    block[morton_order(points)] = np.arange(len(points)) * BLOCKS // max(len(points), 1)
    return block


def slope_sums(a: np.ndarray, b: np.ndarray, block: np.ndarray) -> np.ndarray:
    """(2, BLOCKS) sums of ``a * b`` and ``b * b`` over the rows of each block and all columns."""
    along, square = (a * b).sum(1), (b * b).sum(1)
    return np.stack([np.bincount(block, v, minlength=BLOCKS) for v in (along, square)])


def pooled_slope(sums: np.ndarray) -> tuple[float, float]:
    """Slope of a on b from :func:`slope_sums`, and its error by leaving out each block in turn."""
    along, square = sums
    whole = ratio(along.sum(), square.sum())
    left_out = [
        ratio(along.sum() - x, square.sum() - y) for x, y in zip(along, square, strict=True)
    ]
    return whole, float(np.sqrt((BLOCKS - 1) / BLOCKS * ((np.array(left_out) - whole) ** 2).sum()))


def ratio(above: float, below: float) -> float:
    """A quotient; 0 / 0 is 0, and a flat map (nothing below) infinitely too smooth."""
    if below <= 1e-12 * max(abs(above), 1.0):
        return np.inf if above > 1e-12 else 0.0
    return float(above / below)


def lag_weights(points: np.ndarray, distance: float) -> sparse.csr_matrix:
    """Symmetric 0/1 weights (n, n) of points ``distance`` to 1.6 times as far apart."""
    pairs = cKDTree(points).query_pairs(LAG_REACH * distance, output_type="ndarray")
    apart = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    i, j = pairs[apart >= 0.99 * distance].T
    half = sparse.coo_matrix((np.ones(len(i), np.float32), (i, j)), (len(points),) * 2)
    return (half + half.T).tocsr()


def error_morans(
    truth: np.ndarray, imputed: np.ndarray, lag: sparse.csr_matrix
) -> tuple[np.ndarray, int]:
    """Sums over genes of Moran's I of the errors and of the truth, and genes whose errors have one.

    Parameters
    ----------
    truth, imputed : (n, G) arrays
    lag : (n, n) sparse matrix
        Of :func:`lag_weights`.
    """
    if not lag.nnz:
        return np.zeros(2), 0
    moran, z_score = morans_i(truth - imputed, lag)
    sums = np.array([moran.sum(), morans_i(truth, lag)[0].sum()])
    return sums, int((z_score > SURE).sum())


def local_planes(known: np.ndarray, at: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Weights (t, m) of known points whose sum is a plane through the nearest ones, at a point.

    A plane follows any trend, so that what is left of an imputed value is no trend of the tissue.

    Returns
    -------
    weights : (t, m) sparse matrix
    held : (t,) bool array
        Points with known ones all around; elsewhere a plane extrapolates and amplifies noise.
    """
    count = min(PLANE_SPOTS, len(known))
    distance, near = cKDTree(known).query(at, k=count)
    closeness = 1.0 / (distance**2 + 0.25)
    design = np.concatenate(
        [np.ones((*distance.shape, 1)), known[near] - at[:, None]], axis=2
    )  # (t, k, 3)
    weighted = design * closeness[..., None]
    normal = np.einsum("tka,tkb->tab", weighted, design) + 1e-6 * np.eye(3)
    weights = np.linalg.solve(normal, weighted.transpose(0, 2, 1))[:, 0]
    rows = np.repeat(np.arange(len(at)), count)
    matrix = sparse.csr_matrix((weights.ravel(), (rows, near.ravel())), (len(at), len(known)))
    return matrix, (weights**2).sum(1) <= PLANE_LEVERAGE


class PlaceMeans:
    """Mean of values at each place of a periodic pattern, with its error from tissue blocks.

    Parameters
    ----------
    place : (t,) int array
        Which place of the pattern each row of values has.
    points : (t, 2) array
    """

    def __init__(self, place: np.ndarray, points: np.ndarray) -> None:
        index = np.unique(place, return_inverse=True)[1]
        cell = index * BLOCKS + blocks(points)
        cells = (index.max(initial=-1) + 1) * BLOCKS
        counts = np.bincount(cell, minlength=cells)
        average = (1.0 / counts[cell], (cell, np.arange(len(cell))))
        self._average = sparse.csr_matrix(average, (cells, len(cell)))
        self._filled = (counts > 0).reshape(-1, BLOCKS)
        # A place that is rare has no error to speak of.
        self._use = self._filled.sum(1) >= BLOCKS // 2

    def __call__(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and squared error (places, G) of (t, G) values."""
        filled = self._filled[self._use][..., None]
        count = filled.sum(1)
        means = (self._average @ values).reshape(len(self._filled), BLOCKS, -1)[self._use]
        mean = means.sum(1) / count
        error = ((means - mean[:, None]) ** 2 * filled).sum(1) / (count - 1) / count
        return mean, error
